"""What does a bench see of one window? Its rows as a source would give them, and what became of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors import CategoryColumn, Column, NumericColumn

Floats = NDArray[np.float64]
Rng = np.random.Generator
NOTHING: Floats = np.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """All rows of one window, score and prediction among the columns."""

    columns: dict[str, Column]
    rows: int
    times: NDArray[np.int64]  # µs from the window's start, ascending
    outcome: Floats = field(default_factory=lambda: NOTHING)  # true 0/1 or value; NaN unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is different while it lasts, in the order of the world; None: nothing at this step."""

    nature: Callable[[dict[str, Column], Rng], dict[str, Column]] | None = None  # outcomes follow it
    concept: Mapping[str, float] | None = None  # weights that outcomes follow from now on
    relabelled: float | None = None  # flights: late from so many minutes on
    feed: Callable[[dict[str, Column], Rng], dict[str, Column]] | None = None  # what is recorded
    answer: Callable[[Floats, Rng], Floats] | None = None  # of the score


def values(drawn: Drawn, name: str) -> Floats:
    """The numbers of a column."""
    column = drawn.columns[name]
    assert isinstance(column, NumericColumn)
    return column.values


def part_of(column: Column, rows: NDArray[np.int64]) -> Column:
    """Some rows of a column."""
    if isinstance(column, NumericColumn):
        return NumericColumn(values=column.values[rows])
    return CategoryColumn(codes=column.codes[rows], labels=column.labels)


def joined(parts: Sequence[Drawn]) -> tuple[dict[str, Column], Floats]:
    """The columns of several windows after each other, and their outcomes."""
    columns: dict[str, Column] = {}
    for name, first in parts[0].columns.items():
        each = [part.columns[name] for part in parts]
        if isinstance(first, CategoryColumn):
            codes = np.concatenate([part.codes for part in each if isinstance(part, CategoryColumn)])
            columns[name] = CategoryColumn(codes=codes, labels=first.labels)
        else:
            numbers = np.concatenate([part.values for part in each if isinstance(part, NumericColumn)])
            columns[name] = NumericColumn(values=numbers)
    return columns, np.concatenate([part.outcome for part in parts])
