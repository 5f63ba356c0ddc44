"""Is retraining asked for after this window? Gathers the facts, records the decision, queues the request.

Runs in the fold's transaction: the decision, its gates and the request in the outbox stand or fall together.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting.gates import Gate
from alerting.notification import Action, Notification
from alerting.retraining import Outcome, RetrainingDecision, decide
from alerting.retraining_facts import Mode
from monitor.gathering import gather
from monitor.logs import logger
from monitor.runtime import Runtime, Watched
from monitor.tending import settle
from storage import incidents, outbox, retraining
from storage.ledger import DueWindow

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
    policy, now, model = watched.retraining, runtime.clock.now(), watched.name
    if policy.mode is Mode.OFF or not incidents.open_incidents(conn, model):
        return None
    settle(conn, watched, now)
    facts = gather(
        conn,
        runtime.config,
        model,
        policy,
        now,
        stream=window.stream,
        past=past,
        config_digest=watched.digest,
        lineage=lineage,
    )
    decision = decide(policy, facts, now)
    request, deadline = None, None
    if decision.outcome is Outcome.REQUESTED:
        request = request_of(model, decision.target, decision.request_id, told(decision), now)
        deadline = request.deadline
    elif decision.outcome is Outcome.PROPOSED:
        deadline = now + policy.approve_within
    retraining.save_decision(
        conn,
        model,
        decision,
        now=now,
        ledger_id=window.id,
        deadline=deadline,
        notification_key=request.key if request else None,
    )
    if request is not None:
        outbox.enqueue(conn, [request], now)
    logger().info(
        "retraining.decided",
        model=model,
        outcome=decision.outcome,
        refused_by=",".join(decision.refused_by) or None,
    )
    return decision


def told(decision: RetrainingDecision) -> dict[str, object]:
    """The decision as a message's facts."""
    return {
        "outcome": decision.outcome.value,
        "mode": decision.mode.value,
        "ask": decision.ask.value,
        "target": decision.target,
        "request_id": decision.request_id,
        "gates": plain(decision.gates),
        "request": dict(decision.request),
    }


def plain(gates: Sequence[Gate]) -> list[dict[str, object]]:
    """Gates as JSON."""
    return [{"name": gate.name, "passed": gate.passed, "why": gate.why} for gate in gates]


def request_of(
    model: str, target: str, request_id: str, facts: Mapping[str, object], now: datetime
) -> Notification:
    """The outbox row that asks the target. Its key is the request's id: the webhook-id of every attempt."""
    return Notification(
        key=request_id,
        channel=target,
        lane=f"{target}&retraining={model}",
        action=Action.REQUEST,
        reason="retraining",
        facts={"model": model, "kind": "retraining", "retraining": dict(facts)},
        created=now,
        deadline=now + DEADLINE,
    )
