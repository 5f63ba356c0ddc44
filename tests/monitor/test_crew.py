"""Laws of the workers: who takes what, and what becomes of one that hangs."""

import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from detectors import Kind
from monitor import build, logs
from monitor.config_file import load
from monitor.crew import Crew
from monitor.evaluation import evaluate_next
from monitor.faults import Faults
from monitor.opening import open_runtime
from monitor.planning import plan
from monitor.reads import FIRST_REST_S
from monitor.referencing import build_reference
from monitor.runtime import InForce, Runtime
from monitor.source import ColumnKind, Fingerprint, Source, Window
from storage import profiles
from storage.due_window import WindowState
from storage.span import Span
from storage.tables import ledger
from tests.acceptance.fast import reconfigure
from tests.acceptance.world import Shop, build_shop
from tests.monitor.test_daemon import Wrong

START = datetime(2026, 3, 31, tzinfo=UTC)  # of production
HOUR = timedelta(hours=1)
DAYS = 13
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Its reference is built: 720 hourly windows, which takes longer than most of these tests."""
    logs.configure(quiet=True)
    shop = build_shop(tmp_path_factory.mktemp("crew") / "shop", days=DAYS, broken=range(0))
    reconfigure(shop, {'every = "1d"': 'every = "1h"\nmin_rows = 1'})
    with open_runtime(load(shop.config, members=build.check), Wrong(START)) as opened:
        build_reference(opened, opened.models["shop"])
    return shop


@pytest.fixture
def runtime(built: Shop, tmp_path: Path) -> Iterator[Runtime]:
    """Hourly windows of thirteen days, none of them evaluated yet."""
    logs.configure(quiet=True)
    folder = shutil.copytree(built.folder, tmp_path / "shop")
    with open_runtime(load(folder / built.config.name, members=build.check), Wrong(START)) as opened:
        yield opened


def plan_until(runtime: Runtime, at: datetime) -> None:
    clock: Any = runtime.clock
    clock.at = at
    plan(runtime)


def states(runtime: Runtime) -> dict[datetime, str]:
    with runtime.store.read() as conn:
        return dict(conn.execute(select(ledger.c.end, ledger.c.state)).all())  # type: ignore[arg-type]


def until(true: Callable[[], bool]) -> None:
    """Threads promise no time, only that it happens."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def crew_of(runtime: Runtime, size: int) -> Crew:
    faults = Faults(monotonic=runtime.clock.monotonic)
    return Crew(InForce(runtime=runtime), faults, found=lambda: None, then=lambda: None, size=size)


def test_fresh_is_what_became_due_within_the_last_interval(runtime: Runtime) -> None:
    """Of three hundred windows one; and then none, however many wait."""
    now = START + 300 * HOUR + timedelta(minutes=15)
    plan_until(runtime, now)
    assert evaluate_next(runtime, fresh=True)
    done = [end for end, state in states(runtime).items() if state == WindowState.DONE]
    assert done == [START + 300 * HOUR]
    assert not evaluate_next(runtime, fresh=True)


@pytest.mark.parametrize("size", [1, 2])
def test_a_fresh_window_is_evaluated_while_a_backlog_is_worked_off(runtime: Runtime, size: int) -> None:
    """By the kept worker, or by one that takes turns: not after 300 older ones."""
    plan_until(runtime, START + 300 * HOUR + timedelta(minutes=15))
    crew = crew_of(runtime, size)
    try:
        crew.hand_out()
        until(lambda: sum(state == WindowState.DONE for state in states(runtime).values()) > 10)
        fresh = START + 301 * HOUR
        plan_until(runtime, fresh + timedelta(minutes=15))
        crew.hand_out()
        until(lambda: states(runtime)[fresh] == WindowState.DONE)
        waiting = sum(state == WindowState.PLANNED for state in states(runtime).values())
        assert waiting > 50, "the backlog was worked off before: nothing is proven"
    finally:
        crew.stop(60.0)


@dataclass
class Hanging:
    """A source that does not answer until it is let go."""

    inner: Source
    let_go: threading.Event = field(default_factory=threading.Event)
    hangs: bool = True
    waiting: int = 0

    def watermark(self) -> datetime | None:
        return self.inner.watermark()

    def fingerprint(self, span: Span) -> Fingerprint:
        return self.inner.fingerprint(span)

    def schema(self) -> Mapping[str, ColumnKind]:
        return self.inner.schema()

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        if self.hangs:
            self.waiting += 1
            assert self.let_go.wait(PATIENCE_S)
        return self.inner.pull(span, wanted, moments)


def test_a_read_that_hangs_is_given_up_and_its_late_result_is_refused(runtime: Runtime) -> None:
    """Another worker takes its place, the model rests, and the window is evaluated once, later."""
    clock: Any = runtime.clock
    source = Hanging(runtime.models["shop"].source)
    watched = replace(runtime.models["shop"], source=source)
    runtime = replace(runtime, models={"shop": watched})
    plan_until(runtime, START + HOUR + timedelta(minutes=15))
    crew = crew_of(runtime, 1)
    try:
        crew.hand_out()
        until(lambda: source.waiting == 1)
        clock.pass_s(watched.config.window.read_within.total_seconds() + 1)
        crew.hand_out()
        until(lambda: list(states(runtime).values()) == [WindowState.PLANNED])
        assert crew.hung == 1
        with runtime.store.read() as conn:
            reason, attempt = conn.execute(select(ledger.c.reason, ledger.c.attempt)).one()
        assert "did not answer within 5m" in reason
        assert (attempt, runtime.leases) == (1, {})
        assert runtime.reads.resting(clock.monotonic()) == {"shop"}
        assert runtime.reads.overdue(clock.monotonic()) == [], "it would be given up again at each look"
        # It comes back: what it brings is refused, and its thread ends.
        source.hangs = False
        source.let_go.set()
        until(lambda: crew.hung == 0)
        assert list(states(runtime).values()) == [WindowState.PLANNED]
        clock.pass_s(FIRST_REST_S)
        crew.hand_out()
        until(lambda: list(states(runtime).values()) == [WindowState.DONE])
        assert runtime.reads.resting(clock.monotonic()) == frozenset()
    finally:
        source.let_go.set()
        crew.stop(60.0)


def test_a_source_that_hangs_holds_up_no_other_model(runtime: Runtime) -> None:
    """With one worker for both."""
    clock: Any = runtime.clock
    source = Hanging(runtime.models["shop"].source)
    hanging = replace(runtime.models["shop"], source=source)
    plan_until(runtime, START + HOUR + timedelta(minutes=15))
    other = replace(runtime.models["shop"], name="other")
    with runtime.store.write() as conn:
        values = conn.execute(select(ledger)).mappings().one()
        conn.execute(ledger.insert().values({**values, "id": None, "model": "other"}))
        active = profiles.active(conn, "shop")
        assert active is not None
        copy = profiles.save(conn, "other", profiles.load_profile(conn, active.id), now=START)
        profiles.promote(conn, copy.id, START)
    runtime = replace(runtime, models={"shop": hanging, "other": other})
    crew = crew_of(runtime, 1)
    try:
        crew.hand_out()
        until(lambda: source.waiting == 1)
        clock.pass_s(301)
        crew.hand_out()

        def other_is_done() -> bool:
            with runtime.store.read() as conn:
                state = conn.execute(select(ledger.c.state).where(ledger.c.model == "other")).scalar()
            return bool(state == WindowState.DONE)

        until(other_is_done)
        assert source.waiting == 1
    finally:
        source.let_go.set()
        crew.stop(60.0)


def test_stopping_gives_back_what_is_not_finished(runtime: Runtime) -> None:
    """Free, not leased: whoever comes next need not wait."""
    source = Hanging(runtime.models["shop"].source)
    runtime = replace(runtime, models={"shop": replace(runtime.models["shop"], source=source)})
    plan_until(runtime, START + HOUR + timedelta(minutes=15))
    crew = crew_of(runtime, 1)
    crew.hand_out()
    until(lambda: source.waiting == 1)
    crew.stop(0.0)
    with runtime.store.read() as conn:
        row = conn.execute(select(ledger.c.state, ledger.c.reason, ledger.c.lease_until)).one()
    assert tuple(row) == (WindowState.PLANNED, "released at shutdown", None)
    source.let_go.set()
    until(lambda: not crew.is_busy)


def test_fewer_workers_are_those_with_the_lowest_numbers(runtime: Runtime) -> None:
    """Also where one was replaced and stands last: none is begun anew at each look."""
    crew = crew_of(runtime, 4)
    try:
        crew.hand_out()
        crew._workers[1].given_up = True  # as one that hangs
        crew.hand_out()
        assert [worker.number for worker in crew._workers] == [0, 2, 3, 1]
        crew.size = 2
        crew.hand_out()
        kept = list(crew._workers)
        assert sorted(worker.number for worker in kept) == [0, 1]
        crew.hand_out()
        assert crew._workers == kept
    finally:
        crew.stop(60.0)
