"""The ledger: every window has a row, one owner at a time, and is folded once, in order."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import fold_order, ledger, measurements
from storage.engine import Store
from storage.ledger import PLAN_LIMIT, Stream, WindowKind, WindowState
from storage.span import Span
from tests.storage.samples import DAY, HOUR, LEASE, T0, claim, days, done, plan, result

NOW = T0 + 100 * DAY


def test_planning_twice_plans_once(store: Store) -> None:
    """The same spans again insert nothing; the unique key decides."""
    with store.write() as conn:
        assert plan(conn, 5) == 5
        assert plan(conn, 7) == 2
        assert ledger.last_planned(conn, "m", Stream.INPUTS) == T0 + 7 * DAY
        assert ledger.last_planned(conn, "m", Stream.LABELS) is None


def test_a_planning_transaction_is_short(store: Store) -> None:
    """500 rows are planned at once, more are refused."""
    with store.write() as conn:
        assert plan(conn, PLAN_LIMIT) == PLAN_LIMIT
        with pytest.raises(ValueError, match="500"):
            plan(conn, PLAN_LIMIT + 1)


def test_windows_beyond_the_horizon_are_skipped(store: Store) -> None:
    """Older than catch_up: a row all the same, with its reason, and never claimed."""
    with store.write() as conn:
        ledger.plan(
            conn,
            "m",
            Stream.INPUTS,
            days(3),
            now=NOW,
            settle=HOUR,
            lateness=DAY,
            give_up=HOUR,
            skip_before=T0 + 2 * DAY,
        )
        states = [window.state for window in ledger.find(conn, "m", Stream.INPUTS, _all())]
        assert states == [WindowState.SKIPPED, WindowState.SKIPPED, WindowState.PLANNED]
        window = claim(conn)
        assert window.span.start == T0 + 2 * DAY
        assert (window.due, window.recheck) == (T0 + 3 * DAY + HOUR, T0 + 4 * DAY)
        assert window.give_up == NOW + HOUR  # planned late: the same patience from then on


def test_oldest_due_window_first(store: Store) -> None:
    """Claims go by due time; nothing is claimed before it is due."""
    with store.write() as conn:
        plan(conn, 3)
        assert ledger.claim(conn, T0 + DAY, "a", LEASE) is None
        first = ledger.claim(conn, T0 + DAY + HOUR, "a", LEASE)
        assert first is not None
        assert (first.span.start, first.fence, first.attempt, first.owner) == (T0, 1, 1, "a")
        assert ledger.claim(conn, T0 + DAY + HOUR, "b", LEASE) is None


def test_backfill_comes_last(store: Store) -> None:
    """A scheduled window is claimed before any older backfilled one."""
    with store.write() as conn:
        plan(conn, 2, kind=WindowKind.BACKFILL)
        plan(conn, 1, first=2)
        assert [claim(conn).kind for _ in range(3)] == ["scheduled", "backfill", "backfill"]


def test_a_claim_may_be_limited(store: Store) -> None:
    """By model, by row, and to fresh windows."""
    with store.write() as conn:
        plan(conn, 3, model="a")
        plan(conn, 3, model="b")
        of_b = ledger.claim(conn, NOW, "x", LEASE, models=["b"])
        assert of_b is not None
        assert of_b.model == "b"
        fresh = ledger.claim(conn, NOW, "x", LEASE, due_since=T0 + 3 * DAY)
        assert fresh is not None
        assert fresh.span.start == T0 + 2 * DAY
        assert ledger.claim(conn, NOW, "x", LEASE, ids=[of_b.id]) is None
        assert ledger.claim(conn, NOW, "x", LEASE, models=[]) is None


def test_a_lost_lease_changes_hands_and_the_old_owner_changes_nothing(store: Store, other: Store) -> None:
    """A worker that was paused past its lease comes back: renew, defer and finish all say False."""
    with store.write() as conn:
        plan(conn, 1)
        slow = claim(conn, NOW)
    with other.write() as conn:
        assert ledger.claim(conn, NOW + LEASE / 2, "b", LEASE) is None
        quick = ledger.claim(conn, NOW + LEASE, "b", LEASE)
        assert quick is not None
        assert (quick.id, quick.fence) == (slow.id, slow.fence + 1)
    with store.write() as conn:
        assert not ledger.renew(conn, slow.id, slow.fence, NOW + HOUR)
        assert not ledger.defer(conn, slow.id, slow.fence, NOW, "x")
        assert not ledger.finish(
            conn, slow.id, slow.fence, now=NOW, state=WindowState.DONE, results=[result()]
        )
        assert measurements.load(conn, slow.id) == []
    with other.write() as conn:
        assert ledger.finish(conn, quick.id, quick.fence, now=NOW, state=WindowState.DONE, results=[result()])
    with store.read() as conn:
        found = ledger.get(conn, slow.id)
        assert found is not None
        assert (found.state, found.owner) == (WindowState.DONE, "b")
        assert measurements.load(conn, slow.id) == [result()]


def test_finish_is_all_or_nothing(store: Store, other: Store) -> None:
    """A crash before the commit leaves the claim, and after its lease the window is done again in full."""
    with store.write() as conn:
        plan(conn, 1)
        window = claim(conn, NOW)
    with pytest.raises(InterruptedError), store.write() as conn:  # noqa: PT012 (the crash is the case)
        ledger.finish(conn, window.id, window.fence, now=NOW, state=WindowState.DONE, results=[result()])
        raise InterruptedError
    with other.write() as conn:
        again = ledger.claim(conn, NOW + LEASE, "b", LEASE)
        assert again is not None
        assert (again.attempt, measurements.load(conn, window.id)) == (2, [])
        assert ledger.finish(conn, again.id, again.fence, now=NOW, state=WindowState.DONE, results=[result()])


def test_finishing_twice_is_refused(store: Store) -> None:
    """The fence is right but the window has ended: nothing changes."""
    with store.write() as conn:
        (window,) = done(conn)
        assert not ledger.finish(conn, window.id, window.fence, now=NOW, state=WindowState.FAILED)


def test_only_an_end_can_be_finished(store: Store) -> None:
    """`planned` and `claimed` end nothing."""
    with store.write() as conn, pytest.raises(ValueError, match="does not end"):
        ledger.finish(conn, 1, 1, now=NOW, state=WindowState.PLANNED)


def test_deferred_windows_wait(store: Store) -> None:
    """Not before next_try, with a reason to read, and with a higher fence then."""
    with store.write() as conn:
        plan(conn, 1)
        window = claim(conn, NOW)
        assert ledger.defer(conn, window.id, window.fence, NOW + HOUR, "the source is not there yet")
        assert ledger.claim(conn, NOW + HOUR / 2, "b", LEASE) is None
        again = ledger.claim(conn, NOW + HOUR, "b", LEASE)
        assert again is not None
        assert (again.fence, again.reason) == (2, "the source is not there yet")
        assert ledger.release(conn, again.id, again.fence, NOW)
        assert ledger.claim(conn, NOW + HOUR, "c", LEASE) is not None


def test_folding_waits_for_predecessors(store: Store) -> None:
    """Windows finished out of order are folded in order; a hole holds up what follows."""
    with store.write() as conn:
        plan(conn, 3)
        first, second, third = claim(conn), claim(conn), claim(conn)
        for window in (third, second):
            ledger.finish(conn, window.id, window.fence, now=NOW, state=WindowState.DONE)
        assert fold_order.to_fold(conn, "m", Stream.INPUTS, 10) == []
        ledger.finish(conn, first.id, first.fence, now=NOW, state=WindowState.FAILED, reason="x")
        ready = fold_order.to_fold(conn, "m", Stream.INPUTS, 10)
        assert [window.id for window in ready] == [first.id, second.id, third.id]
        assert fold_order.mark_folded(conn, first.id, NOW)
        assert not fold_order.mark_folded(conn, first.id, NOW)
        assert [window.id for window in fold_order.to_fold(conn, "m", Stream.INPUTS)] == [second.id]
        assert fold_order.folded_until(conn, "m", Stream.INPUTS) == T0
        assert not fold_order.all_folded(conn, "m", T0 + 2 * DAY)
        assert fold_order.all_folded(conn, "m", T0 + DAY)


def test_an_open_window_cannot_be_marked_folded(store: Store) -> None:
    """Only what has ended is folded."""
    with store.write() as conn:
        plan(conn, 1)
        assert not fold_order.mark_folded(conn, claim(conn).id, NOW)


def test_backfilled_rows_begin_no_model(store: Store) -> None:
    """Whether a live window without rows is an outage does not hang on what was backfilled."""
    with store.write() as conn:
        plan(conn, 1, kind=WindowKind.BACKFILL)
        window = claim(conn)
        ledger.finish(conn, window.id, window.fence, now=NOW, state=WindowState.DONE, rows=7)
        assert not ledger.had_rows(conn, "m", Stream.INPUTS)


def test_backfill_holds_up_nothing(store: Store) -> None:
    """A planned backfill before today's window does not delay its fold."""
    with store.write() as conn:
        plan(conn, 1, kind=WindowKind.BACKFILL)
        plan(conn, 1, first=1)
        window = claim(conn)
        ledger.finish(conn, window.id, window.fence, now=NOW, state=WindowState.DONE)
        assert [each.id for each in fold_order.to_fold(conn, "m", Stream.INPUTS)] == [window.id]


def test_skip_and_supersede(store: Store) -> None:
    """A planned window can be skipped once; a superseded one is no longer found or folded."""
    with store.write() as conn:
        plan(conn, 2)
        first, second = ledger.find(conn, "m", Stream.INPUTS, _all())
        assert ledger.skip(conn, first.id, now=NOW, reason="paused")
        assert not ledger.skip(conn, first.id, now=NOW, reason="paused")
        assert ledger.supersede(conn, first.id, second.id)
        assert not ledger.supersede(conn, first.id, second.id)
        assert [window.id for window in ledger.find(conn, "m", Stream.INPUTS, _all())] == [second.id]


@settings(max_examples=15, deadline=timedelta(seconds=10))
@given(order=st.permutations(range(6)))
def test_any_order_of_finishing_folds_in_order(order: list[int], template_store: Store) -> None:
    """Whatever finishes when, what is folded is 0, 1, 2, … without a hole."""
    with template_store.write() as conn:
        conn.exec_driver_sql("DELETE FROM ledger")
        plan(conn, 6)
        windows = [claim(conn) for _ in range(6)]
        folded = []
        for index in order:
            window = windows[index]
            ledger.finish(conn, window.id, window.fence, now=NOW, state=WindowState.DONE)
            while ready := fold_order.to_fold(conn, "m", Stream.INPUTS):
                fold_order.mark_folded(conn, ready[0].id, NOW)
                folded.append(ready[0].id)
        assert folded == [window.id for window in windows]


def _all() -> Span:
    return Span(start=T0, end=T0 + 1000 * DAY)
