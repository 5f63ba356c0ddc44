"""What did a reference look like of which only a sample is held in memory?

Knots are order statistics of the sample, with the ends of all rows among them, and every value of a column
that has no more values than knots. All rows are then counted on them by the kernels that count windows, so
counts, missing values, mean and sd are those of all rows; a quantile is known to its cell, and within it from
the sample. Where the sample is all there is, the profile is the one of `build_profile`, bit for bit.

How far the Kolmogorov–Smirnov distance is known follows from these counts (`ks`), so the bound it reports
stays proven. How large it is is luck: a cell between two neighbouring order statistics of m of N rows, drawn
without regard to their values, holds 1/K of all rows, give or take √(K/m) of that (David & Nagaraja, Order
Statistics, 2003, section 2.1: Beta(r, m − r + 1) with r = m/K).
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors._cells import choose_knots
from detectors._column import CategoryColumn, Column, Columns, NumericColumn, Role
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile
from detectors._count import Extras, count
from detectors._derived import derive
from detectors._label_tally import LabelTally
from detectors._outcomes import RowOutcomes, row_outcomes
from detectors._profile import (
    IDENTIFIER_DISTINCT,
    KEPT_LABELS,
    KEPT_ROWS,
    Profile,
    category_of_counts,
    deciles_of,
    edges_of,
    identifier_notice,
    levels_of,
    looks_like_identifier,
    may_be_left_out,
    numeric_on_knots,
    quantile_ranks,
    role_of,
    spike_of,
    with_outcomes,
)
from detectors._summary import CategorySummary, NumericSummary, WindowSummary
from detectors._sums import Sums
from detectors._survey import NumberSurvey, Survey

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_CLIP = 2048.0  # scales that `Sums` can hold


@dataclass(slots=True, kw_only=True)
class _Moments:
    """Exact sums over all rows of a column, and the same over the sample."""

    centre: float
    scale: float
    sample: Sums
    all: Sums

    @classmethod
    def begin(cls, draft: NumericProfile, values: Floats) -> "_Moments":
        """`values`: of the sample. Nothing is clipped: the scale is as large as the range asks for."""
        if not draft.knots.size:
            return cls(centre=0.0, scale=1.0, sample=Sums(), all=Sums())
        low, high = float(draft.knots[0]), float(draft.knots[-1])
        reach = (0.5 * high - 0.5 * low) * (2.0 / _CLIP)
        centre = draft.mean if math.isfinite(draft.mean) else 0.5 * low + 0.5 * high
        scale = max(draft.sd if math.isfinite(draft.sd) else 0.0, reach) or 1.0
        begun = cls(centre=centre, scale=scale, sample=Sums(), all=Sums())
        begun.sample = begun._sums(values)
        return begun

    def add(self, values: Floats) -> None:
        self.all = self.all + self._sums(values)

    def _sums(self, values: Floats) -> Sums:
        with np.errstate(over="ignore"):  # ends of the range of doubles apart: clipped
            return Sums.of(values[np.isfinite(values)] - self.centre, self.scale)

    def mean_sd(self, draft: NumericProfile) -> tuple[float, float]:
        """Of all rows; the draft's own, to the last bit, where it has seen them all."""
        if self.all == self.sample:
            return draft.mean, draft.sd
        if draft.knots.size and draft.knots[0] == draft.knots[-1]:
            return float(draft.knots[0]), 0.0
        return self.centre + self.scale * self.all.mean, self.scale * math.sqrt(self.all.variance)


class LargeProfile:
    """The second look: `add` every batch, then ask for the `profile`."""

    def __init__(self, survey: Survey, sample: Columns, sample_rows: int) -> None:
        """`survey`: of all rows. `sample`: some of them, each column that is to be profiled among them."""
        self._survey, self._rows = survey, sample_rows
        watched = {name: column for name, column in sample.items() if name in survey.roles}
        self._sample: dict[str, Column] = {**watched, **derive(watched, survey.score)}
        self.notices: list[str] = []
        drafts: dict[str, ColumnProfile] = {}
        self._moments: dict[str, _Moments] = {}
        for name, column in self._sample.items():
            role = role_of(name, survey.roles)
            if isinstance(column, NumericColumn):
                draft = _numeric_draft(name, role, survey.numbers[name], column.values, survey.intervals)
                self._moments[name] = _Moments.begin(draft, column.values)
                drafts[name] = draft
                continue
            category = self._category_draft(name, role, survey.labels[name], column, survey.include)
            if category is not None:
                drafts[name] = category
        # Without the score: what is derived from it is given like any other column.
        self._draft = Profile.of(drafts, score=None, rows=survey.rows)
        self._total = WindowSummary.empty(self._draft)

    @property
    def columns(self) -> frozenset[str]:
        """What a batch has to hold."""
        return frozenset(name for name in self._draft.columns if name in self._survey.roles)

    @property
    def errors(self) -> int:
        """Rows whose answer was an error, where the batches were asked for them."""
        return self._total.errors or 0

    def add(self, columns: Columns, rows: int, *, error: str | None = None) -> None:
        """Count one batch. `error`: the column that says whether the answer was one."""
        everything: dict[str, Column] = {**columns, **derive(columns, self._survey.score)}
        self._total = self._total + count(self._draft, everything, rows, Extras(error=error))
        for name, moments in self._moments.items():
            column = everything[name]
            if isinstance(column, NumericColumn):
                moments.add(column.values)

    def differing(self) -> str:
        """A column whose rows are not those that were surveyed; "" where all of them agree."""
        for name, draft in self._draft.columns.items():
            counted = self._total.columns.get(name)
            if isinstance(draft, NumericProfile) and isinstance(counted, NumericSummary):
                seen = self._survey.numbers[name]
                same = (counted.minimum, counted.maximum) == (seen.minimum, seen.maximum)
            elif isinstance(draft, CategoryProfile) and isinstance(counted, CategorySummary):
                tally = self._survey.labels[name]
                same = counted.missing == tally.missing and counted.rows == tally.rows
                if tally.is_exact:
                    same = same and counted.unseen == 0 and np.array_equal(counted.counts, draft.counts)
            else:
                same = self._total.rows == 0
            if not same:
                return name
        return ""

    def profile(self, outcome: Floats | CategoryColumn | None) -> Profile:
        """Of all rows; how the model did is that of the sample, of which `outcome` is known."""
        results = row_outcomes(self._sample, self._survey.score, outcome, self._rows)
        profiles = {
            name: self._column(draft, self._sample[name], results)
            for name, draft in self._draft.columns.items()
        }
        return Profile.of(
            profiles, score=self._survey.score, rows=self._survey.rows, notices=tuple(self.notices)
        )

    def _column(self, draft: ColumnProfile, column: Column, results: RowOutcomes | None) -> ColumnProfile:
        counted = self._total.columns[draft.name]
        found = draft
        if isinstance(draft, NumericProfile) and isinstance(counted, NumericSummary):
            values = column.values if isinstance(column, NumericColumn) else np.empty(0)
            mean, sd = self._moments[draft.name].mean_sd(draft)
            found = _numeric(draft, counted, values, mean, sd)
        elif isinstance(draft, CategoryProfile) and isinstance(counted, CategorySummary):
            tally = self._survey.labels[draft.name]
            found = draft if tally.is_exact else _crowded(draft, counted, tally)
        return with_outcomes(found, column, results)

    def _category_draft(
        self, name: str, role: Role, tally: LabelTally, column: CategoryColumn, include: Collection[str]
    ) -> CategoryProfile | None:
        """With its exact counts while all labels are known; None for what looks like an identifier."""
        if may_be_left_out(name, role, include):
            many = tally.given_up
            if many or looks_like_identifier(tally.distinct, tally.rows):
                distinct = f"more than {IDENTIFIER_DISTINCT:,}" if many else f"{tally.distinct}"
                self.notices.append(identifier_notice(name, distinct, tally.rows))
                return None
        if tally.is_exact:
            counts = np.array([*tally.counts.values()], dtype=np.int64)
            return category_of_counts(name, role, tally.rows, tuple(tally.counts), counts)
        held = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
        likely = category_of_counts(name, role, tally.rows, column.labels, held * KEPT_ROWS)
        return replace(likely, pooled=np.empty(0, dtype=np.uint64), pooled_all=False)


def _numeric_draft(
    name: str, role: Role, seen: NumberSurvey, values: Floats, intervals: int
) -> NumericProfile:
    """The final knots, with the sample's own rows on them."""
    knots = seen.distinct
    if knots is None:
        ordered, ends = np.sort(values[np.isfinite(values)] + 0.0), (seen.minimum, seen.maximum)
        inside = bool(ordered.size) and (ordered[0], ordered[-1]) == ends
        chosen = choose_knots(ordered, intervals if inside else intervals - 2)  # the ends add two
        knots = np.unique([ends[0], *chosen, ends[1]])
    return numeric_on_knots(name, role, values, knots)


def _numeric(
    draft: NumericProfile, counted: NumericSummary, values: Floats, mean: float, sd: float
) -> NumericProfile:
    """The draft with the counts of all rows. `values`: of the sample."""
    knots = draft.knots
    at, below = counted.counts[1::2].copy(), counted.counts[0::2].copy()
    # Below the first knot lies −inf alone, and it is no finite value.
    right = np.cumsum(at + np.append(0, below[1:-1])) if knots.size else np.empty(0, dtype=np.int64)
    return NumericProfile(
        name=draft.name,
        role=draft.role,
        rows=counted.rows,
        missing=counted.missing,
        infinite=counted.infinite,
        knots=knots,
        at=at,
        below=below,
        edges=edges_of(knots),
        deciles=deciles_of(knots, right, counted.finite),
        spike=spike_of(knots, at, counted.values),
        mean=mean,
        sd=sd,
        quantiles=_quantiles(knots, at, right, np.sort(values[np.isfinite(values)] + 0.0)),
    )


def _quantiles(knots: Floats, at: Integers, right: Integers, ordered: Floats) -> dict[float, float]:
    """In the cell of their rank among all rows, and there at the same share of the sample's values."""
    found: dict[float, float] = {}
    for level, rank in quantile_ranks(int(right[-1]) if right.size else 0).items():
        knot = int(np.searchsorted(right, rank, side="right"))  # the first with more than `rank` up to it
        if rank >= right[knot] - at[knot]:
            found[level] = float(knots[knot])
            continue
        before = int(right[knot - 1])
        inside = int(right[knot] - at[knot]) - before
        first = int(np.searchsorted(ordered, knots[knot - 1], side="right"))
        last = int(np.searchsorted(ordered, knots[knot], side="left"))
        place = first + (rank - before) * (last - first) // inside
        found[level] = float(ordered[place]) if last > first else float(knots[knot])
    return found


def _crowded(draft: CategoryProfile, counted: CategorySummary, tally: LabelTally) -> CategoryProfile:
    """Of more labels than are counted: those that are frequent in the sample, with the rows of all."""
    order = sorted(range(len(draft.labels)), key=lambda code: (-counted.counts[code], draft.labels[code]))
    kept = [code for code in order[:KEPT_LABELS] if counted.counts[code] >= KEPT_ROWS]
    labels, counts = tuple(draft.labels[code] for code in kept), counted.counts[kept].astype(np.int64)
    return replace(
        draft,
        rows=counted.rows,
        missing=counted.missing,
        labels=labels,
        counts=counts,
        rest=counted.values - int(counts.sum()),
        distinct=tally.distinct,
        singletons=tally.singletons,
        levels=levels_of(labels, counts, counted.values),
    )
