"""Was retraining asked for, on what grounds, and what came of it?

Every decision is kept with all its gates, refusals too. At most one request a model is in flight: a partial
unique index refuses the second, whatever the code thinks. What happens to a request is an event of its own,
written in the same transaction; events are append-only (triggers refuse the rest).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, literal, or_, select, update

from alerting.call_back import RetrainingState
from alerting.courier import OutboxState
from alerting.improvement import Answer
from alerting.retraining import Outcome, RetrainingDecision
from storage.tables import retraining, retraining_decision, retraining_event

LEEWAY = "leeway"  # the actor of what nobody but the daemon did
_DELIVERED = {OutboxState.SENT: RetrainingState.SENT, OutboxState.DEAD: RetrainingState.EXPIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """One request that waits for a person, or went, or is about to go, to a target."""

    id: str
    model: str
    ask: str
    target: str
    mode: str
    state: RetrainingState
    notification_key: str | None  # its outbox row; None: none (yet)
    requested: datetime
    deadline: datetime  # no yes, or not sent, by then: expired
    updated: datetime
    sent: datetime | None
    ended: datetime | None
    detail: str
    model_version: str  # of the new model; "" not said
    reference_version: int | None  # put in force after it; None: none (yet)
    answer: Answer
    answer_by: datetime | None
    answered: datetime | None
    facts: Mapping[str, object]  # the request as it goes out


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingEvent:
    """One thing that happened to a request."""

    retraining_id: str
    seq: int
    at: datetime
    kind: str
    actor: str
    payload: Mapping[str, object] = field(default_factory=dict)


def save_decision(
    conn: Connection,
    model: str,
    decision: RetrainingDecision,
    *,
    now: datetime,
    ledger_id: int | None = None,
    deadline: datetime | None = None,
    notification_key: str | None = None,
) -> None:
    """Keep a decision, and the request where there is one. IntegrityError: another one is in flight."""
    state = {
        Outcome.REQUESTED: RetrainingState.REQUESTED,
        Outcome.PROPOSED: RetrainingState.PROPOSED,
    }.get(decision.outcome)
    approved = decision.outcome is Outcome.APPROVED  # of a request that is there already
    if state is not None:
        conn.execute(
            insert(retraining).values(
                id=decision.request_id,
                model=model,
                ask=decision.ask,
                target=decision.target,
                mode=decision.mode,
                state=state,
                in_flight=True,
                notification_key=notification_key,
                requested=now,
                deadline=deadline or now,
                updated=now,
                facts=decision.request,
            )
        )
        add_event(conn, decision.request_id, state, now)
    conn.execute(
        insert(retraining_decision).values(
            model=model,
            ledger_id=ledger_id,
            at=now,
            mode=decision.mode,
            outcome=decision.outcome,
            target=decision.target,
            request_id=decision.request_id,
            gates=[{"name": g.name, "passed": g.passed, "why": g.why} for g in decision.gates],
            request=decision.request,
            retraining_id=None if state is None and not approved else decision.request_id,
        )
    )


def set_state(
    conn: Connection,
    retraining_id: str,
    state: RetrainingState,
    now: datetime,
    detail: str = "",
    *,
    actor: str = LEEWAY,
    model_version: str = "",
    answer_by: datetime | None = None,
    payload: Mapping[str, object] | None = None,
) -> bool:
    """Move a request that has not ended; False: it is over, or not known.

    `answer_by`: of a success, when it must have helped.
    """
    statement = update(retraining).where(retraining.c.id == retraining_id, retraining.c.in_flight)
    values: dict[str, object] = {"state": state, "in_flight": state.in_flight, "updated": now}
    values["detail"] = detail
    if not state.in_flight:
        values["ended"] = now
    if state is RetrainingState.SENT:
        values["sent"] = now
    elif state is RetrainingState.RUNNING:  # whoever says so has it, also where the note of delivery is lost
        values["sent"] = func.coalesce(retraining.c.sent, literal(now, retraining.c.sent.type))
    if model_version:
        values["model_version"] = model_version
    if answer_by is not None:
        values |= {"answer": Answer.WAITING, "answer_by": answer_by}
    if conn.execute(statement.values(**values)).rowcount != 1:
        return False
    facts = {name: text for name, text in (("detail", detail), ("model_version", model_version)) if text}
    add_event(conn, retraining_id, state, now, actor=actor, payload={**facts, **(payload or {})})
    return True


def approve(
    conn: Connection,
    retraining_id: str,
    now: datetime,
    *,
    by: str,
    notification_key: str,
    deadline: datetime,
) -> bool:
    """A person says yes; False: it waits for nobody's yes any more."""
    statement = update(retraining).where(
        retraining.c.id == retraining_id, retraining.c.state == RetrainingState.PROPOSED
    )
    values = {
        "state": RetrainingState.REQUESTED,
        "notification_key": notification_key,
        "deadline": deadline,
        "updated": now,
    }
    if conn.execute(statement.values(**values)).rowcount != 1:
        return False
    add_event(conn, retraining_id, RetrainingState.REQUESTED, now, actor=by, payload={"approved_by": by})
    return True


def delivered(conn: Connection, notification_key: str, outcome: OutboxState, now: datetime, why: str) -> None:
    """The outbox row of a request has ended. A report that overtook this note has the last word."""
    found = by_notification(conn, notification_key)
    if found is None or not found.state.in_flight:
        return
    state = _DELIVERED.get(outcome, RetrainingState.CANCELLED)
    if state is not RetrainingState.SENT:
        if found.state is RetrainingState.REQUESTED:
            set_state(conn, found.id, state, now, why)
        return
    if found.state is RetrainingState.REQUESTED:
        set_state(conn, found.id, state, now, why)
    elif found.sent is None:
        conn.execute(update(retraining).where(retraining.c.id == found.id).values(sent=now))


def undecided(conn: Connection, notification_key: str, now: datetime, why: str, outbox_id: int) -> None:
    """The target may have the request: a person must ask there."""
    found = by_notification(conn, notification_key)
    if found is not None and found.state is RetrainingState.REQUESTED:
        add_event(conn, found.id, "uncertain", now, payload={"detail": why, "outbox_id": outbox_id})


def set_reference(conn: Connection, retraining_id: str, version: int, now: datetime) -> None:
    """This reference was put in force because the request succeeded."""
    statement = update(retraining).where(retraining.c.id == retraining_id)
    conn.execute(statement.values(reference_version=version))
    add_event(conn, retraining_id, "reference_promoted", now, payload={"reference_version": version})


def set_answer(
    conn: Connection, retraining_id: str, answer: Answer, now: datetime, payload: Mapping[str, object]
) -> bool:
    """Whether it helped, said once; False: it was said before."""
    statement = update(retraining).where(
        retraining.c.id == retraining_id, retraining.c.answer == Answer.WAITING
    )
    if conn.execute(statement.values(answer=answer, answered=now)).rowcount != 1:
        return False
    add_event(conn, retraining_id, answer, now, payload=payload)
    return True


def add_event(
    conn: Connection,
    retraining_id: str,
    kind: str,
    now: datetime,
    *,
    actor: str = LEEWAY,
    payload: Mapping[str, object] | None = None,
) -> None:
    """Append one. ValueError without an actor: a change by nobody is not audited."""
    if not actor:
        raise ValueError(f"retraining {retraining_id}: {kind} needs an actor")
    last = select(func.max(retraining_event.c.seq)).where(retraining_event.c.retraining_id == retraining_id)
    conn.execute(
        insert(retraining_event).values(
            retraining_id=retraining_id,
            seq=(conn.execute(last).scalar() or 0) + 1,
            at=now,
            kind=kind,
            actor=actor,
            payload=payload or {},
        )
    )


def events(conn: Connection, retraining_id: str) -> list[RetrainingEvent]:
    """All that happened to it, in order."""
    statement = select(retraining_event).where(retraining_event.c.retraining_id == retraining_id)
    rows = conn.execute(statement.order_by(retraining_event.c.seq))
    return [RetrainingEvent(**row._mapping) for row in rows]


def events_since(
    conn: Connection, since: datetime, model: str | None = None
) -> list[tuple[str, RetrainingEvent]]:
    """(model, event) of all requests, in the order of their times; `model`: of this one alone."""
    statement = (
        select(retraining_event, retraining.c.model)
        .join(retraining, retraining.c.id == retraining_event.c.retraining_id)
        .where(retraining_event.c.at >= since, *([] if model is None else [retraining.c.model == model]))
        .order_by(retraining_event.c.at, retraining_event.c.retraining_id, retraining_event.c.seq)
    )
    names = ("retraining_id", "seq", "at", "kind", "actor", "payload")
    return [
        (row.model, RetrainingEvent(**{name: row._mapping[name] for name in names}))
        for row in conn.execute(statement)
    ]


def is_requested(conn: Connection, notification_key: str) -> bool:
    """Whether the request behind an outbox row is still to be sent; rows without a record are."""
    found = by_notification(conn, notification_key)
    return found is None or found.state is RetrainingState.REQUESTED


def models_waiting(conn: Connection) -> set[str]:
    """The models with a request in flight, or with one of which it is still to be said whether it helped."""
    statement = select(retraining.c.model).where(
        or_(retraining.c.in_flight, retraining.c.answer == Answer.WAITING)
    )
    return set(conn.execute(statement).scalars())


def in_flight(conn: Connection, model: str) -> Retraining | None:
    row = conn.execute(select(retraining).where(retraining.c.model == model, retraining.c.in_flight)).first()
    return None if row is None else _retraining(row)


def waiting_for_answer(conn: Connection, model: str) -> list[Retraining]:
    """Those that succeeded, and of which it is not said yet whether they helped."""
    statement = select(retraining).where(retraining.c.model == model, retraining.c.answer == Answer.WAITING)
    return [_retraining(row) for row in conn.execute(statement.order_by(retraining.c.requested))]


def get(conn: Connection, retraining_id: str) -> Retraining | None:
    row = conn.execute(select(retraining).where(retraining.c.id == retraining_id)).first()
    return None if row is None else _retraining(row)


def by_notification(conn: Connection, notification_key: str) -> Retraining | None:
    statement = select(retraining).where(retraining.c.notification_key == notification_key)
    row = conn.execute(statement).first()
    return None if row is None else _retraining(row)


def find(conn: Connection, prefix: str) -> list[Retraining]:
    """Those whose id begins so, the latest first."""
    statement = select(retraining).where(retraining.c.id.startswith(prefix, autoescape=True))
    return [_retraining(row) for row in conn.execute(statement.order_by(retraining.c.requested.desc()))]


def of_model(conn: Connection, model: str) -> list[Retraining]:
    """Every request of a model, oldest first."""
    statement = select(retraining).where(retraining.c.model == model)
    return [_retraining(row) for row in conn.execute(statement.order_by(retraining.c.requested))]


def _retraining(row: Row[Any]) -> Retraining:
    values = {name: row._mapping[name] for name in Retraining.__dataclass_fields__}
    return Retraining(
        **values | {"state": RetrainingState(values["state"]), "answer": Answer(values["answer"])}
    )
