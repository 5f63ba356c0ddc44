"""What do backfilled windows say? They are judged in their own order, from their own beginning.

A checkpoint carries what is remembered from one to the next; no alert state that anybody is told of changes.
After a gap it begins anew.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from alerting import failpoint
from alerting.alert_state import AlertState
from alerting.health import Folded, fold_window
from monitor.fold_input import stored_window
from monitor.fold_output import worth_keeping
from monitor.runtime import Runtime, Watched
from monitor.stored_window import judge_stored
from storage import checkpoints, fold_order, verdicts
from storage.ledger import DueWindow, Stream, WindowKind, WindowState

_KINDS = (WindowKind.BACKFILL,)


def judge_backfilled(runtime: Runtime, watched: Watched, *, most: int | None = None) -> int:
    """Judge what has ended, in order, or the first `most`; returns how many windows."""
    judged = 0
    while judged != most:
        with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
            if not fold_order.to_fold(conn, watched.name, Stream.INPUTS, kinds=_KINDS):
                return judged
        with runtime.store.write() as conn:
            ready = fold_order.to_fold(conn, watched.name, Stream.INPUTS, kinds=_KINDS)
            if not ready:
                return judged
            _judge(runtime, watched, conn, ready[0])
            failpoint.hit("before_backfill_commit")
        judged += 1
    return judged


def _judge(runtime: Runtime, watched: Watched, conn: Connection, window: DueWindow) -> None:
    now = runtime.clock.now()
    if window.state is not WindowState.SKIPPED:
        before = checkpoints.ended_at(conn, watched.name, Stream.INPUTS, window.span.start, _KINDS)
        states: Mapping[str, AlertState] = before.alert_states if before else {}
        stored = stored_window(runtime, watched, conn, window)
        said, after = judge_stored(watched, stored, before.judge_state if before else None)
        folded = fold_window(states, said, watched.folding)
        nobody = [_without_incident(item) for item in worth_keeping(folded)]
        verdicts.save(conn, window.id, nobody)
        checkpoints.keep(conn, window.id, after, folded.states.values())
    fold_order.mark_folded(conn, window.id, now)


def _without_incident(item: Folded) -> Folded:
    return Folded(verdict=item.verdict, severity=item.severity, incident_id="")
