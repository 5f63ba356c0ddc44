"""Real flights without drift: false pages are rare, and planted faults are found (three permutations)."""

import numpy as np
import pytest

from benchmarks.quality.flights import Outcome, plant_bursts, run
from benchmarks.quality.permuted import days_of_2013

SEEDS = (11, 12, 13)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Three permutations, judged clean, with bursts planted in every seventh judged day."""
    days, found = days_of_2013(None), []
    for seed in SEEDS:
        world, outcome = run(days, seed)
        plant_bursts(world, seed, outcome, every=7)
        found.append(outcome)
    return found


def test_pages_are_rare_where_nothing_drifted(outcomes: list[Outcome]) -> None:
    """At most 1.5 windows with a page per 100 pooled, and no permutation over 5."""
    rates = [100.0 * outcome.paged / outcome.windows for outcome in outcomes]
    assert np.mean(rates) <= 1.5
    assert max(rates) <= 5.0


@pytest.mark.parametrize("fault", ["missing +3 points", "unseen carrier 4 %"])
def test_planted_faults_are_paged(outcomes: list[Outcome], fault: str) -> None:
    """In at least 95 % of their windows, each the first of its burst."""
    assert np.mean([paged for outcome in outcomes for paged, _ in outcome.found[fault]]) >= 0.95
