"""What did a window look like, counted on the reference's knots and labels?

Everything is an integer, a minimum or a maximum, so summaries add up exactly: every split of the same rows
into batches, in any order, gives equal summaries.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detectors._cells import Tails, merge_tails, quantiles
from detectors._column_profile import NumericProfile
from detectors._profile import Profile
from detectors._shadow import ShadowSummary

if TYPE_CHECKING:
    from detectors._joint import JointSummary

# Moments are sums over rows of q₁ = rint(z·2²⁰) and q₂ = rint(z²·2²⁰), z = (x − mean)/sd of the reference,
# clipped to ±2¹¹: a window's mean is known to 2⁻²¹ sd, and a value beyond 2,048 sd counts as one at 2,048.
MOMENT_BITS = 20
MOMENT_CLIP = 2048.0
UNSEEN_LABELS = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumericSummary:
    """A numeric column of a window."""

    counts: NDArray[np.int64]  # int64[2k + 1], rows by cell, in the order of `_cells`
    missing: int
    below_edge: int  # rows below the profile's lower outer edge, −inf too; also counted in the open cell
    above_edge: int
    infinite: int  # rows of ±inf: in the open cells and beyond the edges, in no moment, minimum or tail
    minimum: float  # of finite rows; +inf without any
    maximum: float  # of finite rows; −inf without any
    moment1: int  # Σ rint(z·2²⁰), see MOMENT_BITS
    moment2: int  # Σ rint(z²·2²⁰)
    tails: Tails = ()  # (code, rows) of finite rows beyond the outer knots, codes ascending
    # What several detectors ask for; no part of what was counted.
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def values(self) -> int:
        """Rows that are not missing."""
        found: int | None = self.memo.get("values")
        if found is None:
            found = self.memo["values"] = int(self.counts.sum())
        return found

    @property
    def rows(self) -> int:
        return self.values + self.missing

    @property
    def finite(self) -> int:
        return self.values - self.infinite

    @property
    def out_of_range(self) -> int:
        return self.below_edge + self.above_edge

    def mean(self, profile: NumericProfile) -> float:
        """Mean of the finite rows; NaN without any."""
        n = self.finite
        if n == 0:
            return np.nan
        centre, scale = moment_scale(profile)
        return centre + scale * (self.moment1 / (n << MOMENT_BITS))

    def sd(self, profile: NumericProfile) -> float:
        """Standard deviation of the finite rows (n − 1); NaN with fewer than two."""
        n = self.finite
        if n < 2:
            return np.nan
        # Integers until the division: no cancellation beyond the moments' own resolution.
        spread = ((n * self.moment2 << MOMENT_BITS) - self.moment1**2) / (n * (n - 1) << 2 * MOMENT_BITS)
        return moment_scale(profile)[1] * math.sqrt(max(spread, 0.0))

    def quantile(self, profile: NumericProfile, level: float) -> float:
        """Quantile of the finite rows: to a cell in the reference's range, to 6 % beyond; NaN: no rows."""
        return float(self.quantiles(profile, np.array([level]))[0])

    def quantiles(self, profile: NumericProfile, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Several quantiles at the price of one."""
        return quantiles(
            profile.knots, self.counts, levels, tails=self.tails, low=self.minimum, high=self.maximum
        )

    def __add__(self, other: "NumericSummary") -> "NumericSummary":
        if not isinstance(other, NumericSummary):
            return NotImplemented
        return NumericSummary(
            counts=self.counts + other.counts,
            missing=self.missing + other.missing,
            below_edge=self.below_edge + other.below_edge,
            above_edge=self.above_edge + other.above_edge,
            infinite=self.infinite + other.infinite,
            minimum=min(self.minimum, other.minimum),
            maximum=max(self.maximum, other.maximum),
            moment1=self.moment1 + other.moment1,
            moment2=self.moment2 + other.moment2,
            tails=merge_tails(self.tails, other.tails),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NumericSummary):
            return NotImplemented
        return np.array_equal(self.counts, other.counts) and self._scalars() == other._scalars()

    __hash__ = None  # type: ignore[assignment]  # holds an array

    def _scalars(self) -> tuple[object, ...]:
        edges = (self.missing, self.below_edge, self.above_edge, self.infinite)
        return (*edges, self.minimum, self.maximum, self.moment1, self.moment2, self.tails)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CategorySummary:
    """A column of labels of a window."""

    counts: NDArray[np.int64]  # int64[L], rows by kept label of the profile
    rest: int  # rows of labels the reference pooled
    missing: int
    unseen: int  # rows of labels the reference never held
    # The 256 lexicographically smallest unseen labels with their exact rows: a rule that merges exactly,
    # since a label among the smallest of a union is among the smallest of every part that holds it.
    unseen_labels: Mapping[str, int]

    @property
    def values(self) -> int:
        """Rows that are not missing."""
        return int(self.counts.sum()) + self.rest + self.unseen

    @property
    def rows(self) -> int:
        return self.values + self.missing

    def __add__(self, other: "CategorySummary") -> "CategorySummary":
        if not isinstance(other, CategorySummary):
            return NotImplemented
        return CategorySummary(
            counts=self.counts + other.counts,
            rest=self.rest + other.rest,
            missing=self.missing + other.missing,
            unseen=self.unseen + other.unseen,
            unseen_labels=smallest(
                {
                    label: self.unseen_labels.get(label, 0) + other.unseen_labels.get(label, 0)
                    for label in {*self.unseen_labels, *other.unseen_labels}
                }
            ),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CategorySummary):
            return NotImplemented
        return (
            np.array_equal(self.counts, other.counts)
            and (self.rest, self.missing, self.unseen) == (other.rest, other.missing, other.unseen)
            and dict(self.unseen_labels) == dict(other.unseen_labels)
        )

    __hash__ = None  # type: ignore[assignment]  # holds an array


ColumnSummary = NumericSummary | CategorySummary


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSummary:
    """The rows of one window, or of a part of it. A column that no batch held is absent from `columns`."""

    rows: int
    columns: Mapping[str, ColumnSummary]
    profile_digest: str  # of the profile it was counted on; summaries of two profiles do not add up
    joint: "JointSummary | None" = None  # how columns go together; None: the profile has no relations
    slices: Mapping[str, "WindowSummary"] = field(default_factory=dict)  # by "origin=JFK", on own profiles
    version: str | None = None  # of the model, where all rows have one; "" of rows that name none
    versions: Mapping[str, "WindowSummary"] = field(default_factory=dict)  # where rows have several
    shadow: ShadowSummary | None = None  # None: no second score was counted
    errors: int | None = None  # rows whose answer was an error; None: not counted
    # What several detectors ask for; no part of what was counted.
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def empty(cls, profile: Profile) -> "WindowSummary":
        """No rows, no column seen yet: the zero of `+`."""
        return cls(rows=0, columns={}, profile_digest=profile.digest)

    def by_version(self) -> Mapping[str, "WindowSummary"]:
        """The same rows apart by model version; empty where nobody asked for versions."""
        if self.versions:
            return self.versions
        return {} if self.version is None else {self.version: replace(self, version=None)}

    def __add__(self, other: "WindowSummary") -> "WindowSummary":
        if not isinstance(other, WindowSummary):
            return NotImplemented
        if self.profile_digest != other.profile_digest:
            raise ValueError(
                f"summaries of two profiles do not add up: {self.profile_digest[:12]} "
                f"and {other.profile_digest[:12]}"
            )
        if not self.rows and not self.columns:
            return other
        if not other.rows and not other.columns:
            return self
        columns: dict[str, ColumnSummary] = dict(self.columns)
        for name, summary in other.columns.items():
            mine = columns.get(name)
            # Same profile, so both sides are of one kind.
            columns[name] = summary if mine is None else mine + summary  # type: ignore[operator]
        said = [part for part in (self, other) if part.rows]  # a batch without rows has no version
        one = len({part.version for part in said}) < 2 and not any(part.versions for part in said)
        return WindowSummary(
            rows=self.rows + other.rows,
            columns=columns,
            profile_digest=self.profile_digest,
            joint=self.joint + other.joint if self.joint and other.joint else self.joint or other.joint,
            slices=_merged(self.slices, other.slices),
            version=said[0].version if one and said else None,
            versions={} if one else _merged(self.by_version(), other.by_version()),
            shadow=self.shadow + other.shadow
            if self.shadow and other.shadow
            else self.shadow or other.shadow,
            errors=_sum_of([part.errors for part in said or (self, other)]),
        )


def _sum_of(errors: Sequence[int | None]) -> int | None:
    """None where one is not known."""
    known = [each for each in errors if each is not None]
    return sum(known) if len(known) == len(errors) else None


def _merged(a: Mapping[str, WindowSummary], b: Mapping[str, WindowSummary]) -> dict[str, WindowSummary]:
    return {
        name: a[name] + b[name] if name in a and name in b else a[name] if name in a else b[name]
        for name in sorted({*a, *b})
    }


def moment_scale(profile: NumericProfile) -> tuple[float, float]:
    """Centre and scale of the fixed-point moments: the reference's mean and sd, 1 for a constant."""
    centre = profile.mean if np.isfinite(profile.mean) else 0.0
    scale = profile.sd if np.isfinite(profile.sd) and profile.sd > 0.0 else max(abs(centre), 1.0)
    return centre, scale


def smallest(labels: Mapping[str, int]) -> dict[str, int]:
    """The lexicographically smallest labels, ascending."""
    return {label: labels[label] for label in sorted(labels)[:UNSEEN_LABELS]}
