"""What is normal for a model? Reads its reference once and returns the profile and the noise of its windows.

Two passes over the rows in memory: the first finds the knots, the second counts each reference window on
them. Nothing is written here; no raw row is kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from detectors import (
    CategoryColumn,
    Column,
    Component,
    NumericColumn,
    NumericProfile,
    Profile,
    Role,
    ScoreSpec,
    count,
)
from detectors._components import components
from detectors._learning import Observations, learn
from detectors._noise import NoiseModel
from detectors._priors import priors
from detectors._profile import build_profile
from monitor.observations import observe
from monitor.source import Batch, SourceError, Window
from monitor.windows import WindowSpec, slots, window_at, windows
from storage.span import Span

Progress = Callable[[str, int, int], None]  # what is going on, done, of how many (0: not known yet)


def quiet(_what: str, _done: int, _of: int) -> None:
    """The progress that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A reference in memory. `times`: int64[n] ascending µs UTC, None for a file without time."""

    columns: Mapping[str, Column]
    count: int
    times: NDArray[np.int64] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a reference build gives; `notices` are for the person who asked for it."""

    profile: Profile
    noise: NoiseModel
    span: Span | None  # of the rows; None for a file without time
    spans: tuple[Span, ...]  # whole windows learnt from, in time order
    notices: tuple[str, ...]

    @property
    def windows(self) -> int:
        return len(self.spans)


def read_rows(window: Window, excluded: Sequence[Span] = ()) -> Rows:
    """All rows of a window but those in excluded spans, in time order (ties keep the source's order)."""
    batches = [batch for batch in window.batches if batch.rows]
    if not batches:
        raise SourceError(
            "the reference has no rows: check its path, and `from` and `to` if it is a span", transient=False
        )
    columns = {name: _joined([batch.columns[name] for batch in batches]) for name in batches[0].columns}
    times = _times(batches)
    total = sum(batch.rows for batch in batches)
    if times is None:
        return Rows(columns=columns, count=total, times=None)
    order = np.argsort(times, kind="stable")
    order = order[_outside(times[order], excluded)]
    taken = {name: _taken(column, order) for name, column in columns.items()}
    return Rows(columns=taken, count=int(order.shape[0]), times=times[order])


def build(
    rows: Rows,
    *,
    roles: Mapping[str, Role],
    score: ScoreSpec | None,
    label: str | None,
    include: Sequence[str],
    spec: WindowSpec,
    excluded: Sequence[Span],
    min_rows: int,
    profile: Profile | None = None,
    progress: Progress = quiet,
) -> Built:
    """Profile and noise of the rows. `label` names the outcome's column among them; it is not profiled.

    Given a `profile`, only the noise of its components is learnt.
    """
    if profile is None:
        progress("profiling columns", 0, 0)
        outcome = rows.columns.get(label) if label else None
        profile = build_profile(
            {name: column for name, column in rows.columns.items() if name in roles},
            roles=roles,
            score=score,
            outcome=outcome.values if isinstance(outcome, NumericColumn) else outcome,
            include=tuple(include),
        )
    spans = reference_windows(rows, spec, excluded)
    observed, used = _observe(profile, rows, spans, min_rows, progress)
    codes = [slots(spec, span) for span in used]
    kinds = codes[0].keys() if codes else ()
    noise = learn(
        observed,
        {kind: np.array([code[kind] for code in codes], dtype=np.int64) for kind in kinds},
        priors=priors(profile),
    )
    return Built(
        profile=profile,
        noise=noise,
        span=_span(rows.times),
        spans=tuple(used),
        notices=(*profile.notices, *flat_columns(profile)),
    )


def flat_columns(profile: Profile) -> list[str]:
    """A notice for each column that says nothing, so that whoever built it from wrong rows sees it."""
    notices = []
    for name, column in profile.columns.items():
        if column.role is Role.DERIVED:
            continue
        if column.values == 0:
            notices.append(
                f"{name}: has no value in the whole reference; exclude it or build from other rows"
            )
        elif isinstance(column, NumericProfile) and column.sd == 0.0:
            notices.append(
                f"{name}: is {column.mean:g} in every row of the reference; any other value alerts"
            )
        elif isinstance(column, NumericProfile) and column.infinite == column.values:
            notices.append(f"{name}: is infinite in the whole reference; exclude it or build from other rows")
    return notices


def reference_windows(rows: Rows, spec: WindowSpec, excluded: Sequence[Span]) -> list[Span]:
    """The windows that the rows cover and no excluded span touches.

    A file rarely starts and ends on a boundary, and the first row of a day rarely comes at midnight: the
    first and the last window count as covered when they hold at least half the median window's rows.
    """
    if rows.times is None:
        return []
    first, last = _instant(int(rows.times[0])), _instant(int(rows.times[-1]))
    found = list(windows(spec, first, window_at(spec, last).end))
    sizes = [_slice(rows.times, window) for window in found]
    half = np.median([stop - start for start, stop in sizes]) / 2
    covered = [
        window
        for index, (window, (start, stop)) in enumerate(zip(found, sizes, strict=True))
        if 0 < index < len(found) - 1 or stop - start >= half
    ]
    return [
        window
        for window in covered
        if not any(window.start < out.end and out.start < window.end for out in excluded)
    ]


def _observe(
    profile: Profile, rows: Rows, spans: Sequence[Span], min_rows: int, progress: Progress
) -> tuple[dict[tuple[str, str], Observations], list[Span]]:
    """Component means of each reference window with enough rows, in time order."""
    used: list[Span] = []
    seen: list[dict[tuple[str, str], Component]] = []
    for index, span in enumerate(spans):
        progress("learning what is normal", index + 1, len(spans))
        part = _part(rows, span)
        if part.count >= min_rows:
            used.append(span)
            seen.append(component_means(profile, part))
    return observe(seen), used


def component_means(profile: Profile, rows: Rows) -> dict[tuple[str, str], Component]:
    """Each component of each column over these rows, by (column, component)."""
    summary = count(profile, rows.columns, rows.count)
    return {
        (name, component.name): component
        for name, counted in summary.columns.items()
        for component in components(profile.columns[name], counted, summary.rows)
    }


def _part(rows: Rows, span: Span) -> Rows:
    if rows.times is None:
        raise ValueError("rows without time have no windows")
    start, stop = _slice(rows.times, span)
    return Rows(
        columns={name: _cut(column, start, stop) for name, column in rows.columns.items()},
        count=stop - start,
        times=rows.times[start:stop],
    )


def _slice(times: NDArray[np.int64], span: Span) -> tuple[int, int]:
    start, stop = np.searchsorted(times, [_micros(span.start), _micros(span.end)], side="left")
    return int(start), int(stop)


def _outside(times: NDArray[np.int64], excluded: Iterable[Span]) -> NDArray[np.bool_]:
    keep = np.ones(times.shape, dtype=np.bool_)
    for span in excluded:
        keep &= (times < _micros(span.start)) | (times >= _micros(span.end))
    return keep


def _span(times: NDArray[np.int64] | None) -> Span | None:
    if times is None or not times.shape[0]:
        return None
    return Span(start=_instant(int(times[0])), end=_instant(int(times[-1]) + 1))


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


def _taken(column: Column, order: NDArray[np.int64]) -> Column:
    if isinstance(column, NumericColumn):
        return NumericColumn(values=column.values[order])
    return CategoryColumn(codes=column.codes[order], labels=column.labels)


def _cut(column: Column, start: int, stop: int) -> Column:
    if isinstance(column, NumericColumn):
        return NumericColumn(values=column.values[start:stop])
    return CategoryColumn(codes=column.codes[start:stop], labels=column.labels)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
