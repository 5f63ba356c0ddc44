"""What does a file's reader of Arrow give, and what is a column of it to a detector?

Text arrives as the codes of the file's own dictionary: no string is made a row. Nothing here makes an Arrow
value out of one of Python, which loads pandas: 50 MiB and a third of a second.
"""

from collections.abc import Collection
from functools import cache
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detectors import Kind
from detectors._column import CategoryColumn, Column, NumericColumn
from monitor.memory import give_back
from monitor.sources import _values
from monitor.sources._scan import ERRORS, Unlike

_BUFFER = 1 << 16  # bytes of a column that are asked of the file at a time
_VALUE = "\0value"
_Number = TypeVar("_Number", np.float64, np.int32)


def open_parquet(name: str, coded: Collection[str], metadata: Any = None) -> Any:
    """A `pyarrow.parquet.ParquetFile`, for one thread. `coded`: columns of text, to be given by their codes.

    `metadata`: the footer, where it has been read already.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415  30 MiB: only where a file is large

    _keep_pages()
    # Not mapped into memory: a file that is cut short beneath us would be the end of the process.
    return pq.ParquetFile(
        name, metadata=metadata, read_dictionary=list(coded), pre_buffer=False, buffer_size=_BUFFER
    )


def errors() -> tuple[type[BaseException], ...]:
    """What reading may raise."""
    import pyarrow.lib  # noqa: PLC0415

    return (*ERRORS, UnicodeDecodeError, pyarrow.lib.ArrowException)


def extremes(metadata: Any, group: int, name: str) -> tuple[int, int] | None:
    """The smallest and the largest value of a row group as stored; None where the footer does not say."""
    row_group = metadata.row_group(group)
    for place in range(row_group.num_columns):
        column = row_group.column(place)
        if column.path_in_schema == name and column.physical_type in ("INT64", "INT32"):
            statistics = column.statistics
            if statistics is None or not statistics.has_min_max:
                return None
            return int(statistics.min_raw), int(statistics.max_raw)
    return None


def frame(batch: Any) -> pl.DataFrame:
    """A record batch as it lies in memory."""
    found: Any = pl.from_arrow(batch)
    table: pl.DataFrame = found
    return table


def column(array: Any, kind: Kind, *, tidy: bool) -> Column:
    """Raises Unlike where polars would have had something else. `tidy`: labels with a row, in order."""
    known = _coded(array, tidy=tidy) if kind is Kind.CATEGORY else _float64(array)
    if known is not None:
        return known
    raw = series(array)
    if _values.retyped(raw.dtype, kind):
        raise Unlike
    said = _values.expression(pl.col(raw.name), raw.dtype, kind)
    return _values.column(raw.to_frame().select(said).to_series(), kind)


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
    """Arrow's usual allocator gives each page back and asks for it again: one second of seven."""
    import pyarrow as pa  # noqa: PLC0415

    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def _float64(array: Any) -> NumericColumn | None:
    """As it lies in memory, unless values are missing; None where it holds something else."""
    import pyarrow as pa  # noqa: PLC0415

    if not pa.types.is_float64(array.type):
        return None
    return NumericColumn(values=_filled(array, np.float64, np.nan))


def _coded(array: Any, *, tidy: bool) -> CategoryColumn | None:
    """Labels as the file codes them; None where it holds something else."""
    import pyarrow as pa  # noqa: PLC0415

    held = array.type
    if not pa.types.is_dictionary(held) or held.index_type != pa.int32() or held.value_type != pa.string():
        return None
    codes, words = _filled(array.indices, np.int32, -1), array.dictionary
    if tidy or len(words) > len(codes):  # those of a whole row group: most of them are of other rows
        used = np.flatnonzero(np.bincount(codes + 1, minlength=len(words) + 1)[1:])
        labels = series(words).gather(used).to_list()
    else:
        used, labels = np.arange(len(words)), words.to_pylist()
    known = dict.fromkeys(sorted(labels) if tidy else labels)  # a writer may repeat itself
    distinct = {label: code for code, label in enumerate(known)}
    if tidy or len(distinct) < len(words):
        table = np.full(len(words) + 1, -1, dtype=np.int32)  # the last: of a missing value
        table[used] = [distinct[label] for label in labels]
        codes = table[codes]
    return CategoryColumn(codes=codes, labels=tuple(distinct))


def _filled(array: Any, dtype: type[_Number], missing: float) -> NDArray[_Number]:
    """Its values with `missing` where it has none. Arrow's own way to say so would load pandas."""
    bitmap, data = array.buffers()
    start, end = array.offset, array.offset + len(array)
    values = np.frombuffer(data, dtype=dtype, count=end)[start:]
    if not array.null_count:
        return values
    known = np.unpackbits(np.frombuffer(bitmap, dtype=np.uint8), count=end, bitorder="little")[start:]
    return np.where(known.view(np.bool_), values, dtype(missing))
