"""What happened, as records for the command line, the API and the pages?

Every record is a dict whose keys stand in the order of the view it comes from (docs/history-schema.md); times
are ISO-8601 UTC text. Nothing here writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, Select, TableClause, select, union

from alerting.call_back import RetrainingState
from alerting.silence import Silence
from alerting.verdict import Severity
from storage import encoding, incidents, incidents_then, retraining
from storage import verdicts as verdict_rows
from storage.due_window import Stream
from storage.tables import attempt, channel_state, daemon_event, ledger, outbox
from storage.tables.views import (
    v_incidents,
    v_notifications,
    v_past_verdicts,
    v_retraining,
    v_retraining_decisions,
    v_silences,
    v_verdicts,
    v_windows,
)
from storage.unfolded import unfolded

Record = dict[str, Any]
_NAMED_AT_MOST = 20_000  # windows; two years of hours
_NAMED_AT_ONCE = 1_000
_PLACE = itemgetter("window_start", "model", "revision", "segment", "column_name", "version")
_SAID = tuple(each.name for each in v_verdicts.c)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which part of history. None: no limit. What a view has no column for does not limit it."""

    model: str | None = None
    column: str | None = None
    metric: str | None = None
    segment: str | None = None
    stream: str | None = None
    severity: Severity | None = None  # at least this
    since: datetime | None = None  # windows that start (incidents that opened) at or after
    until: datetime | None = None  # … before
    last: int | None = None  # the latest windows (incidents, notifications), counted before other filters
    revisions: bool = False  # also what later revisions of the same window replaced
    as_of: datetime | None = None  # what was known then; None: what is known now


def windows(conn: Connection, chosen: Filter | None = None) -> list[Record]:
    chosen = chosen or Filter()
    view = v_windows
    statement = select(view).where(view.c.window_id.in_(_window_ids(chosen)))
    records = _records(conn, statement.order_by(view.c.window_start, view.c.model, view.c.window_id))
    if chosen.as_of is not None:
        for record in records:
            _forget_later(record, encoding.iso(chosen.as_of))
    return records


def measurements(conn: Connection, chosen: Filter | None = None) -> list[Record]:
    """Every metric of every column; NULL values carry a status that says why."""
    chosen = chosen or Filter()
    windows = _named(conn, _window_ids(chosen))
    records = unfolded(conn, windows, column=chosen.column, segment=chosen.segment, metric=chosen.metric)
    # The last: __volume__ measures what every column has, rows.
    records.sort(key=lambda record: (*_PLACE(record), record["metric"], record["n_reference"] or 0))
    return records


def verdicts(conn: Connection, chosen: Filter | None = None) -> list[Record]:
    """One record a window, segment and column; `rules` is an object."""
    chosen = chosen or Filter()
    said = [
        (
            view,
            _at_least(_about(select(*(view.c[name] for name in _SAID)), view, chosen), view, chosen.severity),
        )
        for view in (v_verdicts, v_past_verdicts)
    ]
    if chosen.as_of is None:
        said = said[:1]
    else:
        then = encoding.iso(chosen.as_of)
        said[0] = v_verdicts, said[0][1].where(v_verdicts.c.known_from <= then)
        said[1] = (
            v_past_verdicts,
            said[1][1].where(v_past_verdicts.c.known_from <= then, v_past_verdicts.c.known_until > then),
        )
    records = [
        record
        for ids in _batches(conn, _window_ids(chosen, ledger.c.folded_at))
        for view, statement in said
        for record in _records(conn, statement.where(view.c.window_id.in_(ids)))
    ]
    records.sort(key=_PLACE)
    for record in records:
        record["rules"] = None if record["rules"] is None else encoding.loads(record["rules"])
    return records


def verdict(conn: Connection, verdict_id: int) -> Record | None:
    """One verdict with the facts that `explain` recomputes it from."""
    view = v_verdicts
    found = _records(conn, select(view).where(view.c.verdict_id == verdict_id))
    found = found or _records(conn, select(v_past_verdicts).where(v_past_verdicts.c.verdict_id == verdict_id))
    stored = verdict_rows.get(conn, verdict_id)
    if not found or stored is None:
        return None
    record = found[0]
    record["rules"] = None if record["rules"] is None else encoding.loads(record["rules"])
    return record | {"facts": dict(stored.verdict.facts)}


def incident_list(conn: Connection, chosen: Filter | None = None, *, open_only: bool = False) -> list[Record]:
    chosen = chosen or Filter()
    view = v_incidents
    statement = _about(select(view), view, chosen)
    if chosen.as_of is None:  # it may have been another then, which is not asked of the view
        statement = _at_least(statement, view, chosen.severity)
    if chosen.model is not None:
        statement = statement.where(view.c.model == chosen.model)
    if open_only and chosen.as_of is None:
        statement = statement.where(view.c.status != "resolved")
    statement = _between(statement, view.c.opened, chosen)
    order = (view.c.opened, view.c.incident_id)
    if chosen.as_of is None:
        return [_flags(record) for record in _latest(conn, statement, order, chosen.last)]
    then = [
        incidents_then.as_of(record, incidents.events(conn, record["incident_id"]), chosen.as_of)
        for record in _latest(conn, statement, order, None)
    ]
    least = (chosen.severity or Severity.NONE).level
    known = [
        _flags(each)
        for each in then
        if each
        and Severity(each["severity"]).level >= least
        and not (open_only and each["status"] == "resolved")
    ]
    return known if chosen.last is None else known[-chosen.last :]


def incident(conn: Connection, incident_id: str) -> Record | None:
    """One incident with its events and the verdicts that name it."""
    view = v_incidents
    found = _records(conn, select(view).where(view.c.incident_id == incident_id))
    if not found:
        return None
    events = [
        {
            "seq": event.seq,
            "at": encoding.iso(event.at),
            "kind": event.kind,
            "actor": event.actor,
            "window_start": None if event.window_start is None else encoding.iso(event.window_start),
            "window_end": None if event.window_end is None else encoding.iso(event.window_end),
            "payload": dict(event.payload),
        }
        for event in incidents.events(conn, incident_id)
    ]
    said = v_verdicts
    statement = select(said).where(said.c.incident_id == incident_id).order_by(said.c.window_start)
    known = incidents.by_ids(conn, [incident_id])[0]
    return _flags(found[0]) | {
        "facts": dict(known.facts),
        "lineage": dict(known.lineage),
        "history": events,
        "verdicts": _records(conn, statement),
    }


def notifications(conn: Connection, chosen: Filter | None = None, *, open_only: bool = False) -> list[Record]:
    """The outbox, sent and unsent."""
    chosen = chosen or Filter()
    view = v_notifications
    statement = _at_least(select(view), view, chosen.severity)
    if chosen.model is not None:
        statement = statement.where(view.c.model == chosen.model)
    if open_only:
        statement = statement.where(view.c.state.in_(("queued", "sending", "uncertain")))
    statement = _between(statement, view.c.created, chosen)
    records = _latest(conn, statement, (view.c.created, view.c.notification_id), chosen.last)
    for record in records:
        record["uncertain"] = bool(record["uncertain"])
    return records


def notification(conn: Connection, notification_id: int) -> Record | None:
    """One outbox row with its facts and every attempt."""
    view = v_notifications
    found = _records(conn, select(view).where(view.c.notification_id == notification_id))
    if not found:
        return None
    row = conn.execute(select(outbox.c.facts, outbox.c.receipt).where(outbox.c.id == notification_id)).one()
    tries = select(attempt).where(attempt.c.outbox_id == notification_id).order_by(attempt.c.number)
    return found[0] | {"facts": row.facts, "receipt": row.receipt, "attempts": _plain(conn, tries)}


def channel_states(conn: Connection) -> list[Record]:
    """What every channel that was ever used learnt from its last message."""
    return _plain(conn, select(channel_state).order_by(channel_state.c.channel))


def silences(conn: Connection, now: datetime, *, everything: bool = False) -> list[Record]:
    """Those that hold or will hold, or all, oldest first; `matchers` as people write them."""
    view = v_silences
    statement = select(view)
    if not everything:
        statement = statement.where(view.c.over_at > encoding.iso(now))
    records = _records(conn, statement.order_by(view.c.created, view.c.silence_id))
    for record in records:
        parts = Silence.matchers_from(encoding.loads(record["matchers"]))
        record["matchers"] = [str(each) for each in parts]
    return records


def retraining_list(
    conn: Connection, chosen: Filter | None = None, *, open_only: bool = False
) -> list[Record]:
    """Every request and proposal, oldest first; `open_only`: those in flight, or of which it is not known
    whether they helped."""
    chosen = chosen or Filter()
    view = v_retraining
    statement = select(view)
    if chosen.model is not None:
        statement = statement.where(view.c.model == chosen.model)
    if open_only:
        flying = [str(state) for state in RetrainingState if state.in_flight]
        statement = statement.where(view.c.state.in_(flying) | (view.c.answer == "waiting"))
    statement = _between(statement, view.c.requested, chosen)
    records = _latest(conn, statement, (view.c.requested, view.c.retraining_id), chosen.last)
    for record in records:
        record["request"] = encoding.loads(record["request"])
    return records


def retraining_request(conn: Connection, retraining_id: str) -> Record | None:
    """One request with all that happened to it."""
    view = v_retraining
    found = _records(conn, select(view).where(view.c.retraining_id == retraining_id))
    if not found:
        return None
    happened = [
        {
            "seq": event.seq,
            "at": encoding.iso(event.at),
            "kind": event.kind,
            "actor": event.actor,
            "payload": dict(event.payload),
        }
        for event in retraining.events(conn, retraining_id)
    ]
    return found[0] | {"request": encoding.loads(found[0]["request"]), "history": happened}


def retraining_decisions(conn: Connection, model: str | None = None, last: int | None = None) -> list[Record]:
    """Every decision with its gates, refusals too, oldest first."""
    view = v_retraining_decisions
    statement = select(view)
    if model is not None:
        statement = statement.where(view.c.model == model)
    records = _latest(conn, statement, (view.c.decision_id,), last)
    for record in records:
        record["gates"] = encoding.loads(record["gates"])
    return records


def daemon_events(conn: Connection, last: int = 100) -> list[Record]:
    """What happened to the daemon itself, oldest first."""
    records = _plain(conn, select(daemon_event).order_by(daemon_event.c.id.desc()).limit(last))
    records.reverse()
    return records


def _flags(record: Record) -> Record:
    """Yes and no are numbers in a SQLite view."""
    return record | {"flapping": bool(record["flapping"])}


def _forget_later(record: Record, then: str) -> None:
    """What became of a window after that was not known."""
    record["superseded_by"] = None
    for name in ("folded_at", "refolded_at", "rechecked_at"):
        if record[name] is not None and record[name] > then:
            record[name] = None


def _window_ids(chosen: Filter, known: Column[Any] = ledger.c.finished_at) -> Select[Any]:
    """The ledger rows a filter names: integers and indices, where the views have text.

    `known`: when something was known of a window, which is what `as_of` asks for.
    """
    statement = select(ledger.c.id)
    if chosen.as_of is not None:
        later = ledger.alias("later")
        replaced = select(later.c.id).where(
            later.c.id == ledger.c.superseded_by, later.c[known.key] <= chosen.as_of
        )
        statement = statement.where(known <= chosen.as_of, ~replaced.exists())
    elif not chosen.revisions:
        statement = statement.where(ledger.c.superseded_by.is_(None))
    if chosen.model is not None:
        statement = statement.where(ledger.c.model == chosen.model)
    if chosen.stream is not None:
        statement = statement.where(ledger.c.stream == chosen.stream)
    if chosen.since is not None:
        statement = statement.where(ledger.c.start >= chosen.since)
    if chosen.until is not None:
        statement = statement.where(ledger.c.start < chosen.until)
    if chosen.last is None:
        return statement
    if chosen.stream is None:  # a window is counted once, its labels come with it
        statement = statement.where(ledger.c.stream == Stream.INPUTS)
    counted = statement.order_by(ledger.c.start.desc(), ledger.c.id.desc()).limit(chosen.last).subquery()
    if chosen.stream is not None:
        return select(counted.c.id)
    inputs, labels = ledger.alias("inputs"), ledger.alias("labels")
    beside = (
        select(labels.c.id)
        .join(inputs, (inputs.c.model == labels.c.model) & (inputs.c.start == labels.c.start))
        .join(counted, counted.c.id == inputs.c.id)
        .where(labels.c.stream == Stream.LABELS)
    )
    return select(union(select(counted.c.id), beside).subquery().c.id)


def _named(conn: Connection, ids: Select[Any]) -> Select[Any] | Sequence[int]:
    """The same windows, named one by one where they are few.

    Neither database takes a subquery into a view of several parts: it unfolds what every model ever measured,
    and asks each row afterwards.
    """
    named = conn.execute(ids.limit(_NAMED_AT_MOST + 1)).scalars().all()
    return ids if len(named) > _NAMED_AT_MOST else named


def _batches(conn: Connection, ids: Select[Any]) -> list[Select[Any] | Sequence[int]]:
    """The same, so many at a time as a view is asked for."""
    named = _named(conn, ids)
    if isinstance(named, Select):
        return [named]
    return [named[first : first + _NAMED_AT_ONCE] for first in range(0, len(named), _NAMED_AT_ONCE)]


def _about(statement: Select[Any], view: TableClause, chosen: Filter) -> Select[Any]:
    if chosen.column is not None:
        statement = statement.where(view.c.column_name == chosen.column)
    if chosen.segment is not None:
        statement = statement.where(view.c.segment == chosen.segment)
    return statement


def _at_least(statement: Select[Any], view: TableClause, severity: Severity | None) -> Select[Any]:
    if severity is None or severity is Severity.NONE:
        return statement
    enough = [each for each in Severity if each.level >= severity.level]
    return statement.where(view.c.severity.in_(enough))


def _between(statement: Select[Any], time: Any, chosen: Filter) -> Select[Any]:
    """Limits on a text time of a view: the texts sort as they count."""
    if chosen.since is not None:
        statement = statement.where(time >= encoding.iso(chosen.since))
    if chosen.until is not None:
        statement = statement.where(time < encoding.iso(chosen.until))
    return statement


def _latest(conn: Connection, statement: Select[Any], order: Sequence[Any], last: int | None) -> list[Record]:
    newest = statement.order_by(*(each.desc() for each in order))
    records = _records(conn, newest if last is None else newest.limit(last))
    records.reverse()
    return records


def _records(conn: Connection, statement: Select[Any]) -> list[Record]:
    return [dict(row) for row in conn.execute(statement).mappings()]


def _plain(conn: Connection, statement: Select[Any]) -> list[Record]:
    """Rows of a table rather than a view: times become text here."""
    return [
        {key: encoding.iso(value) if isinstance(value, datetime) else value for key, value in row.items()}
        for row in conn.execute(statement).mappings()
    ]
