"""Laws of the conductor: what one look does, and what stops it from doing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.clock_watch import STAND_FOR_S
from monitor.config_file import load
from monitor.daemon import Daemon, one_pass
from monitor.opening import open_runtime
from monitor.referencing import build_reference
from monitor.runtime import Runtime
from storage import fold_order, ledger, profiles
from storage.ledger import Stream
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
