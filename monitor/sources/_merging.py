"""Which small files of an inbox become one, and when do those that were merged, or are old, go away?

Rows count once at every moment, in every process that reads: a merged file names those it covers, from then
on they count no more, and they are removed a while later, when nobody who listed them before can still be
reading. The keys of the batches go on in the merged file.
"""

import os
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from alerting.failpoint import hit
from monitor.sources._inbox import MERGED, SUFFIX, SUMMARY, About, Inbox, about, sync

FAN = 256  # files of one level and day become one of the next level
LEAST = 16  # of a day that is over, of any level
MOST = 1024  # at once
MOST_BYTES = 64 * 1024 * 1024  # of the files that become one
REMOVE_AFTER_S = 60.0  # a listing takes less
UNFINISHED_FOR = timedelta(hours=1)  # a write takes less


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One file. `level`: 0 for a batch, one more with each merging."""

    name: str
    size: int  # bytes
    received: datetime  # of its newest batch, UTC
    level: int


def stored(inbox: Inbox) -> list[Stored]:
    """All files with rows, those that are covered as well, oldest first."""
    found = []
    for entry in os.scandir(inbox.folder):
        if entry.name.startswith(".") or not entry.name.endswith(SUFFIX):
            continue
        try:
            status = entry.stat()
        except FileNotFoundError:  # another process removed it
            continue
        found.append(
            Stored(
                name=entry.name,
                size=status.st_size,
                received=datetime.fromtimestamp(status.st_mtime, UTC),
                level=_level(entry.name),
            )
        )
    return sorted(found, key=lambda file: (file.received, file.name))


def candidates(files: Iterable[Stored], today: date) -> Iterator[Sequence[Stored]]:
    """Groups of files that are many enough to become one; of one day, so that old ones can go whole."""
    groups: defaultdict[tuple[date, int], list[Stored]] = defaultdict(list)
    for file in files:
        day = file.received.date()
        if file.size < MOST_BYTES:
            groups[day, file.level if day >= today else -1].append(file)
    for (day, _), group in sorted(groups.items()):
        if len(group) >= (FAN if day >= today else LEAST):
            yield group


def merge(inbox: Inbox, now: datetime) -> int:
    """Merge one group, if there is one; how many files became one. Raises OSError and polars' errors."""
    covered = _covered(inbox.merged())
    loose = [file for file in stored(inbox) if file.name not in covered]
    for group in candidates(loose, now.astimezone(UTC).date()):
        alike = _alike(inbox.folder, group)
        if len(alike) >= LEAST and _merged(inbox, alike):
            return len(alike)
    return 0


def _merged(inbox: Inbox, files: Sequence[Stored]) -> bool:
    """False: another process was faster."""
    known = [about(inbox.folder / file.name) for file in files]
    keys = {key: digest for each in known for key, digest in each.keys.items()}
    covers = tuple(file.name for file in files)
    name = f"{MERGED}{max(file.level for file in files) + 1}-{uuid.uuid4().hex}{SUFFIX}"
    aside = inbox.folder / f".{name}"
    try:
        frames = [pl.scan_parquet(inbox.folder / name, glob=False) for name in covers]
        pl.concat(frames, how="diagonal_relaxed").sink_parquet(
            aside, metadata=dict(About(keys=keys, covers=covers).written())
        )
        received = max(file.received for file in files).timestamp()
        os.utime(aside, (received, received))
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        hit("before_merge_kept")
        with inbox.locked():
            there = {file.name for file in stored(inbox)}
            if not there.issuperset(covers) or _covered(inbox.merged()).intersection(covers):
                return False
            aside.rename(inbox.folder / name)
            sync(inbox.folder)
        return True
    finally:
        aside.unlink(missing_ok=True)


def remove_covered(inbox: Inbox, since: dict[str, float], monotonic: float) -> int:
    """How many files went that were merged. `since`: when this process first saw each merged file."""
    merged = inbox.merged()
    for name in set(since) - merged.keys():
        del since[name]
    removed = 0
    with inbox.locked():
        there = {file.name for file in stored(inbox)}
        # Lowest first: while a file is there, what it covers must not come back.
        for name in sorted(merged, key=_level):
            if monotonic - since.setdefault(name, monotonic) < REMOVE_AFTER_S:
                continue
            for covered in there.intersection(merged[name].covers):
                (inbox.folder / covered).unlink(missing_ok=True)
                there.discard(covered)
                removed += 1
                hit("mid_merge_removal")
        if removed:
            sync(inbox.folder)
    return removed


def remove_old(inbox: Inbox, until: datetime) -> int:
    """How many files went whose rows were all received before."""
    removed = 0
    with inbox.locked():
        for file in sorted(stored(inbox), key=lambda file: file.level):
            if file.received < until:
                (inbox.folder / file.name).unlink(missing_ok=True)
                removed += 1
    return removed


def remove_unfinished(inbox: Inbox, now: datetime) -> int:
    """How many files went that a process left behind which was ended while it wrote."""
    removed = 0
    for entry in os.scandir(inbox.folder):
        if entry.name.startswith(".") and entry.name.endswith((SUFFIX, SUMMARY)):
            try:
                left = datetime.fromtimestamp(entry.stat().st_ctime, UTC) < now - UNFINISHED_FOR
            except FileNotFoundError:
                continue
            if left:
                Path(entry.path).unlink(missing_ok=True)
                removed += 1
    return removed


def _alike(folder: Path, files: Sequence[Stored]) -> Sequence[Stored]:
    """The most files whose shared columns have the same types: no value is made another one."""
    groups: list[tuple[dict[str, pl.DataType], list[Stored]]] = []
    for file in files[: 4 * MOST]:
        schema = pl.read_parquet_schema(folder / file.name)
        for types, members in groups:
            if all(_meet(types.get(name), dtype) for name, dtype in schema.items()):
                types.update({name: dtype for name, dtype in schema.items() if dtype != pl.Null})
                members.append(file)
                break
        else:
            types = {name: dtype for name, dtype in schema.items() if dtype != pl.Null}
            groups.append((types, [file]))
    return _within(max((members for _, members in groups), key=len))


def _meet(known: pl.DataType | None, dtype: pl.DataType) -> bool:
    return known is None or dtype in (known, pl.Null)


def _within(files: Sequence[Stored]) -> Sequence[Stored]:
    size, chosen = 0, []
    for file in files[:MOST]:
        size += file.size
        if size > MOST_BYTES:
            break
        chosen.append(file)
    return chosen


def _covered(merged: Mapping[str, About]) -> set[str]:
    return {name for each in merged.values() for name in each.covers}


def _level(name: str) -> int:
    """0 for a batch, and for a file whose name only begins like ours."""
    level = name.removeprefix(MERGED).partition("-")[0] if name.startswith(MERGED) else ""
    return int(level) if level.isdecimal() and len(level) < 4 else 0
