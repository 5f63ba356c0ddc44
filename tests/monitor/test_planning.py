"""Laws of planning: which windows get a row, and that none gets two."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.opening import open_runtime
from monitor.planning import first_start, how_far, plan, plan_model, plan_spans, renew_leases
from monitor.referencing import build_reference
from monitor.runtime import Runtime
from monitor.windows import WindowSpec, windows
from storage import ledger, profiles
from storage.ledger import Stream, WindowKind, WindowState
from storage.span import Span
from tests.acceptance.world import build_shop

DAY = timedelta(days=1)
START = datetime(2026, 3, 31, tzinfo=UTC)  # of production: the reference ends here


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """The shop with its reference, at the start of production."""
    logs.configure(quiet=True)
    shop = build_shop(tmp_path / "shop", days=1, broken=range(0))
    assert shop.start == START
    with open_runtime(load(shop.config, members=build.check), SteppedClock(START)) as opened:
        build_reference(opened, opened.models["shop"])
        yield opened


def at(runtime: Runtime, moment: datetime) -> None:
    assert isinstance(runtime.clock, SteppedClock)
    runtime.clock.advance_to(moment)


def rows(runtime: Runtime) -> list[ledger.DueWindow]:
    with runtime.store.read() as conn:
        everything = Span(start=START - 400 * DAY, end=START + 4000 * DAY)
        return ledger.find(conn, "shop", Stream.INPUTS, everything)


def test_the_first_window_begins_after_the_reference(runtime: Runtime) -> None:
    """What normal was learnt from is not judged by it."""
    at(runtime, START + 3 * DAY)
    assert plan(runtime) == 3
    assert [row.span.start for row in rows(runtime)] == [START + n * DAY for n in range(3)]


def test_a_window_is_planned_when_it_has_ended(runtime: Runtime) -> None:
    """Not a second before, at that instant, and never again."""
    at(runtime, START + DAY - timedelta(seconds=1))
    assert plan(runtime) == 0
    at(runtime, START + DAY)
    assert [plan(runtime), plan(runtime)] == [1, 0]


def test_in_any_steps_the_same_windows(runtime: Runtime) -> None:
    """A daemon that was down plans what one that never was down has."""
    for hours in (5, 30, 31, 100, 240):
        at(runtime, START + timedelta(hours=hours))
        plan(runtime)
    spec = runtime.models["shop"].spec
    assert [row.span for row in rows(runtime)] == list(windows(spec, START, START + timedelta(hours=240)))


def test_beyond_the_horizon_windows_are_skipped_not_left_out(runtime: Runtime) -> None:
    """Each has its row, and says why nothing is known of it."""
    at(runtime, START + DAY)
    plan(runtime)
    at(runtime, START + 40 * DAY)
    plan(runtime)
    found = rows(runtime)
    assert len(found) == 40
    skipped = [row for row in found if row.state is WindowState.SKIPPED]
    assert [row.span.start for row in skipped] == [START + n * DAY for n in range(1, 26)]
    assert {row.reason for row in skipped} == {"catch_up horizon"}


def test_due_after_it_has_settled(runtime: Runtime) -> None:
    """Ten minutes by default, given up after a day's patience."""
    at(runtime, START + DAY)
    plan(runtime)
    row = rows(runtime)[0]
    assert row.due == START + DAY + timedelta(minutes=10)
    assert row.give_up == row.due + DAY


def test_without_a_reference_nothing_is_planned(tmp_path: Path) -> None:
    """There is nothing to compare with."""
    shop = build_shop(tmp_path / "shop", days=1, broken=range(0))
    clock = SteppedClock(START + 3 * DAY)
    with open_runtime(load(shop.config, members=build.check), clock) as opened:
        assert plan(opened) == 0


def test_what_a_person_asks_for_is_never_beyond_the_horizon(runtime: Runtime) -> None:
    """`leeway evaluate --from` a year ago means it."""
    at(runtime, START + 300 * DAY)
    span = Span(start=START, end=START + DAY)
    assert plan_spans(runtime, runtime.models["shop"], [span], kind=WindowKind.MANUAL) == 1
    assert rows(runtime)[0].state is WindowState.PLANNED


def test_more_windows_than_one_transaction_takes(runtime: Runtime) -> None:
    """Split, and all there."""
    at(runtime, START + 1200 * DAY)
    spans = list(windows(runtime.models["shop"].spec, START, START + 1200 * DAY))
    assert plan_spans(runtime, runtime.models["shop"], spans, kind=WindowKind.MANUAL) == 1200


def test_a_lease_is_renewed_while_its_window_is_worked_on(runtime: Runtime) -> None:
    """Nobody else may claim it however long it takes."""
    at(runtime, START + DAY + timedelta(hours=1))
    plan(runtime)
    with runtime.store.write() as conn:
        claimed = ledger.claim(conn, runtime.clock.now(), "a", timedelta(seconds=60))
    assert claimed is not None
    runtime.leases[claimed.id] = claimed.fence
    for _ in range(5):
        at(runtime, runtime.clock.now() + timedelta(seconds=50))
        renew_leases(runtime)
    with runtime.store.write() as conn:
        assert ledger.claim(conn, runtime.clock.now(), "b", timedelta(seconds=60)) is None


def test_a_static_reference_begins_at_the_horizon(runtime: Runtime) -> None:
    """It ends nowhere: the last two weeks of production may teach what is normal."""
    with runtime.store.read() as conn:
        reference = profiles.active(conn, "shop")
    assert reference is not None
    assert reference.span is not None
    now = reference.span.end + 100 * DAY
    assert first_start(reference.span, now, 14 * DAY) == now - 14 * DAY
    assert first_start(reference.span, reference.span.end + DAY, 14 * DAY) == reference.span.end


def test_after_a_change_of_length_no_two_windows_overlap(runtime: Runtime) -> None:
    """No row is judged twice, and none ends before one that started earlier: it could never be folded."""
    watched = runtime.models["shop"]
    at(runtime, START + timedelta(hours=14))
    plan_model(runtime, replace(watched, spec=WindowSpec.parse("1h")), how_far(runtime)["shop"])
    at(runtime, START + 3 * DAY)
    plan_model(runtime, watched, how_far(runtime)["shop"])
    spans = [row.span for row in rows(runtime)]
    assert len(spans) == 14 + 2
    assert all(before.end <= after.start for before, after in pairwise(spans))
