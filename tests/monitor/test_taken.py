"""Laws of who has it: every thread shows it, whoever said so and wherever, and shows when it is over."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alerting.notification import Action
from storage import incidents
from tests.monitor.alerts import HOUR, Alerts, Reader, alerts

NAMES = ("oncall", "lead", "mail")
ROUTES = "".join(f'[channels.{name}]\nkind = "log"\n\n' for name in NAMES)
ROUTES += f"[[routes]]\nchannels = {list(NAMES)}\n"


@pytest.fixture
def readers() -> dict[str, Reader]:
    """Two channels with threads, and one without, where nothing can be edited."""
    return {"oncall": Reader(), "lead": Reader(), "mail": Reader(threads=False, edits=False)}


@pytest.fixture
def life(tmp_path: Path, readers: dict[str, Reader]) -> Iterator[Alerts]:
    """A page, told to all of them."""
    with alerts(tmp_path, readers, config=ROUTES) as made:
        made.window({"amount": "P"})
        made.look()
        yield made


def take(life: Alerts, by: str, lasting: timedelta = 4 * HOUR) -> None:
    """As `leeway incidents ack` does it, in another process."""
    (found,) = life.open()
    with life.runtime.store.write() as conn:
        incidents.acknowledge(conn, found.id, by=by, now=life.now, until=life.now + lasting)


def edits(reader: Reader) -> list[str]:
    """Who has it, by each edit of the root."""
    return [message.footer for row, message in reader.taken if row.action is Action.EDIT]


def test_an_acknowledgement_by_command_is_shown_in_every_thread_once(
    life: Alerts, readers: dict[str, Reader]
) -> None:
    """An edit: no phone rings, nothing is told anew, and looking again shows nothing again."""
    posts = {name: len(reader.posts()) for name, reader in readers.items()}
    take(life, "anna")
    life.look()
    life.look()
    for name in ("oncall", "lead"):
        (said,) = edits(readers[name])
        assert "anna" in said
    assert edits(readers["mail"]) == []
    assert {name: len(reader.posts()) for name, reader in readers.items()} == posts


def test_who_takes_over_is_shown(life: Alerts, readers: dict[str, Reader]) -> None:
    """The latest has it."""
    take(life, "anna")
    life.look()
    take(life, "bo")
    life.look()
    assert ["bo" in said for said in edits(readers["lead"])] == [False, True]


def test_an_acknowledgement_that_is_over_is_shown_as_over(life: Alerts, readers: dict[str, Reader]) -> None:
    """Its time has passed; what is told of besides is a reminder's matter."""
    take(life, "anna", lasting=HOUR)
    life.look()
    life.wait(HOUR)
    life.look()
    first, second = edits(readers["oncall"])
    assert "anna" in first
    assert "nobody has it" in second


def test_what_was_given_back_is_shown_as_nobodys(life: Alerts, readers: dict[str, Reader]) -> None:
    take(life, "anna")
    life.look()
    (found,) = life.open()
    with life.runtime.store.write() as conn:
        incidents.give_back(conn, found.id, by="anna", now=life.now)
    life.look()
    assert ["nobody has it" in said for said in edits(readers["oncall"])] == [False, True]


def test_news_that_is_told_anyway_shows_it(life: Alerts, readers: dict[str, Reader]) -> None:
    """One edit, with the news, and not another for who has it."""
    take(life, "anna")
    life.wait(HOUR)
    life.window({"amount": "P", "items": "P"})
    life.look()
    life.look()
    (said,) = edits(readers["oncall"])
    assert "anna" in said


def test_a_thread_that_is_over_is_left_alone(life: Alerts, readers: dict[str, Reader]) -> None:
    """Resolved is resolved, whoever had it."""
    take(life, "anna")
    life.look()
    life.live("amount", "cccc")
    before = edits(readers["oncall"])
    life.wait(5 * HOUR)
    life.look()
    assert edits(readers["oncall"]) == before
