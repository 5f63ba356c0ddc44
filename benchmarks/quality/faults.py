"""Which faults are planted? Each changes one step of a world, and leaves every other draw as it was."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.drawn import Fault, Floats, Rng
from detectors import CategoryColumn, Column, NumericColumn

Columns = dict[str, Column]
Step = Callable[[Columns, Rng], Columns]


def shifted(column: str, by: float) -> Fault:
    """Every value is larger by this: the world changed, and outcomes follow it."""
    return Fault(nature=_numbers(column, lambda values, _: values + by))


def spread(column: str, factor: float, centre: float = 0.0) -> Fault:
    """Further from the centre by this factor."""
    return Fault(nature=_numbers(column, lambda values, _: centre + factor * (values - centre)))


def flipped(column: str) -> Fault:
    """A column symmetric around 0 changes its sign: its own distribution stays, its relations turn around."""
    return Fault(nature=_numbers(column, lambda values, _: -values))


def missing(column: str, share: float) -> Fault:
    """The feed loses the value of so many more rows."""

    def feed(columns: Columns, rng: Rng) -> Columns:
        found = columns[column]
        lost = rng.random(len(found)) < share
        if isinstance(found, NumericColumn):
            return {**columns, column: NumericColumn(values=np.where(lost, np.nan, found.values))}
        codes = np.where(lost, -1, found.codes).astype(np.int32)
        return {**columns, column: CategoryColumn(codes=codes, labels=found.labels)}

    return Fault(feed=feed)


def unseen(column: str, share: float) -> Fault:
    """So many rows carry a label that was never seen."""

    def feed(columns: Columns, rng: Rng) -> Columns:
        found = columns[column]
        assert isinstance(found, CategoryColumn)
        new = rng.random(len(found)) < share
        codes = np.where(new, len(found.labels), found.codes).astype(np.int32)
        return {**columns, column: CategoryColumn(codes=codes, labels=(*found.labels, "ZZ"))}

    return Fault(feed=feed)


def renamed(column: str, label: str, to: str) -> Fault:
    """One label is written in another way."""

    def feed(columns: Columns, rng: Rng) -> Columns:
        del rng
        found = columns[column]
        assert isinstance(found, CategoryColumn)
        labels = tuple(to if each == label else each for each in found.labels)
        return {**columns, column: CategoryColumn(codes=found.codes, labels=labels)}

    return Fault(feed=feed)


def times(column: str, factor: float, *, share: float = 1.0, offset: float = 0.0) -> Fault:
    """Another unit: offset + factor · value, in so many rows."""

    def change(values: Floats, rng: Rng) -> Floats:
        return np.where(rng.random(len(values)) < share, offset + factor * values, values)

    return Fault(feed=_numbers(column, change))


def stuck(column: str) -> Fault:
    """All rows repeat the first row's value."""

    def change(values: Floats, rng: Rng) -> Floats:
        del rng
        known = values[np.isfinite(values)]
        return np.full(len(values), known[0] if len(known) else np.nan)

    return Fault(feed=_numbers(column, change))


def defaulted(column: str, share: float, value: float) -> Fault:
    """So many rows carry a default in place of their value."""

    def change(values: Floats, rng: Rng) -> Floats:
        return np.where(rng.random(len(values)) < share, value, values)

    return Fault(feed=_numbers(column, change))


def clipped(column: str, at: float) -> Fault:
    """No value is above this any more."""
    return Fault(feed=_numbers(column, lambda values, _: np.minimum(values, at)))


def within(column: str, label: str, fault: Fault) -> Fault:
    """The fault in the rows of one label alone."""

    def only(step: Step | None) -> Step | None:
        if step is None:
            return None

        def confined(columns: Columns, rng: Rng) -> Columns:
            by = columns[column]
            assert isinstance(by, CategoryColumn)
            here = by.codes == by.labels.index(label)
            return {name: _where(here, now, columns[name]) for name, now in step(columns, rng).items()}

        return confined

    return Fault(nature=only(fault.nature), feed=only(fault.feed))


def answered(factor: float) -> Fault:
    """The score is multiplied by this."""
    return Fault(answer=lambda score, _: factor * score)


def unsure(keep: float) -> Fault:
    """The score is drawn towards ½ and keeps this share of its distance: the same predictions, less sure."""
    return Fault(answer=lambda score, _: 0.5 + keep * (score - 0.5))


def another_world(weights: Mapping[str, float]) -> Fault:
    """Outcomes follow from the features by other weights; no input and no score changes."""
    return Fault(concept=weights)


def relabelled(late_after: float) -> Fault:
    """Flights are called late from so many minutes on."""
    return Fault(relabelled=late_after)


def _numbers(column: str, change: Callable[[Floats, Rng], Floats]) -> Step:
    def step(columns: Columns, rng: Rng) -> Columns:
        found = columns[column]
        assert isinstance(found, NumericColumn)
        return {**columns, column: NumericColumn(values=change(found.values, rng))}

    return step


def _where(here: NDArray[np.bool_], now: Column, before: Column) -> Column:
    if isinstance(now, NumericColumn) and isinstance(before, NumericColumn):
        return NumericColumn(values=np.where(here, now.values, before.values))
    assert isinstance(now, CategoryColumn)
    assert isinstance(before, CategoryColumn)
    codes = np.where(here, now.codes, before.codes).astype(np.int32)
    return CategoryColumn(codes=codes, labels=now.labels)
