"""Laws of the conductor: what one look does, and what stops it from doing."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.clock_watch import STAND_FOR_S
from monitor.config_file import load
from monitor.daemon import Daemon, one_pass
from monitor.evaluation import evaluate_next
from monitor.opening import open_runtime
from monitor.referencing import build_reference
from monitor.runtime import Runtime
from storage import fold_order, history, ledger, profiles
from storage.errors import StorageError, StorageLost
from storage.ledger import Stream, WindowState
from storage.tables import ledger as table
from tests.acceptance.world import build_shop

DAY = timedelta(days=1)
START = datetime(2026, 3, 31, tzinfo=UTC)  # of production


@dataclass(slots=True)
class Wrong:
    """A machine whose wall clock can be set."""

    at: datetime
    elapsed_s: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.elapsed_s

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.elapsed_s += seconds


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    logs.configure(quiet=True)
    shop = build_shop(tmp_path / "shop", days=1, broken=range(0))
    with open_runtime(load(shop.config, members=build.check), SteppedClock(START)) as opened:
        build_reference(opened, opened.models["shop"])
        yield opened


@contextmanager
def conductor(runtime: Runtime, clock: Wrong) -> Iterator[Daemon]:
    """A daemon that looks when told to; its workers end before the database is closed."""
    daemon = Daemon(replace(runtime, clock=clock), ())
    try:
        yield daemon
    finally:
        daemon._crew.stop(60.0)


def planned(runtime: Runtime) -> datetime | None:
    with runtime.store.read() as conn:
        return ledger.last_planned(conn, "shop", Stream.INPUTS)


def test_a_clock_set_far_ahead_plans_nothing_until_it_has_stood(runtime: Runtime) -> None:
    """Years of windows in a ledger cannot be taken back; ten minutes cost nothing."""
    clock = Wrong(START + DAY)
    with conductor(runtime, clock) as daemon:
        daemon._conductor.look()
        assert planned(runtime) == START + DAY
        clock.at += 3000 * DAY
        daemon._conductor.look()
        assert planned(runtime) == START + DAY
        clock.at -= 2999 * DAY  # somebody mended it, a day on
        daemon._conductor.look()
        assert planned(runtime) == START + 2 * DAY


def test_a_clock_that_stays_ahead_is_believed(runtime: Runtime) -> None:
    """A machine that slept for a week."""
    clock = Wrong(START + DAY)
    with conductor(runtime, clock) as daemon:
        daemon._conductor.look()
        clock.at += 7 * DAY
        daemon._conductor.look()
        clock.pass_s(STAND_FOR_S)
        daemon._conductor.look()
        assert planned(runtime) == START + 8 * DAY


def test_a_pass_goes_on_when_a_model_fails(runtime: Runtime) -> None:
    """Cron's exit code says that something broke; what did not break was evaluated and told."""
    clock = Wrong(START + DAY + timedelta(hours=1))
    broken = replace(runtime.models["shop"], name="broken", spec=None)  # type: ignore[arg-type]  # the fault
    with runtime.store.write() as conn:
        reference = profiles.active(conn, "shop")
        assert reference is not None
        copy = profiles.save(conn, "broken", profiles.load_profile(conn, reference.id), now=START)
        profiles.promote(conn, copy.id, START)
    models = {"broken": broken, **runtime.models}
    with pytest.raises(AttributeError):
        one_pass(replace(runtime, clock=clock, models=models), ())
    with runtime.store.read() as conn:
        assert fold_order.folded_until(conn, "shop", Stream.INPUTS) == START


def test_a_pass_ends_where_the_database_is_lost(runtime: Runtime) -> None:
    """Not one more write, not even of what is at hand."""
    clock = Wrong(START + DAY + timedelta(hours=1))

    def evaluate(at: Runtime) -> bool:
        evaluate_next(at)
        raise StorageLost("damaged")

    with pytest.raises(StorageLost, match="damaged"):
        one_pass(replace(runtime, clock=clock), (), evaluate=evaluate)
    with runtime.store.read() as conn:
        assert fold_order.folded_until(conn, "shop", Stream.INPUTS) is None


def clock_events(runtime: Runtime) -> list[int]:
    with runtime.store.read() as conn:
        events = history.daemon_events(conn)
    return [event["facts"]["seconds"] for event in events if event["kind"] == "clock.jumped"]


def ends(runtime: Runtime) -> list[datetime]:
    with runtime.store.read() as conn:
        return list(conn.execute(select(table.c.end).order_by(table.c.end)).scalars())


@pytest.mark.parametrize(
    "moved", [timedelta(hours=1), timedelta(hours=-1), 30 * DAY, -30 * DAY], ids=["1h", "-1h", "30d", "-30d"]
)
def test_a_clock_that_moves_and_comes_back_plans_every_window_once(
    runtime: Runtime, moved: timedelta
) -> None:
    """And each jump is an event in history (T41)."""
    clock = Wrong(START + DAY)
    with conductor(runtime, clock) as daemon:
        for _ in range(3):
            daemon._conductor.look()
            clock.pass_s(5)
        clock.at += moved
        daemon._conductor.look()
        clock.pass_s(5)
        clock.at -= moved
        daemon._conductor.look()
        clock.pass_s(3 * DAY.total_seconds())
        daemon._conductor.look()
    seconds = round(moved.total_seconds())
    assert clock_events(runtime) == [seconds, -seconds]
    assert ends(runtime) == [START + n * DAY for n in range(1, 5)]


def test_a_hundred_and_seventy_years_ahead_cost_nothing(runtime: Runtime) -> None:
    """No row, no memory, however long it stands; set back, the daemon goes on (T41)."""
    clock = Wrong(START + DAY)
    with conductor(runtime, clock) as daemon:
        daemon._conductor.look()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        clock.at += 170 * 365 * DAY
        for _ in range(5):
            daemon._conductor.look()
            clock.pass_s(STAND_FOR_S)
        assert ends(runtime) == [START + DAY]
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
        clock.at -= 170 * 365 * DAY
        daemon._conductor.look()
        clock.pass_s(DAY.total_seconds())
        daemon._conductor.look()
    assert ends(runtime) == [START + DAY, START + 2 * DAY]


def test_what_a_wrong_clock_put_off_is_looked_at_when_it_is_set_back(runtime: Runtime) -> None:
    """Else it would wait for a month that never comes."""
    clock = Wrong(START + DAY + timedelta(hours=1))
    with conductor(runtime, clock) as daemon:
        daemon._conductor.look()
        daemon._crew.stop(60.0)
        with runtime.store.write() as conn:
            conn.execute(
                update(table).values(state=WindowState.PLANNED, folded_at=None, next_try=clock.at + 30 * DAY)
            )
        clock.at += timedelta(hours=2)
        daemon._conductor.look()
        clock.at -= timedelta(hours=2)
        daemon._conductor.look()
    with runtime.store.read() as conn:
        assert conn.execute(select(table.c.next_try)).scalar() == clock.at


def test_a_reload_that_fails_is_tried_again(runtime: Runtime) -> None:
    """What a database that could not be read held up is still asked for."""
    with conductor(runtime, Wrong(START)) as daemon:
        daemon._on_signal(signal.SIGHUP, None)
        with runtime.store.write() as conn:
            conn.execute(text("ALTER TABLE outbox RENAME TO away"))
        with pytest.raises(StorageError):
            daemon._first()
        with runtime.store.write() as conn:
            conn.execute(text("ALTER TABLE away RENAME TO outbox"))
        before = daemon._in_force.runtime
        daemon._first()
        assert daemon._in_force.runtime is not before
        after = daemon._in_force.runtime
        daemon._first()  # once is enough
        assert daemon._in_force.runtime is after
        for thread in daemon._couriers.stop():
            thread.join(60.0)
