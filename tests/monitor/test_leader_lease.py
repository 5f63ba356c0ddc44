"""Who leads, as a daemon sees it: lease kept by a thread, work left to the leader, the database's clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor import build, logs
from monitor.clock import SharedClock, SteppedClock, SystemClock
from monitor.config_file import load
from monitor.daemon import Daemon, one_pass
from monitor.leader_lease import LeaderLease
from monitor.leading import leads, led
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference
from monitor.runtime import Runtime
from storage import history, leadership
from storage.engine import Store, open_store
from storage.errors import FenceLost
from tests.acceptance.world import Shop, build_shop

DAY = timedelta(days=1)


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    logs.configure(quiet=True)
    with open_store(postgres_url) as opened:
        yield opened


@pytest.fixture
def shop(tmp_path: Path, postgres_url: str) -> Shop:
    """Two days of production, its reference built, on PostgreSQL."""
    logs.configure(quiet=True)
    made = build_shop(tmp_path / "shop", days=2, broken=range(0), url=postgres_url)
    with runtime_of(made) as runtime:
        build_reference(runtime, runtime.models["shop"])
    return made


@contextmanager
def runtime_of(shop: Shop) -> Iterator[Runtime]:
    with open_runtime(load(shop.config, members=build.check), SteppedClock(shop.start)) as opened:
        yield opened


def now_leads(store: Store) -> str:
    with store.read() as conn:
        term = leadership.current(conn)
    return "" if term is None else term.owner


def test_the_first_leads_and_the_second_follows_when_it_ends(store: Store) -> None:
    """A clean end resigns: the next look of another one is enough."""
    one, two = LeaderLease(store, "a 1"), LeaderLease(store, "b 2")
    with one.kept():
        two.look()
        assert one.leads
        assert not two.leads
        assert now_leads(store) == "a 1"
    assert not one.leads
    two.look()
    assert two.leads


def test_the_thread_keeps_the_lease(store: Store) -> None:
    """Renewed far more often than it lasts, it outlives several leases."""
    one = LeaderLease(store, "a 1", lease=timedelta(milliseconds=600), renew_every=timedelta(milliseconds=50))
    two = LeaderLease(store, "b 2")
    told: list[datetime] = []
    one.on_time = told.append
    with one.kept():
        while not told or told[-1] - told[0] < 3 * one.lease:
            two.look()
            assert not two.leads
    assert one.fence is None


def test_whoever_slept_past_its_lease_is_fenced(store: Store) -> None:
    """It may believe that it leads; its writes are refused, and its next look tells it."""
    slow = LeaderLease(store, "a 1", lease=timedelta(microseconds=1), monotonic=lambda: 0.0)  # it sleeps
    slow.look()
    quick = LeaderLease(store, "b 2")
    quick.look()
    assert slow.leads
    with pytest.raises(FenceLost, match="b 2"), store.guarded(slow.check).write():
        pass
    slow.look()
    assert not slow.leads
    assert quick.leads


def test_a_lease_that_cannot_be_renewed_ends_by_itself(store: Store) -> None:
    """Cut off from the database, a daemon stops leading when others may begin."""
    lease = LeaderLease(store, "a 1", lease=timedelta(0))
    lease.look()
    assert lease.fence is not None
    assert not lease.leads


def test_the_leaders_work_is_left_to_it(shop: Shop) -> None:
    """Beside a leader a pass evaluates and delivers; it plans, folds and flushes nothing."""
    with runtime_of(shop) as first, runtime_of(shop) as second, own(first):
        for runtime in (first, second):
            assert isinstance(runtime.clock, SteppedClock)
            runtime.clock.advance_to(shop.start + 2 * DAY + DAY / 2)
        assert second.leader is not None
        with own(second) as couriers:
            assert leads(first)
            assert not leads(second)
            assert one_pass(second, couriers) == 0  # nothing is planned
            daemon = Daemon(first, ())
            daemon._crew.stop(60.0)  # it plans and folds; what is due is left to the other one
            daemon._conductor.look()
            assert one_pass(second, couriers) == 2

            def folded() -> list[bool]:
                with first.store.read() as conn:
                    return [row["folded_at"] is not None for row in history.windows(conn)]

            assert folded() == [False, False]
            daemon._conductor.look()
            assert folded() == [True, True]


def test_a_new_leader_enters_its_office(shop: Shop) -> None:
    """What an owner does at its start, a leader does when it becomes one: once a term."""
    with runtime_of(shop) as runtime:
        assert runtime.leader is not None
        assert not leads(runtime)
        runtime.leader.look()
        assert leads(runtime)
        assert runtime.leader.entered == runtime.leader.fence == 1
        with led(runtime).store.write():
            pass


def test_daemons_live_by_the_databases_clock(shop: Shop) -> None:
    """A daemon's own clock is not asked; one that a person moved (`--at`) is."""
    config = load(shop.config, members=build.check)
    with open_runtime(config, SystemClock()) as runtime:
        assert isinstance(runtime.clock, SharedClock)
        assert runtime.leader is not None
        runtime.clock.set(datetime(2001, 1, 1, tzinfo=UTC))
        runtime.leader.look()  # it tells the time it found
        assert abs(runtime.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    with open_runtime(config, SteppedClock(shop.start)) as runtime:
        assert runtime.clock.now() == shop.start


def test_a_shared_clock_goes_on_by_itself() -> None:
    """Between two looks at the database the machine's monotonic clock carries it on."""
    seconds = [100.0]
    clock = SharedClock(datetime(2026, 3, 1, tzinfo=UTC), monotonic=lambda: seconds[0])
    seconds[0] += 7.5
    assert clock.now() == datetime(2026, 3, 1, 0, 0, 7, 500_000, tzinfo=UTC)
    clock.set(datetime(2026, 3, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 3, 1, tzinfo=UTC)
    assert clock.monotonic() == 107.5
