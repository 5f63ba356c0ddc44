"""What is asked of the ledger every few seconds costs the same after a year as on the first day.

SQLite's virtual machine counts its own steps (https://sqlite.org/c3ref/progress_handler.html): no clock, so
the count is the same on every machine and at every load.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert

from storage import fold_order, label_windows, ledger, profiles, revisions
from storage.engine import Store
from storage.ledger import Stream, WindowKind, WindowState
from storage.reached import reached
from storage.tables import ledger as table
from tests.storage.samples import HOUR, LEASE, T0, profile

MODELS = [f"m{number}" for number in range(5)]
SHORT, LONG = 20, 1500  # windows a model and kind, of the past
LATER = T0 + 400 * timedelta(days=1)

ASKED: dict[str, Callable[[Connection], object]] = {
    "claim": lambda conn: ledger.claim(conn, LATER, "x", LEASE, MODELS),
    "claim a fresh one": lambda conn: ledger.claim(conn, LATER, "x", LEASE, MODELS, due_since=LATER - HOUR),
    "is there one to look at again": lambda conn: revisions.to_recheck(conn, LATER, MODELS),
    "look at it again": lambda conn: revisions.claim_recheck(conn, LATER, LEASE, MODELS),
    "fold": lambda conn: fold_order.to_fold(conn, "m1", Stream.INPUTS),
    "what holds up": lambda conn: fold_order.overdue(conn, "m1", Stream.INPUTS, LATER),
    "what came late": lambda conn: fold_order.late(conn, "m1", Stream.INPUTS),
    "who has work": fold_order.models_with_work,
    "how far is it folded": lambda conn: fold_order.folded_span(conn, "m1", Stream.INPUTS),
    "how far is it planned": lambda conn: ledger.last_planned(conn, "m1", Stream.INPUTS),
    "how far is every model": reached,
    "labels to plan": lambda conn: label_windows.to_plan(conn, "m1", LATER - 24 * HOUR, 10),
}


@pytest.mark.parametrize("name", ASKED)
def test_costs_the_same_after_a_year(file_store: Store, name: str) -> None:
    """75 times the history, at most a few steps more: the depth of an index."""
    with file_store.write() as conn:
        for model in MODELS:
            profiles.promote(conn, profiles.save(conn, model, profile(), now=T0).id, T0)
        _past(conn, 0, SHORT)
        _open(conn)
        short = _steps(conn, ASKED[name])
        _past(conn, SHORT, LONG)
        long = _steps(conn, ASKED[name])
    assert long <= 1.2 * short + 60, f"{short} steps before, {long} after"


def test_a_backlog_is_claimed_without_sorting_it(file_store: Store) -> None:
    """After days of downtime thousands are open at once: the oldest is the first of an index."""
    with file_store.write() as conn:
        _open(conn)
        few = _steps(conn, ASKED["claim"])
        _open(conn, 1, 800)
        many = _steps(conn, ASKED["claim"])
        claimed = ledger.claim(conn, LATER, "x", LEASE, MODELS)
    assert many <= 1.2 * few + 60, f"{few} steps before, {many} after"
    assert claimed is not None
    assert claimed.kind is WindowKind.SCHEDULED


def _past(conn: Connection, first: int, last: int) -> None:
    """What lies in a ledger for years: judged, looked at again or never to be."""
    rows = [
        _row(model, number, **kind)
        for model in MODELS
        for number in range(first, last)
        for kind in (
            {"state": WindowState.DONE, "rechecked_at": LATER},
            {"state": WindowState.DONE, "stream": Stream.LABELS},
            {"state": WindowState.SKIPPED, "revision": 3},
            {"state": WindowState.FAILED, "revision": 4, "error_class": "permanent"},
            {"state": WindowState.DONE, "revision": 5, "kind": WindowKind.BACKFILL},
        )
    ]
    conn.execute(insert(table), rows)


def _open(conn: Connection, first: int = 0, last: int = 1) -> None:
    """What is due, and what waits for late rows."""
    rows = [
        _row(model, 9000 + number, state=WindowState.PLANNED, folded_at=None, kind=kind, revision=revision)
        for model in MODELS
        for number in range(first, last)
        for revision, kind in enumerate((WindowKind.SCHEDULED, WindowKind.BACKFILL))
    ]
    rows += [
        _row(model, 8000 + number, state=WindowState.DONE)
        for model in MODELS
        for number in range(first, last)
    ]
    conn.execute(insert(table), rows)


def _row(model: str, number: int, **values: object) -> dict[str, object]:
    start = T0 + number * HOUR
    row: dict[str, object] = {
        "model": model,
        "stream": Stream.INPUTS,
        "kind": WindowKind.SCHEDULED,
        "start": start,
        "end": start + HOUR,
        "revision": 0,
        "config_digest": "",
        "due": start + HOUR,
        "recheck": start + 2 * HOUR,
        "rechecked_at": None,
        "give_up": LATER,
        "next_try": start + HOUR,
        "planned_at": start,
        "folded_at": LATER,
        "error_class": "",
    }
    return row | values


def _steps(conn: Connection, ask: Callable[[Connection], object]) -> int:
    """How many steps SQLite takes; what is asked is taken back."""
    counted = 0

    def step() -> int:
        nonlocal counted
        counted += 1
        return 0

    ask(conn)  # whatever is prepared once
    raw = conn.connection.driver_connection
    assert raw is not None
    raw.set_progress_handler(step, 1)
    try:
        with conn.begin_nested() as undo:
            ask(conn)
            undo.rollback()
    finally:
        raw.set_progress_handler(None, 0)
    return counted
