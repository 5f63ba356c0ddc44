"""Which files does a path mean, have they changed, and what does a failure to read one mean?"""

import glob
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from monitor.source import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Equal stamps: the same bytes, as far as a file system says without reading them."""

    inode: int
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What one file holds. `oldest` and `newest`: microseconds UTC; None without rows or without times."""

    path: Path
    stamp: Stamp
    schema: pl.Schema
    rows: int  # with a readable time, filter applied
    oldest: int | None
    newest: int | None
    sample: object = None  # one value of the time column, as stored


_UNFINISHED = (
    "if it is still being written, write under another name, then rename; else replace it or take it away"
)


def expand(path: str, suffix: str) -> list[Path]:
    """The files of a path, a folder or a glob, in order.

    A name that starts with a dot or an underscore is unfinished work by the convention of Spark and Hive.
    A glob that matches nothing means nothing has arrived; a plain path that does not exist is an error.
    """
    if "://" in path:
        raise SourceError(
            f"{path}: only local files are read by this version; mount or copy them", transient=False
        )
    root = _root(path)
    if glob.has_magic(path):
        found = [Path(name) for name in glob.glob(path, recursive=True)]
    elif Path(path).is_dir():
        found = list(root.rglob(f"*{suffix}"))
    elif Path(path).exists():
        return [Path(path)]
    else:
        raise SourceError(f"{path}: no such file; create it or correct `path`", transient=True)
    return sorted(file for file in found if file.is_file() and not _unfinished(file, root))


def stamp(path: Path) -> Stamp:
    """Raises OSError."""
    status = os.stat(path)
    return Stamp(inode=status.st_ino, size=status.st_size, modified_ns=status.st_mtime_ns)


def identity(files: Sequence[Coverage], path: str) -> str:
    """Which files these are, as far as is known without reading them again, and the same for a copy of them.

    By name below `path`, size, rows and the times of the rows; not by when they were written.
    """
    if not files:
        return ""
    root = _root(path)
    known = [
        (os.path.relpath(each.path, root), each.stamp.size, each.rows, str(each.oldest), str(each.newest))
        for each in files
    ]
    digest = hashlib.sha256(repr(sorted(known)).encode()).hexdigest()[:12]
    return f"{'1 file' if len(files) == 1 else f'{len(files):,} files'}, {digest} by name, size and rows"


def failure(error: BaseException, path: Path) -> SourceError:
    """Permission and missing columns need a person; a broken file may be one that is still being written."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, PermissionError):
        return SourceError(f"{path}: permission denied; let the daemon's user read it", transient=False)
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{path}: went away while it was read", transient=True)
    try:
        empty = os.stat(path).st_size == 0
    except OSError:
        empty = False
    if empty:
        return SourceError(f"{path}: is empty (0 bytes); {_UNFINISHED}", transient=True)
    reason = " ".join(str(error).split())[:200]
    return SourceError(f"{path}: cannot be read ({reason}); {_UNFINISHED}", transient=True)


def _root(path: str) -> Path:
    """The folder above all files of a path."""
    if glob.has_magic(path):
        return Path(path[: path.index(next(c for c in path if c in "*?["))]).parent
    return Path(path) if Path(path).is_dir() else Path(path).parent


def _unfinished(file: Path, root: Path) -> bool:
    try:
        parts = file.relative_to(root).parts
    except ValueError:
        parts = (file.name,)
    return any(part.startswith((".", "_")) for part in parts)
