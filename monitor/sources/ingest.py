"""How are rows kept and read that models send over HTTP (`POST /api/v1/ingest/MODEL`)?

A folder of Parquet files that the daemon writes itself; what is read of them is what the source `parquet`
would read, but for files whose rows have been merged into another one.
"""

import glob
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from detectors import Profile, WindowSummary
from detectors._count import Extras
from monitor.config_types import PositiveDuration
from monitor.counting import Counted, read_window, wanted
from monitor.source import ColumnKind, ColumnProblem, Fingerprint, SourceError, Trouble
from monitor.sources._arrival import frame_of
from monitor.sources._file_rows import FileRows
from monitor.sources._file_source import FileSource
from monitor.sources._files import LocalFiles
from monitor.sources._inbox import Batch, Inbox
from monitor.sources._place import Coverage, Found, Stamp
from monitor.sources._rows import Rows
from monitor.sources._scan import Files
from monitor.sources._summaries import Kept, Summaries, of_profile, within
from monitor.sources._timestamps import Timestamps, instant, microseconds
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSource(FileSource):
    """`path`: a folder of its own, which the daemon makes. `keep`: how long rows stay there after they came.

    `filter`: rows where every column has this value.
    """

    path: str
    timestamp: str | None = None
    timestamp_format: str = "auto"
    timestamp_zone: str | None = None
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    keep: PositiveDuration = timedelta(days=90)
    inbox: Inbox = field(init=False, repr=False, compare=False)
    summaries: Summaries = field(init=False, repr=False, compare=False)
    _files: Files = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if "://" in self.path or glob.has_magic(self.path):
            raise ValueError(f"path: must be a folder of this machine without * ? or [, got {self.path!r}")
        inbox = Inbox(folder=Path(self.path))
        files = Files(
            place=_Kept(inbox=inbox, files=LocalFiles(path=self.path, suffix=".parquet")),
            rows=FileRows(
                open=_open, timestamp=self.timestamp, timestamps=self._timestamps, filter=self.filter
            ),
        )
        object.__setattr__(self, "inbox", inbox)
        object.__setattr__(self, "summaries", Summaries(inbox=inbox))
        object.__setattr__(self, "_files", files)

    @property
    def _timestamps(self) -> Timestamps:
        return Timestamps(format=self.timestamp_format, zone=self.timestamp_zone)

    def watermark(self) -> datetime | None:
        """A summary of [from, to) says that rows are there up to `to`."""
        ends = [self._files.watermark(), *(instant(each.end) for each in self.summaries.listed())]
        return max((end for end in ends if end is not None), default=None)

    def fingerprint(self, span: Span) -> Fingerprint:
        rows = self._files.fingerprint(span)
        kept = self.summaries.listed(span)
        newest = [rows.newest, *(instant(min(each.newest, microseconds(span.end) - 1)) for each in kept)]
        return Fingerprint(
            rows=rows.rows + sum(each.rows for each in _once(kept)),
            newest=max((time for time in newest if time is not None), default=None),
        )

    def schema(self) -> Mapping[str, ColumnKind]:
        """Of rows; what is only in summaries has no columns that could be looked at."""
        try:
            return self._files.schema()
        except SourceError as error:
            if error.transient and self.summaries.listed():
                return {}
            raise

    def count(self, profile: Profile, span: Span | None, extras: Extras) -> Counted | None:
        """Rows, counted here, and the summaries that came ready; None: there is none of these."""
        kept = within(self.summaries.listed(span), span)
        if not kept:
            return None
        mine, others = of_profile(kept, profile.digest)
        asked = wanted(profile, extras)
        counted = read_window(profile, self.pull(span, asked), extras)
        summary = counted.summary + self.summaries.read(mine, profile)
        newest = [counted.newest, *(instant(each.newest) for each in mine)]
        return Counted(
            summary=summary,
            newest=max((time for time in newest if time is not None), default=None),
            problems=_still_absent(profile, asked, counted.problems, summary),
            data_version=_with(counted.data_version, mine),
            left_out=_left_out(others, profile.digest),
        )

    def take_summary(self, kept: Kept, content: bytes, now: datetime) -> bool:
        """Keep a summary; False: it was kept before. Raises KeyTakenError and InboxError."""
        return self.summaries.keep(kept, content, now)

    def take(self, rows: Rows, batch: Batch, now: datetime) -> bool:
        """Keep a batch; False: it was kept before. Raises RowsError, KeyTakenError and InboxError."""
        frame = frame_of(
            rows,
            timestamp=self.timestamp,
            timestamps=self._timestamps,
            filter=self.filter,
            now=now,
        )
        return self.inbox.keep(batch, frame, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The files of a folder whose rows count: not those that were merged and wait to be removed."""

    inbox: Inbox
    files: LocalFiles

    @property
    def path(self) -> str:
        return self.files.path

    @property
    def is_local(self) -> bool:
        return True

    @property
    def scanning(self) -> Mapping[str, object]:
        return {}

    def must_be_allowed(self) -> None:
        """This machine is."""

    def find(self) -> Sequence[Found]:
        found = self.files.find()
        if not self.inbox.folder.is_dir():  # one file, given by hand
            return found
        try:
            merged = self.inbox.merged()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self.files.failure(error, self.path) from error
        # Only what this listing has seen counts: the rows of a file that came after it are in those that it
        # covers, which stay for a while.
        listed = {Path(each.name).name for each in found}
        covered = {name for by in listed & merged.keys() for name in merged[by].covers}
        return [each for each in found if Path(each.name).name not in covered]

    def stamp(self, name: str) -> Stamp:
        return self.files.stamp(name)

    def failure(self, error: BaseException, name: str) -> SourceError:
        return self.files.failure(error, name)

    def identity(self, files: Sequence[Coverage]) -> str:
        return self.files.identity(files)


def _still_absent(
    profile: Profile, asked: Iterable[str], found: Sequence[ColumnProblem], summary: WindowSummary
) -> Sequence[ColumnProblem]:
    """What rows lack, summaries may have; and the other way round."""
    problems = {each.column: each for each in found if each.column not in summary.columns}
    for name in asked if summary.rows else ():
        if name in profile.columns and name not in summary.columns and name not in problems:
            reason = "no row and no summary of this window has it"
            problems[name] = ColumnProblem(column=name, trouble=Trouble.ABSENT, reason=reason)
    return tuple(problems.values())


def _once(kept: Sequence[Kept]) -> Sequence[Kept]:
    """A key's rows once, on however many references they were counted."""
    return list({each.key: each for each in kept}.values())


def _with(rows: str, kept: Sequence[Kept]) -> str:
    digest = hashlib.sha256(repr(sorted(each.digest for each in kept)).encode()).hexdigest()[:12]
    summaries = f"{len(kept):,} summar{'y' if len(kept) == 1 else 'ies'}, {digest}" if kept else ""
    return "; ".join(part for part in (rows, summaries) if part)


def _left_out(others: Sequence[Kept], digest: str) -> str:
    if not others:
        return ""
    rows, references = sum(each.rows for each in others), sorted({each.profile[:12] for each in others})
    return (
        f"{rows:,} rows are in summaries that were counted on another reference ({', '.join(references)}), "
        f"not on this one ({digest[:12]}): count them again on it and send them under the same keys"
    )


def _open(name: str) -> pl.LazyFrame:
    return pl.scan_parquet(name, glob=False, hive_partitioning=False)
