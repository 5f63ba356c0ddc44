"""What does a file's reader of Arrow give, and what is a column of it to a detector?

Text arrives as the codes of the file's own dictionary: no string is made a row. Nothing here makes an Arrow
value out of one of Python, which loads pandas: 50 MiB and a third of a second.
"""

import os
import sys
from collections.abc import Collection
from functools import cache
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detectors import Kind
from detectors._column import CategoryColumn, Column, NumericColumn, SharedLabels
from monitor.memory import give_back
from monitor.sources import _values
from monitor.sources._scan import ERRORS, Unlike

_BUFFER = 1 << 16  # bytes of a column that are asked of the file at a time
_VALUE = "\0value"
_POOL = "ARROW_DEFAULT_MEMORY_POOL"
_Number = TypeVar("_Number", np.float64, np.int32)


def open_parquet(name: str, coded: Collection[str] = (), metadata: Any = None) -> Any:
    """A `pyarrow.parquet.ParquetFile`, for one thread. `coded`: columns of text, to be given by their codes.

    `metadata`: the footer, where it has been read already.
    """
    _keep_pages()
    import pyarrow.parquet as pq  # noqa: PLC0415  30 MiB: only where a file is large

    # Not mapped into memory: a file that is cut short beneath us would be the end of the process.
    return pq.ParquetFile(
        name, metadata=metadata, read_dictionary=list(coded), pre_buffer=False, buffer_size=_BUFFER
    )


def errors() -> tuple[type[BaseException], ...]:
    """What reading may raise."""
    import pyarrow.lib  # noqa: PLC0415

    return (*ERRORS, UnicodeDecodeError, pyarrow.lib.ArrowException)


def frame(batch: Any) -> pl.DataFrame:
    """A record batch as it lies in memory."""
    found: Any = pl.from_arrow(batch)
    table: pl.DataFrame = found
    return table


def texts(series: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A column of text without nulls as it lies in memory: uint8, one text after the other, and int64[n],
    where each ends."""
    array: Any = series.to_arrow(compat_level=pl.CompatLevel.oldest())  # large_string
    _, places, data = array.buffers()
    ends = np.frombuffer(places, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    held = np.empty(0, dtype=np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
    return held[ends[0] : ends[-1]], ends[1:] - ends[0]


class Words:
    """The dictionary of one column of text: a row group's batches share it, and it is made Python's once."""

    def __init__(self) -> None:
        self._words: Any = None
        self._labels = SharedLabels()
        self._table: NDArray[np.int32] | None = None

    def column(self, codes: NDArray[np.int32], words: Any) -> CategoryColumn:
        """Every label of the dictionary, each once: a writer may repeat itself."""
        if self._words is None or not words.equals(self._words):
            said = words.to_pylist()
            place = {label: code for code, label in enumerate(dict.fromkeys(said))}
            self._labels, self._table = SharedLabels(place), None
            if len(place) < len(said):
                self._table = np.array([*(place[label] for label in said), -1], dtype=np.int32)
            self._words = words
        return CategoryColumn(codes=codes if self._table is None else self._table[codes], labels=self._labels)


def column(array: Any, kind: Kind, dtype: pl.DataType, words: Words | None = None) -> Column:
    """Raises Unlike where polars, by whom the column is a `dtype`, would have something else.

    `words`: of this column in batches before, whose labels come as the file has them; None: labels that some
    row has, in order.
    """
    double, coded = _types()
    if kind is Kind.NUMERIC and array.type == double:
        return NumericColumn(values=_filled(array, np.float64, np.nan))
    if kind is Kind.CATEGORY and array.type == coded:
        codes, dictionary = _codes(array), array.dictionary
        if words is None or len(dictionary) > len(codes):
            return _used(codes, dictionary)
        return words.column(codes, dictionary)
    raw = series(array)
    if not alike(raw.dtype, dtype):
        raise Unlike
    said = _values.expression(pl.col(raw.name), raw.dtype, kind)
    return _values.column(raw.to_frame().select(said).to_series(), kind)


def seen_as(field: Any) -> pl.DataType | None:
    """What polars makes of a column of Arrow; None where it knows nothing of the kind."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        return next(iter(pl.Schema(pa.schema([field])).values()))
    except pl.exceptions.PolarsError:
        return None


def alike(seen: pl.DataType | None, dtype: pl.DataType) -> bool:
    """Whether values mean the same; one text is as good as another, however it is kept."""
    return seen == dtype or (_is_text(seen) and _is_text(dtype))


def series(array: Any) -> pl.Series:
    """A column as it lies in memory, under a name of ours."""
    found: Any = pl.from_arrow(array)
    named: pl.Series = found.alias(_VALUE)
    return named


def release() -> None:
    """Give back what reading took: what comes next needs none of it."""
    import pyarrow as pa  # noqa: PLC0415

    pa.default_memory_pool().release_unused()
    give_back()


@cache
def _keep_pages() -> None:
    """Arrow's usual allocator gives each page back and asks for it again: one second of seven.

    Said to Arrow itself before it is loaded, for its decoders ask it and not Python: they held 40 MiB more.
    """
    ours = sys.platform == "linux" and _POOL not in os.environ
    if ours:
        os.environ[_POOL] = "jemalloc"
    import pyarrow as pa  # noqa: PLC0415

    pa.default_memory_pool()  # it is asked for when the first one is wanted
    if ours:
        os.environ.pop(_POOL, None)  # no child of ours needs to know
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())


@cache
def _types() -> tuple[Any, Any]:
    """Of a column of numbers and of one of text that needs no look."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.float64(), pa.dictionary(pa.int32(), pa.string())


def _is_text(dtype: pl.DataType | None) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _codes(array: Any) -> NDArray[np.int32]:
    """Of each row; −1: missing. Arrow does not look whether a damaged file's codes mean a label."""
    codes = _filled(array.indices, np.int32, -1)
    missing = int(np.count_nonzero(codes < 0))
    if missing != array.indices.null_count or (codes.size and int(codes.max()) >= len(array.dictionary)):
        raise OSError("a row's code is none of its dictionary's")
    return codes


def _used(codes: NDArray[np.int32], words: Any) -> CategoryColumn:
    """Labels that some row has, in order."""
    used = np.flatnonzero(np.bincount(codes + 1, minlength=len(words) + 1)[1:])
    labels = series(words).gather(used).to_list()
    known = {label: code for code, label in enumerate(sorted(set(labels)))}
    table = np.full(len(words) + 1, -1, dtype=np.int32)  # the last: of a missing value
    table[used] = [known[label] for label in labels]
    return CategoryColumn(codes=table[codes], labels=tuple(known))


def _filled(array: Any, dtype: type[_Number], missing: float) -> NDArray[_Number]:
    """Its values with `missing` where it has none. Arrow's own way to say so would load pandas."""
    bitmap, data = array.buffers()
    start, end = array.offset, array.offset + len(array)
    values = np.frombuffer(data, dtype=dtype, count=end)[start:]
    if not array.null_count:
        return values
    known = np.unpackbits(np.frombuffer(bitmap, dtype=np.uint8), count=end, bitorder="little")[start:]
    # In place where Arrow lets us: to it, what is there means nothing.
    filled = values if values.flags.writeable else values.copy()
    filled[np.flatnonzero(known == 0)] = missing
    return filled
