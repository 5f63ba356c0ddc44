"""What did the reference look like? Counts of every column, frozen with a digest; no raw rows are kept."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._binning import binning
from detectors._cells import KNOTS, cells_of, choose_knots
from detectors._column import CategoryColumn, Column, Columns, NumericColumn, Role
from detectors._column_profile import (
    CategoryProfile,
    ColumnProfile,
    NumericProfile,
    Outcomes,
    label_hash,
)
from detectors._derived import DERIVED, ScoreSpec, derive
from detectors._outcomes import RowOutcomes, row_outcomes, sums

__all__ = [
    "CategoryProfile",
    "ColumnProfile",
    "NumericProfile",
    "Outcomes",
    "Profile",
    "ScoreSpec",
    "build_profile",
]

QUANTILE_LEVELS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)

# docs/detectors.md gives each its reason.
_SPIKE_SHARE = 0.05
_KEPT_LABELS = 2_000
_KEPT_ROWS = 5
_LEVEL_SHARE = 0.01
_LEVELS = 30
_IDENTIFIER_DISTINCT = 2_000
_IDENTIFIER_SHARE = 0.5
_IDENTIFIER_ROWS = 100  # below, a share of distinct labels says nothing
_POOLED_HASHES = 200_000  # 1.6 MB a column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """The reference. Windows are counted on it; equality is equality of `digest`."""

    columns: Mapping[str, ColumnProfile]
    score: ScoreSpec | None
    rows: int
    digest: str  # sha256 over the columns' digests, the score, the rows and the parts
    notices: tuple[str, ...] = ()  # what a person should know of this build; not part of the digest
    # Small models learnt from the same rows, by name (relations, surrogate, slice:origin=JFK, …), as bytes
    # that only the file that learnt them can read.
    parts: Mapping[str, bytes] = field(default_factory=dict)
    # What is decoded from `parts` on first use; never stored.
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls,
        columns: Mapping[str, ColumnProfile],
        *,
        score: ScoreSpec | None,
        rows: int,
        notices: tuple[str, ...] = (),
        parts: Mapping[str, bytes] | None = None,
    ) -> "Profile":
        """A profile of these columns, with its digest."""
        content = hashlib.sha256(f"{rows}\n".encode())
        for name in sorted(columns):
            content.update(f"{name}\x1f{columns[name].digest}\n".encode())
        if score is not None:
            content.update(f"{score.task}\x1f{sorted(score.columns.items())}\n".encode())
        for name, part in sorted((parts or {}).items()):
            content.update(f"{name}\x1f{hashlib.sha256(part).hexdigest()}\n".encode())
        return cls(
            columns=columns,
            score=score,
            rows=rows,
            digest=content.hexdigest(),
            notices=notices,
            parts=dict(parts or {}),
        )

    def with_parts(self, parts: Mapping[str, bytes]) -> "Profile":
        """The same columns with more learnt from them, and the digest that goes with it."""
        return Profile.of(
            self.columns,
            score=self.score,
            rows=self.rows,
            notices=self.notices,
            parts={**self.parts, **parts},
        )


def build_profile(
    columns: Columns,
    *,
    roles: Mapping[str, Role],
    score: ScoreSpec | None = None,
    outcome: NDArray[np.float64] | CategoryColumn | None = None,
    knots: int = KNOTS,
    include: Collection[str] = (),
) -> Profile:
    """The profile of all reference rows.

    `roles`: FEATURE where not named. `outcome`: true target or 0/1 label a row, NaN where unknown; true class
    for multiclass. `knots`: intervals a numeric column is cut into. `include`: columns to keep although they
    look like identifiers.
    """
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"columns of one reference must be of one length, got {sorted(lengths)}")
    rows = lengths.pop() if lengths else 0
    taken = [name for name in columns if name in DERIVED]
    if taken:
        raise ValueError(f'column name "{taken[0]}" is reserved for a derived column; rename it')
    everything: dict[str, Column] = dict(columns)
    everything.update(derive(columns, score))
    results = row_outcomes(everything, score, outcome, rows)
    notices: list[str] = []
    profiles: dict[str, ColumnProfile] = {}
    for name, column in everything.items():
        role = Role.DERIVED if name in DERIVED else roles.get(name, Role.FEATURE)
        if isinstance(column, NumericColumn):
            profiles[name] = _numeric(name, role, column, knots, results)
            continue
        counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
        distinct = int((counts > 0).sum())
        crowded = distinct > _IDENTIFIER_DISTINCT
        sparse = rows >= _IDENTIFIER_ROWS and distinct > _IDENTIFIER_SHARE * rows
        if (crowded or sparse) and name not in include and role is Role.FEATURE:
            notices.append(
                f'column "{name}": {distinct} distinct labels in {rows} rows look like an identifier; '
                "left out, name it under include to watch it"
            )
            continue
        profiles[name] = _category(name, role, column, counts, results)
    return Profile.of(profiles, score=score, rows=rows, notices=tuple(notices))


def _numeric(
    name: str, role: Role, column: NumericColumn, intervals: int, results: RowOutcomes | None
) -> NumericProfile:
    values = np.asarray(column.values, dtype=np.float64) + 0.0  # + 0.0: one zero
    ordered = np.sort(values[np.isfinite(values)])
    knots = choose_knots(ordered, intervals)
    profile = numeric_on_knots(name, role, values, knots, ordered=ordered)
    if results is None:
        return profile
    bins = binning(profile)
    cells = cells_of(knots, values)
    rows_bin = np.where(cells < 0, bins.missing, bins.bin_of[cells])
    return replace(profile, outcomes=sums(results, rows_bin, len(bins.labels)))


def numeric_on_knots(
    name: str,
    role: Role,
    values: NDArray[np.float64],
    knots: NDArray[np.float64],
    edges: tuple[float, float] | None = None,
    ordered: NDArray[np.float64] | None = None,
) -> NumericProfile:
    """A column of these values on given knots, which hold all of them between their ends.

    Without `edges` they lie half a range beyond the outer knots. `ordered`: the finite values, ascending,
    where they are at hand.
    """
    values = np.asarray(values, dtype=np.float64) + 0.0
    infinite = int(np.isinf(values).sum())
    if ordered is None:
        ordered = np.sort(values[np.isfinite(values)])
    left = np.searchsorted(ordered, knots, side="left")
    right = np.searchsorted(ordered, knots, side="right")
    below = np.append(left, ordered.size) - np.append(0, right)
    below[0] += int((values == -np.inf).sum())
    below[-1] += int((values == np.inf).sum())
    at = (right - left).astype(np.int64)
    mean, sd = _moments(ordered)
    if edges is None:
        edges = (np.nan, np.nan)
        if knots.size:
            half = 0.5 * knots[-1] - 0.5 * knots[0]
            limit = np.finfo(np.float64).max
            low, high = max(-limit, float(knots[0]) - float(half)), min(limit, float(knots[-1]) + float(half))
            edges = (low, high)
    levels: dict[float, float] = {}
    if ordered.size:
        ranks = [max(int(np.ceil(level * ordered.size)) - 1, 0) for level in QUANTILE_LEVELS]
        levels = {level: float(ordered[rank]) for level, rank in zip(QUANTILE_LEVELS, ranks, strict=True)}
    top = int(np.argmax(at)) if at.size else 0
    spiky = bool(at.size) and at[top] > 0 and at[top] >= _SPIKE_SHARE * (ordered.size + infinite)
    return NumericProfile(
        name=name,
        role=role,
        rows=values.size,
        missing=int(np.isnan(values).sum()),
        infinite=infinite,
        knots=knots,
        at=at,
        below=below.astype(np.int64),
        edges=edges,
        deciles=_deciles(knots, right, ordered.size),
        spike=float(knots[top]) if spiky else None,
        mean=mean,
        sd=sd,
        quantiles=levels,
    )


def category_counts(
    levels: Sequence[str], labels: Sequence[str], codes: NDArray[np.int32]
) -> NDArray[np.int64]:
    """int64[len(levels)]: rows of each level."""
    position = {level: index for index, level in enumerate(levels)}
    table = np.array([position.get(label, len(levels)) for label in labels] + [len(levels)], dtype=np.int64)
    return np.bincount(table[codes], minlength=len(levels) + 1)[: len(levels)].astype(np.int64)


def _category(
    name: str, role: Role, column: CategoryColumn, counts: NDArray[np.int64], results: RowOutcomes | None
) -> CategoryProfile:
    seen = np.flatnonzero(counts)
    order = sorted(seen.tolist(), key=lambda code: (-counts[code], column.labels[code]))
    kept = [code for code in order[:_KEPT_LABELS] if counts[code] >= _KEPT_ROWS]
    pooled = order[len(kept) :]
    values = int(counts.sum())
    levels = [code for code in kept[:_LEVELS] if counts[code] >= _LEVEL_SHARE * values]
    hashes = [label_hash(column.labels[code]) for code in pooled[:_POOLED_HASHES]]
    profile = CategoryProfile(
        name=name,
        role=role,
        rows=len(column),
        missing=len(column) - values,
        labels=tuple(column.labels[code] for code in kept),
        counts=counts[kept].astype(np.int64),
        rest=int(counts[pooled].sum()),
        distinct=int(seen.size),
        singletons=int((counts == 1).sum()),
        levels=tuple(column.labels[code] for code in levels),
        pooled=np.unique(np.array(hashes, dtype=np.uint64)),
        pooled_all=len(pooled) <= _POOLED_HASHES,
    )
    if results is None:
        return profile
    bins = binning(profile)
    # Position of every code among the kept labels; pooled ones at L ("rest"); −1, the last entry, is missing.
    position = np.full(len(column.labels) + 1, len(kept), dtype=np.int64)
    position[kept] = np.arange(len(kept))
    rows_bin = np.where(column.codes < 0, bins.missing, bins.bin_of[position[column.codes]])
    return replace(profile, outcomes=sums(results, rows_bin, len(bins.labels)))


def _deciles(knots: NDArray[np.float64], cumulative: NDArray[np.int64], rows: int) -> NDArray[np.float64]:
    """Smallest knots with at least 1/10, …, 9/10 of the values at or below; merged when tied."""
    if knots.size == 0:
        return np.empty(0)
    targets = np.arange(1, 10, dtype=np.int64) * rows
    chosen = np.unique(np.searchsorted(10 * cumulative.astype(np.int64), targets, side="left"))
    return knots[chosen[chosen < knots.size - 1]]


def _moments(ordered: NDArray[np.float64]) -> tuple[float, float]:
    if ordered.size == 0:
        return np.nan, np.nan
    largest = max(abs(float(ordered[0])), abs(float(ordered[-1])))
    if largest == 0.0 or ordered[0] == ordered[-1]:
        return float(ordered[0]), 0.0
    # Divided by the largest magnitude first, so that nothing overflows.
    scaled = ordered / largest
    limit = np.finfo(np.float64).max
    sd = min(float(np.std(scaled, ddof=1)), limit / largest if largest > 1.0 else np.inf) * largest
    return float(np.mean(scaled)) * largest, sd
