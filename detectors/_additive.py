"""What does the mix of a window alone make us expect? A sum of one effect a bin, from marginal counts.

ŷ(row) = c + Σ_j f_j(bin_j(row)): the mean of ŷ over any rows is c + Σ_j Σ_b q_jb·f_jb, q_jb the share of the
rows in bin b of column j. So the counts of a window give it exactly, and no row is touched. Effects of a
column average to 0 over the reference: a column that is not there, a label never seen, or values that are
missing for the first time, say nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._binning import Binning, binning
from detectors._column_profile import ColumnProfile, NumericProfile, wrong_kind
from detectors._encoding import pack, unpack
from detectors._profile import Profile
from detectors._summary import CategorySummary, ColumnSummary, NumericSummary, WindowSummary

Floats = NDArray[np.float64]

# Quantile bins of a numeric column. Display bins are for the eye: within the last of ten deciles of a skewed
# column a model's score still runs from end to end.
INTERVALS = 32
# Each outermost one is halved this many times: a shift by two sd puts half of the rows in the last of 32
# bins.
_HALVED = 5
# Parts of the reference, each predicted by a model that has not seen it. Contiguous in time: neighbouring
# windows share weather, so a model that saw yesterday has half seen today (Roberts et al., Ecography 40,
# 2017).
FOLDS = 5
_TAIL = 1.0 / (INTERVALS * 2.0 ** np.arange(_HALVED, 0, -1))
_LEVELS = np.concatenate([_TAIL, np.arange(1, INTERVALS) / INTERVALS, 1.0 - _TAIL[::-1]])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdditiveModel:
    """Effects of all targets. Model 0 has seen all of the reference, model 1 + k all but its k-th fold."""

    columns: tuple[str, ...]
    bins: NDArray[np.int64]  # int64[columns], bins of each, missing last
    constants: Floats  # float64[1 + FOLDS, targets]
    effects: Floats  # float64[1 + FOLDS, targets, Σ bins]
    doubt: Floats  # float64[Σ bins]: how little the reference says of the bin, 0 to 1
    spread: Floats  # float64[targets, columns]: variance of the column's effect over the reference
    variance: Floats  # float64[targets]: of one row's y − ŷ within a window
    between: Floats  # float64[targets]: τ², variance of a window's mean of y − ŷ that rows alone do not give

    def expected(self, marginals: Floats, at: float | None = None) -> Floats:
        """Mean ŷ by target. `at`: share of the reference's rows before the middle of a window of its own;
        then the model that has not seen that part of the reference answers."""
        model = 0 if at is None else 1 + fold_of(at)
        found: Floats = self.constants[model] + self.effects[model] @ marginals
        return found

    def error2(self, marginals: Floats) -> Floats:
        """Variance of `expected` by target.

        How far the models that each saw four fifths disagree on this mix (the delete-a-group jackknife: Kott,
        J. Official Statistics 17, 2001), and where the reference says nothing of a bin, how far the column's
        effect varies: rows in such a bin have it in common.
        """
        found = self.constants[1:] + self.effects[1:] @ marginals
        disagree = (FOLDS - 1) / FOLDS * np.sum((found - found.mean(axis=0)) ** 2, axis=0)
        return np.asarray(disagree + self.spread @ self.unknown(marginals) ** 2)

    def unknown(self, marginals: Floats) -> Floats:
        """float64[columns]: share of the rows of whose value the reference says nothing."""
        starts = np.append(0, np.cumsum(self.bins)[:-1])
        doubted = np.add.reduceat(marginals * self.doubt, starts)
        return np.asarray(doubted + 1.0 - np.add.reduceat(marginals, starts)).clip(0.0, 1.0)

    def marginals(self, profile: Profile, summary: WindowSummary) -> Floats:
        """float64[Σ bins]: shares of the rows by bin; zeros for a column the window does not hold.

        What was asked last is kept: components, evidence and members all ask of the same window.
        """
        last = profile.memo.get(f"mix:{id(self)}")
        if last is not None and last[0] is self and last[1] is summary:
            kept: Floats = last[2]
            return kept
        shares = np.zeros(int(self.bins.sum()))
        start = 0
        for name, bins in zip(self.columns, self.bins.tolist(), strict=True):
            counted = summary.columns.get(name)
            if counted is not None and counted.rows:
                held = _pooled(profile.columns[name], counted)
                shares[start : start + bins] = held / counted.rows
            start += bins
        shares.flags.writeable = False
        profile.memo[f"mix:{id(self)}"] = (self, summary, shares)
        return shares

    def parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Head and arrays for `pack`."""
        return {"columns": self.columns}, {
            "bins": self.bins,
            "constants": self.constants.ravel(),
            "effects": self.effects.ravel(),
            "doubt": self.doubt,
            "spread": self.spread.ravel(),
            "variance": self.variance,
            "between": self.between,
        }

    @classmethod
    def of_parts(cls, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> "AdditiveModel":
        targets = arrays["variance"].size
        return cls(
            columns=tuple(head["columns"]),
            bins=arrays["bins"],
            constants=arrays["constants"].reshape(1 + FOLDS, targets),
            effects=arrays["effects"].reshape(1 + FOLDS, targets, -1),
            doubt=arrays["doubt"],
            spread=arrays["spread"].reshape(targets, -1),
            variance=arrays["variance"],
            between=arrays["between"],
        )

    def to_bytes(self) -> bytes:
        return pack(*self.parts())

    @classmethod
    def from_bytes(cls, data: bytes) -> "AdditiveModel":
        return cls.of_parts(*unpack(data))


def fold_of(at: float) -> int:
    """The fold of a window whose middle lies after this share of the reference's rows."""
    return min(max(int(at * FOLDS), 0), FOLDS - 1)


def fine_bins(profile: ColumnProfile) -> Binning:
    """Bins of an effect: about INTERVALS quantile bins of a numeric column, the display bins of labels.

    Values beyond the reference's range are in its outermost bins: most models are flat there.
    """
    if not isinstance(profile, NumericProfile):
        return binning(profile)
    found: Binning | None = profile.memo.get("fine_bins")
    if found is None:
        if profile.values:
            middle = (np.cumsum(profile.counts) - 0.5 * profile.counts) / profile.values
            raw = np.searchsorted(_LEVELS, middle, side="right").astype(np.int64)
        else:
            raw = np.zeros(profile.counts.size, dtype=np.int64)
        kept, bin_of = np.unique(raw, return_inverse=True)
        found = Binning.of(("",) * (kept.size + 1), bin_of.astype(np.int64))
        profile.memo["fine_bins"] = found
    return found


def _pooled(profile: ColumnProfile, summary: ColumnSummary) -> NDArray[np.int64]:
    bins = fine_bins(profile)
    if isinstance(profile, NumericProfile) and isinstance(summary, NumericSummary):
        return bins.pool(summary.counts, summary.missing)
    if not isinstance(profile, NumericProfile) and isinstance(summary, CategorySummary):
        return bins.pool(np.append(summary.counts, [summary.rest, summary.unseen]), summary.missing)
    raise wrong_kind(profile)
