"""Which version of a lake's table is read: one that was written whole, and is never changed again?

To the code that cuts windows (monitor/sources/_scan.py) a version is one file that knows the times of its
parts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from monitor.source import SourceError
from monitor.sources._file_rows import FileRows
from monitor.sources._place import Coverage, Found, Stamp
from monitor.sources._scan import Files
from monitor.sources._timestamps import Timestamps

_NEVER_OLD = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One version. `newest_from`: see `Files`; of the source's time column."""

    version: str
    frame: pl.LazyFrame
    newest_from: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """The versions of one table. `load(None)`: the one to read now; raises SourceError.

    `word`: what the format calls a version. `explain`: what an error about a file of it asks of whom.
    `fixed`: it is always the same one.
    """

    path: str
    word: str
    load: Callable[[str | None], Snapshot]
    explain: Callable[[BaseException, str], SourceError]
    fixed: bool
    _held: dict[str, Snapshot] = field(default_factory=dict, compare=False, repr=False)

    def files(
        self, *, timestamp: str | None, timestamps: Timestamps, filter: Mapping[str, str | int | float | bool]
    ) -> Files:
        """What cuts windows from the table."""
        return Files(
            place=self,
            rows=FileRows(open=self.open, timestamp=timestamp, timestamps=timestamps, filter=filter),
            columnar=True,
            newest_from=self.newest_from,
        )

    @property
    def is_local(self) -> bool:
        return False

    @property
    def scanning(self) -> Mapping[str, object]:
        return {}  # what opens it has been told

    def must_be_allowed(self) -> None:
        """Asked for where it is opened."""

    def find(self) -> Sequence[Found]:
        held = next(iter(self._held.values()), None)
        found = held if self.fixed and held is not None else self.load(None)
        if found.version not in self._held:
            self._held.clear()
            self._held[found.version] = found
        return [Found(name=f"{self.path}, {self.word} {found.version}", stamp=_stamp(found.version))]

    def stamp(self, name: str) -> Stamp:
        """A version does not change."""
        return _stamp(self._version(name))

    def open(self, name: str) -> pl.LazyFrame:
        return self._of(name).frame

    def newest_from(self, name: str) -> object:
        return self._of(name).newest_from

    def failure(self, error: BaseException, name: str) -> SourceError:
        if isinstance(error, FileNotFoundError):
            remedy = "old files are taken away too soon: keep them for longer than a window is read"
            return SourceError(f"{name}: a file of it went away while it was read; {remedy}", transient=True)
        return self.explain(error, name)

    def identity(self, files: Sequence[Coverage]) -> str:
        return ", ".join(f"{self.word} {each.stamp.content}" for each in files)

    def _of(self, name: str) -> Snapshot:
        version = self._version(name)
        return self._held.get(version) or self.load(version)

    def _version(self, name: str) -> str:
        return name.rpartition(" ")[2]


def _stamp(version: str) -> Stamp:
    return Stamp(size=1, modified_ns=_NEVER_OLD, content=version)
