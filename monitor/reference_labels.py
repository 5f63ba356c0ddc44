"""What was true for the rows of a reference, as far as it would have been known when they were judged?

A reference that knew every label at once would make later windows look odd: the labels that come first are
not like all labels. So each reference window keeps what was available when its labels were complete, by the
same rule as a window of production; one whose labels are still awaited keeps none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from detectors._column import Column, Kind, NumericColumn
from monitor.config_model import LabelsConfig, ModelConfig
from monitor.label_source import instant, label_kind, micros, read_labels
from monitor.labels import (
    NEVER,
    Keys,
    by_row,
    completion,
    first_available,
    known_at,
    outcomes,
    row_labels,
    values_by_row,
)
from monitor.reference_rows import Rows
from monitor.source import ColumnKind, Source
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelColumns:
    """Which columns of a reference say what was true."""

    label: str | None  # the outcome's name among the rows; None: nothing says it
    kind: Kind
    joined: bool = False  # it comes by key from the labels' own source
    key: str | None = None
    available_at: str | None = None  # of the reference's own column

    @property
    def wanted(self) -> dict[str, Kind]:
        """To pull beside what is profiled."""
        found: dict[str, Kind] = {}
        if self.joined and self.key is not None:
            found[self.key] = Kind.CATEGORY
        elif self.label is not None:
            found[self.label] = self.kind
        if self.available_at is not None:
            found[self.available_at] = Kind.NUMERIC
        return found

    @property
    def moments(self) -> frozenset[str]:
        return frozenset() if self.available_at is None else frozenset({self.available_at})


def label_columns(model: ModelConfig, schema: Mapping[str, ColumnKind]) -> LabelColumns:
    """A column of the reference itself comes first; else the labels' own source, joined by key."""
    labels, kind, name = model.labels, label_kind(model), model.label_column
    if name is not None and name in schema:
        at = labels.available_at if labels is not None else None
        return LabelColumns(label=name, kind=kind, available_at=at if at in schema else None)
    if labels is not None and labels.source is not None and labels.key in schema:
        return LabelColumns(label=labels.column, kind=kind, joined=True, key=labels.key)
    return LabelColumns(label=None, kind=kind)


def with_outcomes(
    model: ModelConfig,
    columns: LabelColumns,
    rows: Rows,
    windows: Sequence[Span],
    source: Source | None,
    now: datetime,
) -> Rows:
    """The rows with their outcome as it was known window by window. `source`: the labels' own."""
    labels = model.labels
    if columns.label is None or labels is None:
        return rows
    values: Column
    if columns.joined:
        key = rows.columns.get(columns.key or "")
        if source is None or key is None:
            return rows
        values = _joined(labels, columns.kind, rows, key, windows, source, now)
    else:
        at = rows.columns.get(columns.available_at or "")
        if not isinstance(at, NumericColumn) or columns.label not in rows.columns:
            return rows
        found = row_labels(rows.columns[columns.label], at.values)
        cutoffs, awaited = _cutoffs(labels, rows, windows, first_available(found, rows.count), now)
        values = _column(np.where(awaited, np.nan, known_at(found, rows.count, cutoffs)), found.classes)
    rest = {name: column for name, column in rows.columns.items() if name not in columns.wanted}
    return replace(rows, columns={**rest, columns.label: values})


def _joined(
    labels: LabelsConfig,
    kind: Kind,
    rows: Rows,
    key: Column,
    windows: Sequence[Span],
    source: Source,
    now: datetime,
) -> Column:
    keys = Keys()
    places = keys.add(key)
    found = read_labels(labels, kind, keys, source, _span(rows))
    first = by_row(places, first_available(found, len(keys)), NEVER)
    cutoffs, awaited = _cutoffs(labels, rows, windows, first, now)
    # A key that several rows share is asked at the latest of their cutoffs: what it says is one fact.
    limit = np.full(len(keys), np.iinfo(np.int64).min, dtype=np.int64)
    there = places >= 0
    np.maximum.at(limit, places[there], cutoffs[there])
    known = values_by_row(places, known_at(found, len(keys), limit))
    return _column(np.where(awaited, np.nan, known), found.classes)


def _cutoffs(
    labels: LabelsConfig, rows: Rows, windows: Sequence[Span], first: NDArray[np.int64], now: datetime
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """int64[rows]: up to when each row's labels count. Rows outside any window know all there is.

    bool[rows]: the window's labels are still awaited; those that come first are not like all of them.
    """
    cutoffs = np.full(rows.count, NEVER, dtype=np.int64)
    awaited = np.zeros(rows.count, dtype=np.bool_)
    if rows.times is None:
        return cutoffs, awaited
    for span in windows:
        start, stop = np.searchsorted(rows.times, [micros(span.start), micros(span.end)])
        deadline = micros(span.end + labels.max_delay)
        done = completion(
            first[start:stop], min_share=labels.min_share, deadline=deadline, now=min(micros(now), deadline)
        )
        if done is not None:
            cutoffs[start:stop] = done.cutoff
        else:
            awaited[start:stop] = True
    return cutoffs, awaited


def _column(values: NDArray[np.float64], classes: tuple[str, ...] | None) -> Column:
    known = outcomes(values, classes)
    return NumericColumn(values=known) if isinstance(known, np.ndarray) else known


def _span(rows: Rows) -> Span | None:
    if rows.times is None or not rows.count:
        return None
    return Span(start=instant(int(rows.times[0])), end=instant(int(rows.times[-1]) + 1))
