"""How does every model stand right now?

A handful of questions about all models at once, each answered from an index: of hundreds of models that have
judged for months, one question a model and a fact took seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from alerting.verdict import Severity
from storage import fold_order, model_names, profiles
from storage.due_window import IS_FAILED, IS_OF_FOLDED_KIND, IS_OPEN
from storage.label_overview import LabelOverview, label_overview
from storage.ledger import Stream, WindowState
from storage.profiles import NoiseFacts, Reference
from storage.tables import incident, ledger

PAGES_WITHIN = timedelta(days=30)
LOOKED_AT_WITHIN = timedelta(minutes=1)  # a daemon looks at each tick: after this there is none, or it hangs
FOLDED_WITHIN = timedelta(minutes=10)  # a daemon folds within seconds: after this something holds it up
_OPEN = (WindowState.PLANNED, WindowState.CLAIMED)
_INPUTS = (
    ledger.c.stream == Stream.INPUTS,
    ledger.c.superseded_by.is_(None),
    IS_OF_FOLDED_KIND,
)
_FOLDED = (*_INPUTS, ledger.c.folded_at.is_not(None))
_UNFOLDED = (*_INPUTS, ledger.c.folded_at.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesSeen:
    """How often a model paged since its first window, and how often a person said: falsely."""

    windows: int  # judged ones, of the inputs
    pages: int
    marked_false: int  # of the pages


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
    ever: PagesSeen = PagesSeen(windows=0, pages=0, marked_false=0)
    labels: LabelOverview | None = None  # None: no label window was ever planned
    unjudged: datetime | None = None  # start of the window that is evaluated and does not get judged


@dataclass(slots=True)
class _Open:
    windows: int = 0
    overdue: int = 0
    unattended: int = 0


def overview(conn: Connection, now: datetime) -> list[ModelOverview]:
    """Every model that has a reference or a window, by name."""
    since = now - PAGES_WITHIN
    judged, failed = (
        _by_model(conn.execute(question, {"since": since})) for question in (_judged(), _failed())
    )
    pages, waiting = _by_model(_pages(conn, since)), _waiting(conn, now)
    last, folded = _latest(conn)
    active = profiles.all_active(conn)
    noises = profiles.newest_noise_facts(conn, [each.id for each in active.values()])
    held_up = _held_up(conn, now)
    labelled = model_names.with_labels(conn)
    found = []
    for model in model_names.known(conn):
        mine, opened, latest = judged.get(model), pages.get(model), last.get(model)
        waits, reference = waiting.get(model, _Open()), active.get(model)
        found.append(
            ModelOverview(
                model=model,
                reference=reference,
                noise=None if reference is None else noises.get(reference.id),
                last_start=None if latest is None else latest.start,
                last_end=None if latest is None else latest.end,
                last_state=None if latest is None else WindowState(latest.state),
                last_reason="" if latest is None else latest.reason,
                last_rows=None if latest is None else latest.rows,
                folded_until=folded[model].end if model in folded else None,
                waiting=waits.windows,
                overdue=waits.overdue,
                unattended=waits.unattended,
                failed=failed[model].windows if model in failed else 0,
                open_tickets=opened.open_tickets if opened else 0,
                open_pages=opened.open_pages if opened else 0,
                windows=mine.recent if mine else 0,
                pages=opened.recent if opened else 0,
                ever=PagesSeen(
                    windows=mine.ever if mine else 0,
                    pages=opened.pages if opened else 0,
                    marked_false=opened.marked_false if opened else 0,
                ),
                labels=label_overview(conn, model) if model in labelled else None,
                unjudged=_unjudged(conn, model, now) if model in held_up else None,
            )
        )
    return found


@cache
def _judged() -> Select[Any]:
    """Windows judged ever, and folded since then: of `ix_ledger_judged` alone, a stretch for each model.

    To group all at once PostgreSQL goes through the wide rows of every window that there ever was, and SQLite
    sorts them.
    """
    names = model_names.names_in(ledger)
    mine = (ledger.c.model == names.c.model, *_FOLDED)
    counted = (
        select(func.count()).where(*mine, such).scalar_subquery()
        for such in (ledger.c.state != WindowState.SKIPPED, ledger.c.start >= bindparam("since"))
    )
    ever, recent = counted
    return select(names.c.model, ever.label("ever"), recent.label("recent")).where(names.c.model.is_not(None))


@cache
def _failed() -> Select[Any]:
    """Those that started since then, whether their turn has come or not: few, in an index of their own."""
    return (
        select(ledger.c.model, func.count().label("windows"))
        .where(*_INPUTS, IS_FAILED, ledger.c.start >= bindparam("since"))
        .group_by(ledger.c.model)
    )


def _latest(conn: Connection) -> tuple[Mapping[str, Row[Any]], Mapping[str, Row[Any]]]:
    """By model the latest window that has ended, and the latest that is folded; of several that start then,
    whose lengths differ, the newest."""
    ids = [each for row in conn.execute(_latest_ids()) for each in row if each is not None]
    last: dict[str, Row[Any]] = {}
    folded: dict[str, Row[Any]] = {}
    for row in conn.execute(_named(), {"ids": ids}):
        if row.state not in _OPEN:
            last[row.model] = row
        if row.folded_at is not None:
            folded[row.model] = row
    return last, folded


@cache
def _latest_ids() -> Select[Any]:
    """A step down an index each: folded, folded and ended, ended and waiting for its turn."""
    names = model_names.names_in(ledger)
    ended = ledger.c.state.not_in(_OPEN)
    return select(
        *(
            select(ledger.c.id)
            .where(ledger.c.model == names.c.model, *such)
            .order_by(ledger.c.start.desc(), ledger.c.id.desc())
            .limit(1)
            .correlate(names)
            .scalar_subquery()
            for such in (_FOLDED, (*_FOLDED, ended), (*_UNFOLDED, ended))
        )
    ).select_from(names)


@cache
def _named() -> Select[Any]:
    """In such an order that the last of each model is its latest."""
    named = ("model", "start", "end", "state", "reason", "rows", "folded_at")
    rows = select(*(ledger.c[name] for name in named)).where(
        ledger.c.id.in_(bindparam("ids", expanding=True))
    )
    return rows.order_by(ledger.c.start, ledger.c.id)


def _waiting(conn: Connection, now: datetime) -> Mapping[str, _Open]:
    """Few rows, counted here: to group them SQLite would read every window, in the order of the models."""
    named = (ledger.c.model, ledger.c.due, ledger.c.state, ledger.c.lease_until, ledger.c.next_try)
    found: dict[str, _Open] = {}
    for row in conn.execute(select(*named).where(*_INPUTS, IS_OPEN)):
        mine = found.setdefault(row.model, _Open())
        next_look = row.lease_until if row.state == WindowState.CLAIMED else row.next_try
        mine.windows += 1
        mine.overdue += row.due < now
        late = next_look is not None and next_look < now - LOOKED_AT_WITHIN
        mine.unattended += row.due < now and late
    return found


def _pages(conn: Connection, since: datetime) -> Iterable[Row[Any]]:
    """An incident counts where it opened."""
    page, ticket = (incident.c.severity == each for each in (Severity.PAGE, Severity.TICKET))
    return conn.execute(
        select(
            incident.c.model,
            func.count().filter(incident.c.is_open, ticket).label("open_tickets"),
            func.count().filter(incident.c.is_open, page).label("open_pages"),
            func.count().filter(page, incident.c.opened >= since).label("recent"),
            func.count().filter(page).label("pages"),
            func.count().filter(page, incident.c.false_page_by != "").label("marked_false"),
        ).group_by(incident.c.model)
    )


def _held_up(conn: Connection, now: datetime) -> set[str]:
    """Models with a window that ended long ago and is not folded; whose turn it is has yet to be asked."""
    ended = (ledger.c.state.not_in(_OPEN), ledger.c.finished_at < now - FOLDED_WITHIN)
    mine = (ledger.c.folded_at.is_(None), ledger.c.superseded_by.is_(None), IS_OF_FOLDED_KIND)
    return set(conn.execute(select(ledger.c.model).where(*mine, *ended).distinct()).scalars())


def _unjudged(conn: Connection, model: str, now: datetime) -> datetime | None:
    """The window whose turn it has been for long, of either stream; labels wait for their inputs."""
    folded = fold_order.folded_span(conn, model, Stream.INPUTS)
    for stream in Stream:
        for window in fold_order.to_fold(conn, model, stream):
            waits = stream is Stream.LABELS and (folded is None or window.span.start > folded.start)
            if not waits and window.finished_at is not None and window.finished_at < now - FOLDED_WITHIN:
                return window.span.start
    return None


def _by_model(rows: Iterable[Row[Any]]) -> Mapping[str, Row[Any]]:
    """The last row of each."""
    return {row.model: row for row in rows}
