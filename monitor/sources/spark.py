"""How are rows counted in a Spark cluster, so that only summaries come here?

Each partition's rows are counted where they are, by the kernel that counts here, and the summaries are added
there before they come. `pull` brings the rows themselves, for what is small.
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from alerting.failpoint import hit
from detectors import Kind, Profile, WindowSummary, decode_summary, encode_profile
from detectors._count import Extras
from monitor.config_types import PositiveDuration
from monitor.counting import Counted
from monitor.counting import wanted as wanted_of
from monitor.source import Batch, ColumnKind, ColumnProblem, Fingerprint, SourceError, Trouble, Window
from monitor.sources import _spark_columns, _spark_worker, _values
from monitor.sources._spark_errors import NOTHING_YET, condition
from monitor.sources._spark_session import Cluster, functions, pyspark
from monitor.sources._spark_worker import Reading, Wanted
from monitor.sources._timestamps import Timestamps, instant, microseconds
from storage.span import Span

# Of one window: summaries are added in so many places at once, and so many come here.
_MERGERS = 8
_NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """The table as it was when it was looked at. `frame`: of pyspark."""

    frame: Any
    columns: Mapping[str, pl.DataType]
    declared: Mapping[str, str]
    sample: object  # of a time column of texts: one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkSource:
    """`table` of the cluster's catalog, or `path` in a `format` that it reads (with `options` of its reader).

    `remote`: a Spark Connect server (`sc://host:15002`); else `master`, of a driver in this process, which
    needs Java 17. `config`: Spark's own settings. `ship`: send this package to the executors, which need its
    libraries in any case. `filter`: rows where every column has this value. `job_timeout`: of one question.
    """

    remote: str = field(default="", repr=False)  # may hold a token
    master: str = ""
    table: str = ""
    path: str = ""
    format: str = "parquet"
    options: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    ship: bool = False
    timestamp: str | None = None
    timestamp_format: str = "auto"
    timestamp_zone: str | None = None
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    job_timeout: PositiveDuration = timedelta(hours=1)
    _cluster: Cluster = field(init=False, repr=False, compare=False)
    _times: Timestamps = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if bool(self.remote) == bool(self.master):
            raise ValueError(
                'master: must be given, such as "local[2]" or "yarn", or else `remote`, such as "sc://host:15002"'
            )
        if self.remote and not self.remote.startswith("sc://"):
            raise ValueError("remote: must begin with sc://")
        if bool(self.table) == bool(self.path):
            raise ValueError("table: must be given, or else `path`")
        pyspark()
        times = Timestamps(format=self.timestamp_format, zone=self.timestamp_zone)
        cluster = Cluster(
            remote=self.remote,
            master=self.master,
            config=self.config,
            ship=self.ship,
            limit_s=self.job_timeout.total_seconds(),
        )
        object.__setattr__(self, "_times", times)
        object.__setattr__(self, "_cluster", cluster)

    def watermark(self) -> datetime | None:
        if self.timestamp is None:
            return None
        with self._cluster.job() as session:
            look = self._look(session)
            if look is None:
                return None
            of = look.columns[self.timestamp]
            asked = _spark_columns.newest(self.timestamp, of, self._times)
            if asked is not None:
                what, readable = asked
                rows = self._filtered(look, [] if readable is None else [readable])
                value = rows.agg(_spark_columns.said(what, of)).collect()[0][0]
                if value is None and not self._any(self._filtered(look, [])):
                    return None
                if value is not None:
                    found = self._near(look, value)
                    if found is not None:
                        return found
            latest = self._measured(look, self._filtered(look, []), None).newest
            if latest is None and not self.filter and self._any(look.frame):
                self._unreadable(look)
            return latest

    def fingerprint(self, span: Span) -> Fingerprint:
        with self._cluster.job() as session:
            look = self._look(session)
            if look is None:
                return Fingerprint(rows=0, newest=None)
            return self._measured(look, self._within(look, span), span)

    def schema(self) -> Mapping[str, ColumnKind]:
        with self._cluster.job() as session:
            look = self._look(session, timed=False)
            if look is None:
                raise SourceError(f"{self._where}: there is nothing to look at yet", transient=True)
            return {name: _values.guess(of) for name, of in look.columns.items()}

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        with self._cluster.job() as session:
            look = self._look(session)
            if look is None:
                return Window(span=span, batches=iter(()), problems=())
            problems = self._problems(look, wanted, moments)
            if problems and self._measured(look, self._within(look, span), span).rows == 0:
                return Window(span=span, batches=iter(()), problems=())  # no row, no verdict on types
        good = {name: wanted[name] for name in wanted if name not in {each.column for each in problems}}
        return Window(
            span=span, batches=self._batches(look, span, good, frozenset(moments)), problems=tuple(problems)
        )

    def count(self, profile: Profile, span: Span | None, extras: Extras) -> Counted | None:
        """Where the rows are; what comes here is one summary of each place where they are added."""
        wanted = wanted_of(profile, extras)
        content = encode_profile(profile)
        with self._cluster.job() as session:
            look = self._look(session)
            if look is None:
                return Counted(summary=WindowSummary.empty(profile), newest=None)
            problems = self._problems(look, wanted, ())
            good = {name: wanted[name] for name in wanted if name not in {each.column for each in problems}}
            rows, reading = self._reading(look, span, good, ())
            counted = self._mapped(
                rows, lambda arrow: _spark_worker.count_rows(arrow, content, reading, extras)
            ).repartition(_MERGERS)
            merged = self._mapped(counted, lambda arrow: _spark_worker.merge(arrow, content))
            summary, newest = WindowSummary.empty(profile), None
            for answer, time in self._answers(merged.collect()):
                summary = summary + decode_summary(answer, profile, _spark_worker.MOST_BYTES)
                newest = time if newest is None else max(newest, time or newest)
        return Counted(
            summary=summary,
            newest=None if newest is None else instant(newest),
            problems=tuple(problems) if summary.rows else (),
        )

    @property
    def _where(self) -> str:
        what = f"table {self.table}" if self.table else self.path
        return f"{self._cluster.place}, {what}"

    def _look(self, session: Any, *, timed: bool = True) -> _Look | None:
        """None: there is no file yet."""
        try:
            if self.table:
                # Else a table of files is as it was when this session first read it.
                if session.catalog.tableExists(self.table):
                    session.catalog.refreshTable(self.table)
                frame = session.table(self.table)
            else:
                frame = session.read.format(self.format).options(**self.options).load(self.path)
            fields = frame.schema.fields
        except Exception as error:
            if condition(error).startswith(NOTHING_YET):
                return None
            raise
        look = _Look(
            frame=frame,
            columns={each.name: _spark_columns.dtype(each.dataType) for each in fields},
            declared={each.name: each.dataType.simpleString() for each in fields},
            sample=None,
        )
        return self._timed(look) if timed else look

    def _timed(self, look: _Look) -> _Look:
        """Says what a person must set, before rows are asked for."""
        for name, value in self.filter.items():
            self._must_have(look, name, "filter")
            if _spark_columns.chosen(name, look.columns[name], value) is None:
                raise SourceError(
                    f"{self._where}: column {name!r} is {look.declared[name]}, and `filter` compares it with "
                    f"{value!r}; write it as the column does",
                    transient=False,
                )
        if self.timestamp is None:
            return look
        self._must_have(look, self.timestamp, "timestamp")
        of = look.columns[self.timestamp]
        if of == pl.String:
            raw = _spark_columns.column(self.timestamp)
            found = self._filtered(look, [raw.isNotNull()]).select(raw.alias("time")).limit(1).collect()
            if not found:
                return look
            look = _Look(frame=look.frame, columns=look.columns, declared=look.declared, sample=found[0][0])
        read = self._times.expression(pl.col("time"), of, where=self._time_of, sample=look.sample)
        if look.sample is not None:
            one = pl.DataFrame({"time": [look.sample]}).select(read).item()
            if one is None and self._measured(look, self._filtered(look, []), None).rows == 0:
                self._unreadable(look)
        return look

    @property
    def _time_of(self) -> str:
        return f"{self._where}: column {self.timestamp!r}"

    def _unreadable(self, look: _Look) -> None:
        such = "its values" if look.sample is None else f"values such as {look.sample!r}"
        raise SourceError(
            f"{self._time_of}: no time can be read from {such}; set timestamp_format "
            f"(now {self.timestamp_format!r})",
            transient=False,
        )

    def _filtered(self, look: _Look, more: Sequence[Any]) -> Any:
        rows = look.frame
        for name, value in self.filter.items():
            rows = rows.where(_spark_columns.chosen(name, look.columns[name], value))
        for cut in more:
            rows = rows.where(cut)
        return rows

    def _within(self, look: _Look, span: Span | None) -> Any:
        """Rows that may belong to the span."""
        if span is None:
            return self._filtered(look, [])
        if self.timestamp is None:
            raise SourceError(f"{self._where}: set `timestamp` to read a span of it", transient=False)
        cut = _spark_columns.within(self.timestamp, look.columns[self.timestamp], self._times, span)
        return self._filtered(look, [] if cut is None else [cut])

    def _near(self, look: _Look, value: object) -> datetime | None:
        """The newest row's time, near the largest value."""
        assert self.timestamp is not None  # noqa: S101  else nobody asks
        of = look.columns[self.timestamp]
        moment = _spark_columns.heard(value, of, self._times)
        if moment is None or _spark_columns.is_exact(of):
            return moment
        return self._measured(look, self._within(look, _spark_columns.near(moment)), None).newest

    def _measured(self, look: _Look, rows: Any, span: Span | None) -> Fingerprint:
        """By the exact times of rows, read where they are."""
        reading = self._read(look, span, {}, ())
        selected = self._selected(rows, {})
        answers = self._mapped(selected, lambda arrow: _spark_worker.measure_times(arrow, reading))
        found, newest = 0, None
        for answer, time in self._answers(answers.collect()):
            found += int(answer)
            newest = time if newest is None else max(newest, time or newest)
        return Fingerprint(rows=found, newest=None if newest is None else instant(newest))

    def _any(self, rows: Any) -> bool:
        return bool(rows.limit(1).count())

    def _problems(
        self, look: _Look, wanted: Mapping[str, Kind], moments: Collection[str]
    ) -> list[ColumnProblem]:
        problems = []
        for name, kind in wanted.items():
            if name not in look.columns:
                near = difflib.get_close_matches(name, look.columns, n=1)
                hint = f" (the nearest is {near[0]!r})" if near else ""
                reason = f"no such column{hint} in {self._where}"
                problems.append(ColumnProblem(column=name, trouble=Trouble.ABSENT, reason=reason))
            elif name not in moments and _values.retyped(look.columns[name], kind):
                reason = f"wanted {kind}, found {look.declared[name]}, in {self._where}"
                problems.append(ColumnProblem(column=name, trouble=Trouble.RETYPED, reason=reason))
        return problems

    def _reading(
        self, look: _Look, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str]
    ) -> tuple[Any, Reading]:
        rows = self._selected(self._within(look, span), wanted)
        return rows, self._read(look, span, wanted, moments)

    def _names(self, wanted: Iterable[str]) -> dict[str, str]:
        """Of each column that is read, as the executors are told it."""
        every = dict.fromkeys([*wanted, *self.filter, *([self.timestamp] if self.timestamp else [])])
        return {name: f"c{position}" for position, name in enumerate(every)}

    def _selected(self, rows: Any, wanted: Iterable[str]) -> Any:
        names = self._names(wanted)
        columns = [_spark_columns.column(name).alias(ours) for name, ours in names.items()]
        return rows.select(*columns) if columns else rows.select(functions().lit(True).alias(_NOTHING))

    def _read(
        self, look: _Look, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str]
    ) -> Reading:
        names = self._names(wanted)
        return Reading(
            wanted=tuple(
                Wanted(name=name, ours=names[name], kind=kind, moment=name in moments)
                for name, kind in wanted.items()
            ),
            time=None if self.timestamp is None else names[self.timestamp],
            timestamps=self._times,
            sample=look.sample,
            filter={names[name]: value for name, value in self.filter.items()},
            span=None if span is None else (microseconds(span.start), microseconds(span.end)),
            where=self._time_of,
        )

    def _mapped(self, rows: Any, make: Callable[[Iterable[Any]], Iterator[Any]]) -> Any:
        return rows.mapInArrow(make, _spark_worker.ANSWER)

    def _answers(self, rows: Iterable[Any]) -> Iterator[tuple[bytes, int | None]]:
        for answer, newest, problem in rows:
            hit("mid_source_read")
            if problem is not None:
                raise SourceError(f"{self._where}: cannot be read ({problem})", transient=False)
            yield bytes(answer), newest

    def _batches(
        self, look: _Look, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str]
    ) -> Iterator[Batch]:
        """A partition after the other comes here: memory is that of the largest."""
        with self._cluster.job():
            rows, reading = self._reading(look, span, wanted, moments)
            shipped = self._mapped(rows, lambda arrow: _spark_worker.ship_rows(arrow, reading))
            for answer, _ in self._answers(shipped.toLocalIterator()):
                yield _spark_worker.unpack_rows(answer, reading)

    def _must_have(self, look: _Look, name: str, key: str) -> None:
        if name in look.columns:
            return
        near = difflib.get_close_matches(name, look.columns, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(list(look.columns)[:10])}"
        raise SourceError(f"{self._where}: no column {name!r}, which `{key}` names; {hint}", transient=False)
