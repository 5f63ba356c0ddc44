"""Which rows does a reference have, and which whole windows do they cover? In memory, in time order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from detectors import CategoryColumn, Column, NumericColumn
from detectors._column import taken
from monitor.source import Batch, SourceError, Window
from monitor.windows import WindowSpec, window_at, windows
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A reference in memory. `times`: int64[n] ascending µs UTC, None for a file without time."""

    columns: Mapping[str, Column]
    count: int
    times: NDArray[np.int64] | None


def read_rows(window: Window, excluded: Sequence[Span] = ()) -> Rows:
    """All rows of a window but those in excluded spans, in time order (ties keep the source's order)."""
    batches = [batch for batch in window.batches if batch.rows]
    if not batches:
        raise no_rows()
    columns = {name: _joined([batch.columns[name] for batch in batches]) for name in batches[0].columns}
    times = _times(batches)
    total = sum(batch.rows for batch in batches)
    if times is None:
        return Rows(columns=columns, count=total, times=None)
    order = np.argsort(times, kind="stable")
    order = order[outside(times[order], excluded)]
    ordered = {name: taken(column, order) for name, column in columns.items()}
    return Rows(columns=ordered, count=int(order.shape[0]), times=times[order])


def no_rows() -> SourceError:
    """What to raise of a reference without any."""
    return SourceError(
        "the reference has no rows: check its path, and `from` and `to` if it is a span", transient=False
    )


def reference_windows(rows: Rows, spec: WindowSpec, excluded: Sequence[Span]) -> list[Span]:
    """The windows that the rows cover and no excluded span touches.

    A file rarely starts and ends on a boundary, and the first row of a day rarely comes at midnight: the
    first and the last window count as covered when they hold at least half the median window's rows.
    """
    if rows.times is None:
        return []
    first, last = _instant(int(rows.times[0])), _instant(int(rows.times[-1]))
    found = list(windows(spec, first, window_at(spec, last).end))
    places = [_slice(rows.times, window) for window in found]
    return covered(found, [stop - start for start, stop in places], excluded)


def covered(found: Sequence[Span], sizes: Sequence[int], excluded: Sequence[Span]) -> list[Span]:
    """The same of all windows from the first row to the last, and the rows of each."""
    half = np.median(sizes) / 2 if sizes else 0.0
    whole = [
        window
        for index, (window, size) in enumerate(zip(found, sizes, strict=True))
        if 0 < index < len(found) - 1 or size >= half
    ]
    return [
        window
        for window in whole
        if not any(window.start < out.end and out.start < window.end for out in excluded)
    ]


def part(rows: Rows, span: Span) -> Rows:
    """The rows of a window."""
    if rows.times is None:
        raise ValueError("rows without time have no windows")
    start, stop = _slice(rows.times, span)
    return Rows(
        columns={name: taken(column, slice(start, stop)) for name, column in rows.columns.items()},
        count=stop - start,
        times=rows.times[start:stop],
    )


def place(rows: Rows, span: Span) -> tuple[int, int]:
    """Half-open, of a window's rows."""
    if rows.times is None:
        raise ValueError("rows without time have no windows")
    return _slice(rows.times, span)


def span_of(times: NDArray[np.int64] | None) -> Span | None:
    if times is None or not times.shape[0]:
        return None
    return Span(start=_instant(int(times[0])), end=_instant(int(times[-1]) + 1))


def _slice(times: NDArray[np.int64], span: Span) -> tuple[int, int]:
    start, stop = np.searchsorted(times, [_micros(span.start), _micros(span.end)], side="left")
    return int(start), int(stop)


def outside(times: NDArray[np.int64], excluded: Iterable[Span]) -> NDArray[np.bool_]:
    """Which rows lie in none of the spans."""
    keep = np.ones(times.shape, dtype=np.bool_)
    for span in excluded:
        keep &= (times < _micros(span.start)) | (times >= _micros(span.end))
    return keep


def _times(batches: Sequence[Batch]) -> NDArray[np.int64] | None:
    found = [batch.times for batch in batches if batch.times is not None]
    return np.concatenate(found) if len(found) == len(batches) else None


def _joined(parts: Sequence[Column]) -> Column:
    """One column of several batches; each batch numbers its labels by itself."""
    numbers = [part.values for part in parts if isinstance(part, NumericColumn)]
    if len(numbers) == len(parts):
        return NumericColumn(values=np.concatenate(numbers))
    labels: dict[str, int] = {}
    codes: list[NDArray[np.int32]] = []
    for part in parts:
        if not isinstance(part, CategoryColumn):
            raise TypeError("a source gave one column as numbers and as labels")
        table = np.array(
            [labels.setdefault(label, len(labels)) for label in part.labels] + [-1], dtype=np.int32
        )
        codes.append(table[part.codes])  # −1, missing, picks the last entry: −1 again
    return CategoryColumn(codes=np.concatenate(codes), labels=tuple(labels))


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
