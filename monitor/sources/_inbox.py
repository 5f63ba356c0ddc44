"""Is a batch of rows kept for good, once, before anybody is told so?

A batch is a file named after its key: linking it under that name happens once, whoever tries at the same
time, in whichever process, so that there is no list of keys beside the files that could disagree with them.
Files that were merged (monitor/sources/_merging.py) carry the keys of all their batches.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from alerting.failpoint import hit
from monitor.sources._arrival import parquet_of

ABOUT = "leeway"  # the key of our own words in a file's metadata
SUFFIX = ".parquet"
SUMMARY = ".summary"  # of a file that holds no rows, but what they were counted to (_summaries.py)
MERGED = "merged-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class InboxError(Exception):
    """Not kept, and nothing of it is left behind. `full`: for want of room."""

    def __init__(self, reason: str, *, full: bool) -> None:
        super().__init__(reason)
        self.full = full


class KeyTakenError(ValueError):
    """Another batch came with this key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a batch is told from others by. `digest`: of its content, sha256 in hex."""

    key: str  # as its file is named
    digest: str

    @classmethod
    def of(cls, body: bytes, key: str | None) -> "Batch":
        """`key`: the sender's; None: its content is its key."""
        digest = hashlib.sha256(body).hexdigest()
        given = digest if key is None else hashlib.sha256(b"key:" + key.encode()).hexdigest()
        return cls(key=given[:40], digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a file says of itself. `covers`: names of files whose rows are in this one, and count no more."""

    keys: Mapping[str, str]  # of every batch in it, with the digest of its content
    covers: tuple[str, ...] = ()

    def written(self) -> Mapping[str, str]:
        return {ABOUT: json.dumps({"keys": dict(self.keys), "covers": list(self.covers)})}


def about(path: Path) -> About:
    """Raises what `Place.failure` understands; nothing is covered by a file that somebody else wrote."""
    said = json.loads(pl.read_parquet_metadata(path).get(ABOUT, "{}"))
    return About(keys=said.get("keys", {}), covers=tuple(said.get("covers", ())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """A folder of batches, on this machine. The time of a file is when its rows were received."""

    folder: Path
    _merged: dict[str, About] = field(default_factory=dict, repr=False, compare=False)

    def open(self) -> None:
        """The folder is there. Raises InboxError."""
        with told(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def has(self, batch: Batch) -> bool:
        """Whether it is kept already; then it is so for good. Raises KeyTakenError, InboxError."""
        with told(self.folder):
            kept = self._kept(batch)
            if kept:
                sync(self.folder)
            return kept

    def keep(self, batch: Batch, frame: pl.DataFrame, now: datetime) -> bool:
        """False: it was kept before. When this returns no crash takes it away. Raises as `has` does."""
        content = parquet_of(frame, About(keys={batch.key: batch.digest}).written())
        path = self.folder / f"{batch.key}{SUFFIX}"
        aside = self.folder / f".{batch.key}-{uuid.uuid4().hex}{SUFFIX}"
        with told(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                write(aside, content, now)
                hit("before_batch_kept")
                with self.locked():
                    fresh = not self._kept(batch)
                    if fresh:
                        os.link(aside, path)
                    sync(self.folder)
                hit("after_batch_kept")
                return fresh
            finally:
                aside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One at a time, of all threads and processes: between looking for a key and naming a file."""
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def must_be_free(self, key: str) -> None:
        """Of rows; KeyTakenError where it is not. Under `locked`."""
        there = (self.folder / f"{key}{SUFFIX}").exists()
        if there or any(key in each.keys for each in self.merged().values()):
            raise KeyTakenError("rows came with this Idempotency-Key; give a summary of its own another one")

    def merged(self) -> Mapping[str, About]:
        """Files that others were merged into, by name; each is looked into once."""
        names = {
            entry.name
            for entry in os.scandir(self.folder)
            if entry.name.startswith(MERGED) and entry.name.endswith(SUFFIX)
        }
        for name in set(self._merged) - names:
            self._merged.pop(name, None)
        for name in names - set(self._merged):
            with contextlib.suppress(FileNotFoundError):  # removed by another one meanwhile
                self._merged[name] = about(self.folder / name)
        return {name: self._merged[name] for name in names if name in self._merged}

    def _kept(self, batch: Batch) -> bool:
        found: str | None = None
        if self.folder.is_dir():
            with contextlib.suppress(FileNotFoundError):
                found = about(self.folder / f"{batch.key}{SUFFIX}").keys.get(batch.key, "")
            if found is None:
                found = next(
                    (each.keys[batch.key] for each in self.merged().values() if batch.key in each.keys), None
                )
        if found is not None and found != batch.digest:
            raise KeyTakenError("another batch came with this Idempotency-Key; give each batch its own")
        if found is None and next(self.folder.glob(f"{batch.key}-*{SUMMARY}"), None) is not None:
            raise KeyTakenError("a summary came with this Idempotency-Key; give each batch its own")
        return found is not None


def write(path: Path, content: bytes, received: datetime) -> None:
    """On the disk when this returns; not under a name that anybody reads."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.utime(file.fileno(), (received.timestamp(), received.timestamp()))
        os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """The names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """What the disk says, as InboxError."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        code = error.errno if isinstance(error, OSError) else None
        if code in _FULL:
            raise InboxError(f"{folder}: no room for the rows", full=True) from error
        reason = (getattr(error, "strerror", None) or str(error)).lower()[:200]
        raise InboxError(f"{folder}: rows cannot be kept: {reason}", full=False) from error
