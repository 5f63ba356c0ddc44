"""How does every model stand right now?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select

from alerting.verdict import Severity
from storage import fold_order, model_names, profiles
from storage.due_window import FOLDED_KINDS
from storage.label_overview import LabelOverview, label_overview
from storage.ledger import Stream, WindowState
from storage.profiles import NoiseFacts, Reference
from storage.tables import incident, ledger

PAGES_WITHIN = timedelta(days=30)
LOOKED_AT_WITHIN = timedelta(minutes=1)  # a daemon looks at each tick: after this there is none, or it hangs
FOLDED_WITHIN = timedelta(minutes=10)  # a daemon folds within seconds: after this something holds it up


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOverview:
    """One line of `leeway status`, for the input stream."""

    model: str
    reference: Reference | None  # the active one
    noise: NoiseFacts | None  # the newest of the active reference
    last_start: datetime | None  # the latest window that has ended
    last_end: datetime | None
    last_state: WindowState | None
    last_reason: str
    last_rows: int | None
    folded_until: datetime | None  # end of the latest folded window
    waiting: int  # windows planned or claimed
    overdue: int  # of them, those whose due time is over
    unattended: int  # of those, the ones whose next look is over too, for a minute: nobody looks
    failed: int  # failed windows of the last 30 days
    open_tickets: int
    open_pages: int
    windows: int  # folded windows that started in the last 30 days
    pages: int  # incidents of page severity that opened in the last 30 days
    labels: LabelOverview | None = None  # None: no label window was ever planned
    unjudged: datetime | None = None  # start of the window that is evaluated and does not get judged


def overview(conn: Connection, now: datetime) -> list[ModelOverview]:
    """Every model that has a reference or a window, by name."""
    return [model_overview(conn, model, now) for model in model_names.known(conn)]


def model_overview(conn: Connection, model: str, now: datetime) -> ModelOverview:
    since = now - PAGES_WITHIN
    active = profiles.active(conn, model)
    last = _last(conn, model)
    mine = (
        ledger.c.model == model,
        ledger.c.stream == Stream.INPUTS,
        ledger.c.superseded_by.is_(None),
        ledger.c.kind.in_(FOLDED_KINDS),
    )
    due = ledger.c.due < now
    next_look = case((ledger.c.state == WindowState.CLAIMED, ledger.c.lease_until), else_=ledger.c.next_try)
    waiting, overdue, unattended = _counts(
        conn,
        (*mine, ledger.c.state.in_((WindowState.PLANNED, WindowState.CLAIMED))),
        due,
        and_(due, next_look < now - LOOKED_AT_WITHIN),
    )
    recent = (*mine, ledger.c.start >= since)
    folded = ledger.c.folded_at.is_not(None)
    opened = (incident.c.model == model, incident.c.is_open)
    of_pages = incident.c.severity == Severity.PAGE
    _, open_tickets, open_pages = _counts(conn, opened, incident.c.severity == Severity.TICKET, of_pages)
    latest_folded = select(ledger.c.end).where(*mine, folded).order_by(ledger.c.start.desc()).limit(1)
    return ModelOverview(
        model=model,
        reference=active,
        noise=None if active is None else profiles.noise_facts(conn, active.id),
        last_start=None if last is None else last.start,
        last_end=None if last is None else last.end,
        last_state=None if last is None else WindowState(last.state),
        last_reason="" if last is None else last.reason,
        last_rows=None if last is None else last.rows,
        folded_until=conn.execute(latest_folded).scalar(),
        waiting=waiting,
        overdue=overdue,
        unattended=unattended,
        failed=_counts(conn, (*recent, ledger.c.state == WindowState.FAILED))[0],
        open_tickets=open_tickets,
        open_pages=open_pages,
        windows=_counts(conn, (*recent, folded))[0],
        pages=_counts(conn, (incident.c.model == model, of_pages, incident.c.opened >= since))[0],
        labels=label_overview(conn, model),
        unjudged=_unjudged(conn, model, now),
    )


def _unjudged(conn: Connection, model: str, now: datetime) -> datetime | None:
    """The window whose turn it has been for long, of either stream; labels wait for their inputs."""
    folded = fold_order.folded_span(conn, model, Stream.INPUTS)
    for stream in Stream:
        for window in fold_order.to_fold(conn, model, stream):
            waits = stream is Stream.LABELS and (folded is None or window.span.start > folded.start)
            if not waits and window.finished_at is not None and window.finished_at < now - FOLDED_WITHIN:
                return window.span.start
    return None


def _last(conn: Connection, model: str) -> Row[*tuple[Any, ...]] | None:
    statement = select(ledger.c.start, ledger.c.end, ledger.c.state, ledger.c.reason, ledger.c.rows).where(
        ledger.c.model == model,
        ledger.c.stream == Stream.INPUTS,
        ledger.c.superseded_by.is_(None),
        ledger.c.kind.in_(FOLDED_KINDS),
        ledger.c.state.not_in((WindowState.PLANNED, WindowState.CLAIMED)),
    )
    return conn.execute(statement.order_by(ledger.c.start.desc(), ledger.c.id.desc()).limit(1)).first()


def _counts(conn: Connection, rows: Sequence[Any], *among: Any) -> Sequence[int]:
    """How many rows there are, and to how many of them each of the others applies."""
    return conn.execute(
        select(func.count(), *(func.count().filter(each) for each in among)).where(*rows)
    ).one()
