"""What does judging and folding remember from one window to the next?

Each folded ledger row has a checkpoint of the judge's state and of the alert states it changed, so that the
fold can be taken up again from any window; alert_state is only the latest of them, by fingerprint.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from alerting.fold import AlertState
from storage.dialect import upsert
from storage.due_window import IS_OF_FOLDED_KIND, WindowKind
from storage.judged import is_judged
from storage.tables import alert_state, checkpoint, ledger


def save(
    conn: Connection, ledger_id: int, judge_state: Mapping[str, object], changed: Iterable[AlertState]
) -> None:
    """Keep what this window left behind, once: the same window twice is refused by the primary key."""
    states = {state.series.fingerprint: (state, state.to_json()) for state in changed}
    keep(conn, ledger_id, judge_state, [state for state, _ in states.values()])
    if not states:
        return
    statement = upsert(conn, alert_state)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["fingerprint"],
            set_={"state": statement.excluded.state, "ledger_id": statement.excluded.ledger_id},
        ),
        [
            {
                "fingerprint": fingerprint,
                "model": state.series.model,
                "segment": state.series.segment,
                "column_name": state.series.column,
                "version": state.series.version,
                "rule": state.series.rule,
                "state": content,
                "ledger_id": ledger_id,
            }
            for fingerprint, (state, content) in states.items()
        ],
    )


def keep(
    conn: Connection, ledger_id: int, judge_state: Mapping[str, object], states: Iterable[AlertState]
) -> None:
    """The checkpoint alone: what a backfilled window leaves behind is nobody's alert state."""
    conn.execute(
        insert(checkpoint).values(
            ledger_id=ledger_id,
            judge_state=judge_state,
            alert_states={state.series.fingerprint: state.to_json() for state in states},
        )
    )


def judge_state(conn: Connection, model: str, stream: str) -> Mapping[str, Any] | None:
    """The judge's state after the latest folded window; None: nothing was folded yet."""
    statement = (
        select(checkpoint.c.judge_state)
        .join(ledger, ledger.c.id == checkpoint.c.ledger_id)
        .where(ledger.c.model == model, ledger.c.stream == stream, IS_OF_FOLDED_KIND)
        .order_by(ledger.c.start.desc(), ledger.c.revision.desc())
        .limit(1)
    )
    state: Mapping[str, Any] | None = conn.execute(statement).scalar()
    return state


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was remembered before a window."""

    judge_state: Mapping[str, Any] | None  # None: it is the first
    # By fingerprint, of the series that the stream has, with when the window was folded that left it so.
    alert_states: Mapping[str, tuple[AlertState, datetime]]


def before(conn: Connection, model: str, stream: str, start: datetime) -> Before:
    """As of the windows that start earlier, from their checkpoints: the latest that has each series."""
    known = select(alert_state.c.fingerprint).join(ledger, ledger.c.id == alert_state.c.ledger_id)
    missing = {*conn.execute(known.where(ledger.c.model == model, ledger.c.stream == stream)).scalars()}
    earlier = (
        select(checkpoint.c.judge_state, checkpoint.c.alert_states, ledger.c.folded_at)
        .join(ledger, ledger.c.id == checkpoint.c.ledger_id)
        .where(
            ledger.c.model == model,
            ledger.c.stream == stream,
            ledger.c.start < start,
            IS_OF_FOLDED_KIND,
            is_judged(),
        )
        .order_by(ledger.c.start.desc(), ledger.c.revision.desc())
        .execution_options(yield_per=4)
    )
    judge: Mapping[str, Any] | None = None
    states: dict[str, tuple[AlertState, datetime]] = {}
    with conn.execute(earlier) as rows:
        for row in rows:
            judge = row.judge_state if judge is None else judge
            found = missing & {*row.alert_states}
            states |= {
                fingerprint: (AlertState.from_json(row.alert_states[fingerprint]), row.folded_at)
                for fingerprint in found
            }
            missing -= found
            if not missing:
                break
    return Before(judge_state=judge, alert_states=states)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What one window left behind."""

    judge_state: Mapping[str, Any]
    alert_states: Mapping[str, AlertState]  # by fingerprint


def ended_at(
    conn: Connection, model: str, stream: str, end: datetime, kinds: Collection[WindowKind]
) -> Checkpoint | None:
    """The checkpoint of the window that ends there; None: nothing is remembered across a gap."""
    statement = (
        select(checkpoint.c.judge_state, checkpoint.c.alert_states)
        .join(ledger, ledger.c.id == checkpoint.c.ledger_id)
        .where(
            ledger.c.model == model,
            ledger.c.stream == stream,
            ledger.c.end == end,
            ledger.c.kind.in_(kinds),
            ledger.c.superseded_by.is_(None),
        )
    )
    row = conn.execute(statement.limit(1)).first()
    if row is None:
        return None
    states = {key: AlertState.from_json(value) for key, value in row.alert_states.items()}
    return Checkpoint(judge_state=row.judge_state, alert_states=states)


def rewrite(
    conn: Connection, ledger_id: int, judge_state: Mapping[str, object], changed: Iterable[AlertState]
) -> None:
    """A window was folded again: what it left behind is this."""
    conn.execute(delete(checkpoint).where(checkpoint.c.ledger_id == ledger_id))
    save(conn, ledger_id, judge_state, changed)


def forget(conn: Connection, model: str, stream: str, since: datetime, kept: Collection[str]) -> None:
    """Drop the states of series that only windows since then had, and have no more."""
    windows = select(ledger.c.id).where(
        ledger.c.model == model, ledger.c.stream == stream, ledger.c.start >= since
    )
    gone = alert_state.c.ledger_id.in_(windows) & alert_state.c.fingerprint.not_in(kept)
    conn.execute(delete(alert_state).where(alert_state.c.model == model, gone))


def judge_state_of(conn: Connection, ledger_id: int) -> Mapping[str, Any] | None:
    """The judge's state right after this window."""
    statement = select(checkpoint.c.judge_state).where(checkpoint.c.ledger_id == ledger_id)
    state: Mapping[str, Any] | None = conn.execute(statement).scalar()
    return state


def changed_by(conn: Connection, ledger_id: int) -> dict[str, AlertState]:
    """The alert states that this window left behind, by fingerprint; none where it was passed over."""
    states = conn.execute(
        select(checkpoint.c.alert_states).where(checkpoint.c.ledger_id == ledger_id)
    ).scalar()
    return {fingerprint: AlertState.from_json(state) for fingerprint, state in (states or {}).items()}


def alert_states(conn: Connection, model: str) -> dict[str, AlertState]:
    """All series of a model as they stand now, by fingerprint."""
    statement = select(alert_state.c.fingerprint, alert_state.c.state).where(alert_state.c.model == model)
    return {row.fingerprint: AlertState.from_json(row.state) for row in conn.execute(statement)}


def set_alert_state(conn: Connection, state: AlertState) -> None:
    """Change a state outside a window: a promoted reference, a manual resolve. The checkpoints stay."""
    conn.execute(
        alert_state.update()
        .where(alert_state.c.fingerprint == state.series.fingerprint)
        .values(state=state.to_json())
    )
