"""How many rows of a table fall in each cell, summed by the database?

The integers are those of detectors/_counting.py and detectors/_slice_counting.py, operation by operation: a
sum is taken over what rint gives, never over floats, so neither the order of rows nor the engine is in it. A
statement a column: its groups are the stretches between the knots, in each part of the rows. Nothing but
groups travels.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from detectors._cells import Tails, merge_tails
from detectors._column_profile import CategoryProfile, NumericProfile
from detectors._label_counts import count_by_label, on_levels
from detectors._summary import CategorySummary, NumericSummary
from monitor.sources._sql_moments import NAMES, Scale, moments, said, scales_by_part, sums
from monitor.sources._sql_parts import Parts
from monitor.sources._sql_steps import Stretches, stretch_of, stretches
from monitor.sources._sql_table import Table, known
from monitor.sources._sql_tails import tails_of

LabelOf = Callable[[Sequence[Sequence[Any]]], Sequence[str | None]]


def count_numbers(
    table: Table,
    profile: NumericProfile,
    value: sa.ColumnElement[float],
    parts: Parts,
    sliced: Sequence[NumericProfile] = (),
) -> tuple[NumericSummary, list[NumericSummary]]:
    """Of all rows, and of each of the first `parts` on its own profile, whose knots are those of the whole.

    `value`: a double, NULL or NaN where it is missing.
    """
    cut = stretches(profile)
    whole = _Sum.nothing(cut, profile)
    by_part = [_Sum.nothing(cut, profile) for _ in parts.rows]
    for part, stretch, held, least, most, *summed in table.ask(
        _by_stretch(table, profile, value, cut, parts, sliced)
    ):
        if stretch is None:
            whole.missing += held
            by_part[part].missing += held
            continue
        whole.add(stretch, held, least, most, summed[:3])
        by_part[part].add(stretch, held, least, most, summed[-3:])
    tails = tails_of(table, profile, value, parts, whole.beyond, (whole.lowest + 0.0, whole.highest + 0.0))
    merged: Tails = ()
    for some in tails:
        merged = merge_tails(merged, some)
    if not profile.knots.size:  # as there: what has no range has nothing below it, and ±inf above
        whole.below, whole.above = 0, whole.infinite
    slices = zip(by_part[: len(sliced)], tails, strict=False)
    return whole.summary(merged), [part.summary(own) for part, own in slices]


@dataclass(slots=True, kw_only=True)
class _Sum:
    """What the lines of an answer have added up to."""

    cut: Stretches
    counts: NDArray[np.int64]  # by cell
    below: int = 0
    above: int = 0
    infinite: int = 0
    missing: int = 0
    beyond: int = 0  # finite rows outside the outer knots
    lowest: float = np.inf
    highest: float = -np.inf
    moment1: int = 0
    moment2: int = 0

    @classmethod
    def nothing(cls, cut: Stretches, profile: NumericProfile) -> "_Sum":
        return cls(cut=cut, counts=np.zeros(2 * profile.knots.size + 1, dtype=np.int64))

    def add(self, stretch: int, rows: int, least: float, most: float, summed: Sequence[int]) -> None:
        cell = self.cut.cells[stretch]
        self.counts[cell] += rows
        self.below += rows if self.cut.below[stretch] else 0
        self.above += rows if self.cut.above[stretch] else 0
        if not self.cut.finite[stretch]:
            self.infinite += rows
            return
        self.beyond += rows if cell in (0, self.counts.size - 1) else 0
        self.lowest, self.highest = min(self.lowest, float(least)), max(self.highest, float(most))
        first, high, low = summed
        self.moment1 += int(first)
        self.moment2 += (int(high) << 32) + int(low)

    def summary(self, tails: Tails) -> NumericSummary:
        return NumericSummary(
            counts=self.counts,
            missing=self.missing,
            below_edge=self.below,
            above_edge=self.above,
            infinite=self.infinite,
            minimum=self.lowest + 0.0,
            maximum=self.highest + 0.0,
            moment1=self.moment1,
            moment2=self.moment2,
            tails=tails,
        )


def count_labels(
    table: Table,
    profile: CategoryProfile,
    key: Sequence[sa.ColumnElement[Any]],
    label_of: LabelOf,
    parts: Parts,
    slices: int = 0,
) -> tuple[CategorySummary, list[CategorySummary]]:
    """Of all rows, and of each of the first `slices` parts, where only levels have counts of their own.

    `key`: rows that agree in it have one label. `label_of`: the labels of some keys; None: missing.
    """
    nothing = count_by_label(profile, {}, 0)
    by_part = [nothing for _ in parts.rows]
    for found in by_label(table, key, label_of, parts):
        for part, (rows_of, missing) in found.items():
            by_part[part] = by_part[part] + count_by_label(profile, rows_of, missing)
    whole = nothing
    for each in by_part:
        whole = whole + each
    return whole, [on_levels(profile, each) for each in by_part[:slices]]


def by_label(
    table: Table, key: Sequence[sa.ColumnElement[Any]], label_of: LabelOf, parts: Parts
) -> Iterator[Mapping[int, tuple[Mapping[str, int], int]]]:
    """By part: rows by label, and rows without one. Some of the labels at a time, however many there are."""
    code = [] if parts.code is None else [parts.code]
    for lines in table.groups([*code, *key], table.fence() if code else ()):
        rows_of: dict[int, dict[str, int]] = defaultdict(dict)
        missing: dict[int, int] = defaultdict(int)
        for label, line in zip(label_of([line[-1 - len(key) : -1] for line in lines]), lines, strict=True):
            part = line[0] if code else 0
            if label is None:
                missing[part] += line[-1]
            else:
                rows_of[part][label] = rows_of[part].get(label, 0) + line[-1]
        yield {part: (rows_of[part], missing[part]) for part in sorted({*rows_of, *missing})}


def _by_stretch(
    table: Table,
    profile: NumericProfile,
    value: sa.ColumnElement[float],
    cut: Stretches,
    parts: Parts,
    sliced: Sequence[NumericProfile],
) -> sa.Select[Any]:
    """Part, stretch, rows, minimum, maximum, sums on the whole's scale and, of slices, on that of each.

    A line without a stretch is of the rows that have no value.
    """
    row = table.values(value, parts.code).subquery()
    x = row.c.x
    stretch = sa.case((known(x), stretch_of(x, cut.steps)))
    first, second = moments(x, said(Scale.of(profile)))
    asked = [x.label("x"), stretch.label("stretch"), first.label("q1"), second.label("q2")]
    if not sliced:
        lines = sa.select(*asked, *table.fence()).subquery()
        key: sa.ColumnElement[int] = sa.literal_column("0", sa.Integer)
        summed: list[sa.ColumnElement[int]] = []
    else:
        scales = [Scale.of(each) for each in sliced]
        scales += [Scale.of(None)] * (len(parts.rows) - len(scales))
        own = scales_by_part(scales)
        third, fourth = moments(x, [own.c[name] for name in NAMES])
        lines = (
            sa.select(row.c.part, *asked, third.label("q3"), fourth.label("q4"), *table.fence())
            .join_from(row, own, row.c.part == own.c.part)
            .subquery()
        )
        key, summed = lines.c.part, sums(lines.c.q3, lines.c.q4)
    groups = [lines.c.part, lines.c.stretch] if sliced else [lines.c.stretch]
    return sa.select(
        key,
        lines.c.stretch,
        sa.func.count(),
        sa.func.min(lines.c.x),
        sa.func.max(lines.c.x),
        *sums(lines.c.q1, lines.c.q2),
        *summed,
    ).group_by(*groups)
