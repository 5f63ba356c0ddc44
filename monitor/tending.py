"""What becomes of a request while time passes? It expires, or it is said whether it helped.

Decided from the database and `now` alone, a model at a time, in one transaction: killed anywhere, the next
look does the same.
"""

from datetime import datetime

from sqlalchemy import Connection

from alerting import failpoint
from alerting.breaker import Breaker
from alerting.call_back import RetrainingState
from alerting.improvement import Answer, Improvement, improvement
from alerting.retraining_facts import JudgedWindow, RetrainingPolicy
from alerting.verdict import IncidentKind
from monitor.logs import logger
from monitor.runtime import Runtime, Watched
from storage import incidents, outbox, profiles, retraining, retraining_past
from storage.due_window import Stream
from storage.retraining import Retraining

_WINDOWS = 50  # since the new model answered: more than any answer needs


def to_tend(runtime: Runtime) -> list[str]:
    """The models with a request under way, or one whose answer is due: any other has nothing to tend."""
    with runtime.store.read() as conn:
        found = retraining.models_waiting(conn)
    return [name for name in runtime.models if name in found]


def tend(runtime: Runtime, watched: Watched) -> None:
    """Let expire what has waited for too long; say of a success whether it helped, once that is known."""
    now, policy = runtime.clock.now(), watched.retraining
    with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
        if not _overdue(conn, watched.name, policy, now) and not _answers(conn, watched, now):
            return
    with runtime.store.write() as conn:
        settle(conn, watched, now)
        failpoint.hit("before_tending_commit")


def settle(conn: Connection, watched: Watched, now: datetime) -> None:
    """What time and windows have decided of earlier requests. Also before a new decision in its transaction:
    which gates are shut must not hang on whether the daemon looked in between."""
    expire(conn, watched.name, watched.retraining, now)
    for request, found in _answers(conn, watched, now):
        _say(conn, request, found, now)


def expire(conn: Connection, model: str, policy: RetrainingPolicy, now: datetime) -> None:
    """End the request in flight where nobody answered in time; what of it waits to be sent is withdrawn."""
    found = _overdue(conn, model, policy, now)
    if found is None:
        return
    flying, why = found
    before = retraining_past.breaker_of(conn, model)
    if flying.notification_key is not None:
        outbox.withdraw(conn, flying.notification_key, now, why)
    retraining.set_state(conn, flying.id, RetrainingState.EXPIRED, now, why)
    logger().warning("retraining.expired", model=model, request=flying.id, reason=why)
    note_breaker(conn, flying, before, now)


def note_breaker(conn: Connection, request: Retraining, before: Breaker, now: datetime) -> None:
    """Say so where the breaker has opened by what just became known of this request."""
    after = retraining_past.breaker_of(conn, request.model)
    if after.is_open and not before.is_open:
        retraining.add_event(conn, request.id, "breaker_opened", now, payload={"detail": after.why})
        logger().error("retraining.breaker_opened", model=request.model, request=request.id, reason=after.why)


def _overdue(
    conn: Connection, model: str, policy: RetrainingPolicy, now: datetime
) -> tuple[Retraining, str] | None:
    """The request in flight that has waited for too long, and why that is too long."""
    flying = retraining.in_flight(conn, model)
    if flying is None:
        return None
    if flying.state is RetrainingState.PROPOSED:
        late = now >= flying.deadline
        return (flying, "nobody approved it within approve_within") if late else None
    # Until it is sent: from when it was asked for, which is the yes of whoever approved it.
    late = now >= (flying.sent or flying.updated) + policy.in_flight_limit
    return (flying, "no answer within in_flight_limit") if late else None


def _answers(conn: Connection, watched: Watched, now: datetime) -> list[tuple[Retraining, Improvement]]:
    found = [(each, _improvement(conn, watched, each, now)) for each in _waiting(conn, watched)]
    return [(each, said) for each, said in found if said.answer is not Answer.WAITING]


def _waiting(conn: Connection, watched: Watched) -> list[Retraining]:
    return retraining.waiting_for_answer(conn, watched.name)


def _improvement(conn: Connection, watched: Watched, request: Retraining, now: datetime) -> Improvement:
    since, policy = _since(conn, watched, request), watched.retraining
    cause = request.facts.get("incidents")
    about = incidents.by_ids(conn, [str(each) for each in cause] if isinstance(cause, list) else [])

    def windows(stream: Stream) -> list[JudgedWindow]:
        if since is None:
            return []
        return retraining_past.judged_windows(conn, watched.name, _WINDOWS, stream, since)

    return improvement(
        inputs=windows(Stream.INPUTS),
        labels=windows(Stream.LABELS),
        of_performance=any(each.kind is IncidentKind.PERFORMANCE for each in about),
        clear=watched.folding.resolve_after,
        least=policy.min_severity,
        by=request.answer_by or now,
        now=now,
    )


def _since(conn: Connection, watched: Watched, request: Retraining) -> datetime | None:
    """When the new model began to answer on its own reference; None: its version has not answered yet."""
    since = request.ended or request.updated
    active = profiles.active(conn, watched.name)
    if active is not None and active.promoted is not None:
        since = max(since, active.promoted)
    if request.model_version and watched.config.columns.version is not None:
        return retraining_past.first_window_of(conn, watched.name, request.model_version, since)
    return since


def _say(conn: Connection, request: Retraining, found: Improvement, now: datetime) -> None:
    before = retraining_past.breaker_of(conn, request.model)
    said = {"drift": found.drift, "performance": found.performance}
    if not retraining.set_answer(conn, request.id, found.answer, now, said):
        return
    logger().info("retraining.answered", model=request.model, request=request.id, answer=found.answer)
    note_breaker(conn, request, before, now)
