"""What would the change of a column's mix alone do to the model?

harm = Σ (q_b − p_b)·a_b over display bins, p and q the shares of reference and window, a_b the reference's
accuracy in the bin (regression: mean absolute error), shrunk to the overall one by 50 pseudo-rows, so that an
empty bin says nothing. pull = Σ (q_b − p_b)·s̄_b, s̄_b the reference's mean score in the bin.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detectors._bins import bin_counts
from detectors._column_profile import ColumnProfile
from detectors._measurement import Harm
from detectors._summary import ColumnSummary

_PSEUDO_ROWS = 50.0


def harm(profile: ColumnProfile, summary: ColumnSummary) -> Harm:
    """Harm in points (accuracy ×100, or −% of the reference MAE: negative is worse) and pull of the score."""
    outcomes = profile.outcomes
    _, reference, window = bin_counts(profile, summary)
    n = int(window.sum())
    if outcomes is None or n == 0:
        return Harm()
    shares = window / n
    change = shares - reference / max(int(reference.sum()), 1)
    pull = None
    if outcomes.scored.sum() > 0:
        pull = float(change @ _shrunk(outcomes.score, outcomes.scored))
    if outcomes.known.sum() == 0:
        return Harm(pull=pull)
    quality = _shrunk(outcomes.quality, outcomes.known)
    points = 100.0
    if outcomes.task == "regression":
        overall = float(outcomes.quality.sum()) / int(outcomes.known.sum())
        if overall == 0.0:  # a perfect model: no error to take a share of
            return Harm(pull=pull)
        points = -100.0 / overall
    # Sampling error of Σ q_b a_b under the multinomial law of n rows.
    variance = max(float(shares @ quality**2) - float(shares @ quality) ** 2, 0.0) / n
    return Harm(
        harm=points * float(change @ quality), harm_error=abs(points) * math.sqrt(variance), pull=pull
    )


def _shrunk(sums: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    overall = float(sums.sum()) / int(rows.sum())
    return (sums + _PSEUDO_ROWS * overall) / (rows + _PSEUDO_ROWS)
