"""What does a report on a request change? The trainer brings it over HTTP, or a person by command."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from alerting import failpoint
from alerting.call_back import Heard, Report, RetrainingState, hear
from alerting.retraining_facts import RetrainingPolicy
from monitor.config import Config
from monitor.logs import logger
from monitor.retraining_policy import policy_of
from monitor.tending import note_breaker
from storage import retraining, retraining_past
from storage.retraining import Retraining


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is said to whoever reported."""

    heard: Heard
    request: Retraining  # as it stands now

    @property
    def says(self) -> str:
        """In one sentence."""
        standing = self.request.state.value
        match self.heard:
            case Heard.TAKEN:
                return f"taken: it is {standing}"
            case Heard.AGAIN:
                return f"was said before: it is {standing}"
            case Heard.OUT_OF_ORDER:
                version = f" with {self.request.model_version}" if self.request.model_version else ""
                return f"not taken: it has {standing} already{version}"
            case Heard.OVER:
                return f"not taken: it is {standing}; {self.request.detail or 'nobody waits for it'}"
            case Heard.NOT_ASKED:
                return "not taken: it waits for a person to approve it and was not sent"

    def to_json(self) -> Mapping[str, object]:
        return {
            "id": self.request.id,
            "model": self.request.model,
            "state": self.request.state.value,
            "heard": self.heard.value,
            "detail": self.says,
        }


def report(
    conn: Connection, config: Config, retraining_id: str, said: Report, now: datetime, *, by: str
) -> Reply | None:
    """Take it, or say why not; None: no such request. What comes too late is kept as an event."""
    found = retraining.get(conn, retraining_id)
    if found is None:
        return None
    heard = hear(found.state, found.model_version, said)
    if heard is Heard.TAKEN:
        _take(conn, config, found, said, now, by=by)
    elif heard in (Heard.OUT_OF_ORDER, Heard.OVER):
        payload = {"state": said.state.value, "model_version": said.model_version, "detail": said.detail}
        if not _was_kept(conn, found.id, payload):  # who repeats itself fills no disk
            retraining.add_event(conn, found.id, "late_report", now, actor=by, payload=payload)
    failpoint.hit("before_report_commit")
    after = retraining.get(conn, retraining_id) or found
    level = logger().info if heard in (Heard.TAKEN, Heard.AGAIN) else logger().warning
    level("retraining.reported", model=found.model, request=found.id, state=said.state, heard=heard, by=by)
    return Reply(heard=heard, request=after)


def _take(
    conn: Connection, config: Config, found: Retraining, said: Report, now: datetime, *, by: str
) -> None:
    settings = config.models.get(found.model)
    policy = policy_of(settings.retraining) if settings is not None else RetrainingPolicy()
    done = said.state is RetrainingState.SUCCEEDED
    before = retraining_past.breaker_of(conn, found.model)
    retraining.set_state(
        conn,
        found.id,
        said.state,
        now,
        said.detail,
        actor=by,
        model_version=said.model_version,
        answer_by=now + policy.improve_within if done else None,
        payload=_next(config, found.model) if done else None,
    )
    note_breaker(conn, found, before, now)


def _next(config: Config, model: str) -> Mapping[str, object]:
    """Who builds the new model's reference."""
    settings = config.models.get(model)
    return {"reference": settings.retraining.reference if settings is not None else "hand"}


def _was_kept(conn: Connection, retraining_id: str, payload: Mapping[str, object]) -> bool:
    """Whether as much was said before, in whatever words: a trainer that goes on may say of each epoch that
    it runs, and each event that is kept is a post."""

    def says(said: Mapping[str, object]) -> tuple[object, object]:
        return said.get("state"), said.get("model_version")

    late = [each for each in retraining.events(conn, retraining_id) if each.kind == "late_report"]
    return any(says(each.payload) == says(payload) for each in late)
