"""Who has switched retraining off or on, for which model, and who has closed its breaker?

Nothing but lines of the audit, the last of which says how it stands: who and why are never missing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from storage import audit

ALL = ""  # every model
PAUSED, RESUMED, CLOSED = "retraining.paused", "retraining.resumed", "retraining.breaker_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Retraining was switched off by a person."""

    model: str  # ALL for every model
    at: datetime
    by: str
    reason: str

    @property
    def why(self) -> str:
        """For a person."""
        whom = self.model or "all models"
        return f"paused for {whom} by {self.by} since {self.at.isoformat()}: {self.reason}"


def pause(conn: Connection, model: str, now: datetime, *, by: str, reason: str) -> None:
    """Ask for nothing until somebody resumes."""
    _add(conn, PAUSED, model, now, by=by, reason=reason)


def resume(conn: Connection, model: str, now: datetime, *, by: str, reason: str) -> bool:
    """False: it was not paused, and nothing is written."""
    if _of(conn, model) is None:
        return False
    _add(conn, RESUMED, model, now, by=by, reason=reason)
    return True


def paused(conn: Connection, model: str) -> Pause | None:
    """The pause that holds for a model: one of all models, or its own. None: none."""
    return _of(conn, ALL) or (_of(conn, model) if model != ALL else None)


def close_breaker(conn: Connection, model: str, now: datetime, *, by: str, reason: str) -> None:
    """What the breaker counted until now counts no more."""
    _add(conn, CLOSED, model, now, by=by, reason=reason)


def breaker_closed_at(conn: Connection, model: str) -> datetime | None:
    """When a person last closed it; None: never."""
    times = [line.at for line in audit.lines(conn, _subject(model)) if line.kind == CLOSED]
    return max(times, default=None)


def _of(conn: Connection, model: str) -> Pause | None:
    lines = [line for line in audit.lines(conn, _subject(model)) if line.kind in (PAUSED, RESUMED)]
    if not lines or lines[-1].kind == RESUMED:
        return None
    last = lines[-1]
    return Pause(model=model, at=last.at, by=last.actor, reason=str(last.facts.get("reason", "")))


def _add(conn: Connection, kind: str, model: str, now: datetime, *, by: str, reason: str) -> None:
    if not reason.strip():
        raise ValueError(f"{kind.replace('.', ' ')}: needs a reason")
    facts = {"model": model, "reason": reason.strip()}
    audit.add(conn, kind, _subject(model), actor=by, now=now, facts=facts)


def _subject(model: str) -> str:
    return f"retraining of {model}" if model else "retraining"
