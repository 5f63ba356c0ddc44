"""What did a window look like, when the database that holds its rows is asked to count them?

Only the columns from which something is computed row by row come here: the score, where confidence is derived
from it, and a second score. How columns go together is not counted there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from monitor.sources._sql_counting import Table, by_label, count_labels, count_numbers
from monitor.sources._sql_labels import label_key, labels_of
from monitor.sources._sql_numbers import number
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
    if slices_of(profile) is not None:
        return "the reference has slices (columns.segments), which are counted from rows"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWindow:
    """The rows of one window in one moment of a table. `columns`: those that can be read, as stored."""

    table: Table
    dialect: str
    columns: Mapping[str, Stored]
    read: Read  # some columns, of those rows that also meet some conditions

    def count(self, profile: Profile, rows: int, extras: Extras) -> WindowSummary | None:
        """As detectors.count over all batches; None: too many model versions."""
        version = None if extras.version is None else self.columns.get(extras.version)
        if version is None or not rows:
            return self._part(profile, rows, extras)
        versions = self._versions(version)
        if versions is None:
            return None
        whole = WindowSummary.empty(profile)
        for name, (held, condition) in versions.items():
            mine = [condition] if len(versions) > 1 else []
            part = self._where(mine)._part(profile, held, extras, mine)
            whole = whole + replace(part, version=name)
        return whole

    def _versions(self, column: Stored) -> Mapping[str, tuple[int, Condition]] | None:
        """Rows of each model version, and what tells them from others; "" of rows that name none."""
        key, read = label_key(column, self.dialect), labels_of(column, self.dialect)
        told = key
        if self.dialect != "sqlite":
            # As texts: PostgreSQL compares no enum with a text, and no float4 with the digits it is read by.
            told = [sa.collate(sa.cast(part, sa.Text), "C") for part in key]
        names = [f"k{place}" for place in range(len(key) + len(told))]
        asked = [part.label(name) for part, name in zip([*key, *told], names, strict=True)]
        keys = self.table.select(asked, self.table.where).subquery()
        groups = [keys.c[name] for name in names]
        counted = sa.select(*groups, sa.func.count()).group_by(*groups).limit(MOST_VERSIONS + 1)
        found = self.table.ask(counted)
        if len(found) > MOST_VERSIONS:
            return None
        rows: dict[str, int] = {}
        conditions: dict[str, list[Condition]] = {}
        for label, row in zip(read([row[: len(key)] for row in found]), found, strict=True):
            name = label or ""
            rows[name] = rows.get(name, 0) + row[-1]
            same = [part == value for part, value in zip(told, row[len(key) : -1], strict=True)]
            conditions.setdefault(name, []).append(sa.and_(*same))
        return {name: (rows[name], sa.or_(*conditions[name])) for name in sorted(rows)}

    def _where(self, conditions: Sequence[Condition]) -> "TableWindow":
        return replace(self, table=replace(self.table, where=[*self.table.where, *conditions]))

    def _part(
        self, profile: Profile, rows: int, extras: Extras, conditions: Sequence[Condition] = ()
    ) -> WindowSummary:
        if not rows:
            return WindowSummary.empty(profile)
        here = read_here(profile, extras, self.columns, self.dialect)
        found = self._read(profile, here, Extras(shadow=extras.shadow), conditions)
        counted = dict(found.columns)
        for name in profile.columns:
            if name in self.columns and name not in here:
                counted[name] = self._column(profile, name, rows)
        error = None if extras.error is None else self.columns.get(extras.error)
        errors = None if error is None else self._errors(error)
        ordered = {name: counted[name] for name in profile.columns if name in counted}
        return replace(found, rows=rows, columns=ordered, errors=errors)

    def _column(self, profile: Profile, name: str, rows: int) -> ColumnSummary:
        column, stored = profile.columns[name], self.columns[name]
        if isinstance(column, NumericProfile):
            value = number(stored, self.dialect)
            if value is None:
                raise TypeError(f"{name}: nothing says it as a number")  # `read_here` has it
            return count_numbers(self.table, column, value, rows)
        key, read = label_key(stored, self.dialect), labels_of(stored, self.dialect)
        return count_labels(self.table, column, key, read)

    def _read(
        self, profile: Profile, names: Iterable[str], extras: Extras, conditions: Sequence[Condition]
    ) -> WindowSummary:
        """What only rows can tell."""
        kinds = {
            name: profile.columns[name].kind if name in profile.columns else Kind.NUMERIC
            for name in sorted(names)
        }
        found = WindowSummary.empty(profile)
        for batch in self.read(kinds, conditions) if kinds else ():
            found = found + count(profile, batch.columns, batch.rows, extras)
        return found

    def _errors(self, column: Stored) -> int:
        key, read = label_key(column, self.dialect), labels_of(column, self.dialect)
        errors = 0
        for rows_of, _ in by_label(self.table, key, read):
            labels = tuple(rows_of)
            wrong = error_rows(CategoryColumn(codes=np.arange(len(labels), dtype=np.int32), labels=labels))
            errors += sum(rows_of[labels[place]] for place in np.flatnonzero(wrong).tolist())
        return errors
