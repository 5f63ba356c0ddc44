"""Laws of the replay: the daemon's own path, day by day."""

from datetime import timedelta

import pytest

from monitor import demo
from monitor.replay import replay
from monitor.story import Event, ReferenceBuilt, WindowFolded
from storage.span import Span

DAYS = 3


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> demo.World:
    return demo.prepare(tmp_path_factory.mktemp("replay"))


@pytest.fixture(scope="module")
def events(world: demo.World) -> list[Event]:
    start = world.production.start
    return list(replay(world.config, Span(start=start, end=start + timedelta(days=DAYS))))


def test_the_reference_comes_first(world: demo.World, events: list[Event]) -> None:
    """All rows of the reference file, and noise learnt from its 56 days."""
    first = events[0]
    assert isinstance(first, ReferenceBuilt)
    assert (first.version, first.rows, first.windows) == (1, world.reference_rows, 56)


def test_each_day_is_folded_once_in_order(world: demo.World, events: list[Event]) -> None:
    """One event a window, ascending, without a gap; every one evaluated."""
    folded = [event for event in events if isinstance(event, WindowFolded)]
    starts = [event.span.start for event in folded]
    assert starts == [world.production.start + timedelta(days=day) for day in range(DAYS)]
    assert {event.state for event in folded} == {"done"}
    assert all(event.rows > 700 for event in folded)


def test_the_history_stays_beside_the_config(world: demo.World, events: list[Event]) -> None:
    """The database is where the config says, so every other command finds it."""
    assert events
    assert (world.config.parent / "leeway.db").stat().st_size > 0
