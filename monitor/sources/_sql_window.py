"""What did a window look like, when the database that holds its rows is asked to count them?

Only the columns from which something is computed row by row come here: the score, where confidence is derived
from it, a second score, and with them what slices those rows. How columns go together is not counted there.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sqlalchemy as sa

from detectors import Kind, NumericProfile, Profile, Role, WindowSummary, count
from detectors._column import CategoryColumn
from detectors._count import Extras
from detectors._relations import relations_of
from detectors._service import error_rows
from detectors._slices import slices_of
from detectors._summary import ColumnSummary
from monitor.source import Batch
from monitor.sources._sql_counting import by_label, count_labels, count_numbers
from monitor.sources._sql_labels import label_key, labels_of
from monitor.sources._sql_numbers import number
from monitor.sources._sql_parts import Parts, Spelling, slices_in, spellings
from monitor.sources._sql_table import Table
from monitor.sources._sql_times import Condition
from monitor.sources._sql_types import Stored

# Intervals of a numeric column of the reference; the Kolmogorov–Smirnov distance is then known to 1/64. Twice
# as many are one more comparison a row, and twice the groups.
INTERVALS = 64
MOST_VERSIONS = 20  # each is asked for by itself
Read = Callable[[Mapping[str, Kind], Sequence[Condition]], Iterator[Batch]]


def why_here(profile: Profile) -> str:
    """Why the database cannot count on it, and what to do; empty where it can."""
    again = "run `leeway reference build`, which makes one that it can count on"
    if relations_of(profile) is not None:
        return f"the reference says how columns go together, which only rows can tell: {again}"
    for name, column in profile.columns.items():
        if isinstance(column, NumericProfile) and column.knots.size > INTERVALS + 1:
            return (
                f"the reference cuts {name} into {column.knots.size - 1:,} intervals, the database counts "
                f"{INTERVALS}: {again}"
            )
    return ""


def read_here(profile: Profile, extras: Extras, columns: Mapping[str, Stored], dialect: str) -> set[str]:
    """The columns, of those that a window has, whose rows are read all the same."""
    score = () if profile.score is None else tuple(profile.score.columns.values())
    found = {
        name
        for name, column in profile.columns.items()
        if isinstance(column, NumericProfile) and name in columns and number(columns[name], dialect) is None
    }
    if any(column.role is Role.DERIVED for column in profile.columns.values()):
        found |= {*score}
    if extras.shadow and score:
        found |= {*score, *extras.shadow.values()}
    return found & {*columns}


def is_whole(summary: WindowSummary, rows: int) -> bool:
    """Whether every column was asked of the same rows, `rows` of them; in each slice and version, too."""
    parts = [*summary.slices.values(), *summary.versions.values()]
    return (
        summary.rows == rows
        and all(counted.rows == rows for counted in summary.columns.values())
        and all(is_whole(part, part.rows) for part in parts)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWindow:
    """The rows of one window in one moment of a table. `columns`: those that can be read, as stored."""

    table: Table
    dialect: str
    columns: Mapping[str, Stored]
    read: Read  # some columns, of those rows that also meet some conditions

    def count(self, profile: Profile, rows: int, extras: Extras) -> WindowSummary | str:
        """As detectors.count over all batches; a text: why only rows can tell."""
        version = None if extras.version is None else self.columns.get(extras.version)
        if version is None or not rows:
            return self._part(profile, rows, extras)
        told: dict[str, list[Spelling]] = {}
        for spelling in spellings(self.table, version, self.dialect, MOST_VERSIONS + 1):
            told.setdefault(spelling.label or "", []).append(spelling)
        if sum(len(some) for some in told.values()) > MOST_VERSIONS:
            return f"its rows are of more than {MOST_VERSIONS} model versions"
        whole = WindowSummary.empty(profile)
        for name, mine in sorted(told.items()):
            beside = [sa.or_(*(each.condition for each in mine))] if len(told) > 1 else []
            part = self._where(beside)._part(profile, sum(each.rows for each in mine), extras, beside)
            if isinstance(part, str):
                return part
            whole = whole + replace(part, version=name)
        return whole

    def _where(self, conditions: Sequence[Condition]) -> "TableWindow":
        return replace(self, table=replace(self.table, where=[*self.table.where, *conditions]))

    def _part(
        self, profile: Profile, rows: int, extras: Extras, conditions: Sequence[Condition] = ()
    ) -> WindowSummary | str:
        """`conditions`: what tells these rows from others of the window."""
        if not rows:
            return WindowSummary.empty(profile)
        cuts = self._cuts(profile)
        if isinstance(cuts, str):
            return cuts
        here = read_here(profile, extras, self.columns, self.dialect)
        found = self._read(profile, here, Extras(shadow=extras.shadow), conditions)
        whole = dict(found.columns)
        sliced = {name: dict(each.columns) for name, each in found.slices.items()}
        for name in profile.columns:
            if name not in self.columns or name in here:
                continue
            for cut in [each for each in cuts if each.watches(name)] or [_Cut.none(rows)]:
                whole[name], by_slice = self._column(profile, name, cut)
                for slice_name, counted in by_slice.items():
                    sliced.setdefault(slice_name, {})[name] = counted
        error = None if extras.error is None else self.columns.get(extras.error)
        return replace(
            found,
            rows=rows,
            columns={name: whole[name] for name in profile.columns if name in whole},
            slices={name: part for cut in cuts for name, part in cut.summaries(sliced)},
            errors=None if error is None else self._errors(error),
        )

    def _cuts(self, profile: Profile) -> "list[_Cut] | str":
        """One a segment column that the window has."""
        slices = slices_of(profile)
        found = []
        for segment in slices.segments if slices else ():
            column = self.columns.get(segment.column)
            if slices is None or column is None:
                continue
            numeric = isinstance(profile.columns.get(segment.column), NumericProfile)
            parts = slices_in(self.table, segment, column, self.dialect, numeric=numeric)
            if parts is None:
                return f"only rows say {segment.column}, which slices it, as a number"
            found.append(_Cut(parts=parts, profiles={name: slices.profiles[name] for name in segment.names}))
        return found

    def _column(
        self, profile: Profile, name: str, cut: "_Cut"
    ) -> tuple[ColumnSummary, Mapping[str, ColumnSummary]]:
        """Of the whole, and of each slice."""
        column, stored = profile.columns[name], self.columns[name]
        own = [each.columns[name] for each in cut.profiles.values()]
        if isinstance(column, NumericProfile):
            value = number(stored, self.dialect)
            if value is None:
                raise TypeError(f"{name}: nothing says it as a number")  # `read_here` has it
            numeric = [each for each in own if isinstance(each, NumericProfile)]
            numbers, by_slice = count_numbers(self.table, column, value, cut.parts, numeric)
            return numbers, dict(zip(cut.profiles, by_slice, strict=True))
        key, read = label_key(stored, self.dialect), labels_of(stored, self.dialect)
        labels, of_slices = count_labels(self.table, column, key, read, cut.parts, len(own))
        return labels, dict(zip(cut.profiles, of_slices, strict=True))

    def _read(
        self, profile: Profile, names: Collection[str], extras: Extras, conditions: Sequence[Condition]
    ) -> WindowSummary:
        """What only rows can tell, in each slice too."""
        slices = slices_of(profile)
        by = {segment.column for segment in slices.segments} & {*self.columns} if slices and names else set()
        kinds = {
            name: profile.columns[name].kind
            if name in profile.columns
            else Kind.CATEGORY
            if name in by
            else Kind.NUMERIC
            for name in sorted({*names, *by})
        }
        found = WindowSummary.empty(profile)
        for batch in self.read(kinds, conditions) if kinds else ():
            found = found + count(profile, batch.columns, batch.rows, extras)
        return found

    def _errors(self, column: Stored) -> int:
        key, read = label_key(column, self.dialect), labels_of(column, self.dialect)
        errors = 0
        for found in by_label(self.table, key, read, Parts.one(0)):
            for rows_of, _ in found.values():
                labels = tuple(rows_of)
                wrong = error_rows(
                    CategoryColumn(codes=np.arange(len(labels), dtype=np.int32), labels=labels)
                )
                errors += sum(rows_of[labels[place]] for place in np.flatnonzero(wrong).tolist())
        return errors


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """The rows by the slices of one segment column. `profiles`: what each is counted on, in their order."""

    parts: Parts
    profiles: Mapping[str, Profile]

    @classmethod
    def none(cls, rows: int) -> "_Cut":
        return cls(parts=Parts.one(rows), profiles={})

    def watches(self, column: str) -> bool:
        return all(column in profile.columns for profile in self.profiles.values())

    def summaries(
        self, columns: Mapping[str, Mapping[str, ColumnSummary]]
    ) -> Iterator[tuple[str, WindowSummary]]:
        """Of each slice, whose `columns` were counted."""
        for (name, own), rows in zip(self.profiles.items(), self.parts.rows, strict=False):
            counted = columns.get(name, {})
            ordered = {column: counted[column] for column in own.columns if column in counted}
            yield name, WindowSummary(rows=rows, columns=ordered, profile_digest=own.digest)
