"""How is a wide file counted whose columns can be read alone? A stripe of columns at a time, each read once.

Counts of one column need no other one: columns that are looked at together are one stripe, the others are cut
into stripes of a few. What comes out is what counting whole rows gives, to the last integer. Large Parquet
files of this machine go through Arrow, on two cores; objects and tables of a lake through polars.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from detectors import Kind, Profile, WindowSummary
from detectors._apart import ApartCount, Reading, reading
from detectors._count import Extras
from monitor.counting import Counted, read_window, wanted
from monitor.mapped_code import let_go
from monitor.source import Window
from monitor.sources._arrow import release
from monitor.sources._group_counting import GroupCount, Stripes, cut
from monitor.sources._many_labels import BYTES, count_many_labels, of_many_labels
from monitor.sources._place import Coverage
from monitor.sources._row_groups import COLUMNS, Chosen, RowGroups
from monitor.sources._scan import WIDE, Files, Unlike
from monitor.sources._timestamps import instant
from storage.span import Span

_THREADS = 2  # more cores count more windows
_AHEAD = 1  # row groups that may wait
_Waiting = deque[tuple[GroupCount, Chosen]]


def count_stripes(files: Files, profile: Profile, span: Span | None, extras: Extras) -> Counted | None:
    """None: nothing of it can be read alone, and whole rows are as good. Raises SourceError."""
    every = wanted(profile, extras)
    if not files.by_columns(every):
        return None
    asked = files.ask(span, every)
    large = [files.is_large(file) for file in asked.files]
    wide = [files.is_wide(file, span, asked.good) for file in asked.files]
    if not any(large) and not any(wide):
        return read_window(profile, files.window(asked, span), extras)
    how = reading(profile, extras)
    many = of_many_labels(profile, asked.good, how.beside)
    beside = [name for name in asked.good if how.beside is None or name in how.beside]
    wider = [beside, *cut([name for name in asked.good if name not in beside], WIDE)]
    summary, newest = WindowSummary.empty(profile), None
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for file, is_large, is_wide in zip(asked.files, large, wide, strict=True):
            found = None
            if is_large:
                groups = RowGroups(files=files, file=file, span=span, wanted=asked.good)
                found = _counted(groups, how, many, profile, extras, pool)
            if found is None and is_wide:
                found = _passes(files, file, span, asked.good, wider, profile, extras)
            if found is None:
                rows = files.batches([file], span, asked.good)
                counted = read_window(profile, Window(span=span, batches=rows, problems=()), extras)
                found = counted.summary, counted.newest
            summary = summary + found[0]
            newest = max((time for time in (newest, found[1]) if time is not None), default=None)
    release()
    return Counted(
        summary=summary,
        newest=newest,
        problems=asked.problems,
        data_version=files.place.identity(asked.files),
    )


def _passes(
    files: Files,
    file: Coverage,
    span: Span | None,
    good: Mapping[str, Kind],
    stripes: Sequence[Sequence[str]],
    profile: Profile,
    extras: Extras,
) -> tuple[WindowSummary, datetime | None]:
    """One file, in a pass for each stripe: the rows are the same each time, or it is an error."""
    first = Window(
        span=span, batches=files.batches([file], span, {name: good[name] for name in stripes[0]}), problems=()
    )
    counted = read_window(profile, first, extras)
    summary = counted.summary
    for names in stripes[1:]:
        count = ApartCount(profile)
        for batch in files.batches([file], span, {name: good[name] for name in names}):
            count.add(batch.columns, batch.rows)
        summary = summary + count.summary()
    return summary, counted.newest


def _counted(
    groups: RowGroups,
    how: Reading,
    many: Sequence[str],
    profile: Profile,
    extras: Extras,
    pool: ThreadPoolExecutor,
) -> tuple[WindowSummary, datetime | None] | None:
    """One file and the newest time of its rows; None: another reader has to see to it.

    `many`: columns of many labels; a file whose row groups hold too much of one gives it in a stripe.
    """
    summary, newest = WindowSummary.empty(profile), None
    try:
        with groups.guarded():
            alone = [name for name in many if groups.heaviest(name) <= BYTES]
            names = [name for name in groups.wanted if name not in alone]

            def begun(chosen: Chosen) -> GroupCount:
                mine = how.of_rows(len(chosen))
                return GroupCount(
                    groups, chosen, Stripes.of(names, mine, COLUMNS), mine, profile, extras, pool
                )

            for part, chosen in _in_turn(groups, begun):
                summary = summary + part
                last = groups.file.newest if chosen.times is None else int(chosen.times.max())
                newest = max((time for time in (newest, last) if time is not None), default=None)
            for name in alone if summary.rows else ():
                summary = summary + count_many_labels(groups, name, profile)
    except Unlike:
        groups.files.leave_to_polars(groups.file)
        return None
    return summary, None if newest is None else instant(newest)


def _in_turn(
    groups: RowGroups, begun: Callable[[Chosen], GroupCount]
) -> Iterator[tuple[WindowSummary, Chosen]]:
    """The count of each row group, while the next one is begun."""
    waiting: _Waiting = deque()
    try:
        for place, chosen in enumerate(groups.chosen(timed=False)):
            if place == 1:  # kernels are loaded: 90 MiB of the compiler
                let_go()
            waiting.append((begun(chosen), chosen))
            while len(waiting) > _AHEAD:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)
    finally:
        for part, _ in waiting:
            part.cancel()


def _next(waiting: _Waiting) -> tuple[WindowSummary, Chosen]:
    part, chosen = waiting.popleft()
    try:
        return part.result(), chosen
    except BaseException:
        part.cancel()
        raise
