"""What does judging and folding remember from one window to the next?

Each folded ledger row has a checkpoint of the judge's state and of the alert states it changed, so that the
fold can be taken up again from any window; alert_state is only the latest of them, by fingerprint.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from alerting.fold import AlertState
from storage.dialect import upsert
from storage.tables import alert_state, checkpoint, ledger


def save(
    conn: Connection, ledger_id: int, judge_state: Mapping[str, object], changed: Iterable[AlertState]
) -> None:
    """Keep what this window left behind, once: the same window twice is refused by the primary key."""
    states = {state.series.fingerprint: (state, state.to_json()) for state in changed}
    conn.execute(
        insert(checkpoint).values(
            ledger_id=ledger_id,
            judge_state=judge_state,
            alert_states={fingerprint: content for fingerprint, (_, content) in states.items()},
        )
    )
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


def judge_state(conn: Connection, model: str, stream: str) -> Mapping[str, Any] | None:
    """The judge's state after the latest folded window; None: nothing was folded yet."""
    statement = (
        select(checkpoint.c.judge_state)
        .join(ledger, ledger.c.id == checkpoint.c.ledger_id)
        .where(ledger.c.model == model, ledger.c.stream == stream)
        .order_by(ledger.c.start.desc(), ledger.c.revision.desc())
        .limit(1)
    )
    state: Mapping[str, Any] | None = conn.execute(statement).scalar()
    return state


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
