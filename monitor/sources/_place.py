"""What must a place where files are kept say of them: which there are, and has one changed?"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from monitor.source import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Equal stamps: the same bytes, as far as the place says without reading them."""

    size: int  # bytes
    modified_ns: int
    inode: int = 0
    content: str = ""  # an object's ETag, a table's version; "" where the place has no such word


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file by the name that opens it. `stamp`: where finding it says it already."""

    name: str
    stamp: Stamp | None = None


class Place(Protocol):
    """A file system, an object store or a lake's table, and the path below which a source's files are."""

    @property
    def path(self) -> str:
        """As the config says it."""

    @property
    def is_local(self) -> bool:
        """Whether its names are those of files of this machine."""

    @property
    def scanning(self) -> Mapping[str, object]:
        """What polars must be told to open a file there."""

    def must_be_allowed(self) -> None:
        """Raises SourceError where the config does not let anybody go there."""

    def find(self) -> Sequence[Found]:
        """In the order of their names. Raises SourceError."""

    def stamp(self, name: str) -> Stamp:
        """As it is now. Raises what `failure` understands."""

    def failure(self, error: BaseException, name: str) -> SourceError:
        """What an error about a file, of the place's or of polars, asks of whom."""

    def identity(self, files: "Sequence[Coverage]") -> str:
        """Which data these are, for a person to compare; "" for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What one file holds. `oldest` and `newest`: microseconds UTC; None without rows or without times."""

    name: str
    stamp: Stamp
    schema: pl.Schema
    rows: int  # with a readable time, filter applied
    oldest: int | None
    newest: int | None
    sample: object = None  # one value of the time column, as stored


def by_content(files: Sequence[Coverage], short: Callable[[str], str]) -> str:
    """Which files these are, as far as is known without reading them again, and the same for a copy of them.

    By name (`short`: below the source's path), size, rows, the times of the rows, and the ETag of an object;
    not by when they were written.
    """
    if not files:
        return ""
    known = [
        (short(each.name), each.stamp.size, each.rows, str(each.oldest), str(each.newest))
        + ((each.stamp.content,) if each.stamp.content else ())
        for each in files
    ]
    digest = hashlib.sha256(repr(sorted(known)).encode()).hexdigest()[:12]
    by = "name, size, rows and ETag" if any(each.stamp.content for each in files) else "name, size and rows"
    return f"{'1 file' if len(files) == 1 else f'{len(files):,} files'}, {digest} by {by}"


def is_unfinished(parts: Sequence[str]) -> bool:
    """Whether a name, part by part, is unfinished work: a dot or an underscore in front, as Spark and Hive
    have it."""
    return any(part.startswith((".", "_")) for part in parts)
