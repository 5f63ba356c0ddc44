"""On which bins, and with which shares, are two distributions compared by PSI, Jensen–Shannon and Hellinger?

A bin without a row on either side is left out: smoothed with half a row it would cost ln(N/n) for nothing.
Shares are (count + ½) / (n + B/2) over the B bins left (docs/detectors.md), so no logarithm meets a zero and
a bin that is new in the window stays finite.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._bins import bin_counts
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile
from detectors._profile import Profile
from detectors._summary import ColumnSummary, NumericSummary, WindowSummary

DISPLAY_BINS = 10  # with this many the bins are those a person is shown

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One column's two smoothed distributions."""

    column: str
    p: Shares  # float64[B], reference, sum 1; only bins with a row on one side at least
    q: Shares  # float64[B], window, sum 1
    n_reference: int  # rows, missing ones included
    n: int  # rows, missing ones included


def comparisons(profile: Profile, window: WindowSummary, bins: int) -> Sequence[Comparison]:
    """Every column the window holds, numeric ones on `bins` reference quantile bins. n = 0: p and q empty.

    Computed once a window for all who ask.
    """
    key = f"comparisons {bins} {profile.digest}"
    found: Sequence[Comparison] | None = window.memo.get(key)
    if found is None:
        found = window.memo[key] = tuple(_comparisons(profile, window, bins))
    return found


def _comparisons(profile: Profile, window: WindowSummary, bins: int) -> Iterator[Comparison]:
    for name, summary in window.columns.items():
        column = profile.columns[name]
        reference, counted = _bin_counts(column, summary, bins)
        n_reference, n = column.rows, int(np.add.reduce(counted))
        if isinstance(column, CategoryProfile):
            reference, counted = _unseen_with_rest(reference), _unseen_with_rest(counted)
        kept = (reference + counted) > 0
        if n_reference == 0 or n == 0:
            kept[:] = False
        yield Comparison(
            column=name,
            p=_smoothed(reference[kept], n_reference),
            q=_smoothed(counted[kept], n),
            n_reference=n_reference,
            n=n,
        )


def check_bins(bins: int) -> None:
    """The one rule for the option `bins` of the three divergences."""
    if type(bins) is not int or not 2 <= bins <= 100:
        raise ValueError(f"bins: must be an integer from 2 to 100, got {bins!r}")


def _unseen_with_rest(counts: Counts) -> Counts:
    """Rest and unseen as one bin.

    No reference row can be unseen, so by itself that bin is 0 against N₁/N without any drift (novelty.py):
    with rare labels a nominal 0.1 % limit then fires in 3 % of windows. A rare label is one or the other.
    """
    rest, unseen = counts.shape[0] - 3, counts.shape[0] - 2
    joined = np.delete(counts, unseen)
    joined[rest] += counts[unseen]
    return joined


def _smoothed(counts: Counts, rows: int) -> Shares:
    size = counts.shape[0]
    shares: Shares = (counts + 0.5) / (rows + 0.5 * size) if size else np.zeros(0)
    return shares


def _bin_counts(column: ColumnProfile, summary: ColumnSummary, bins: int) -> tuple[Counts, Counts]:
    if bins != DISPLAY_BINS and isinstance(column, NumericProfile) and isinstance(summary, NumericSummary):
        return _quantile_counts(column, summary, bins)
    _, reference, counted = bin_counts(column, summary)
    return reference, counted


def _quantile_counts(column: NumericProfile, summary: NumericSummary, bins: int) -> tuple[Counts, Counts]:
    """`bins` groups of cells cut by the reference cdf (tied ones merge), spike, below, above, missing."""
    reference = column.counts
    before = np.cumsum(reference) - reference
    group = np.minimum(bins - 1, bins * before // max(1, int(reference.sum())))
    if column.spike is not None:
        group[2 * int(np.searchsorted(column.knots, column.spike)) + 1] = bins
    group[0], group[-1] = bins + 1, bins + 2
    size = bins + 3
    weighted = (np.bincount(group, weights=side, minlength=size) for side in (reference, summary.counts))
    first, second = (np.rint(side).astype(np.int64) for side in weighted)
    return np.append(first, column.missing), np.append(second, summary.missing)
