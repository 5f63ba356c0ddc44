"""The new owner of a SQLite file: what a dead one held is free at once, under the next fence."""

from datetime import timedelta

from alerting.courier import OutboxState
from storage import ledger, outbox, revisions
from storage.engine import Store
from storage.outbox import SqlOutbox
from storage.takeover import look_again, take_over
from tests.storage.samples import DAY, HOUR, LEASE, T0, claim, done, message, plan

NOW = T0 + 100 * HOUR
MICROSECOND = timedelta(microseconds=1)


def test_a_dead_owners_leases_end_at_once(store: Store) -> None:
    """Long before they would: its window is claimed again, its message is uncertain, and fences rise."""
    with store.write() as conn:
        plan(conn, 1)
        window = claim(conn, NOW)
        outbox.enqueue(conn, [message("a")], NOW)
    held = SqlOutbox(store).claim(NOW, "dead", LEASE)
    assert held is not None
    with store.write() as conn:
        assert ledger.claim(conn, NOW, "new", LEASE) is None
        assert take_over(conn, NOW, {"m": HOUR}) == 2
        again = ledger.claim(conn, NOW, "new", LEASE)
        assert again is not None
        assert (again.id, again.fence) == (window.id, window.fence + 1)
    resent = SqlOutbox(store).claim(NOW, "new", LEASE)
    assert resent is not None
    assert (resent.fence, resent.notification.uncertain) == (held.fence + 1, True)


def test_what_is_over_is_left_alone(store: Store) -> None:
    """Only leases are ended: nothing planned, ended or sent changes."""
    with store.write() as conn:
        plan(conn, 2)
        outbox.enqueue(conn, [message("a")], NOW)
        assert take_over(conn, NOW, {"m": HOUR}) == 0
        assert ledger.claim(conn, NOW, "new", LEASE) is not None
    assert {OutboxState.QUEUED} == {row[0] for row in store_rows(store, "SELECT DISTINCT state FROM outbox")}


def test_a_look_for_late_rows_goes_back_to_its_own_time(store: Store) -> None:
    """A clock that ran ahead put it off for years; set back, it comes when the model's lateness is over."""
    with store.write() as conn:
        (window,) = done(conn)
        plan(conn, 2)
        revisions.look_later(conn, window.id, T0 + 20_000 * DAY)
        assert look_again(conn, T0, {"m": 12 * HOUR, "other": HOUR}) == 2
        assert look_again(conn, T0, {"m": 12 * HOUR}) == 0
    kept = store_rows(store, 'SELECT "end", recheck FROM ledger ORDER BY start')
    assert [recheck - end for end, recheck in kept] == [12 * HOUR // MICROSECOND] * 2  # type: ignore[operator]


def test_a_look_for_late_rows_that_a_dead_owner_had_begun_is_had_again(store: Store) -> None:
    """It was put off by as long as a look may take: that is a lease, which ends as others do."""
    with store.write() as conn:
        (window,) = done(conn)
        due = window.span.end + DAY
        begun = revisions.claim_recheck(conn, due, LEASE, ["m"])
        assert begun is not None
        assert not revisions.to_recheck(conn, due, ["m"])
        assert take_over(conn, due, {"m": DAY}) == 1
        assert revisions.to_recheck(conn, due, ["m"])


def store_rows(store: Store, query: str) -> list[tuple[object, ...]]:
    with store.read() as conn:
        return [tuple(row) for row in conn.exec_driver_sql(query)]
