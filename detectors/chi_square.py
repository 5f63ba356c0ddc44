"""Did the shares of a column's categories change, how surely, by how much, and which share most?

chi_square = Σ over both sides and all levels of (rows − expected)² / expected, the test of homogeneity of
the 2 × B table. cramers_v = √( ½ Σ (q_b − p_b)² / (p_b + q_b) ): Cramér's V of that table with both sides
given the same weight, so a value means the same at any window size. l_infinity = max_b |q_b − p_b|.

chi_square lies in [0, ∞); cramers_v in [0, 1], 1 where no level is shared; l_infinity in [0, 1]. Category
columns only; missing rows are left out (missing tells of them). There are no ties among labels. Zero bins:
levels under 1 % of the reference, rest and unseen are one level; for chi_square and cramers_v so is every
level the reference lets expect fewer than 5 rows of in this window, and if the pool itself is under 5 it
joins the smallest level left. With one level left, or an empty side: NaN.

Noise limits: chi_square χ²₀.₉₉₉(B − 1), p from the same law; cramers_v ½√( (1/N + 1/n) χ²₀.₉₉₉(B − 1) );
l_infinity the largest z·√(p_b(1 − p_b)(1/N + 1/n)) + 1/(2n), z at 0.001 / 2B (Bonferroni).

Source: Pearson 1900; Cochran 1954, "Some methods for strengthening the common χ² tests", Biometrics 10, for
the 5; Cramér 1946, "Mathematical Methods of Statistics", section 21.9.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column_profile import CategoryProfile
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import EXCEEDANCE, chi_square_limit, spread
from detectors._special import special
from detectors._summary import CategorySummary, WindowSummary

Counts = NDArray[np.int64]

_POOLED_BELOW = 0.01  # share of the known reference rows under which a level is pooled
_EXPECTED = 5.0  # rows of the window a level must let expect (Cochran 1954)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChiSquare:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `chi_square`, `cramers_v` and `l_infinity` a category column."""
        measurements = []
        for name, summary in window.columns.items():
            column = profile.columns[name]
            if isinstance(column, CategoryProfile) and isinstance(summary, CategorySummary):
                measurements += _measure(column, summary)
        return measurements


def _measure(column: CategoryProfile, summary: CategorySummary) -> list[Measurement]:
    a, b = _levels(column, summary)
    n_reference, n = int(a.sum()), int(b.sum())
    largest, largest_limit = _largest_change(a, b)
    a, b = _pooled(a, b)
    value, v, limit, v_limit, p = math.nan, math.nan, None, None, None
    if a.shape[0] > 1:
        expected = (a + b) / (n_reference + n)
        from_reference = (a - n_reference * expected) ** 2 / (n_reference * expected)
        value = float((from_reference + (b - n * expected) ** 2 / (n * expected)).sum())
        first, second = a / n_reference, b / n
        v = min(1.0, math.sqrt(0.5 * float(((second - first) ** 2 / (first + second)).sum())))
        limit = chi_square_limit(a.shape[0])
        v_limit = min(1.0, 0.5 * math.sqrt(spread(n_reference, n) * limit))
        p = float(special.chdtrc(a.shape[0] - 1, value))
    return [
        Measurement(
            column=column.name,
            metric=metric,
            value=number,
            noise_limit=noise_limit,
            p=chance,
            n_reference=n_reference,
            n=n,
        )
        for metric, number, noise_limit, chance in (
            ("chi_square", value, limit, p),
            ("cramers_v", v, v_limit, p),
            ("l_infinity", largest, largest_limit, None),
        )
    ]


def _levels(column: CategoryProfile, summary: CategorySummary) -> tuple[Counts, Counts]:
    """Rows per level of ≥ 1 %, and last of all the others; reference and window."""
    known = column.values
    kept = column.counts >= max(1.0, _POOLED_BELOW * known)
    reference_rest = column.rest + int(column.counts[~kept].sum())
    window_rest = summary.rest + summary.unseen + int(summary.counts[~kept].sum())
    return (
        np.append(column.counts[kept], reference_rest).astype(np.int64),
        np.append(summary.counts[kept], window_rest).astype(np.int64),
    )


def _pooled(a: Counts, b: Counts) -> tuple[Counts, Counts]:
    """The same rows on levels that let expect 5 rows each; one level or none where that cannot be."""
    n_reference, n = int(a.sum()), int(b.sum())
    if n_reference == 0 or n == 0:
        return a[:0], b[:0]
    expected = a * (n / n_reference)
    kept = expected >= _EXPECTED
    kept[-1] = False
    order = np.argsort(-a[kept], kind="stable")
    first, second = a[kept][order], b[kept][order]
    rest_a, rest_b = int(a[~kept].sum()), int(b[~kept].sum())
    if rest_a * (n / n_reference) >= _EXPECTED or first.shape[0] == 0:
        return np.append(first, rest_a), np.append(second, rest_b)
    first[-1] += rest_a
    second[-1] += rest_b
    return first, second


def _largest_change(a: Counts, b: Counts) -> tuple[float, float | None]:
    n_reference, n = int(a.sum()), int(b.sum())
    if n_reference == 0 or n == 0:
        return math.nan, None
    p = (a + 0.5) / (n_reference + 0.5 * a.shape[0])
    z = -float(special.ndtri(EXCEEDANCE / (2.0 * a.shape[0])))
    sd = math.sqrt(float((p * (1.0 - p)).max()) * spread(n_reference, n))
    return float(np.abs(b / n - a / n_reference).max()), min(1.0, z * sd + 0.5 / n)
