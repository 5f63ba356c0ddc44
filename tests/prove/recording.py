"""What is the life that nobody disturbs, state by state, and where could it have been killed?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.driver import ENVIRONMENT
from tests.loopback import Loopback
from tests.postgres import Server
from tests.prove import scenario
from tests.prove.nursery import Nursery
from tests.prove.past import Past, past
from tests.prove.shelf import Place, Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`hits[step]`: how often each failpoint is passed by a process that starts there and ends after it.

    `states[step]` is the past and `accepted[step]` the number of messages before that step.
    """

    place: Place
    shelf: Shelf
    hits: Mapping[int, Mapping[str, int]]
    states: Mapping[int, Past]
    accepted: Mapping[int, int]
    messages: list[dict[str, Any]]
    steps: int

    @property
    def end(self) -> Past:
        return self.states[self.steps]


def environment(server: str) -> dict[str, str]:
    """What a daemon is given beside its config."""
    return {**ENVIRONMENT, "LEEWAY_TEST_TRAINER_URL": f"{server}/trainer"}


def record(folder: Path, nursery: Nursery, postgres: Server | None, steps: int) -> Recording:
    """Live it step by step, a clean start each, and keep every state; then once more in one go.

    Both must have the same history: a start that nothing required must change nothing either.
    """
    (folder / "states").mkdir(parents=True)
    shelf = Shelf(folder / "states", postgres)
    hits: dict[int, Mapping[str, int]] = {}
    states: dict[int, Past] = {}
    accepted: dict[int, int] = {}
    whole = _once(folder / "whole", nursery, shelf, steps)
    with Loopback(folder / "stepped.jsonl", history_scope=False) as server:
        place = _built(folder / "stepped", shelf, server)
        for step in range(steps):
            shelf.put(place, step)
            ending = nursery.live(
                place.shop.config,
                place.shop.start,
                step + 1,
                environment=environment(server.url),
                listen=True,
            )
            if ending.status != 0 or ending.failed:
                raise AssertionError(f"the undisturbed life failed at step {step}:\n{ending.said}")
            hits[step] = ending.hits
            states[step + 1] = past(place.database)
            accepted[step + 1] = len(server.accepted())
        shelf.put(place, steps)
        messages = server.accepted()
    accepted[0] = 0
    scenario.worth_disturbing(states[steps])
    if unlike := [part for part in whole if whole[part] != states[steps][part]]:
        raise AssertionError(f"{shelf.name}: a clean start a step changes {', '.join(unlike)}")
    return Recording(
        place=place,
        shelf=shelf,
        hits=hits,
        states=states,
        accepted=accepted,
        messages=messages,
        steps=steps,
    )


def warm(recording: Recording, nursery: Nursery, folder: Path) -> None:
    """A nursery that recorded nothing learns from two steps of the middle: its lives start warm too."""
    step = recording.steps // 2
    with (
        Loopback(folder.with_suffix(".jsonl"), history_scope=False) as server,
        recording.shelf.taken(recording.place, step, folder, server.url) as place,
    ):
        config, start, told = place.shop.config, place.shop.start, environment(server.url)
        ending = nursery.live(config, start, step + 2, environment=told, learn=True)
        if ending.status != 0:
            raise AssertionError(f"the undisturbed life failed:\n{ending.said}")


def _once(folder: Path, nursery: Nursery, shelf: Shelf, steps: int) -> Past:
    with Loopback(folder.with_suffix(".jsonl"), history_scope=False) as server:
        place = _built(folder, shelf, server)
        config, start, told = place.shop.config, place.shop.start, environment(server.url)
        # Whatever comes after it starts warm.
        ending = nursery.live(config, start, steps, environment=told, learn=True)
        if ending.status != 0 or ending.failed:
            raise AssertionError(f"the undisturbed life failed:\n{ending.said}")
        return past(place.database)


def _built(folder: Path, shelf: Shelf, server: Loopback) -> Place:
    folder.mkdir()
    name = shelf.new()
    shop = scenario.build(folder, server=server.url, url=shelf.url(name))
    return shelf.place(shop, name, server.url)
