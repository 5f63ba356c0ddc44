"""How well does a score put positives above negatives, and how sure is that number?

From counts of both by cell of the score, cells ascending: rows of one cell count as ties. Exact where every
cell holds one value.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A number between 0 and 1; NaN where one of the classes is not there."""

    value: float
    error: float  # standard error, rows taken as independent


def roc_auc(positives: Counts, negatives: Counts) -> Ranked:
    """P(score of a positive > score of a negative) + ½ P(equal): Mann–Whitney.

    Standard error: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), on the cells.
    """
    p, n = int(positives.sum()), int(negatives.sum())
    if p == 0 or n == 0:
        return Ranked(value=math.nan, error=math.nan)
    # Placement of each cell among the other class: share below plus half of the share in it.
    of_positives = (np.cumsum(negatives) - 0.5 * negatives) / n
    of_negatives = 1.0 - (np.cumsum(positives) - 0.5 * positives) / p
    value = float((positives * of_positives).sum()) / p
    variance = _spread(positives, of_positives, value, p) + _spread(negatives, of_negatives, value, n)
    if variance == 0.0:  # one class wholly above the other says little when there are few rows
        variance = share_variance(value * min(p, n), min(p, n))
    return Ranked(value=value, error=math.sqrt(variance))


def average_precision(positives: Counts, negatives: Counts) -> Ranked:
    """Σ (R_j − R_j₋₁)·P_j over thresholds from the top, P and R precision and recall at or above each.

    No interpolation, as scikit-learn. Standard error: √(AP(1 − AP)/positives), Boyd, Eng & Page, "Area under
    the precision-recall curve: point estimates and confidence intervals", ECML 2013, section 4.
    """
    p = int(positives.sum())
    if p == 0 or not int(negatives.sum()):
        return Ranked(value=math.nan, error=math.nan)
    hit = positives[::-1].astype(np.float64)
    above = np.cumsum(hit)
    rows = np.cumsum((positives + negatives)[::-1])
    held = hit > 0.0
    value = float((hit[held] * above[held] / rows[held]).sum()) / p
    return Ranked(value=value, error=math.sqrt(share_variance(value * p, p)))


def resolution(positives: Counts, negatives: Counts, *, exact: bool) -> float:
    """How far `roc_auc` of the cells may be from that of the rows.

    `exact`: odd cells hold a single value each (`_cells`), so only pairs within an even one are not ordered.
    """
    pairs = float(positives.sum()) * float(negatives.sum())
    if pairs == 0.0:
        return 0.0
    step = 2 if exact else 1
    return 0.5 * float((positives[::step].astype(np.float64) * negatives[::step]).sum()) / pairs


def share_variance(successes: float, rows: int) -> float:
    """p̂(1 − p̂)/n with p̂ = (k + ½)/(n + 1), never 0: as the noise model has it."""
    share = (successes + 0.5) / (rows + 1.0)
    return share * (1.0 - share) / rows


def _spread(rows: Counts, placement: NDArray[np.float64], mean: float, total: int) -> float:
    """Variance of the mean placement of one class."""
    if total < 2:
        return 0.25
    return float((rows * (placement - mean) ** 2).sum()) / (total - 1) / total
