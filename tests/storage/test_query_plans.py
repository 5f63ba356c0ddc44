"""What runs every few seconds, or over a long history, goes through an index."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, event

from alerting.series import Series
from storage import (
    courses,
    fold_order,
    heat_map,
    history,
    label_windows,
    ledger,
    outbox,
    retraining_past,
    revisions,
)
from storage.engine import Store
from storage.history import Filter
from storage.label_overview import label_overview
from storage.ledger import Stream
from storage.overview import overview
from storage.reached import reached
from tests.storage.samples import DAY, LEASE, T0, done

READS: dict[str, tuple[str, Callable[[Connection], object]]] = {
    "claim": ("ix_ledger_open", lambda conn: ledger.claim(conn, T0, "x", LEASE)),
    "claim of these models": ("ix_ledger_open", lambda conn: ledger.claim(conn, T0, "x", LEASE, ["m", "n"])),
    "look again": ("ix_ledger_recheck", lambda conn: revisions.claim_recheck(conn, T0, LEASE, ["m", "n"])),
    "fold": ("ix_ledger_unfolded", lambda conn: fold_order.to_fold(conn, "m", Stream.INPUTS)),
    "plan": ("ix_ledger_start", lambda conn: ledger.last_planned(conn, "m", Stream.INPUTS)),
    "how far every model is": ("ix_ledger_start", reached),
    "folded": ("ix_ledger_start", lambda conn: fold_order.folded_span(conn, "m", Stream.INPUTS)),
    "complete": ("ix_ledger_unfolded", lambda conn: fold_order.all_folded(conn, "m", T0)),
    "retraining": ("ix_ledger_start", lambda conn: retraining_past.judged_windows(conn, "m", 5)),
    "plan of labels": (
        "ix_ledger_start",
        lambda conn: label_windows.to_plan(conn, "m", T0, 10),
    ),
    "status of labels": ("ix_ledger_start", lambda conn: label_overview(conn, "m")),
    "latest, with labels": ("ix_ledger_start", lambda conn: history.windows(conn, Filter(model="m", last=5))),
    "send": ("ix_outbox_open", lambda conn: outbox.claim(conn, T0, "x", LEASE)),
    "measurements": (
        "ix_column_result_column",
        lambda conn: history.measurements(conn, Filter(model="m", column="temp", since=T0)),
    ),
    "measurements by the day": (
        "ix_daily_result_column",
        lambda conn: history.measurements(conn, Filter(model="m", column="temp", since=T0)),
    ),
    "course of a picture": (
        "ix_ledger_start",
        lambda conn: courses.latest(conn, Series(model="m", column="temp"), Stream.INPUTS, T0, 60),
    ),
    "heat map": ("ix_verdict_unclear", lambda conn: heat_map.heat_map(conn, "m", T0, T0 + 90 * DAY)),
    "windows of a heat map": (
        "COVERING INDEX ix_ledger_judged",
        lambda conn: heat_map.heat_map(conn, "m", T0, T0 + 90 * DAY),
    ),
    "status of all models": ("COVERING INDEX ix_ledger_judged", lambda conn: overview(conn, T0 + DAY)),
    "failed windows of all models": (
        "COVERING INDEX ix_ledger_failed",
        lambda conn: overview(conn, T0 + DAY),
    ),
    "verdicts": (
        "ix_verdict_column",
        lambda conn: history.verdicts(conn, Filter(model="m", column="temp", since=T0)),
    ),
}


@pytest.mark.parametrize("name", READS)
def test_goes_through_its_index(file_store: Store, name: str) -> None:
    """SQLite's own plan names the index and scans no table from end to end."""
    index, read = READS[name]
    with file_store.write() as conn:
        done(conn, 3)
        seen = _statements(conn, read)
        plans = [
            row[3]
            for statement, parameters in seen
            for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type] # as the driver got them
        ]
    assert any(index in step for step in plans)
    assert [step for step in plans if _is_whole(step)] == []


@pytest.mark.parametrize("name", READS)
def test_can_go_through_its_index_on_postgresql(server_store: Store, name: str) -> None:
    """Told to avoid whole tables, PostgreSQL's planner need read none of the long ones."""
    _, read = READS[name]
    with server_store.write() as conn:
        done(conn, 3)
        conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        seen = _statements(conn, read)
        plans = [
            row[0]
            for statement, parameters in seen
            for row in conn.exec_driver_sql(f"EXPLAIN {statement}", parameters)  # type: ignore[arg-type] # as the driver got them
        ]
    whole = [step for step in plans if "Seq Scan on" in step]
    assert [step for step in whole if any(f"Seq Scan on {name}" in step for name in LONG)] == []


LONG = ("ledger", "column_result", "verdict", "outbox", "attempt")


def _statements(conn: Connection, read: Callable[[Connection], object]) -> list[tuple[str, object]]:
    """What `read` sends to the database, as the driver gets it."""
    seen: list[tuple[str, object]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(conn, "before_cursor_execute", note)
    read(conn)
    event.remove(conn, "before_cursor_execute", note)
    return seen


def _is_whole(step: str) -> bool:
    """Whether a step reads a table from end to end; the few rows of a subquery, or of a view that is a union,
    are no table: its parts are steps of their own."""
    no_table = ("SCAN (subquery", "SCAN anon", "SCAN asked", "SCAN names", "SCAN v_measurements")
    constant = step.startswith("SCAN") and "CONSTANT ROW" in step
    return step.startswith("SCAN") and "INDEX" not in step and not constant and not step.startswith(no_table)
