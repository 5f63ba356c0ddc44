"""Killed at any named place or at any moment, failing there, and started again: a bounded `make prove`.

Is the history that of the life nobody disturbed and of the independent oracle, was everything told once?
What is tried and compared is in tests/prove; docs/proof.md says what it proves.
"""

import pytest

from alerting.failpoint import NAMES
from tests.prove.faults import Kind
from tests.prove.prover import Order, prove

# No part of a window's way: tests of backfill, rows over HTTP, retraining, the supervisor, retention and
# restore try these.
ELSEWHERE = {
    "after_batch_kept",
    "before_backfill_commit",
    "before_batch_kept",
    "before_merge_kept",
    "before_rebuilt_promotion",
    "before_report_commit",
    "before_tending_commit",
    "in_tick",
    "mid_merge_removal",
    "mid_retention",
    "mid_restore",
}
PLACES = len(set(NAMES) - ELSEWHERE)
ORDERS = {
    # Every place killed twice and failing once; one life killed again and again.
    "sqlite": Order(
        kills=2 * PLACES,
        raises=PLACES,
        databases=("sqlite",),
        kinds=(Kind.SWEEP, Kind.RAISE, Kind.RANDOM),
        to_the_end=20,
    ),
    # Transactions differ there, the program does not: every place killed once.
    "postgresql": Order(
        kills=PLACES,
        raises=1,
        databases=("postgresql",),
        kinds=(Kind.SWEEP, Kind.RAISE),
        to_the_end=20,
    ),
}


@pytest.mark.timeout(1200)  # minutes on a loaded machine
@pytest.mark.parametrize("database", ORDERS)
def test_nothing_is_lost_and_nothing_is_doubled(database: str) -> None:
    """After a fault anywhere history is the undisturbed one, every message was accepted, repeats say so."""
    proof = prove(ORDERS[database], lambda _proof, _done, _planned: None)
    assert proof.wrong == []
    assert all(row.faults for row in proof.rows)
    assert proof.kills >= PLACES
    assert proof.unreached == ELSEWHERE
    assert proof.left == 0
