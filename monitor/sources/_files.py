"""Which files of this machine does a path mean, and what does a failure to read one mean?"""

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.source import SourceError
from monitor.sources._place import Coverage, Found, Stamp, by_content, is_unfinished

_UNFINISHED = (
    "if it is still being written, write under another name, then rename; else replace it or take it away"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFiles:
    """Files below a path; `suffix` where it is a folder."""

    path: str
    suffix: str

    @property
    def is_local(self) -> bool:
        return True

    @property
    def scanning(self) -> Mapping[str, object]:
        return {}

    def must_be_allowed(self) -> None:
        """This machine is."""

    def find(self) -> Sequence[Found]:
        return [Found(name=str(path)) for path in expand(self.path, self.suffix)]

    def stamp(self, name: str) -> Stamp:
        status = os.stat(name)
        return Stamp(size=status.st_size, modified_ns=status.st_mtime_ns, inode=status.st_ino)

    def failure(self, error: BaseException, name: str) -> SourceError:
        return failure(error, Path(name))

    def identity(self, files: Sequence[Coverage]) -> str:
        root = _root(self.path)
        return by_content(files, lambda name: os.path.relpath(name, root))


def expand(path: str, suffix: str) -> list[Path]:
    """The files of a path, a folder or a glob, in order.

    A name that starts with a dot or an underscore is unfinished work by the convention of Spark and Hive.
    A glob that matches nothing means nothing has arrived; a plain path that does not exist is an error.
    """
    root = _root(path)
    if glob.has_magic(path):
        found = [Path(name) for name in glob.glob(path, recursive=True)]
    elif Path(path).is_dir():
        found = list(root.rglob(f"*{suffix}"))
    elif Path(path).exists():
        return [Path(path)]
    else:
        raise SourceError(f"{path}: no such file; create it or correct `path`", transient=True)
    return sorted(file for file in found if file.is_file() and not is_unfinished(_below(file, root)))


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


def _below(file: Path, root: Path) -> Sequence[str]:
    try:
        return file.relative_to(root).parts
    except ValueError:
        return (file.name,)
