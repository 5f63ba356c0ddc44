"""Which rows of a set of files belong to a span, in batches, whatever each file looks like?

Files are read one by one, each with its own schema, so that one that gained, lost or widened a column spoils
no window. What a file covers is looked at once and remembered until it changes: a window opens only the files
that may hold its rows.
"""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from alerting.failpoint import hit
from detectors._column import Kind
from monitor.source import (
    Batch,
    ColumnKind,
    ColumnProblem,
    Fingerprint,
    SourceError,
    Trouble,
    Window,
)
from monitor.sources import _values
from monitor.sources._extent import Told, look
from monitor.sources._file_rows import FileRows
from monitor.sources._place import Coverage, Found, Place
from monitor.sources._timestamps import TIME, instant, microseconds
from storage.span import Span

BATCH_ROWS = 65_536  # 200 float64 columns: about 100 MB in flight
LARGE_ROWS = BATCH_ROWS  # of one batch there is nothing to save
WIDE = 32  # columns that are read side by side where fewer are less to hold
# What polars raises, OSError besides: a panic of its core is no Exception of ours.
ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


class Unlike(Exception):
    """The reader of large files does not see a file's types as polars does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What there is to read. `good`: the wanted columns without those that `problems` are about."""

    files: Sequence[Coverage]
    good: Mapping[str, Kind]
    problems: tuple[ColumnProblem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """One source made of files. `kinds` says what the columns of one are, where its scan cannot (CSV).

    `columnar`: a column can be read without the others. `large`: how rows of a large file of this machine are
    read in less memory, by whoever can. `told`: what a file says of its rows' times without being read.
    `newest_from`: that is a whole table, which knows the times of its parts: what the newest row's time, as
    stored, is not below; None where it cannot say.
    """

    place: Place
    rows: FileRows
    kinds: Callable[[str], Mapping[str, ColumnKind]] | None = None
    columnar: bool = False
    large: "Large | None" = None
    told: Told | None = None
    newest_from: Callable[[str], object] | None = None
    _seen: dict[str, Coverage] = field(default_factory=dict, compare=False, repr=False)
    _whole: dict[str, object] = field(default_factory=dict, compare=False, repr=False)  # stamps, by file

    def watermark(self) -> datetime | None:
        newest = [file.newest for file in self._coverage(None, broken=True) if file.newest is not None]
        return instant(max(newest)) if newest else None

    def fingerprint(self, span: Span) -> Fingerprint:
        start, end = microseconds(span.start), microseconds(span.end)
        rows = 0
        newest: int | None = None
        for file in self._coverage(span):
            if file.newest is None or file.oldest is None or file.newest < start or file.oldest >= end:
                continue
            count: int = file.rows
            latest: int | None = file.newest
            if file.oldest < start or file.newest >= end:
                count, latest = self._count(file, span)
            rows += count
            if latest is not None:
                newest = latest if newest is None else max(newest, latest)
        return Fingerprint(rows=rows, newest=instant(newest) if newest is not None else None)

    def schema(self) -> Mapping[str, ColumnKind]:
        files = self.place.find()
        if not files:
            where = self.place.path
            raise SourceError(f"{where}: no file matches, so there is nothing to look at", transient=True)
        found: dict[str, ColumnKind] = {}
        for file in dict.fromkeys((files[0].name, files[-1].name)):
            try:
                for name, kind in self._kinds(file).items():
                    found.setdefault(name, kind)
            except ERRORS as error:
                raise self.place.failure(error, file) from error
        return found

    def _kinds(self, file: str) -> Mapping[str, ColumnKind]:
        if self.kinds is not None:
            return self.kinds(file)
        return {name: _values.guess(dtype) for name, dtype in self.rows.open(file).collect_schema().items()}

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        return self.window(self.ask(span, wanted, moments), span, moments)

    def window(self, asked: Asked, span: Span | None, moments: Collection[str] = ()) -> Window:
        """What was asked for, whole rows of it."""
        return Window(
            span=span,
            batches=self.batches(asked.files, span, asked.good, frozenset(moments)),
            problems=asked.problems,
            data_version=self.place.identity(asked.files),
            files=tuple(file.name for file in asked.files) if self.place.is_local else (),
        )

    def ask(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Asked:
        """Which files may hold rows of the span, and which of the wanted columns they can give."""
        if span is not None and self.rows.timestamp is None:
            raise SourceError(f"{self.place.path}: set `timestamp` to read a span of it", transient=False)
        files = [file for file in self._coverage(span) if _overlaps(file, span)]
        problems = [
            problem
            for name in wanted
            if (problem := self._problem(files, name, wanted[name], span, moment=name in moments))
        ]
        good = {name: wanted[name] for name in wanted if name not in {problem.column for problem in problems}}
        return Asked(files=files, good=good, problems=tuple(problems))

    def is_large(self, file: Coverage) -> bool:
        """Whether it is read in less memory than others."""
        if self.large is None or not self.place.is_local or file.rows <= LARGE_ROWS:
            return False
        return self._whole.get(file.name) != file.stamp

    def by_columns(self, wanted: Collection[str]) -> bool:
        """Whether it is worth asking if a file is large or wide."""
        return self.columnar and (self.large is not None if self.place.is_local else len(wanted) > WIDE)

    def is_wide(self, file: Coverage, span: Span | None, wanted: Collection[str]) -> bool:
        """Whether more passes over fewer columns are less to hold, where nobody but polars can read it."""
        if not self.columnar or self.place.is_local or len(wanted) <= WIDE:
            return False
        # Of a table with times nothing is known but when its newest row was.
        if span is None or (self.newest_from is None and file.rows <= LARGE_ROWS):
            return file.rows > LARGE_ROWS
        return self._count(file, span)[0] > LARGE_ROWS

    def leave_to_polars(self, file: Coverage) -> None:
        """It is not read in less memory after all: remembered, as every window would find out anew."""
        self._whole[file.name] = file.stamp

    def _coverage(self, span: Span | None, *, broken: bool = False) -> list[Coverage]:
        """What every file holds; looks only into new and changed ones.

        `broken`: files that cannot be read are passed over while another can be.
        """
        covered = []
        failed: SourceError | None = None
        files = self.place.find()
        for gone in set(self._seen).difference(file.name for file in files):
            self._seen.pop(gone, None)
            self._whole.pop(gone, None)
        for file in files:
            try:
                current = file.stamp or self.place.stamp(file.name)
                known = self._seen.get(file.name)
                if known is None or known.stamp != current:
                    known = self._seen[file.name] = look(self, file.name, current)
                covered.append(known)
            except (SourceError, *ERRORS) as error:
                # Rows are written after they happened: a broken file older than the span has none of it.
                if span is not None and self._modified_ns(file) < span.start.timestamp() * 1e9:
                    continue
                failed = self.place.failure(error, file.name)
                if not broken:
                    raise failed from error
        if failed is not None and not covered:
            raise failed
        return covered

    def _modified_ns(self, file: Found) -> float:
        try:
            return (file.stamp or self.place.stamp(file.name)).modified_ns
        except (SourceError, OSError):
            return float("inf")

    def _problem(
        self, files: Sequence[Coverage], name: str, kind: Kind, span: Span | None, *, moment: bool
    ) -> ColumnProblem | None:
        """Whether these files give the column; one that lacks it, beside others, counts as missing values."""
        holding = [file for file in files if name in file.schema]
        if files and not holding:
            near = difflib.get_close_matches(name, files[-1].schema.names(), n=1)
            hint = f" (the nearest is {near[0]!r})" if near else ""
            reason = f"no such column{hint} in {files[-1].name}"
            return ColumnProblem(column=name, trouble=Trouble.ABSENT, reason=reason)
        for file in holding if not moment else ():
            why = self._text_trouble(file, name, span) if self.rows.text and kind is Kind.NUMERIC else ""
            why = why or ("" if self.rows.text else _values.retyped(file.schema[name], kind))
            if why:
                reason = f"{why}, in {file.name}"
                return ColumnProblem(column=name, trouble=Trouble.RETYPED, reason=reason)
        return None

    def _text_trouble(self, file: Coverage, name: str, span: Span | None) -> str:
        """A numeric column of text: a few unreadable values are missing, most of them are another type."""
        frame, names = self.rows.selected(file.name, file.schema, file.sample, {name: None}, span)
        raw = pl.col(names[name])
        facts = frame.select(
            _values.not_a_number(raw).sum().alias("bad"),
            _values.something(raw).sum().alias("said"),
            raw.filter(_values.not_a_number(raw)).first().alias("example"),
        )
        try:
            bad, said, example = facts.collect().row(0)
        except ERRORS as error:
            raise self.place.failure(error, file.name) from error
        return f"wanted numeric, found text such as {example[:40]!r}" if bad * 2 > said else ""

    def batches(
        self,
        files: Sequence[Coverage],
        span: Span | None,
        wanted: Mapping[str, Kind],
        moments: Collection[str] = (),
    ) -> Iterator[Batch]:
        """The rows of these files, which `ask` gave; raises SourceError."""
        for file in files:
            given = 0
            try:
                if self.large is not None and wanted and self.is_large(file):
                    for batch in self.large(self, file, span, wanted, moments):
                        given += batch.rows
                        yield batch
                    continue
            except Unlike:
                self.leave_to_polars(file)
            try:
                yield from self._by_polars(file, span, wanted, moments, given)
            except ERRORS as error:
                raise self.place.failure(error, file.name) from error
            self.must_be_as_it_was(file)

    def _by_polars(
        self,
        file: Coverage,
        span: Span | None,
        wanted: Mapping[str, Kind],
        moments: Collection[str],
        given: int,
    ) -> Iterator[Batch]:
        """`given`: rows that another reader gave already: whoever reads, they come in the same order."""
        times = [] if self.rows.timestamp is None else [pl.col(TIME)]
        if not times and not any(name in file.schema for name in wanted):  # of nothing there is no height
            frame, _ = self.rows.selected(file.name, file.schema, file.sample, {}, span)
            rows: int = frame.select(pl.len()).collect().item()
            hit("mid_source_read")
            yield Batch(
                rows=rows,
                columns={name: _values.nothing(kind, rows) for name, kind in wanted.items()},
                times=None,
            )
            return
        frame, names = self.rows.selected(file.name, file.schema, file.sample, dict(wanted), span)
        columns = [
            expression.alias(names[name])
            for name, expression in self.rows.expressions(file, wanted, names, moments).items()
        ]
        for part in frame.select(*times, *columns).collect_batches(
            chunk_size=BATCH_ROWS, maintain_order=True, lazy=True, engine="streaming"
        ):
            hit("mid_source_read")
            rest = part[given:]
            given = max(0, given - part.height)
            if rest.height:
                yield Batch(
                    rows=rest.height,
                    columns={name: _values.column(rest[names[name]], kind) for name, kind in wanted.items()},
                    times=rest[TIME].to_numpy() if times else None,
                )

    def must_be_as_it_was(self, file: Coverage) -> None:
        """Raises SourceError where a file that has been read is another one by now."""
        try:
            changed = self.place.stamp(file.name) != file.stamp
        except ERRORS as error:
            raise self.place.failure(error, file.name) from error
        if changed:
            raise SourceError(f"{file.name}: was replaced while it was read", transient=True)

    def _count(self, file: Coverage, span: Span) -> tuple[int, int | None]:
        try:
            frame, _ = self.rows.selected(file.name, file.schema, file.sample, {}, span)
            count, newest = frame.select(pl.len(), pl.col(TIME).max().alias("newest")).collect().row(0)
        except ERRORS as error:
            raise self.place.failure(error, file.name) from error
        return count, newest


Large = Callable[[Files, Coverage, Span | None, Mapping[str, Kind], Collection[str]], Iterator[Batch]]


def _overlaps(file: Coverage, span: Span | None) -> bool:
    if span is None:
        return True
    if file.oldest is None or file.newest is None:
        return False
    return file.newest >= microseconds(span.start) and file.oldest < microseconds(span.end)
