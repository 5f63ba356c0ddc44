"""How many rows have each label of a profile, given how many have each label at all?"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors._column import CategoryColumn, SharedLabels
from detectors._column_profile import CategoryProfile, holds, label_hashes
from detectors._summary import CategorySummary, smallest


class LabelCount:
    """What batches of one column have added up to so far. Labels that they share are looked up at the end."""

    __slots__ = ("_found", "_labels", "_profile", "_rows")

    def __init__(self, profile: CategoryProfile) -> None:
        self._profile = profile
        self._found: CategorySummary | None = None
        self._labels: SharedLabels | None = None
        self._rows = np.zeros(1, dtype=np.int64)  # of `_labels`: without a label, then of each

    def add(self, column: CategoryColumn) -> None:
        """Counts a batch."""
        labels = column.labels
        rows = np.bincount(column.codes + np.int32(1), minlength=len(labels) + 1)
        if not isinstance(labels, SharedLabels):
            held = np.flatnonzero(rows[1:]).tolist()
            rows_of = {labels[code]: int(rows[code + 1]) for code in held}
            self._take(count_by_label(self._profile, rows_of, int(rows[0])))
        elif labels is self._labels:
            self._rows += rows
        else:
            self._look_up()
            self._labels, self._rows = labels, rows

    def summary(self) -> CategorySummary:
        """Of all batches so far; nothing is added after it."""
        self._look_up()
        return self._found if self._found is not None else count_by_label(self._profile, {}, 0)

    def _look_up(self) -> None:
        if self._labels is not None:
            self._take(count_by_code(self._profile, self._labels, self._rows[1:], int(self._rows[0])))
            self._labels = None

    def _take(self, part: CategorySummary) -> None:
        self._found = part if self._found is None else self._found + part


def count_labels(profile: CategoryProfile, column: CategoryColumn) -> CategorySummary:
    """Counts one column of labels of one batch."""
    counted = LabelCount(profile)
    counted.add(column)
    return counted.summary()


def count_by_label(profile: CategoryProfile, rows_of: Mapping[str, int], missing: int) -> CategorySummary:
    """`rows_of`: rows of each label, of some or of all rows; `missing`: rows without one."""
    find = profile.index.get
    places = np.array([find(label, -1) for label in rows_of], dtype=np.int64)
    rows = np.fromiter(rows_of.values(), dtype=np.int64, count=len(rows_of))
    counts = np.zeros(len(profile.labels), dtype=np.int64)
    counts[places[places >= 0]] = rows[places >= 0]
    # Few are strangers, or nearly all: with a hundred thousand labels each step of Python's is felt.
    strangers = [label for label, place in zip(rows_of, places.tolist(), strict=True) if place < 0]
    seen, strange = profile.seen(strangers), rows[places < 0]
    rest = int(strange[seen].sum())
    unseen = {strangers[at]: int(strange[at]) for at in np.flatnonzero(~seen).tolist()}
    return CategorySummary(
        counts=counts,
        rest=rest,
        missing=missing,
        unseen=sum(unseen.values()),
        unseen_labels=smallest(unseen),
    )


def count_by_text(
    profile: CategoryProfile,
    texts: tuple[NDArray[np.uint8], NDArray[np.int64]],
    rows: NDArray[np.int64],
    missing: int,
) -> CategorySummary:
    """The same of very many labels, without an object of Python's for each.

    `texts`: the labels in UTF-8, one after the other, and int64[n], where each ends; `rows`: int64[n].
    """
    from detectors._blake2b import blake2b_64  # noqa: PLC0415 - loads the compiler

    data, ends = texts

    def named(places: NDArray[np.intp]) -> list[str]:
        starts = np.where(places > 0, ends[places - 1], 0)
        return [
            data[start:end].tobytes().decode()
            for start, end in zip(starts.tolist(), ends[places].tolist(), strict=True)
        ]

    hashed = blake2b_64(data, ends)
    counts = np.zeros(len(profile.labels), dtype=np.int64)
    strange = np.ones(ends.size, dtype=np.bool_)
    if profile.labels:
        near = np.flatnonzero(holds(_kept_hashes(profile), hashed))
        # Two labels may have one hash: what counts is the label.
        known = np.array([profile.index.get(label, -1) for label in named(near)], dtype=np.int64)
        near, known = near[known >= 0], known[known >= 0]
        counts[known], strange[near] = rows[near], False
    others = np.flatnonzero(strange)
    seen = profile.seen_hashes(hashed[others])
    new = others[~seen]
    unseen = dict(zip(named(new), rows[new].tolist(), strict=True))
    return CategorySummary(
        counts=counts,
        rest=int(rows[others[seen]].sum()),
        missing=missing,
        unseen=sum(unseen.values()),
        unseen_labels=smallest(unseen),
    )


def _kept_hashes(profile: CategoryProfile) -> NDArray[np.uint64]:
    """uint64[L], ascending, of the labels that have counts; once a profile."""
    found: NDArray[np.uint64] | None = profile.memo.get("kept_hashes")
    if found is None:
        found = profile.memo["kept_hashes"] = np.sort(label_hashes(profile.labels))
    return found


def count_by_code(
    profile: CategoryProfile, labels: SharedLabels, rows: NDArray[np.int64], missing: int
) -> CategorySummary:
    """`rows`: int64[labels], of each. Labels are looked up once for all batches that share them."""
    known = labels.places
    if known is None or known[0] is not profile:
        places = np.array([profile.index.get(label, -1) for label in labels], dtype=np.int64)
        known = labels.places = (profile, places)
    places = known[1]
    held = places >= 0
    others = np.flatnonzero(np.where(held, 0, rows)).tolist()
    found = count_by_label(profile, {labels[code]: int(rows[code]) for code in others}, missing)
    found.counts[places[held]] = rows[held]
    return found


def on_levels(profile: CategoryProfile, found: CategorySummary) -> CategorySummary:
    """The same rows as a slice counts them: a label without a component of its own is one of the rest."""
    levels = len(profile.levels)  # the first of the labels
    return replace(
        found, counts=found.counts[:levels].copy(), rest=found.rest + int(found.counts[levels:].sum())
    )
