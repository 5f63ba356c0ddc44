"""Faults that are planted in copies of judged days.

A copy is judged with the state that the clean run had before it, and folded on copies of the alert states, so
that no fault pollutes a neighbour or a count of false pages.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from alerting.verdict import Severity
from benchmarks.quality.permuted import World, facts_of, fold_into
from detectors import CategoryColumn, Column, NumericColumn, count
from monitor.judgement import judge
from monitor.measuring import measure_window

Fault = Callable[[Column, np.random.Generator], Column]


def plant(world: World, at: int, column: str, fault: Fault, seed: int, length: int) -> Iterator[Severity]:
    """A fault in copies of `length` judged days from `at` on: what its column got in each."""
    state, alerts = world.before[at][0], dict(world.before[at][1])
    for index in range(at, min(at + length, len(world.days))):
        day = world.days[index]
        changed = fault(day.columns[column], np.random.default_rng((seed, index)))
        narrow = replace(world.profile, columns={column: world.profile.columns[column]}, score=None)
        summary = count(narrow, {column: changed}, day.rows)
        planted = {result.column: result for result in measure_window(narrow, summary, (), ())}
        results = tuple(planted.get(result.column, result) for result in world.clean[index])
        judged = judge(facts_of(world.spans[index], day.rows, results), world.noise, state, world.policy)
        state = judged.state
        yield fold_into(alerts, judged.verdicts)[column]


def missing(share: float) -> Fault:
    """That share of the rows loses its value."""

    def fault(column: Column, rng: np.random.Generator) -> Column:
        lost = rng.random(len(column)) < share
        if isinstance(column, NumericColumn):
            return NumericColumn(values=np.where(lost, np.nan, column.values))
        return CategoryColumn(codes=np.where(lost, -1, column.codes).astype(np.int32), labels=column.labels)

    return fault


def unseen(share: float) -> Fault:
    """That share of the rows carries a label that was never seen."""

    def fault(column: Column, rng: np.random.Generator) -> Column:
        assert isinstance(column, CategoryColumn)
        new = rng.random(len(column)) < share
        codes = np.where(new, len(column.labels), column.codes).astype(np.int32)
        return CategoryColumn(codes=codes, labels=(*column.labels, "ZZ"))

    return fault


def moved(factor: float, offset: float) -> Fault:
    """Another unit, or a shift."""

    def fault(column: Column, rng: np.random.Generator) -> Column:
        del rng
        assert isinstance(column, NumericColumn)
        return NumericColumn(values=column.values * factor + offset)

    return fault


def stuck(column: Column, rng: np.random.Generator) -> Column:
    """All rows after the first repeat its value."""
    del rng
    assert isinstance(column, NumericColumn)
    known = column.values[np.isfinite(column.values)]
    return NumericColumn(values=np.full(len(column), known[0] if len(known) else np.nan))
