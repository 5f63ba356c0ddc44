"""Which slices of the reference are watched by themselves, and what is normal in each?

A slice is the rows with one value of a segment column: "origin=JFK". Its profile has 257 knots, the same for
all slices of a column and all of them knots of the whole's profile, so that a row's cell in the whole gives
its cell in the slice: nothing is searched twice. What a slice is judged on is in `slice_components`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column import CategoryColumn, Column, Columns, NumericColumn, Role
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile, decode
from detectors._profile import Profile, category_counts, numeric_on_knots

KNOTS = 256  # intervals: a shift of 0.1 sd in a slice moves 4 % of its rows, ten of these
LEAST_SHARE = 0.02
LEAST_ROWS = 200
MOST = 20  # a segment column
OTHER = "other"
_PART = "slice:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment column and the slices it cuts."""

    column: str
    labels: tuple[str, ...]  # of the slices, "other" last where it is one
    pooled: bool  # the last label stands for every value that is not named, and for none

    @property
    def names(self) -> tuple[str, ...]:
        """Of the slices, as in history."""
        return tuple(f"{self.column}={label}" for label in self.labels)

    def codes(self, column: Column) -> NDArray[np.int32]:
        """int32[n]: slice of each row; `len(labels)` for rows that are in none."""
        values = labels_of(column)
        outside = len(self.labels) - 1 if self.pooled else len(self.labels)
        named = {label: code for code, label in enumerate(self.labels)}
        table = [named.get(label, outside) for label in values.labels]
        return np.array([*table, outside], dtype=np.int32)[values.codes]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slices:
    """Every watched slice: by segment column in the config's order, and the profile of each by its name."""

    segments: tuple[Segment, ...]
    profiles: Mapping[str, Profile]


def slices_of(profile: Profile) -> Slices | None:
    """What `fit_slices` kept in the profile; None where nothing is sliced. Decoded once a profile."""
    if not any(name.startswith(_PART) for name in profile.parts):
        return None
    found: Slices | None = profile.memo.get("slices")
    if found is None:
        found = profile.memo["slices"] = _decoded(profile)
    return found


def fit_slices(profile: Profile, columns: Columns, rows: int, segments: Sequence[str]) -> dict[str, bytes]:
    """Parts of the profile, one a slice: values with ≥ 2 % and ≥ 200 of the rows, 20 a column at most."""
    parts: dict[str, bytes] = {}
    for position, name in enumerate(segments):
        column = columns.get(name)
        if column is None:
            continue
        segment = _cut(name, labels_of(column), rows)
        codes = segment.codes(column)
        for code, (label, slice_name) in enumerate(zip(segment.labels, segment.names, strict=True)):
            taken = np.flatnonzero(codes == code)
            sliced = _profile(profile, columns, taken)
            pooled = segment.pooled and code == len(segment.labels) - 1
            head = {"segment": name, "position": [position, code], "label": label, "pooled": pooled}
            parts[_PART + slice_name] = _packed(head, sliced)
    return parts


def labels_of(column: Column) -> CategoryColumn:
    """The column's values as labels; a whole number has no ".0", as in monitor/sources."""
    if isinstance(column, CategoryColumn):
        return column
    known = np.isfinite(column.values)
    values, codes = np.unique(column.values[known], return_inverse=True)
    every = np.full(len(column), -1, dtype=np.int32)
    every[known] = codes
    return CategoryColumn(codes=every, labels=tuple(_text(float(value)) for value in values))


def seen_labels(column: Column) -> list[str]:
    """Every value that a row has, sorted."""
    values = labels_of(column)
    return sorted(values.labels[code] for code in np.unique(values.codes[values.codes >= 0]))


def coarse_cells(profile: NumericProfile) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """A slice's knots, and the slice's cell of each cell of the whole (uint32[2k + 1]); once a profile.

    Knots at equal ranks of the whole's rows, both ends among them.
    """
    found: tuple[NDArray[np.float64], NDArray[np.uint32]] | None = profile.memo.get("coarse_cells")
    if found is None:
        k = profile.knots.size
        chosen = np.arange(k)
        if k > KNOTS + 1:
            ranks = np.cumsum(profile.counts)[1::2]  # rows up to and at each knot
            targets = 1 + np.arange(KNOTS + 1, dtype=np.int64) * (int(ranks[-1]) - 1) // KNOTS
            inner = np.minimum(np.searchsorted(ranks, targets, side="left"), k - 1)
            chosen = np.unique(np.concatenate(([0, k - 1], inner)))
        before = np.searchsorted(chosen, np.arange(k + 1), side="left")  # chosen knots below each
        cells = np.empty(2 * k + 1, dtype=np.uint32)
        cells[0::2] = 2 * before
        cells[1::2] = 2 * before[:-1] + np.isin(np.arange(k), chosen)
        found = profile.memo["coarse_cells"] = (np.ascontiguousarray(profile.knots[chosen]), cells)
    return found


def _cut(name: str, column: CategoryColumn, rows: int) -> Segment:
    """The slices of one segment column: the largest, then by label."""
    tally = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
    least = max(LEAST_ROWS, LEAST_SHARE * rows)
    order = sorted(range(len(column.labels)), key=lambda code: (-tally[code], column.labels[code]))
    kept = [column.labels[code] for code in order if tally[code] >= least][:MOST]
    others = rows - sum(int(tally[code]) for code in order if column.labels[code] in set(kept))
    pooled = others >= least and OTHER not in kept
    return Segment(column=name, labels=(*kept, OTHER) if pooled else tuple(kept), pooled=pooled)


def _profile(profile: Profile, columns: Columns, taken: NDArray[np.int64]) -> Profile:
    """The slice's rows on the slice's cells. What is derived from the score is judged in the whole only."""
    sliced: dict[str, ColumnProfile] = {}
    for name, whole in profile.columns.items():
        column = columns.get(name)
        if column is None or whole.role is Role.DERIVED:
            continue
        if isinstance(whole, NumericProfile) and isinstance(column, NumericColumn):
            sliced[name] = numeric_on_knots(
                name, whole.role, column.values[taken], coarse_cells(whole)[0], whole.edges
            )
        elif isinstance(whole, CategoryProfile) and isinstance(column, CategoryColumn):
            sliced[name] = _category(whole, column, taken)
    return Profile.of(sliced, score=None, rows=int(taken.size))


def _category(whole: CategoryProfile, column: CategoryColumn, taken: NDArray[np.int64]) -> CategoryProfile:
    """The whole's levels; what is unseen is what the whole has not seen."""
    codes = column.codes[taken]
    counts = category_counts(whole.levels, column.labels, codes)
    values = int((codes >= 0).sum())
    return CategoryProfile(
        name=whole.name,
        role=whole.role,
        rows=int(taken.size),
        missing=int(taken.size) - values,
        labels=whole.levels,
        counts=counts,
        rest=values - int(counts.sum()),
        distinct=int(np.unique(codes[codes >= 0]).size),
        singletons=whole.singletons,
        levels=whole.levels,
        pooled=np.empty(0, dtype=np.uint64),
        pooled_all=False,
    )


def _packed(head: Mapping[str, object], profile: Profile) -> bytes:
    blobs = [column.to_bytes() for column in profile.columns.values()]
    facts = {**head, "format": 1, "rows": profile.rows, "sizes": [len(blob) for blob in blobs]}
    return json.dumps(facts, sort_keys=True).encode() + b"\n" + b"".join(blobs)


def _decoded(profile: Profile) -> Slices:
    found = []
    for name, part in profile.parts.items():
        if name.startswith(_PART):
            line, _, rest = part.partition(b"\n")
            head = json.loads(line)
            if head["format"] != 1:
                raise ValueError(f"{name}: unknown format {head['format']}; rebuild the reference")
            columns = {column.name: column for column in _columns(rest, head["sizes"])}
            sliced = Profile.of(columns, score=None, rows=head["rows"])
            found.append((tuple(head["position"]), head, name.removeprefix(_PART), sliced))
    found.sort(key=lambda one: one[0])
    heads: dict[str, list[Mapping[str, object]]] = {}
    for _, head, _, _ in found:
        heads.setdefault(head["segment"], []).append(head)
    segments = tuple(
        Segment(
            column=column,
            labels=tuple(str(head["label"]) for head in mine),
            pooled=bool(mine[-1]["pooled"]),
        )
        for column, mine in heads.items()
    )
    return Slices(segments=segments, profiles={name: sliced for _, _, name, sliced in found})


def _columns(data: bytes, sizes: Sequence[int]) -> Iterator[ColumnProfile]:
    start = 0
    for size in sizes:
        yield decode(data[start : start + size])
        start += size


def _text(value: float) -> str:
    return str(int(value)) if value == round(value) and abs(value) < 2**53 else str(value)
