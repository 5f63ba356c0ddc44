"""One leader at a time: who it is, how the next one comes, and what a former one may write: nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from storage import daemon_events, history, leadership
from storage.dialect import database_time
from storage.engine import Store, open_store
from storage.errors import FenceLost
from tests.storage.samples import T0

LEASE = timedelta(seconds=15)


def take(store: Store, owner: str, now: datetime) -> leadership.Term | None:
    with store.claim() as conn:
        return leadership.take(conn, owner, now, LEASE)


def test_one_leads_until_its_lease_ends(store: Store, other: Store) -> None:
    """The second is refused up to the very end of the lease; each change raises the fence."""
    first = take(store, "a 1", T0)
    assert first is not None
    assert (first.owner, first.fence, first.lease_until) == ("a 1", 1, T0 + LEASE)
    assert take(other, "b 2", T0 + LEASE - timedelta(microseconds=1)) is None
    second = take(other, "b 2", T0 + LEASE)
    assert second is not None
    assert (second.owner, second.fence) == ("b 2", 2)
    with store.read() as conn:
        assert leadership.current(conn) == second


def test_renewing_holds_it(store: Store, other: Store) -> None:
    """Nobody takes over from a leader that renews; one that was replaced cannot renew."""
    first = take(store, "a 1", T0)
    assert first is not None
    with store.claim() as conn:
        assert leadership.renew(conn, first.fence, T0 + 2 * LEASE)
    assert take(other, "b 2", T0 + LEASE) is None
    assert take(other, "b 2", T0 + 2 * LEASE) is not None
    with store.claim() as conn:
        assert not leadership.renew(conn, first.fence, T0 + 9 * LEASE)


def test_resigning_makes_room_at_once(store: Store, other: Store) -> None:
    """The next one need not wait, and what the former one might still write is refused."""
    first = take(store, "a 1", T0)
    assert first is not None
    with store.claim() as conn:
        assert leadership.resign(conn, first.fence, T0)
        assert leadership.current(conn) is None
    with pytest.raises(FenceLost, match="nobody does"), store.write() as conn:
        leadership.check(conn, first.fence)
    assert take(other, "b 2", T0) is not None
    with store.claim() as conn:
        assert not leadership.resign(conn, first.fence, T0)


def test_a_former_leader_writes_nothing(store: Store, other: Store) -> None:
    """Paused, replaced, and back: every write is refused and names who leads."""
    first = take(store, "a 1", T0)
    assert first is not None
    led = store.guarded(lambda conn: leadership.check(conn, first.fence))
    with led.write() as conn:
        daemon_events.add(conn, "in time", T0)
    take(other, "b 2", T0 + LEASE)
    with pytest.raises(FenceLost, match="b 2 does"), led.write() as conn:
        daemon_events.add(conn, "late", T0)
    with store.read() as conn:
        assert [event["kind"] for event in history.daemon_events(conn)] == ["in time"]


def test_whoever_never_led_writes_nothing(store: Store) -> None:
    """Neither without a fence nor with one that nobody was given."""
    for fence in (None, 1):
        with pytest.raises(FenceLost), store.write() as conn:
            leadership.check(conn, fence)


def test_a_take_over_waits_for_a_write_that_began(server_store: Store, postgres_url: str) -> None:
    """Between a leader's check and its commit nobody takes over: no write of an old leader comes after."""
    first = take(server_store, "a 1", T0)
    assert first is not None
    with ThreadPoolExecutor(1) as pool, open_store(postgres_url) as other:
        with server_store.write() as conn:
            leadership.check(conn, first.fence)
            taken = pool.submit(take, other, "b 2", T0 + LEASE)
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            with other.read() as beside:
                while not beside.exec_driver_sql(blocked).scalar():
                    beside.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
            assert not taken.done()
            daemon_events.add(conn, "before", T0)
        term = taken.result(10)
    assert term is not None
    assert term.fence == 2


def test_many_ask_one_leads(postgres_url: str) -> None:
    """Eight at once on a database that had no leader."""
    with open_store(postgres_url) as store, ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda number: take(store, f"a {number}", T0), range(8)))
    assert len([term for term in taken if term is not None]) == 1


def test_the_databases_clock(store: Store) -> None:
    """UTC, to the microsecond, and here the machine's own."""
    with store.read() as conn:
        first, second = database_time(conn), database_time(conn)
    assert first.tzinfo is UTC
    assert timedelta(0) <= second - first < timedelta(seconds=5)
    assert abs(datetime.now(UTC) - second) < timedelta(seconds=5)
