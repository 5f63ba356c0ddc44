"""Which rows of a window have a label, since when, and is that enough to judge the model?

A label window is judged once: at the first instant at which the asked share of its rows has a label, or at
the deadline. That instant, and which labels count at it, follow from the times at which labels became
available and from nothing else: whoever looks, and whenever, counts the same labels. Where labels do not say
when they became available, what is there now counts.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column import CategoryColumn, Column, NumericColumn

Outcomes = NDArray[np.float64] | CategoryColumn  # a row: NaN or −1 where it is not known

NEVER = np.iinfo(np.int64).max  # µs since the epoch of a label that is not there
ALWAYS = np.iinfo(np.int64).min  # … of a label that does not say since when
_NONE = np.zeros(0, dtype=np.int64)
_NEAR = 1e-9  # 0.95 × 20 is 19 labels, also where a float says 19.000000000000004


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Some labels, in the order of their source; later ones for the same row correct earlier ones.

    `place`: int64[m], which row (or key) each is about; `at`: int64[m], µs since the epoch, when it became
    available; `values`: float64[m], the outcome, or its position in `classes` where that is not None.
    """

    place: NDArray[np.int64]
    at: NDArray[np.int64]
    values: NDArray[np.float64]
    classes: tuple[str, ...] | None
    others: int = 0  # labels that were read beside these, of keys that none of the rows has
    other: str = ""  # such a key


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A label window that can be judged."""

    rows: int
    labelled: int  # at the cutoff
    complete: bool  # the asked share has a label
    cutoff: int  # µs since the epoch: labels available then or before count

    @property
    def share(self) -> float:
        return self.labelled / self.rows if self.rows else 0.0

    @property
    def is_dated(self) -> bool:
        """Whether labels say since when they are available."""
        return ALWAYS < self.cutoff < NEVER


def needed(rows: int, min_share: float) -> int:
    """How many of so many rows must have a label; one at least."""
    return max(1, math.ceil(rows * min_share - _NEAR))


def completion(first: NDArray[np.int64], *, min_share: float, deadline: int, now: int) -> Completion | None:
    """When the window's labels were complete, or that they did not come in time; None: wait for more.

    `first`: int64[rows], when each row's first label became available, NEVER where there is none.
    """
    rows = int(first.shape[0])
    least = needed(rows, min_share)
    if least <= rows:
        reached = int(np.partition(first, least - 1)[least - 1])
        if reached <= min(now, deadline):
            return Completion(
                rows=rows, labelled=int((first <= reached).sum()), complete=True, cutoff=reached
            )
    if now < deadline:
        return None
    labelled = int((first <= deadline).sum())
    return Completion(rows=rows, labelled=labelled, complete=False, cutoff=deadline)


def first_available(labels: Labels, places: int) -> NDArray[np.int64]:
    """int64[places]: when each place's first label became available, NEVER where it has none."""
    first = np.full(places, NEVER, dtype=np.int64)
    np.minimum.at(first, labels.place, labels.at)
    return first


def known_at(labels: Labels, places: int, cutoff: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """float64[places]: the latest label of each place at the cutoff (one, or one a place); NaN: none yet."""
    limit = np.broadcast_to(np.asarray(cutoff, dtype=np.int64), (places,))
    found = np.full(places, np.nan)
    there = np.flatnonzero(labels.at <= limit[labels.place])
    # Stable: of labels with one time the one written last counts, as the last write to a place stays.
    order = there[np.argsort(labels.at[there], kind="stable")]
    found[labels.place[order]] = labels.values[order]
    return found


def outcomes(values: NDArray[np.float64], classes: tuple[str, ...] | None) -> Outcomes:
    """What detectors take: numbers as they are, positions among classes as labels."""
    if classes is None:
        return values
    codes = np.where(np.isnan(values), -1.0, values).astype(np.int32)
    return CategoryColumn(codes=codes, labels=classes)


def row_labels(values: Column, at: NDArray[np.float64] | None) -> Labels:
    """Labels that stand in the rows they are about. `at`: float64[rows], µs, NaN where not known yet."""
    numbers, classes = _numbers(values, {})
    known = ~np.isnan(numbers)
    since = np.full(numbers.shape, ALWAYS, dtype=np.int64)
    if at is not None:
        known &= ~np.isnan(at)
        since[known] = at[known].astype(np.int64)
    return Labels(
        place=np.flatnonzero(known), at=since[known], values=numbers[known], classes=_names(classes)
    )


def one_after_another(parts: Sequence[tuple[int, Labels]]) -> Labels:
    """Labels of consecutive rows: (how many rows, their labels) each."""
    classes: dict[str, int] = {}
    places, values, before = [_NONE], [_NONE.astype(np.float64)], 0
    for rows, labels in parts:
        places.append(labels.place + before)
        values.append(_renumbered(labels, classes))
        before += rows
    return Labels(
        place=np.concatenate(places),
        at=np.concatenate([_NONE, *(labels.at for _, labels in parts)]),
        values=np.concatenate(values),
        classes=tuple(classes) if any(labels.classes is not None for _, labels in parts) else None,
    )


def _renumbered(labels: Labels, classes: dict[str, int]) -> NDArray[np.float64]:
    if labels.classes is None:
        return labels.values
    table = [float(classes.setdefault(name, len(classes))) for name in labels.classes]
    return np.array([*table, np.nan])[labels.values.astype(np.int64)]


class Keys:
    """The keys of a window's rows, numbered as they come."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._number)

    @property
    def example(self) -> str:
        """One of them, "" without any."""
        return next(iter(self._number), "")

    def add(self, keys: Column) -> NDArray[np.int64]:
        """int64[rows]: the number of each row's key, −1 where a row has none."""
        column = _labelled(keys)
        table = [self._number.setdefault(label, len(self._number)) for label in column.labels]
        return np.array([*table, -1], dtype=np.int64)[column.codes]

    def find(self, keys: Column) -> NDArray[np.int64]:
        """The same, −1 also for keys that no row of the window has."""
        column = _labelled(keys)
        table = [self._number.get(label, -1) for label in column.labels]
        return np.array([*table, -1], dtype=np.int64)[column.codes]


def key_labels(keys: Keys, batches: Iterable[tuple[Column, Column, NDArray[np.int64] | None]]) -> Labels:
    """The labels of these keys among batches of (key, label, when it became available)."""
    classes: dict[str, int] = {}
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]
    found = [(_NONE, _NONE, _NONE.astype(np.float64))]
    categories, others, other = False, 0, ""
    for key, label, times in batches:
        place = keys.find(key)
        numbers, named = _numbers(label, classes)
        categories |= named is not None
        mine = (place >= 0) & ~np.isnan(numbers)
        since = np.full(place.shape, ALWAYS, dtype=np.int64) if times is None else times
        found.append((place[mine], since[mine], numbers[mine]))
        codes = _labelled(key).codes
        strange = np.flatnonzero((place < 0) & (codes >= 0) & ~np.isnan(numbers))
        others += int(strange.size)
        other = other or (_labelled(key).labels[codes[strange[0]]] if strange.size else "")
    return Labels(
        place=np.concatenate([each[0] for each in found]),
        at=np.concatenate([each[1] for each in found]),
        values=np.concatenate([each[2] for each in found]),
        classes=_names(classes) if categories else None,
        others=others,
        other=other,
    )


def by_row(places: NDArray[np.int64], values: NDArray[np.int64], missing: int) -> NDArray[np.int64]:
    """What each row's key has; `missing` for rows without one."""
    return np.append(values, missing)[places]


def values_by_row(places: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same of outcomes."""
    return np.append(values, np.nan)[places]


def _numbers(column: Column, classes: dict[str, int]) -> tuple[NDArray[np.float64], dict[str, int] | None]:
    """Outcomes as numbers, NaN where there is none; classes are numbered on in `classes`."""
    if isinstance(column, NumericColumn):
        return np.where(np.isfinite(column.values), column.values, np.nan), None
    table = [float(classes.setdefault(label, len(classes))) for label in column.labels]
    return np.array([*table, np.nan])[column.codes], classes


def _labelled(column: Column) -> CategoryColumn:
    if not isinstance(column, CategoryColumn):
        raise TypeError("a key is read as a label, whatever its type")
    return column


def _names(classes: dict[str, int] | None) -> tuple[str, ...] | None:
    return None if classes is None else tuple(classes)
