"""Retraining: every decision kept, one request in flight."""

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from alerting.call_back import RetrainingState
from alerting.courier import Mark, OutboxState
from alerting.gates import Gate
from alerting.notification import Action
from alerting.retraining import Outcome, RetrainingDecision
from alerting.retraining_facts import Mode
from alerting.verdict import Severity, VerdictKind
from storage import fold_order, history, ledger, outbox, retraining, retraining_past
from storage.engine import Store
from storage.ledger import Stream
from storage.outbox import SqlOutbox
from tests.storage.samples import DAY, LEASE, T0, days, done, fold, message, result, revised, verdict


def decision(outcome: Outcome = Outcome.REQUESTED, request_id: str = "r1") -> RetrainingDecision:
    return RetrainingDecision(
        outcome=outcome,
        mode=Mode.AUTO,
        target="trainer",
        request_id=request_id,
        gates=(Gate(name="mode", passed=outcome is not Outcome.REFUSED, why="auto"),),
        request={"model": "m"} if outcome is not Outcome.REFUSED else {},
    )


def test_every_decision_is_kept(store: Store) -> None:
    """Refusals with their gates too; only requests and dry runs count as previous."""
    with store.write() as conn:
        retraining.save_decision(conn, "m", decision(Outcome.DRY_RUN, "d1"), now=T0)
        retraining.save_decision(conn, "m", decision(Outcome.REFUSED, "x"), now=T0 + DAY)
        rows = history.retraining_decisions(conn, "m")
        assert [(row["outcome"], row["gates"][0]["passed"]) for row in rows] == [
            ("dry_run", True),
            ("refused", False),
        ]
        assert retraining_past.previous(conn, "m") == ("d1", T0)
        assert retraining_past.previous(conn, "other") is None
        assert retraining.in_flight(conn, "m") is None


def test_one_request_in_flight(store: Store) -> None:
    """The index refuses the second until the first has ended."""
    with store.write() as conn:
        retraining.save_decision(conn, "m", decision(), now=T0, deadline=T0 + DAY)
    with pytest.raises(IntegrityError), store.write() as conn:
        retraining.save_decision(conn, "m", decision(request_id="r2"), now=T0)
    with store.write() as conn:
        assert retraining.set_state(conn, "r1", RetrainingState.RUNNING, T0)
        assert retraining.set_state(conn, "r1", RetrainingState.SUCCEEDED, T0, "v2")
        assert not retraining.set_state(conn, "r1", RetrainingState.FAILED, T0)
        retraining.save_decision(conn, "m", decision(request_id="r2"), now=T0 + DAY)
        flying = retraining.in_flight(conn, "m")
        assert flying is not None
        assert (flying.id, flying.state) == ("r2", RetrainingState.REQUESTED)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(OutboxState.SENT, RetrainingState.SENT), (OutboxState.DEAD, RetrainingState.EXPIRED)],
)
def test_delivery_moves_the_request(store: Store, outcome: OutboxState, state: RetrainingState) -> None:
    """What became of the outbox row is what became of the request, in the same transaction."""
    with store.write() as conn:
        retraining.save_decision(conn, "m", decision(), now=T0, notification_key="k")
        outbox.enqueue(conn, [message("k", "trainer/m", Action.REQUEST)], T0)
    box = SqlOutbox(store)
    claimed = box.claim(T0, "x", LEASE)
    assert claimed is not None
    assert box.still_wanted(claimed, T0)
    box.mark(claimed, Mark(state=outcome), T0)
    with store.read() as conn:
        found = retraining.get(conn, "r1")
        assert found is not None
        assert found.state == state
        assert not retraining.is_requested(conn, "k")


def test_bad_data_is_no_breach(store: Store) -> None:
    """A series that could not be judged counts as none, whatever its data incident's severity."""
    broken = replace(verdict(kind=VerdictKind.ERROR), severity=Severity.PAGE, immediate=True)
    with store.write() as conn:
        (window,) = done(conn)
        fold(conn, window, broken)
        assert conn.exec_driver_sql("SELECT severity FROM verdict").scalar() == "page"
        assert [each.severity for each in retraining_past.judged_windows(conn, "m", 5)] == [Severity.NONE]


def test_judged_windows(store: Store) -> None:
    """The latest folded windows, oldest first, with their worst severity after the fold."""
    with store.write() as conn:
        first, second, third = done(conn, 3)
        fold(conn, first, verdict(kind=VerdictKind.CLEAR), verdict("a", kind=VerdictKind.CLEAR))
        fold(conn, second, verdict(window=1, kind=VerdictKind.CLEAR), verdict("a", 1))
        judged = retraining_past.judged_windows(conn, "m", 5)
        assert [(each.start, each.rows, each.severity) for each in judged] == [
            (T0, 100, Severity.NONE),
            (T0 + DAY, 100, Severity.PAGE),
        ]
        fold(conn, third)
        assert [each.start for each in retraining_past.judged_windows(conn, "m", 2)] == [
            T0 + DAY,
            T0 + 2 * DAY,
        ]


def test_a_revision_counts_once_it_is_judged(store: Store) -> None:
    """Until then its window is what the earlier row says: none falls out of the last few, none moves up."""
    with store.write() as conn:
        first, second = done(conn, 2)
        fold(conn, first, verdict(kind=VerdictKind.CLEAR))
        fold(conn, second, verdict(window=1))
        before = retraining_past.judged_windows(conn, "m", 1)
        assert [(each.start, each.severity) for each in before] == [(T0 + DAY, Severity.PAGE)]
        later = revised(conn, second)
        assert retraining_past.judged_windows(conn, "m", 1) == before
        fold_order.mark_folded(conn, later.id, T0)
        assert [each.severity for each in retraining_past.judged_windows(conn, "m", 1)] == [Severity.NONE]


def test_a_version_answered_in_a_window_whose_revision_waits(store: Store) -> None:
    """The first window of a new model does not become the second while late rows wait for the fold."""
    answered = replace(result(), version="v2")
    with store.write() as conn:
        for window in done(conn, 2, results=(answered,)):
            fold(conn, window, verdict(window=int((window.span.start - T0) / DAY), kind=VerdictKind.CLEAR))
            first = first_window(conn)
        assert first == T0
        (window,) = ledger.find(conn, "m", Stream.INPUTS, days(1)[0])
        later = revised(conn, window)
        assert first_window(conn) == T0
        fold_order.mark_folded(conn, later.id, T0)
        assert first_window(conn) == T0 + DAY  # the rows of v2 are gone


def first_window(conn: Connection) -> datetime | None:
    return retraining_past.first_window_of(conn, "m", "v2", T0)


def test_each_stream_counts_its_own_windows(store: Store) -> None:
    """Labels speak of windows that ended days ago: among the latest of the inputs they would never count."""
    with store.write() as conn:
        (window,) = done(conn)
        fold(conn, window, verdict())
        assert retraining_past.judged_windows(conn, "m", 5, Stream.LABELS) == []
        conn.exec_driver_sql("UPDATE ledger SET stream = 'labels'")
        assert retraining_past.judged_windows(conn, "m", 5) == []
        assert [each.start for each in retraining_past.judged_windows(conn, "m", 5, Stream.LABELS)] == [T0]


def test_the_news_of_one_model(store: Store) -> None:
    """Asked for a thread, of which there may be hundreds: nothing of other models is read."""
    with store.write() as conn:
        for model in ("m", "n"):
            retraining.save_decision(conn, model, decision(request_id=f"r {model}"), now=T0)
            retraining.save_decision(conn, model, decision(Outcome.DRY_RUN, f"d {model}"), now=T0)
        assert [model for model, _ in retraining.events_since(conn, T0)] == ["m", "n"]
        assert [each.retraining_id for _, each in retraining.events_since(conn, T0, "n")] == ["r n"]
        assert retraining.events_since(conn, T0, "") == []  # the thread of Leeway's own troubles
        assert [each["request_id"] for each in retraining_past.dry_runs_since(conn, T0, "n")] == ["d n"]
        assert retraining_past.rehearsed_since(conn, T0) == {"m", "n"}
        assert retraining_past.rehearsed_since(conn, T0 + DAY) == set()


def test_who_says_that_it_runs_was_asked(store: Store) -> None:
    """Also where the note of delivery never comes; a note that came stands."""
    with store.write() as conn:
        for model, noted in (("m", False), ("n", True)):
            retraining.save_decision(conn, model, decision(request_id=model), now=T0)
            if noted:
                retraining.set_state(conn, model, RetrainingState.SENT, T0)
            retraining.set_state(conn, model, RetrainingState.RUNNING, T0 + DAY)
        sent = [each.sent for name in "mn" if (each := retraining.get(conn, name))]
    assert sent == [T0 + DAY, T0]
