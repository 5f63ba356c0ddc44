"""Which rows of one file belong to a span, and what is a column of it to a detector?"""

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import polars as pl

from detectors._column import Kind
from monitor.source import SourceError
from monitor.sources import _values
from monitor.sources._place import Coverage
from monitor.sources._timestamps import TIME, Timestamps, microseconds
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """How rows of a source's files are chosen. `open` scans one lazily; `text`: every column is text (CSV).

    `timestamp`: the column of a row's time, None where all rows are asked for; `filter`: rows where every
    column has this value.
    """

    open: Callable[[str], pl.LazyFrame]
    text: bool = False
    timestamp: str | None
    timestamps: Timestamps
    filter: Mapping[str, str | int | float | bool]

    @property
    def by(self) -> list[str]:
        """The columns that say which rows are chosen."""
        return [*self.filter, *([self.timestamp] if self.timestamp is not None else [])]

    def selected(
        self,
        file: str,
        schema: pl.Schema,
        sample: object,
        wanted: Mapping[str, object],
        span: Span | None,
        above: object = None,
        frame: pl.LazyFrame | None = None,
    ) -> tuple[pl.LazyFrame, dict[str, str]]:
        """The rows of a span that pass the filter, with the wanted columns under names of ours.

        Renamed first: polars reads `^…$` in a column's name as a pattern. `frame`: rows of the file that
        somebody has read already.
        """
        columns = dict.fromkeys([*wanted, *self.by])
        names = {name: f"\0{position}" for position, name in enumerate(columns)}
        for name in self.filter:
            self.must_have(schema, name, file, "filter")
        frame = self.open(file) if frame is None else frame
        if not names:
            return frame, names
        frame = frame.select(
            *(pl.selectors.by_name(name).alias(ours) for name, ours in names.items() if name in schema)
        )
        for name, value in self.filter.items():
            frame = frame.filter(pl.col(names[name]) == _comparable(value, schema[name]))
        if self.timestamp is not None:
            raw, dtype = pl.col(names[self.timestamp]), schema[self.timestamp]
            where = f"{file}: column {self.timestamp!r}"
            if above is not None:
                frame = frame.filter(raw >= pl.lit(above).cast(dtype))
            if span is not None and (cut := self.timestamps.coarse(raw, dtype, span)) is not None:
                frame = frame.filter(cut)
            time = self.timestamps.expression(raw, dtype, where=where, sample=sample)
            frame = frame.with_columns(time.alias(TIME))
            if span is None:
                frame = frame.filter(pl.col(TIME).is_not_null())
            else:
                start, end = microseconds(span.start), microseconds(span.end)
                frame = frame.filter((pl.col(TIME) >= start) & (pl.col(TIME) < end))
        return frame, names

    def must_have(self, schema: pl.Schema, name: str, file: str, key: str) -> None:
        if name in schema:
            return
        near = difflib.get_close_matches(name, schema.names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(schema.names()[:10])}"
        raise SourceError(f"{file}: no column {name!r}, which `{key}` names; {hint}", transient=False)

    def expressions(
        self,
        file: Coverage,
        wanted: Mapping[str, Kind],
        names: Mapping[str, str],
        moments: Collection[str] = (),
    ) -> dict[str, pl.Expr]:
        """What each wanted column is to a detector, of rows that `selected` gave under these names."""
        expressions = {}
        for name, kind in wanted.items():
            raw = pl.col(names[name])
            if name not in file.schema:
                expressions[name] = _values.missing(kind)
            elif name in moments:
                where = f"{file.name}: column {name!r}"
                time = self.timestamps.expression(raw, file.schema[name], where=where, sample=None)
                expressions[name] = _values.moment(time)
            elif self.text and kind is Kind.NUMERIC:
                expressions[name] = _values.text_as_number(raw)
            else:
                expressions[name] = _values.expression(raw, file.schema[name], kind)
        return expressions


def _comparable(value: str | float | bool, dtype: pl.DataType) -> pl.Expr:
    """A config's value as the column spells it."""
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return pl.lit(text)
    return pl.lit(value)
