"""Which windows should exist, who works on them, and how did each end?

Every write to a claimed row is `WHERE id = ? AND fence = ?`; no row updated means somebody else owns the
window now and the result is thrown away. Callers own the transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from storage import measurements
from storage.dialect import filtered, insert_ignore
from storage.due_window import (
    IS_OF_FOLDED_KIND,
    IS_OPEN,
    DueWindow,
    Stream,
    WindowKind,
    WindowState,
    window_of,
)
from storage.encoding import UtcMicros
from storage.measurements import ColumnResult, EncodedResults
from storage.span import Span
from storage.tables import ledger

__all__ = [
    "PLAN_LIMIT",
    "DueWindow",
    "Stream",
    "WindowKind",
    "WindowState",
    "claim",
    "defer",
    "find",
    "finish",
    "get",
    "last_planned",
    "measure_again",
    "plan",
    "release",
    "renew",
    "skip",
    "supersede",
]

PLAN_LIMIT = 500  # rows a planning transaction may insert: other writers wait no longer than that


def plan(
    conn: Connection,
    model: str,
    stream: Stream,
    spans: Sequence[Span],
    *,
    now: datetime,
    settle: timedelta,
    lateness: timedelta,
    give_up: timedelta,
    kind: WindowKind = WindowKind.SCHEDULED,
    config_digest: str = "",
    skip_before: datetime | None = None,
    skip_reason: str = "catch_up horizon",
) -> int:
    """Insert what is not there yet, at most PLAN_LIMIT spans; returns how many rows are new.

    due = end + settle, recheck = end + lateness, give_up = max(due, now) + give_up. Windows that end at or
    before `skip_before` are inserted as skipped: nothing is missing without a row.
    """
    if len(spans) > PLAN_LIMIT:
        raise ValueError(f"ledger.plan: at most {PLAN_LIMIT} spans a transaction, got {len(spans)}")
    if not spans:
        return 0
    rows = []
    for span in spans:
        skipped = skip_before is not None and span.end <= skip_before
        due = span.end + settle
        rows.append(
            {
                "model": model,
                "stream": stream,
                "kind": kind,
                "start": span.start,
                "end": span.end,
                "revision": 0,
                "config_digest": config_digest,
                "due": due,
                "recheck": span.end + lateness,
                # Planned late, a window has the same patience: passing faults must not end it.
                "give_up": max(due, now) + give_up,
                "state": WindowState.SKIPPED if skipped else WindowState.PLANNED,
                "reason": skip_reason if skipped else "",
                "next_try": due,
                "planned_at": now,
                "finished_at": now if skipped else None,
            }
        )
    return len(conn.execute(insert_ignore(conn, ledger).returning(ledger.c.id), rows).all())


def last_planned(conn: Connection, model: str, stream: Stream) -> datetime | None:
    """The end of the latest scheduled window; None: never planned. Windows do not overlap: by their start."""
    statement = select(ledger.c.end).where(
        ledger.c.model == model, ledger.c.stream == stream, ledger.c.kind == WindowKind.SCHEDULED
    )
    latest: datetime | None = conn.execute(statement.order_by(ledger.c.start.desc()).limit(1)).scalar()
    return latest


def claim(
    conn: Connection,
    now: datetime,
    owner: str,
    lease: timedelta,
    models: Collection[str] | None = None,
    *,
    ids: Collection[int] | None = None,
    due_since: datetime | None = None,
) -> DueWindow | None:
    """Lease the oldest due window: planned, or claimed by somebody whose lease has ended.

    Backfill comes last. `ids` and `models` limit the choice; `due_since` serves the worker kept for fresh
    windows.
    """
    asked: dict[str, Any] = {"at": now, "by": owner, "until": now + lease}
    given: dict[str, Any] = {} if due_since is None else {"since": due_since}
    given |= {name: list(some) for name, some in (("models", models), ("ids", ids)) if some is not None}
    statement = _claim(conn.dialect.name, frozenset(given))
    row = conn.execute(statement, asked | given).first()
    return None if row is None else window_of(row)


@cache
def _claim(dialect: str, limits: frozenset[str]) -> ReturningUpdate[Any]:
    """Made once: to make it takes longer than to run it, and every look asks it for every window."""
    at: BindParameter[datetime] = bindparam("at")
    free = or_(
        and_(ledger.c.state == WindowState.PLANNED, ledger.c.next_try <= at),
        and_(ledger.c.state == WindowState.CLAIMED, ledger.c.lease_until <= at),
    )
    due = select(ledger.c.id).where(IS_OPEN, free, ledger.c.due <= at)
    if "models" in limits:
        due = due.where(filtered(ledger.c.model).in_(bindparam("models", expanding=True)))
    if "ids" in limits:
        due = due.where(ledger.c.id.in_(bindparam("ids", expanding=True)))
    if "since" in limits:
        due = due.where(ledger.c.due >= bindparam("since"))
    due = due.order_by(ledger.c.due, ledger.c.id).limit(1)
    if dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    # Two questions, each the first of an index, rather than one that sorts all that is open.
    first, last = (
        due.where(condition).scalar_subquery()
        for condition in (ledger.c.kind != WindowKind.BACKFILL, ledger.c.kind == WindowKind.BACKFILL)
    )
    claimed = {
        "state": WindowState.CLAIMED,
        "owner": bindparam("by"),
        "fence": ledger.c.fence + 1,
        "attempt": ledger.c.attempt + 1,
        "lease_until": bindparam("until"),
    }
    statement = update(ledger).where(ledger.c.id == func.coalesce(first, last))
    return statement.values(**claimed).returning(ledger)


def renew(conn: Connection, window_id: int, fence: int, lease_until: datetime) -> bool:
    """Hold on to a claimed window; False: somebody else owns it, stop working on it."""
    return _change(conn, _mine(window_id, fence).values(lease_until=lease_until))


def defer(conn: Connection, window_id: int, fence: int, next_try: datetime, reason: str) -> bool:
    """Give a claimed window back, to be looked at again at `next_try`; False: fence lost."""
    values = {"state": WindowState.PLANNED, "next_try": next_try, "reason": reason}
    return _change(conn, _mine(window_id, fence).values(**values, owner="", lease_until=None))


def release(conn: Connection, window_id: int, fence: int, now: datetime) -> bool:
    """Give a claimed window back untouched (the daemon is stopping); False: fence lost."""
    return defer(conn, window_id, fence, now, "released at shutdown")


def finish(
    conn: Connection,
    window_id: int,
    fence: int,
    *,
    now: datetime,
    state: WindowState,
    reason: str = "",
    rows: int | None = None,
    source_fingerprint: str = "",
    data_version: str = "",
    program: str = "",
    reference_id: int | None = None,
    error_class: str = "",
    error: str = "",
    evidence: Mapping[str, object] | None = None,
    results: Sequence[ColumnResult] | EncodedResults = (),
) -> bool:
    """End a claimed window and keep its results, or change nothing and return False: fence lost."""
    if not state.terminal:
        raise ValueError(f"ledger.finish: {state} does not end a window")
    values = {
        "state": state,
        "reason": reason,
        "rows": rows,
        "source_fingerprint": source_fingerprint,
        "data_version": data_version,
        "program": program,
        "reference_id": reference_id,
        "error_class": error_class,
        "error": error,
        "evidence": evidence,
        "finished_at": now,
        # Evaluated so late, it has seen what came late.
        "rechecked_at": case((ledger.c.recheck <= now, literal(now, UtcMicros)), else_=None),
        "lease_until": None,
    }
    if not _change(conn, _mine(window_id, fence).values(**values)):
        return False
    measurements.save(conn, window_id, results)
    return True


def measure_again(conn: Connection, model: str, now: datetime, reason: str) -> int:
    """Give back what is measured and not folded; returns how many. Judged windows stay as they are."""
    measured = (
        ledger.c.model == model,
        ledger.c.folded_at.is_(None),
        ledger.c.superseded_by.is_(None),
        ledger.c.state.in_((WindowState.DONE, WindowState.LOW_VOLUME)),
    )
    measurements.forget(conn, select(ledger.c.id).where(*measured))
    again = {
        "state": WindowState.PLANNED,
        "reason": reason,
        "next_try": now,
        "finished_at": None,
        "rows": None,
    }
    return conn.execute(update(ledger).where(*measured).values(**again, reference_id=None)).rowcount


def had_rows(conn: Connection, model: str, stream: Stream) -> bool:
    """Whether a window of the model ever held a row; what was backfilled changes nothing of what is live."""
    mine = (ledger.c.model == model, ledger.c.stream == stream, IS_OF_FOLDED_KIND)
    return conn.execute(select(ledger.c.id).where(*mine, ledger.c.rows > 0).limit(1)).first() is not None


def skip(conn: Connection, window_id: int, *, now: datetime, reason: str) -> bool:
    """End a planned window without evaluating it; False: it is not planned (any more)."""
    statement = update(ledger).where(ledger.c.id == window_id, ledger.c.state == WindowState.PLANNED)
    return _change(conn, statement.values(state=WindowState.SKIPPED, reason=reason, finished_at=now))


def supersede(conn: Connection, window_id: int, by: int) -> bool:
    """Name the later revision of a window; the old row keeps its state."""
    statement = update(ledger).where(ledger.c.id == window_id, ledger.c.superseded_by.is_(None))
    return _change(conn, statement.values(superseded_by=by))


def get(conn: Connection, window_id: int) -> DueWindow | None:
    row = conn.execute(select(ledger).where(ledger.c.id == window_id)).first()
    return None if row is None else window_of(row)


def find(conn: Connection, model: str, stream: Stream, span: Span) -> list[DueWindow]:
    """The latest revision of every window that lies within `span`, oldest first."""
    statement = (
        select(ledger)
        .where(
            ledger.c.model == model,
            ledger.c.stream == stream,
            ledger.c.start >= span.start,
            ledger.c.end <= span.end,
            ledger.c.superseded_by.is_(None),
        )
        .order_by(ledger.c.start, ledger.c.id)
    )
    return [window_of(row) for row in conn.execute(statement)]


def _mine(window_id: int, fence: int) -> Update:
    return update(ledger).where(
        ledger.c.id == window_id, ledger.c.fence == fence, ledger.c.state == WindowState.CLAIMED
    )


def _change(conn: Connection, statement: Update) -> bool:
    return conn.execute(statement).rowcount == 1
