"""How are windows' summaries kept that teams send ready, and which of them belong to a span?

Beside the rows in an inbox's folder, a file each, by the same rules: on the disk before anybody is told so,
and each key once. A key may come again on another reference: the same rows, counted anew.
"""

import contextlib
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from alerting.failpoint import hit
from detectors import Profile, WindowSummary, decode_summary
from monitor.source import SourceError
from monitor.sources._inbox import SUMMARY as SUFFIX
from monitor.sources._inbox import Batch, Inbox, KeyTakenError, sync, told, write
from monitor.sources._timestamps import microseconds
from storage.span import Span

_HEAD = 4_096  # bytes; a head has some 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One summary. `start`, `end`: microseconds since the epoch, half-open; its rows lie between them."""

    key: str
    digest: str  # of its content
    profile: str  # the digest of the reference that it was counted on
    start: int
    end: int
    rows: int

    @property
    def name(self) -> str:
        """Once a key and reference."""
        return f"{self.key}-{self.profile[:16]}{SUFFIX}"

    @property
    def newest(self) -> int:
        """The latest that a row of it can be."""
        return self.end - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """Those of one inbox."""

    inbox: Inbox
    _seen: dict[str, Kept] = field(default_factory=dict, repr=False, compare=False)

    def keep(self, kept: Kept, content: bytes, now: datetime) -> bool:
        """False: it was kept before. When this returns no crash takes it away.

        Raises KeyTakenError where the key is of other content on this reference, or of rows; InboxError.
        """
        folder = self.inbox.folder
        aside = folder / f".{kept.key}-{uuid.uuid4().hex}{SUFFIX}"
        with told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                write(aside, _written(kept) + content, now)
                hit("before_batch_kept")
                with self.inbox.locked():
                    fresh = not self._has(kept)
                    if fresh:
                        self.inbox.must_be_free(kept.key)
                        os.link(aside, folder / kept.name)
                    sync(folder)
                hit("after_batch_kept")
                return fresh
            finally:
                aside.unlink(missing_ok=True)

    def listed(self, span: Span | None = None) -> Sequence[Kept]:
        """All that a span may hold rows of, in the order of their names; each is looked into once."""
        folder = self.inbox.folder
        try:
            names = sorted(
                entry.name
                for entry in os.scandir(folder)
                if entry.name.endswith(SUFFIX) and not entry.name.startswith(".")
            )
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise _unreadable(folder, error) from error
        for gone in set(self._seen) - set(names):
            self._seen.pop(gone, None)
        for name in names:
            if name not in self._seen:
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    self._seen[name] = self._head(folder / name)
        found = [self._seen[name] for name in names if name in self._seen]
        if span is None:
            return found
        start, end = microseconds(span.start), microseconds(span.end)
        return [each for each in found if each.start < end and each.end > start]

    def read(self, kept: Sequence[Kept], profile: Profile) -> WindowSummary:
        """Their sum, one at a time in memory. Raises SourceError."""
        total = WindowSummary.empty(profile)
        for each in kept:
            path = self.inbox.folder / each.name
            try:
                content = path.read_bytes()
                total = total + decode_summary(content[content.index(b"\n") + 1 :], profile)
            except FileNotFoundError as error:
                raise SourceError(f"{path}: went away while it was read", transient=True) from error
            except (OSError, ValueError) as error:
                raise _unreadable(path, error) from error
        return total

    def remove_old(self, until: datetime) -> int:
        """How many went that were received before."""
        removed = 0
        with self.inbox.locked():
            for each in self.listed():
                path = self.inbox.folder / each.name
                with contextlib.suppress(FileNotFoundError):
                    if datetime.fromtimestamp(path.stat().st_mtime, UTC) < until:
                        path.unlink()
                        removed += 1
        return removed

    def _has(self, kept: Kept) -> bool:
        """A key stands for the rows of a span: on another reference they may come again, maybe more."""
        found = False
        for path in self.inbox.folder.glob(f"{kept.key}-*{SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                other = self._head(path)
                same = path.name == kept.name
                if (other.start, other.end) != (kept.start, kept.end) or (same and other != kept):
                    raise KeyTakenError("another summary came with this Idempotency-Key; give each its own")
                found = found or same
        return found

    def _head(self, path: Path) -> Kept:
        """Raises FileNotFoundError, and SourceError for what is none of ours."""
        try:
            with path.open("rb") as file:
                said: Mapping[str, object] = json.loads(file.read(_HEAD).partition(b"\n")[0])
            return Kept(**said)  # type: ignore[arg-type]  # as it was written; another one's raises
        except FileNotFoundError:
            raise
        except (OSError, ValueError, TypeError) as error:
            raise _unreadable(path, error) from error


def within(kept: Sequence[Kept], span: Span | None) -> Sequence[Kept]:
    """Those that lie in the span whole. Raises SourceError for one that does not: it cannot be divided."""
    if span is None:
        return kept
    start, end = microseconds(span.start), microseconds(span.end)
    for each in kept:
        if each.start < start or each.end > end:
            raise SourceError(
                f"{each.name}: a summary of {each.rows:,} rows reaches beyond {span.start.isoformat()} to "
                f"{span.end.isoformat()} and cannot be divided; count each window's rows by themselves, send "
                "those, and remove this file",
                transient=False,
            )
    return kept


def of_profile(kept: Sequence[Kept], digest: str) -> tuple[Sequence[Kept], Sequence[Kept]]:
    """Those counted on this reference; and those of another one, whose rows nobody counted on this one."""
    mine = [each for each in kept if each.profile == digest]
    keys = {each.key for each in mine}
    others: dict[str, Kept] = {}
    for each in kept:
        if each.key not in keys:
            others[each.key] = each
    return mine, list(others.values())


def _written(kept: Kept) -> bytes:
    fields = ("key", "digest", "profile", "start", "end", "rows")
    return json.dumps({name: getattr(kept, name) for name in fields}).encode() + b"\n"


def _unreadable(path: Path, error: Exception) -> SourceError:
    reason = (getattr(error, "strerror", None) or str(error))[:200]
    return SourceError(
        f"{path}: cannot be read ({reason}); restore it from a backup, or remove it and have it sent again",
        transient=isinstance(error, OSError),
    )


def kept_of(batch: Batch, profile: str, span: Span, rows: int) -> Kept:
    """What is said of a summary that came as this batch."""
    return Kept(
        key=batch.key,
        digest=batch.digest,
        profile=profile,
        start=microseconds(span.start),
        end=microseconds(span.end),
        rows=rows,
    )
