"""What is a person shown of a column? The same few bins for reference and window."""

import numpy as np
from numpy.typing import NDArray

from detectors._binning import binning
from detectors._column_profile import ColumnProfile, NumericProfile, wrong_kind
from detectors._measurement import Bins
from detectors._summary import CategorySummary, ColumnSummary, NumericSummary


def bin_counts(
    profile: ColumnProfile, summary: ColumnSummary | None
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Labels, reference rows and window rows by bin, missing last; no summary: a window without rows."""
    bins = binning(profile)
    if isinstance(profile, NumericProfile):
        if isinstance(summary, CategorySummary):
            raise wrong_kind(profile)
        window = (
            bins.pool(summary.counts, summary.missing)
            if summary is not None
            else np.zeros(len(bins.labels), dtype=np.int64)
        )
    else:
        if isinstance(summary, NumericSummary):
            raise wrong_kind(profile)
        window = (
            bins.pool(np.append(summary.counts, [summary.rest, summary.unseen]), summary.missing)
            if summary is not None
            else np.zeros(len(bins.labels), dtype=np.int64)
        )
    return bins.labels, reference_counts(profile), window


def reference_counts(profile: ColumnProfile) -> NDArray[np.int64]:
    """Reference rows by bin; computed once a profile."""
    found: NDArray[np.int64] | None = profile.memo.get("bin_counts")
    if found is None:
        bins = binning(profile)
        if isinstance(profile, NumericProfile):
            found = bins.pool(profile.counts, profile.missing)
        else:
            found = bins.pool(np.append(profile.counts, [profile.rest, 0]), profile.missing)
        found.flags.writeable = False
        profile.memo["bin_counts"] = found
    return found


def display(profile: ColumnProfile, summary: ColumnSummary | None) -> Bins:
    """Shares by bin; all zero on a side without rows."""
    labels, reference, window = bin_counts(profile, summary)
    return Bins(labels=labels, reference=_shares(reference), window=_shares(window))


def _shares(counts: NDArray[np.int64]) -> tuple[float, ...]:
    shares: list[float] = (counts / max(int(counts.sum()), 1)).tolist()
    return tuple(shares)
