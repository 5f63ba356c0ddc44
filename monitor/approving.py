"""A person says yes or no to a proposal: what has to hold, and what is done?

The gates are evaluated anew: what was true when it was proposed need not be true any more. Each try is
recorded as a decision with all its gates, also when it is refused.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from alerting.call_back import RetrainingState
from alerting.gates import Gate, gates
from alerting.retraining import Outcome, RetrainingDecision
from alerting.retraining_facts import Ask, Mode, RetrainingFacts, RetrainingPolicy
from monitor.config import Config
from monitor.exits import CommandError
from monitor.gathering import gather
from monitor.retraining import plain, request_of
from monitor.retraining_policy import policy_of
from monitor.tending import expire
from storage import audit, outbox, retraining, retraining_past
from storage.due_window import Stream
from storage.retraining import Retraining


def approve(
    conn: Connection, config: Config, retraining_id: str, now: datetime, *, by: str
) -> tuple[Retraining, Sequence[Gate]]:
    """Send it after all; the request and the gates it passed. The transaction must be committed also where
    gates are shut: `state` is then still proposed."""
    request = _proposal(conn, config, retraining_id, now)
    policy = policy_of(config.models[request.model].retraining)
    looked_at = look(conn, config, request, now)
    passed = all(gate.passed for gate in looked_at)
    decision = RetrainingDecision(
        outcome=Outcome.APPROVED if passed else Outcome.REFUSED,
        mode=policy.mode,
        ask=Ask(request.ask),
        target=request.target,
        request_id=request.id,
        gates=tuple(looked_at),
        request=request.facts if passed else {},
    )
    retraining.save_decision(conn, request.model, decision, now=now)
    if not passed:
        audit.add(conn, "retraining.not_approved", request.id, actor=by, now=now, facts=_shut(looked_at))
        return request, looked_at
    facts = {
        "outcome": Outcome.REQUESTED.value,
        "mode": request.mode,
        "ask": request.ask,
        "target": request.target,
        "request_id": request.id,
        "approved_by": by,
        "gates": plain(looked_at),
        "request": dict(request.facts),
    }
    message = request_of(request.model, request.target, request.id, facts, now)
    retraining.approve(conn, request.id, now, by=by, notification_key=message.key, deadline=message.deadline)
    outbox.enqueue(conn, [message], now)
    audit.add(conn, "retraining.approved", request.id, actor=by, now=now, facts={"model": request.model})
    return retraining.get(conn, request.id) or request, looked_at


def reject(
    conn: Connection, config: Config, retraining_id: str, now: datetime, *, by: str, reason: str
) -> Retraining:
    """It is not sent; the cool-down goes on as if it had been."""
    if not reason.strip():
        raise CommandError(f"retraining {retraining_id}: to reject it needs a reason (--reason)")
    request = _proposal(conn, config, retraining_id, now)
    said = reason.strip()
    retraining.set_state(conn, request.id, RetrainingState.REJECTED, now, said, actor=by)
    facts = {"model": request.model, "reason": said}
    audit.add(conn, "retraining.rejected", request.id, actor=by, now=now, facts=facts)
    return retraining.get(conn, request.id) or request


def look(conn: Connection, config: Config, request: Retraining, now: datetime) -> Sequence[Gate]:
    """The gates of a proposal as they stand now. Its own target and its own stream of windows count."""
    policy = policy_of(config.models[request.model].retraining)
    facts = gather(conn, config, request.model, policy, now, stream=_stream(conn, request), but=request.id)
    return [*gates(replace(policy, target=request.target), facts, now), _alive(request, policy, facts)]


def _alive(request: Retraining, policy: RetrainingPolicy, facts: RetrainingFacts) -> Gate:
    """What was proposed is still what is asked: one of its incidents is still open, by the same mode."""
    cause = request.facts.get("incidents")
    about = set(map(str, cause)) if isinstance(cause, list) else set()
    still = [incident for incident in facts.incidents if incident.is_open and incident.id in about]
    right = policy.mode in (Mode.APPROVE, Mode.AUTO)
    why = f"{len(still)} of the {len(about)} incidents it is about are open, mode is {policy.mode}"
    return Gate(name="still_asked", passed=bool(still) and right, why=why)


def _proposal(conn: Connection, config: Config, retraining_id: str, now: datetime) -> Retraining:
    """The proposal by its id, if it still waits."""
    request = the_one(conn, retraining_id)
    if request.model not in config.models:
        raise CommandError(f"retraining {request.id}: its model {request.model} is not in the config")
    expire(conn, request.model, policy_of(config.models[request.model].retraining), now)
    request = retraining.get(conn, request.id) or request
    if request.state is not RetrainingState.PROPOSED:
        raise CommandError(f"retraining {request.id}: waits for nobody, it is {request.state}")
    return request


def the_one(conn: Connection, prefix: str) -> Retraining:
    """The request whose id begins so."""
    found = retraining.find(conn, prefix) if prefix else []
    if not found:
        raise CommandError(f"retraining {prefix!r}: not known; see `leeway retraining list`")
    if len(found) > 1:
        ids = ", ".join(each.id[:12] for each in found[:5])
        raise CommandError(f"retraining {prefix!r}: fits {len(found)} requests ({ids}); type more of it")
    return found[0]


def _stream(conn: Connection, request: Retraining) -> Stream:
    return retraining_past.stream_of(conn, request.id)


def _shut(looked_at: Sequence[Gate]) -> dict[str, object]:
    return {"refused_by": [gate.name for gate in looked_at if not gate.passed]}
