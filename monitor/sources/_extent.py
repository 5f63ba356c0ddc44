"""What does one file of a source hold: which columns, how many rows with a time, and from when to when?"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl

from monitor.source import SourceError
from monitor.sources._place import Coverage, Stamp
from monitor.sources._timestamps import TIME

if TYPE_CHECKING:
    from monitor.sources._scan import Files

_LONG_AGO = -(2**62)  # of a table whose oldest row nobody asked for: every span has to be counted

Extent = tuple[int, int | None, int | None]  # rows with a time, and of these the oldest and the newest, µs
Told = Callable[["Files", str, Stamp, pl.Schema], Extent | None]


def look(files: "Files", file: str, stamp: Stamp) -> Coverage:
    """`stamp`: taken before. Raises SourceError, and what polars and the place raise."""
    wanted = files.rows
    frame = wanted.open(file)
    schema = frame.collect_schema()
    rows, oldest, newest, sample = 0, None, None, None
    if wanted.timestamp is None:
        rows = frame.select(pl.len()).collect().item()
    else:
        wanted.must_have(schema, wanted.timestamp, file, "timestamp")
        time = frame.select(pl.selectors.by_name(wanted.timestamp).alias(TIME))
        low = None if files.newest_from is None else files.newest_from(file)
        # How a column of dates is read does not depend on its values: one query less a file.
        dated = isinstance(schema[wanted.timestamp], pl.Datetime | pl.Date)
        sample = None if dated else _first(time, low)
        if files.newest_from is not None:
            newest = _newest(files, file, schema, sample, low)
            rows, oldest = int(newest is not None), _LONG_AGO
        else:
            told = None if files.told is None else files.told(files, file, stamp, schema)
            rows, oldest, newest = told or _extent(files, file, schema, sample)
        if dated and not rows:
            sample = _first(time, low)
        if sample is not None and not rows and not wanted.filter:
            raise SourceError(
                f"{file}: column {wanted.timestamp!r}: no time can be read from values such as "
                f"{sample!r}; set timestamp_format (now {wanted.timestamps.format!r})",
                transient=False,
            )
    return Coverage(
        name=file, stamp=stamp, schema=schema, rows=rows, oldest=oldest, newest=newest, sample=sample
    )


def _extent(files: "Files", file: str, schema: pl.Schema, sample: object) -> Extent:
    frame, _ = files.rows.selected(file, schema, sample, {}, None)
    facts = frame.select(
        pl.col(TIME).count().alias("rows"),
        pl.col(TIME).min().alias("oldest"),
        pl.col(TIME).max().alias("newest"),
    )
    rows, oldest, newest = facts.collect().row(0)
    return rows, oldest, newest


def _newest(files: "Files", file: str, schema: pl.Schema, sample: object, low: object) -> int | None:
    """Read from the newest parts alone, unless their rows were deleted or are of another model."""
    found: int | None = None
    for above in (low, None) if low is not None else (None,):
        frame, _ = files.rows.selected(file, schema, sample, {}, None, above)
        found = frame.select(pl.col(TIME).max()).collect().item()
        if found is not None:
            break
    return found


def _first(time: pl.LazyFrame, low: object) -> object:
    """One time as stored; None where there is none. Not below `low`, if one is: old parts stay shut."""
    cuts = [pl.col(TIME).is_not_null()]
    if low is not None:
        cuts.insert(0, pl.col(TIME) >= pl.lit(low))
    for cut in cuts:
        found = time.filter(cut).head(1).collect()
        if found.height:
            return found.item()
    return None
