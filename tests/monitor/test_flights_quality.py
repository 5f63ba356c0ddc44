"""Real flights without drift: false pages are rare, and planted faults are found (two permutations)."""

from pathlib import Path

import pytest

from benchmarks.quality import faults
from benchmarks.quality.departures import Flights, prepare
from benchmarks.quality.flown import COMPLETE
from benchmarks.quality.history import History, live
from benchmarks.quality.still import count_clean
from benchmarks.quality.tally import Tally

SEEDS = (11, 12)


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> list[History]:
    """Each permutation learnt from and judged clean, performance too."""
    folder: Path = tmp_path_factory.mktemp("flights")
    prepare(folder)
    return [live(Flights(folder=folder, seed=seed)) for seed in SEEDS]


def test_pages_are_rare_where_nothing_drifted(histories: list[History]) -> None:
    """At most 1.5 windows with a page per 100 pooled, and no permutation over 5."""
    tallies = [count_clean(history) for history in histories]
    assert sum(tallies, start=Tally()).share("page") <= 0.015
    assert max(tally.share("page") for tally in tallies) <= 0.05


@pytest.mark.parametrize("fault", ["missing", "unseen"])
def test_planted_faults_are_paged(histories: list[History], fault: str) -> None:
    """Three points of missing values, or an unseen carrier in 4 % of rows: paged in the first window."""
    tally = Tally()
    for history in histories:
        for number, at in enumerate(history.onsets(24, 1)):
            column = COMPLETE[number % len(COMPLETE)] if fault == "missing" else "carrier"
            change = faults.missing(column, 0.03) if fault == "missing" else faults.unseen(column, 0.04)
            (told,) = history.plant(at, change, 1)
            tally.add("paged", told.paged(column))
    assert tally.share("paged") >= 0.95
