"""What did the reference look like? Counts of every column, frozen with a digest; no raw rows are kept."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
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
    label_hashes,
    wrong_kind,
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
KEPT_LABELS = 2_000
KEPT_ROWS = 5
_LEVEL_SHARE = 0.01
_LEVELS = 30
IDENTIFIER_DISTINCT = 2_000
_IDENTIFIER_SHARE = 0.5
_IDENTIFIER_ROWS = 100  # below, a share of distinct labels says nothing
POOLED_HASHES = 200_000  # 1.6 MB a column


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
    refuse_reserved(columns)
    everything: dict[str, Column] = dict(columns)
    everything.update(derive(columns, score))
    results = row_outcomes(everything, score, outcome, rows)
    notices: list[str] = []
    profiles: dict[str, ColumnProfile] = {}
    for name, column in everything.items():
        role = role_of(name, roles)
        if isinstance(column, NumericColumn):
            profiles[name] = with_outcomes(_numeric(name, role, column, knots), column, results)
            continue
        counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
        distinct = int((counts > 0).sum())
        if may_be_left_out(name, role, include) and looks_like_identifier(distinct, rows):
            notices.append(identifier_notice(name, f"{distinct}", rows))
            continue
        profile = category_of_counts(name, role, len(column), column.labels, counts)
        profiles[name] = with_outcomes(profile, column, results)
    return Profile.of(profiles, score=score, rows=rows, notices=tuple(notices))


def refuse_reserved(names: Iterable[str]) -> None:
    """A column of the source may not be named like one that is derived."""
    taken = [name for name in names if name in DERIVED]
    if taken:
        raise ValueError(f'column name "{taken[0]}" is reserved for a derived column; rename it')


def role_of(name: str, roles: Mapping[str, Role]) -> Role:
    """What a column is to the model; FEATURE where nobody says."""
    return Role.DERIVED if name in DERIVED else roles.get(name, Role.FEATURE)


def may_be_left_out(name: str, role: Role, include: Collection[str]) -> bool:
    """Whether a column that looks like an identifier is not watched."""
    return role is Role.FEATURE and name not in include


def looks_like_identifier(distinct: int, rows: int) -> bool:
    """Whether so many labels in so many rows are names of rows rather than of kinds."""
    sparse = rows >= _IDENTIFIER_ROWS and distinct > _IDENTIFIER_SHARE * rows
    return distinct > IDENTIFIER_DISTINCT or sparse


def identifier_notice(name: str, distinct: str, rows: int) -> str:
    """For whoever built the reference. `distinct`: how many labels, in words."""
    return (
        f'column "{name}": {distinct} distinct labels in {rows} rows look like an identifier; '
        "left out, name it under include to watch it"
    )


def _numeric(name: str, role: Role, column: NumericColumn, intervals: int) -> NumericProfile:
    values = np.asarray(column.values, dtype=np.float64) + 0.0  # + 0.0: one zero
    ordered = np.sort(values[np.isfinite(values)])
    return numeric_on_knots(name, role, values, choose_knots(ordered, intervals), ordered=ordered)


def with_outcomes(profile: ColumnProfile, column: Column, results: RowOutcomes | None) -> ColumnProfile:
    """The profile with what is known of how the model did on these rows of its column, by display bin."""
    if results is None:
        return profile
    bins = binning(profile)
    if isinstance(profile, NumericProfile) and isinstance(column, NumericColumn):
        cells = cells_of(profile.knots, np.asarray(column.values, dtype=np.float64) + 0.0)
        rows_bin = np.where(cells < 0, bins.missing, bins.bin_of[cells])
    elif isinstance(profile, CategoryProfile) and isinstance(column, CategoryColumn):
        # Position of every code among the kept labels; pooled ones at L ("rest"); −1, the last entry, is
        # missing.
        index, rest = profile.index, len(profile.labels)
        position = np.array([index.get(label, rest) for label in column.labels] + [rest], dtype=np.int64)
        rows_bin = np.where(column.codes < 0, bins.missing, bins.bin_of[position[column.codes]])
    else:
        raise wrong_kind(profile)
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
        edges = edges_of(knots)
    levels = {level: float(ordered[rank]) for level, rank in quantile_ranks(ordered.size).items()}
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
        deciles=deciles_of(knots, right, ordered.size),
        spike=spike_of(knots, at, ordered.size + infinite),
        mean=mean,
        sd=sd,
        quantiles=levels,
    )


def edges_of(knots: NDArray[np.float64]) -> tuple[float, float]:
    """Half a range beyond the outer knots; NaN without knots."""
    if not knots.size:
        return np.nan, np.nan
    half = 0.5 * knots[-1] - 0.5 * knots[0]
    limit = np.finfo(np.float64).max
    return max(-limit, float(knots[0]) - float(half)), min(limit, float(knots[-1]) + float(half))


def quantile_ranks(rows: int) -> dict[float, int]:
    """By level, the rank of the quantile among so many finite values, 0 the least; empty without any."""
    return {level: max(int(np.ceil(level * rows)) - 1, 0) for level in QUANTILE_LEVELS} if rows else {}


def spike_of(knots: NDArray[np.float64], at: NDArray[np.int64], values: int) -> float | None:
    """The most frequent value where it holds enough of the values to be a bin of its own."""
    top = int(np.argmax(at)) if at.size else 0
    spiky = bool(at.size) and at[top] > 0 and at[top] >= _SPIKE_SHARE * values
    return float(knots[top]) if spiky else None


def category_counts(
    levels: Sequence[str], labels: Sequence[str], codes: NDArray[np.int32]
) -> NDArray[np.int64]:
    """int64[len(levels)]: rows of each level."""
    position = {level: index for index, level in enumerate(levels)}
    table = np.array([position.get(label, len(levels)) for label in labels] + [len(levels)], dtype=np.int64)
    return np.bincount(table[codes], minlength=len(levels) + 1)[: len(levels)].astype(np.int64)


def category_of_counts(
    name: str,
    role: Role,
    rows: int,
    labels: Sequence[str],
    counts: NDArray[np.int64],
) -> CategoryProfile:
    """A column of `rows` rows, `counts` of them with each of the labels and the others missing."""
    seen = np.flatnonzero(counts)
    order = sorted(seen.tolist(), key=lambda code: (-counts[code], labels[code]))
    kept = [code for code in order[:KEPT_LABELS] if counts[code] >= KEPT_ROWS]
    pooled = order[len(kept) :]
    values = int(counts.sum())
    hashes = label_hashes([labels[code] for code in pooled[:POOLED_HASHES]])
    return CategoryProfile(
        name=name,
        role=role,
        rows=rows,
        missing=rows - values,
        labels=tuple(labels[code] for code in kept),
        counts=counts[kept].astype(np.int64),
        rest=int(counts[pooled].sum()),
        distinct=int(seen.size),
        singletons=int((counts == 1).sum()),
        levels=levels_of([labels[code] for code in kept], counts[kept], values),
        pooled=np.unique(hashes),
        pooled_all=len(pooled) <= POOLED_HASHES,
    )


def levels_of(labels: Sequence[str], counts: NDArray[np.int64], values: int) -> tuple[str, ...]:
    """Of the kept labels, in their order, those that are a component each."""
    pairs = zip(labels[:_LEVELS], counts[:_LEVELS].tolist(), strict=True)
    return tuple(label for label, rows in pairs if rows >= _LEVEL_SHARE * values)


def deciles_of(knots: NDArray[np.float64], cumulative: NDArray[np.int64], rows: int) -> NDArray[np.float64]:
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
