"""What does an executor make of its rows? One summary of them, or batches in the form of a source's.

Runs where the rows are, in Spark's Python: it needs this package and its libraries there, and no pyspark. The
code that reads values and times is that of files, and the kernel that counts is the very same.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from detectors import Kind, Profile, WindowSummary, decode_profile, decode_summary, encode_summary
from detectors._count import Extras
from monitor.counting import read_window
from monitor.source import Batch, SourceError, Window
from monitor.sources import _values
from monitor.sources._timestamps import Timestamps, microseconds

if TYPE_CHECKING:
    import pyarrow as pa

# What comes back: an answer, the newest time in microseconds, or why there is none.
ANSWER = "answer binary, newest bigint, problem string"
BATCH_ROWS = 65_536
TIME = "\0time"
# Of a summary that our own executors wrote: it is as large as it is.
MOST_BYTES = 2**40
_PROFILES: dict[bytes, Profile] = {}  # of this process, which Spark uses again
_MOST_PROFILES = 4

Answer = tuple[bytes | None, int | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One column: as a batch calls it, and as Spark's does. `moment`: a number that is a time."""

    name: str
    ours: str
    kind: Kind
    moment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a batch of Arrow becomes one of a source. `span`: half-open, microseconds; None: all rows."""

    wanted: tuple[Wanted, ...]
    time: str | None  # as it is called here
    timestamps: Timestamps
    sample: object
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)  # by what it is called here
    span: tuple[int, int] | None
    where: str  # for a person

    def frames(self, arrow: "Iterable[pa.RecordBatch]") -> Iterator[pl.DataFrame]:
        """As large as those of files: Spark's own have 10,000 rows, and each is added to a whole summary."""
        return _gathered(self._frame(pl.DataFrame(pl.from_arrow(each))) for each in arrow)

    def batches(self, frames: Iterable[pl.DataFrame]) -> Iterator[Batch]:
        for frame in frames:
            yield Batch(
                rows=frame.height,
                columns={
                    each.name: _values.column(frame[str(at)], each.kind)
                    for at, each in enumerate(self.wanted)
                },
                times=None if self.time is None else frame[TIME].to_numpy(),
            )

    def _frame(self, raw: pl.DataFrame) -> pl.DataFrame:
        frame = raw.lazy()
        for name, value in self.filter.items():
            frame = frame.filter(pl.col(name) == comparable(value, raw.schema[name]))
        if self.time is not None:
            time = self._time(self.time, raw.schema[self.time], self.sample)
            frame = frame.with_columns(time.alias(TIME))
            if self.span is None:
                frame = frame.filter(pl.col(TIME).is_not_null())
            else:
                start, end = self.span
                frame = frame.filter((pl.col(TIME) >= start) & (pl.col(TIME) < end))
        columns = [self._column(each, raw.schema).alias(str(at)) for at, each in enumerate(self.wanted)]
        # Without a time a row is one more of what was asked for: the reader asks for a column of nothing.
        times = pl.lit(None).alias(TIME) if self.time is None else pl.col(TIME)
        return frame.with_columns(times).select(TIME, *columns).collect()

    def _column(self, wanted: Wanted, schema: pl.Schema) -> pl.Expr:
        raw, dtype = pl.col(wanted.ours), schema[wanted.ours]
        if wanted.moment:
            time = self._time(wanted.ours, dtype, None)
            return time.cast(pl.Float64).fill_null(float("nan"))
        return _values.expression(raw, dtype, wanted.kind)

    def _time(self, ours: str, dtype: pl.DataType, sample: object) -> pl.Expr:
        return self.timestamps.expression(pl.col(ours), dtype, where=self.where, sample=sample)


def count_rows(
    arrow: "Iterable[pa.RecordBatch]", profile: bytes, reading: Reading, extras: Extras
) -> Iterator["pa.RecordBatch"]:
    """One summary of all of them; nothing where there is no row."""
    on = _profile(profile)

    def counted() -> Iterator[Answer]:
        window = Window(span=None, batches=reading.batches(reading.frames(arrow)), problems=())
        found = read_window(on, window, extras)
        if found.summary.rows:
            newest = None if found.newest is None else microseconds(found.newest)
            yield encode_summary(found.summary, on), newest, None

    return _answers(counted)


def merge(arrow: "Iterable[pa.RecordBatch]", profile: bytes) -> Iterator["pa.RecordBatch"]:
    """One answer of many."""
    on = _profile(profile)

    def merged() -> Iterator[Answer]:
        total, newest, some = WindowSummary.empty(on), None, False
        for each in _read(arrow):
            content, time, problem = each
            if problem is not None or content is None:
                yield each
                return
            total, some = total + decode_summary(content, on, MOST_BYTES), True
            newest = time if newest is None else max(newest, time or newest)
        if some:
            yield encode_summary(total, on), newest, None

    return _answers(merged)


def measure_times(arrow: "Iterable[pa.RecordBatch]", reading: Reading) -> Iterator["pa.RecordBatch"]:
    """How many rows there are, and the newest time; the answer is a number in text."""

    def measured() -> Iterator[Answer]:
        rows, newest = 0, None
        for frame in reading.frames(arrow):
            rows += frame.height
            last = frame[TIME].max() if reading.time is not None else None
            if isinstance(last, int):
                newest = last if newest is None else max(newest, last)
        yield str(rows).encode(), newest, None

    return _answers(measured)


def ship_rows(arrow: "Iterable[pa.RecordBatch]", reading: Reading) -> Iterator["pa.RecordBatch"]:
    """The rows themselves, read: for `unpack_rows`."""

    def shipped() -> Iterator[Answer]:
        for frame in reading.frames(arrow):
            if frame.height:
                written = io.BytesIO()
                frame.write_ipc_stream(written, compression="lz4")
                yield written.getvalue(), None, None

    return _answers(shipped)


def unpack_rows(answer: bytes, reading: Reading) -> Batch:
    """What `ship_rows` gave."""
    (batch,) = reading.batches([pl.read_ipc_stream(io.BytesIO(answer))])
    return batch


def comparable(value: str | float | bool, dtype: pl.DataType) -> pl.Expr:
    """A config's value as the column spells it."""
    if dtype == pl.String:
        return pl.lit(str(value).lower() if isinstance(value, bool) else str(value))
    return pl.lit(value)


def _answers(make: Callable[[], Iterator[Answer]]) -> Iterator["pa.RecordBatch"]:
    """What a person must change is an answer too: a task that fails would be tried again, four times."""
    import pyarrow as pa  # noqa: PLC0415 - Spark's, and only here

    def record(answer: Answer) -> pa.RecordBatch:
        types: tuple[Any, ...] = (pa.binary(), pa.int64(), pa.string())
        arrays = [pa.array([value], type=dtype) for value, dtype in zip(answer, types, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, names=["answer", "newest", "problem"])

    try:
        for answer in make():
            yield record(answer)
    except (SourceError, pl.exceptions.PolarsError, ValueError) as error:
        yield record((None, None, " ".join(str(error).split())[:400]))


def _read(arrow: "Iterable[pa.RecordBatch]") -> Iterator[Answer]:
    for batch in arrow:
        columns = [batch.column(at).to_pylist() for at in range(3)]
        yield from zip(*columns, strict=True)


def _gathered(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    kept: list[pl.DataFrame] = []
    for frame in frames:
        kept.append(frame)
        if sum(each.height for each in kept) >= BATCH_ROWS:
            yield pl.concat(kept)
            kept = []
    if kept:
        yield pl.concat(kept)


def _profile(content: bytes) -> Profile:
    found = _PROFILES.get(content)
    if found is None:
        found = decode_profile(content)
        while len(_PROFILES) >= _MOST_PROFILES:
            del _PROFILES[next(iter(_PROFILES))]
        _PROFILES[content] = found
    return found
