"""Laws of backfill: history is filled once, in order, and nobody hears of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from monitor import build, logs
from monitor.backfilling import backfill, plan_backfill
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.evaluation import evaluate_next
from monitor.exits import CommandError
from monitor.learning import _sound_windows
from monitor.opening import open_runtime, own
from monitor.planning import plan_spans
from monitor.referencing import build_reference
from monitor.runtime import Runtime
from storage import history
from storage.due_window import WindowKind
from storage.history import Filter
from storage.span import Span
from storage.tables import alert_state, incident, ledger, outbox, retraining_decision
from tests.acceptance.world import build_shop

DAY = timedelta(days=1)
START = datetime(2026, 3, 31, tzinfo=UTC)  # of production


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """The shop and its reference, 26 days into production: twelve, of which four were broken, have data and
    are before the daemon's horizon."""
    logs.configure(quiet=True)
    shop = build_shop(tmp_path / "shop", days=12)
    clock = SteppedClock(START)
    with open_runtime(load(shop.config, members=build.check), clock) as opened:
        build_reference(opened, opened.models["shop"])
        clock.advance_to(START + 26 * DAY)
        yield opened


def said(runtime: Runtime) -> list[tuple[str, str, str, str]]:
    with runtime.store.read() as conn:
        rows = history.verdicts(conn, Filter(model="shop"))
    return [(row["window_start"], row["column_name"], row["verdict"], row["severity"]) for row in rows]


def test_backfilled_windows_are_judged_and_told_to_nobody(runtime: Runtime) -> None:
    """Four broken days page in history; no incident, alert state, message or request comes of it."""
    found = backfill(runtime, runtime.models["shop"], START, START + 12 * DAY)
    assert [window.state.value for window in found.windows] == ["done"] * 12
    assert found.pages >= 3
    assert any(severity == "page" for *_, severity in said(runtime))
    with runtime.store.read() as conn:
        for table in (incident, alert_state, outbox, retraining_decision):
            assert conn.execute(select(func.count()).select_from(table)).scalar() == 0


def test_twice_is_once(runtime: Runtime) -> None:
    """The second run finds nothing to do, and history is as it was."""
    watched = runtime.models["shop"]
    backfill(runtime, watched, START, START + 6 * DAY)
    before = said(runtime)
    plan = plan_backfill(runtime, watched, START, START + 6 * DAY)
    assert (plan.new, plan.open, plan.known) == ([], [], 6)
    backfill(runtime, watched, START, START + 6 * DAY)
    assert said(runtime) == before


def test_an_interrupted_run_is_taken_up(runtime: Runtime) -> None:
    """Its planned windows are the next run's, and the end is that of a run in one go."""
    watched = runtime.models["shop"]

    class StopError(Exception):
        pass

    def stop(_: str, at: int, total: int) -> None:
        if at == total // 2:
            raise StopError

    with pytest.raises(StopError):
        backfill(runtime, watched, START, START + 12 * DAY, progress=stop)
    plan = plan_backfill(runtime, watched, START, START + 12 * DAY)
    assert (len(plan.new), len(plan.open)) == (0, 7)
    assert backfill(runtime, watched, START, START + 12 * DAY).pages >= 3
    assert len({start for start, *_ in said(runtime)}) == 12


def test_the_daemon_finishes_what_was_left(runtime: Runtime, tmp_path: Path) -> None:
    """After its own windows, and with the same end; what it watches is not changed by it."""
    watched = runtime.models["shop"]
    with pytest.raises(ZeroDivisionError):
        backfill(runtime, watched, START, START + 4 * DAY, progress=lambda *_: 1 // 0)
    with own(runtime) as couriers:
        one_pass(runtime, couriers)
    assert not evaluate_next(runtime)
    kinds = {}
    with runtime.store.read() as conn:
        for row in history.windows(conn):
            kinds.setdefault(row["kind"], []).append(row["state"])
    assert kinds["backfill"] == ["done"] * 4
    assert "scheduled" in kinds
    del tmp_path


def test_windows_that_are_there_are_left_alone(runtime: Runtime) -> None:
    """A live window's rows are not counted twice, nor those of a window of another length."""
    watched = runtime.models["shop"]
    with own(runtime) as couriers:
        one_pass(runtime, couriers)
    live = {start for start, *_ in said(runtime)}
    plan = plan_backfill(runtime, watched, START, START + 21 * DAY)
    assert all(f"{span.start:%Y-%m-%dT%H:%M:%S.%fZ}" not in live for span in plan.new)


def test_a_span_that_has_not_ended_is_refused(runtime: Runtime) -> None:
    """With what is wrong in words."""
    with pytest.raises(CommandError, match="has ended yet"):
        plan_backfill(runtime, runtime.models["shop"], START + 30 * DAY, START + 31 * DAY)


def test_what_the_daemon_has_yet_to_judge_is_left_to_it(runtime: Runtime) -> None:
    """Before its first pass what it would begin with; after a rest what has ended since: it pages."""
    watched = runtime.models["shop"]
    plan = plan_backfill(runtime, watched, START, START + 40 * DAY)
    begins = runtime.clock.now() - watched.config.window.catch_up
    assert plan.whole.end == begins
    assert plan.new[-1].end == begins
    assert plan.daemons == watched.config.window.catch_up // DAY
    with own(runtime) as couriers:
        one_pass(runtime, couriers)
    assert isinstance(runtime.clock, SteppedClock)
    latest = runtime.clock.now()
    runtime.clock.advance_to(latest + 3 * DAY)
    found = backfill(runtime, watched, START, runtime.clock.now())
    assert (found.until, found.daemons) == (latest, 3)
    assert found.windows[-1].span.end == begins
    with pytest.raises(CommandError, match=r"daemon's.*leeway run"):
        plan_backfill(runtime, watched, latest, runtime.clock.now())


def test_backfilled_windows_teach_no_noise(runtime: Runtime) -> None:
    """What is live learns from what was live."""
    watched = runtime.models["shop"]
    found = backfill(runtime, watched, START, START + 4 * DAY)
    with runtime.store.read() as conn:
        assert _sound_windows(watched, conn, found.windows[-1]) == []
    with runtime.store.write() as conn:
        conn.execute(ledger.update().values(kind="scheduled"))
        assert len(_sound_windows(watched, conn, found.windows[-1])) == 4


def test_what_the_horizon_passed_over_is_made_good(runtime: Runtime) -> None:
    """As the next revision of its row, which stands instead; what is live is not touched; once."""
    watched = runtime.models["shop"]
    assert isinstance(runtime.clock, SteppedClock)
    with own(runtime) as couriers:
        one_pass(runtime, couriers)
        runtime.clock.advance_to(START + 60 * DAY)  # a long rest: 20 of 34 windows are beyond the horizon
        one_pass(runtime, couriers)
    with runtime.store.read() as conn:
        live = conn.execute(select(alert_state)).all()
    whole = (watched, START + 26 * DAY, START + 60 * DAY)
    plan = plan_backfill(runtime, *whole)
    assert (len(plan.new), len(plan.skipped), len(plan.open), plan.known) == (0, 20, 0, 14)
    found = backfill(runtime, *whole)
    assert [row.state.value for row in found.windows] == ["no_data"] * 20  # there are no rows by then
    assert all(row.revision == 1 and row.folded_at is not None for row in found.windows)
    plan = plan_backfill(runtime, *whole)
    assert (len(plan.new), len(plan.skipped), len(plan.open), plan.known) == (0, 0, 0, 34)
    with runtime.store.read() as conn:
        rows = history.windows(conn, Filter(model="shop", since=START + 26 * DAY))
        assert sum(row["superseded_by"] is None for row in rows) == 34
        assert conn.execute(select(alert_state)).all() == live
    with own(runtime) as couriers:
        assert one_pass(runtime, couriers) == 0


def test_skipped_or_never_planned_history_is_the_same(runtime: Runtime) -> None:
    """Broken days page in it either way."""
    watched = runtime.models["shop"]
    days = [Span(start=START + n * DAY, end=START + (n + 1) * DAY) for n in range(6)]
    plan_spans(runtime, watched, days, kind=WindowKind.SCHEDULED)
    found = backfill(runtime, watched, START, START + 12 * DAY)
    assert [(row.state.value, row.revision) for row in found.windows] == [("done", 1)] * 6 + [("done", 0)] * 6
    assert found.pages >= 3
    assert len({start for start, *_ in said(runtime)}) == 12
