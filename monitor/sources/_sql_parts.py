"""Which rows of a table belong together, by what one of its columns says?

A model version is asked for by itself, slices all at once: each row has the code of its slice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from detectors._column import NumericColumn
from detectors._slices import Segment, labels_of
from monitor.sources import _sql_labels
from monitor.sources._sql_numbers import number
from monitor.sources._sql_table import Table
from monitor.sources._sql_times import Condition
from monitor.sources._sql_types import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """One of the ways in which rows write a label. `label`: None where it is missing."""

    label: str | None
    told: Sequence[sa.ColumnElement[Any]]  # what tells such rows from others
    values: Sequence[Any]  # of each of `told`
    rows: int

    @property
    def condition(self) -> Condition:
        return sa.and_(*(part == value for part, value in zip(self.told, self.values, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A table's rows apart. `code`: of each row's part, an index of `rows`, which says how many it has."""

    code: sa.ColumnElement[int] | None  # None: there is but one part
    rows: Sequence[int]

    @classmethod
    def one(cls, rows: int) -> "Parts":
        return cls(code=None, rows=[rows])


def spellings(table: Table, column: Stored, dialect: str, most: int | None = None) -> Iterator[Spelling]:
    """Of all labels that the table's rows have, or of some, `most` at most."""
    key, read = _sql_labels.label_key(column, dialect), _sql_labels.labels_of(column, dialect)
    told = key
    if dialect != "sqlite":
        # As texts: PostgreSQL compares no enum with a text, and no float4 with the digits it is read by.
        told = [sa.collate(sa.cast(part, sa.Text), "C") for part in key]
    for lines in table.groups([*key, *told], most=most):
        for label, line in zip(read([line[: len(key)] for line in lines]), lines, strict=True):
            yield Spelling(label=label, told=told, values=line[len(key) : -1], rows=line[-1])


def slices_in(table: Table, segment: Segment, column: Stored, dialect: str, *, numeric: bool) -> Parts | None:
    """One part a slice, then one of the rows that are in none. `numeric`: the segment column is read as
    numbers; None: only its rows say them."""
    value = number(column, dialect) if numeric else None
    if numeric and value is None:
        return None
    outside = len(segment.labels) - 1 if segment.pooled else len(segment.labels)
    named = {label: code for code, label in enumerate(segment.labels)}
    rows = [0] * (len(segment.labels) + 1)
    whens = []
    for spelling in spellings(table, column, dialect) if value is None else _numbers(table, value):
        code = outside if spelling.label is None else named.get(spelling.label, outside)
        rows[code] += spelling.rows
        if code != outside:
            whens.append((code, spelling.condition))
    whens.sort(key=lambda when: when[0])  # the largest slice is asked first
    other = sa.literal_column(str(outside), sa.Integer)
    choices = [(condition, sa.literal_column(str(code), sa.Integer)) for code, condition in whens]
    return Parts(code=sa.case(*choices, else_=other) if choices else other, rows=rows)


def _numbers(table: Table, value: sa.ColumnElement[float]) -> Iterator[Spelling]:
    for lines in table.groups([value]):
        read = labels_of(NumericColumn(values=np.array([line[0] for line in lines], dtype=np.float64)))
        for code, (found, rows) in zip(read.codes.tolist(), lines, strict=True):
            # Bound as a double: a whole number would be looked for among integers.
            same = [None if found is None else sa.literal(float(found), sa.Double)]
            label = read.labels[code] if code >= 0 else None
            yield Spelling(label=label, told=[value], values=same, rows=rows)
