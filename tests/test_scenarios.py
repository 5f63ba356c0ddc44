"""The project's own scenarios come out as they say, and would not if they said anything else."""

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from monitor import logs
from monitor.scenario.comparing import differences
from monitor.scenario.file import load
from monitor.scenario.model import IncidentExpected, MessageExpected, Scenario
from monitor.scenario.notation import Moment
from monitor.scenario.playing import times_of
from monitor.scenario.running import Ran, run
from storage.engine import open_store

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.toml"))
every_scenario = pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenarios") / "template.db"
    with open_store(f"sqlite:///{path}") as store:
        store.upgrade()
    return path


@cache
def ran(file: Path, schema: Path) -> Ran:
    """Played once for both tests."""
    logs.configure(quiet=True)
    database = schema.with_name(f"{file.stem}.db")
    shutil.copy(schema, database)
    return run(load(file), database, file=file.name)


@every_scenario
def test_comes_out_as_it_says(file: Path, schema: Path) -> None:
    """Every incident and message, and no other."""
    outcome = ran(file, schema)
    assert outcome.passed, "\n".join(outcome.report())


@every_scenario
def test_and_would_not_if_it_said_anything_else(file: Path, schema: Path) -> None:
    """Each expectation changed alone: every word, incident and message of it is looked at."""
    outcome = ran(file, schema)
    assert outcome.found is not None
    order = times_of(outcome.scenario).at
    wrong = list(broken(outcome.scenario))
    assert len(wrong) > 1
    for what, scenario in wrong:
        assert differences(scenario, outcome.found, order), what


def broken(scenario: Scenario) -> Iterator[tuple[str, Scenario]]:
    """The scenario with one expectation changed, and which."""
    expected = scenario.expect

    def with_(**changes: object) -> Scenario:
        return scenario.model_copy(update={"expect": expected.model_copy(update=changes)})

    for name in ("verdicts", "conditions", "health"):
        known = getattr(expected, name)
        for series, words in known.items():
            for index, word in enumerate(words):
                other = (*words[:index], "ok" if word != "ok" else "firing", *words[index + 1 :])
                yield f"{name} {series} {index}", with_(**{name: {**known, series: other}})
    for index, incident in enumerate(expected.incidents):
        others = [each for at, each in enumerate(expected.incidents) if at != index]
        yield "an incident less", with_(incidents=others)
        never = Moment(window=scenario.windows + 1)
        for change in ({"opened": never}, {"resolved": never}, {"severity": "none"}, {"reopens": 9}):
            yield str(change), with_(incidents=[*others, incident.model_copy(update=change)])
    for index, message in enumerate(expected.messages):
        before, after = expected.messages[:index], expected.messages[index + 1 :]
        yield "a message less", with_(messages=[*before, *after])
        for change in (
            {"at": Moment(window=1, later=Moment(window=1).later.resolution)},
            {"by": Moment()},
            {"contains": ("no message says this",)},
            {"lacks": message.contains[:1] or ("model",)},
            {"reason": "another"},
            {"times": message.times + 1},
        ):
            yield str(change), with_(messages=[*before, message.model_copy(update=change), *after])
    one_more = IncidentExpected(column="feed", opened=1)
    yield "an incident more", with_(incidents=[*expected.incidents, one_more])
    channel = next(iter(scenario.channels), None)
    if channel is not None:
        more = MessageExpected(channel=channel, reason="repeat")
        yield "a message more", with_(messages=[*expected.messages, more])


def test_there_are_enough_of_them() -> None:
    """Each row of the fold's table in docs/alerting.md, and what people and channels do to it."""
    assert len(FILES) >= 25
