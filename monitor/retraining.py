"""Is retraining asked for after this window? Gathers the facts, records the decision, queues the request.

Runs in the fold's transaction: the decision, its gates and the request in the outbox stand or fall together.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting.notification import Action, Notification
from alerting.retraining import Mode, Outcome, RetrainingDecision, RetrainingFacts, decide
from monitor.logs import logger
from monitor.runtime import Runtime, Watched
from storage import (
    fold_order,
    incidents,
    label_windows,
    measurements,
    outbox,
    profiles,
    retraining,
    silences,
)
from storage.ledger import DueWindow, Stream
from storage.measurements import ColumnStatus
from storage.restored import restored_at
from storage.retraining import RetrainingState

DEADLINE = timedelta(hours=2)  # a trigger that could not be sent by then is stale: it expires


def decide_retraining(
    runtime: Runtime,
    watched: Watched,
    conn: Connection,
    window: DueWindow,
    *,
    past: bool = False,
    lineage: Mapping[str, object] | None = None,
) -> RetrainingDecision | None:
    """Decide while anything is open; None when the model is well or retraining is off.

    `past`: the window was folded long after its end, as after a downtime. `lineage`: what it came of.
    """
    policy, now = watched.retraining, runtime.clock.now()
    open_now = incidents.open_incidents(conn, watched.name)
    if policy.mode is Mode.OFF or not open_now:
        return None
    reference = profiles.active(conn, watched.name)
    flying = _in_flight(conn, watched, now)
    previous = retraining.previous(conn, watched.name)
    decision = decide(
        policy,
        RetrainingFacts(
            model=watched.name,
            incidents=open_now,
            # Days lie between what inputs and labels say of one window: each stream counts its own.
            windows=retraining.judged_windows(conn, watched.name, policy.within, window.stream),
            targets=frozenset(runtime.channels),
            silenced=frozenset(silences.covering(conn, now, watched.name)),
            past=past,
            restored_at=restored_at(conn),
            schema_changed=_schema_changed(conn, window),
            in_flight=flying.id if flying else "",
            previous=previous[0] if previous else "",
            previous_at=previous[1] if previous else None,
            reference_version=reference.version if reference else 0,
            reference_digest=reference.digest if reference else "",
            config_digest=watched.digest,
            lineage=lineage or {},
        ),
        now,
    )
    request = _request(decision, watched, runtime)
    retraining.save_decision(
        conn,
        watched.name,
        decision,
        now=now,
        ledger_id=window.id,
        deadline=request.deadline if request else None,
        notification_key=request.key if request else None,
    )
    if request is not None:
        outbox.enqueue(conn, [request], now)
    logger().info(
        "retraining.decided",
        model=watched.name,
        outcome=decision.outcome,
        refused_by=",".join(decision.refused_by) or None,
    )
    return decision


def _in_flight(conn: Connection, watched: Watched, now: datetime) -> retraining.Retraining | None:
    """The request that has not ended; one that nobody answered within the limit ends as expired."""
    flying = retraining.in_flight(conn, watched.name)
    if flying is None or now < flying.requested + watched.config.retraining.in_flight_limit:
        return flying
    reason = "no answer within in_flight_limit"
    retraining.set_state(conn, flying.id, RetrainingState.EXPIRED, now, reason)
    return None


def told(decision: RetrainingDecision) -> dict[str, object]:
    """The decision as a message's facts."""
    return {
        "outcome": decision.outcome.value,
        "mode": decision.mode.value,
        "target": decision.target,
        "request_id": decision.request_id,
        "gates": [{"name": gate.name, "passed": gate.passed, "why": gate.why} for gate in decision.gates],
        "request": dict(decision.request),
    }


def _request(decision: RetrainingDecision, watched: Watched, runtime: Runtime) -> Notification | None:
    if decision.outcome is not Outcome.REQUESTED:
        return None
    now = runtime.clock.now()
    return Notification(
        key=decision.request_id,
        channel=decision.target,
        lane=f"{decision.target}&retraining={watched.name}",
        action=Action.REQUEST,
        reason="retraining",
        facts={"model": watched.name, "kind": "retraining", "retraining": told(decision)},
        created=now,
        deadline=now + DEADLINE,
    )


def _schema_changed(conn: Connection, window: DueWindow) -> bool:
    """Labels know nothing of columns: the latest folded window of the inputs does."""
    unfit = (ColumnStatus.ABSENT, ColumnStatus.RETYPED)
    latest: DueWindow | None = window
    if window.stream is Stream.LABELS:
        span = fold_order.folded_span(conn, window.model, Stream.INPUTS)
        latest = None if span is None else label_windows.inputs_of(conn, window.model, span)
    return latest is not None and any(r.status in unfit for r in measurements.load(conn, latest.id))
