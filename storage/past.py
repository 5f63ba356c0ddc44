"""What is needed to judge history again as it was judged: which windows, in which order, on what?

Verdicts and incidents follow from stored results alone, but for what happened between the windows: another
reference was promoted, or the model left the config.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, or_, select

from alerting.incident import Incident, ResolveReason
from storage import incidents
from storage.dialect import json_member
from storage.due_window import IS_OF_FOLDED_KIND, DueWindow, Stream, WindowState, window_of
from storage.tables import (
    checkpoint,
    column_result,
    daemon_event,
    incident,
    incident_event,
    ledger,
    noise_model,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWindow:
    """One folded window and the noise model it was judged with."""

    window: DueWindow
    noise_id: int | None  # 0: there was none, the model was learning; None: nothing was judged yet
    noise_spec: str  # the window spec that it was learnt for; empty: no noise model


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A reference came into force. One that only moved on ended no incident."""

    at: datetime
    version: int
    moved: bool
    replaced: bool  # another one, which had been in force


def rules_changed_at(conn: Connection, model: str) -> datetime | None:
    """When other rules came into force than those before; None: they never changed."""
    statement = select(daemon_event.c.at).where(
        daemon_event.c.kind == "rules.in_force", daemon_event.c.model == model
    )
    seen: list[datetime] = list(conn.execute(statement.order_by(daemon_event.c.id)).scalars())
    return seen[-1] if len(seen) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """A person closed the open incident of a series."""

    at: datetime
    fingerprint: str


def folded_windows(conn: Connection, model: str) -> list[PastWindow]:
    """Every window that has verdicts, both streams, in the order they were folded in.

    Each stream is folded by the start of its windows, whatever the clock said: set back, it stands still.
    """
    mine = (
        ledger.c.model == model,
        ledger.c.folded_at.is_not(None),
        ledger.c.superseded_by.is_(None),
        IS_OF_FOLDED_KIND,
    )
    noise = json_member(conn, checkpoint.c.judge_state, "noise")
    used = select(checkpoint.c.ledger_id, noise).join(ledger, ledger.c.id == checkpoint.c.ledger_id)
    found = conn.execute(used.where(*mine))
    noises = {row[0]: None if row[1] is None else int(row[1]) for row in found}
    specs = {
        row.id: row.window_spec for row in conn.execute(select(noise_model.c.id, noise_model.c.window_spec))
    }
    # A checkpoint may outlive the results it was made of (storage/retention.py).
    has_results = select(column_result.c.id).where(column_result.c.ledger_id == ledger.c.id).exists()
    statement = select(ledger).where(*mine, or_(ledger.c.state != WindowState.DONE, has_results))
    rows = _in_turn([window_of(row) for row in conn.execute(statement)])
    return [
        PastWindow(window=row, noise_id=noises[row.id], noise_spec=specs.get(noises[row.id], ""))
        for row in rows
        if row.id in noises
    ]


def _in_turn(windows: Sequence[DueWindow]) -> list[DueWindow]:
    turns: dict[tuple[str, datetime], datetime] = {}  # by stream and start
    found: list[tuple[datetime, datetime, int, str, DueWindow]] = []
    for stream in Stream:  # what labels say is folded after the inputs of the same rows
        latest = datetime.min.replace(tzinfo=UTC)
        mine = [each for each in windows if each.stream is stream]
        for window in sorted(mine, key=lambda each: (each.span.start, each.revision)):
            start = window.span.start
            latest = max(latest, window.folded_at or latest, turns.get((Stream.INPUTS, start), latest))
            turns[stream, start] = latest
            found.append((latest, start, window.revision, stream, window))
    return [turn[-1] for turn in sorted(found, key=lambda turn: turn[:4])]


def promotions(conn: Connection, model: str) -> list[Promotion]:
    """Oldest first."""
    statement = select(daemon_event.c.at, daemon_event.c.facts).where(
        daemon_event.c.kind == "reference.promoted", daemon_event.c.model == model
    )
    return [
        Promotion(
            at=row.at,
            version=row.facts["version"],
            moved=bool(row.facts.get("moved")),
            replaced=row.facts.get("replaces") is not None,
        )
        for row in conn.execute(statement.order_by(daemon_event.c.id))
    ]


def removals(conn: Connection, model: str) -> list[datetime]:
    """When the model was found to have left the config, or to be paused, with incidents open."""
    statement = (
        select(incident_event.c.at)
        .join(incident, incident.c.id == incident_event.c.incident_id)
        .where(
            incident.c.model == model,
            incident_event.c.kind == "resolved",
            json_member(conn, incident_event.c.payload, "reason").in_(
                (ResolveReason.REMOVED.value, ResolveReason.PAUSED.value)
            ),
        )
    )
    return sorted(set(conn.execute(statement).scalars()))


def closed_at(conn: Connection, model: str) -> datetime | None:
    """When all of a model's incidents were last ended at once: another reference, or it left the config."""
    ends = [each.at for each in promotions(conn, model) if each.replaced and not each.moved]
    ends += removals(conn, model)
    return max(ends, default=None)


def by_hand(conn: Connection, model: str, since: datetime) -> list[ByHand]:
    """What a person resolved since then, oldest first."""
    statement = (
        select(incident_event.c.at, incident.c.fingerprint)
        .join(incident, incident.c.id == incident_event.c.incident_id)
        .where(
            incident.c.model == model,
            incident_event.c.kind == "resolved",
            incident_event.c.at >= since,
            json_member(conn, incident_event.c.payload, "reason") == ResolveReason.MANUAL.value,
        )
        .order_by(incident_event.c.at)
    )
    return [ByHand(at=row.at, fingerprint=row.fingerprint) for row in conn.execute(statement)]


def opened_within(conn: Connection, model: str, since: datetime, until: datetime) -> list[Incident]:
    """Incidents whose opening window starts in [since, until), oldest first."""
    statement = select(incident.c.id).where(
        incident.c.model == model, incident.c.opened >= since, incident.c.opened < until
    )
    return incidents.by_ids(conn, list(conn.execute(statement).scalars()))
