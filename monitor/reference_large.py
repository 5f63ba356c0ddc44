"""What is normal for a model whose reference memory does not hold? As reference_build, in three readings.

The first found the sample (monitor/reference_passes.py): knots and the small models beside the columns come
from it. The second counts all rows on the knots. The third counts the windows, as many at once as memory
holds, each by its span: of a source in order of time it is one reading, of others one a group of windows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from detectors import Kind, NumericProfile, Profile, WindowSummary, count
from detectors._column_profile import ColumnProfile
from detectors._count import Extras
from detectors._large_profile import LargeProfile
from detectors._performance import count_performance, no_performance, performance_of
from detectors._performance_summary import Classified, PerformanceSummary
from detectors._relations import relations_of
from detectors._service import errors_part
from detectors._slices import slices_of
from monitor.label_source import micros
from monitor.reference_build import Built, Progress, flat_columns, left_out
from monitor.reference_noise import Observed, known_performance, learn_noise, middle
from monitor.reference_parts import Asked, Outcome, fit_parts, outcome_of
from monitor.reference_passes import Reading, Surveyed, by_window, changed
from monitor.windows import WindowSpec
from storage.span import Span

_SMALL = 1_000  # bytes of a column's summary beside its counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    """How a reference of more rows than are held becomes what is normal."""

    reading: Reading
    spec: WindowSpec
    label: str | None  # the outcome's column in the sample
    in_rows: bool  # every row says its own outcome, and nothing says since when: windows count all their rows
    min_rows: int
    asked: Asked
    memory: int  # bytes of window summaries held at once
    progress: Progress

    def build(self, found: Surveyed, profile: Profile | None = None) -> Built:
        """Given a `profile`, only the noise of its components is learnt. Takes the sample out of `found`."""
        outcome = outcome_of(found.sample.columns.get(self.label)) if self.label else None
        windows = [window for window in found.windows if found.sizes[window] >= self.min_rows]
        if profile is None:
            profile = self._profile(found, outcome, windows)
        if windows and profile.score is not None:  # only outcomes are asked for from here on
            scores = set(profile.score.columns.values())
            rest = {name: column for name, column in found.sample.columns.items() if name in scores}
            found.sample = replace(found.sample, columns=rest)
        extras = Extras(shadow=self.asked.shadow, error=self.asked.error)
        seen = Observed()
        done = 0
        for group in _groups(windows, max(1, self.memory // window_bytes(profile))):
            self._look(seen, profile, group, found, outcome, extras, done)
            done += sum(found.sizes[window] for window in group)
        return Built(
            profile=profile,
            noise=learn_noise(seen, profile, found.sample, outcome, self.spec, extras),
            span=found.footprint.extent,
            spans=tuple(windows),
            notices=(*profile.notices, *flat_columns(profile), *left_out(self.asked), _sampled(found)),
        )

    def _profile(self, found: Surveyed, outcome: Outcome | None, windows: Sequence[Span]) -> Profile:
        large = LargeProfile(found.survey, found.sample.columns, found.sample.count)
        names = large.columns | ({self.asked.error} if self.asked.error else set())
        again = found.footprint.like()
        for batch in self.reading.again(names):
            again.add(batch)
            large.add(batch.columns, batch.rows, error=self.asked.error)
            self.progress("counting its rows", again.rows, found.rows)
        what = found.footprint.differing(again)
        if not what and (column := large.differing()):
            what = f"column {column!r} has other values now"
        if what:
            raise changed(what)
        self.progress("learning how columns go together", 0, 0)
        profile, errors = large.profile(outcome), large.errors
        del large  # its counts and what it derived from the score are not needed any more
        sizes = [found.sizes[window] for window in windows]
        parts = fit_parts(profile, found.sample, outcome, windows, self.asked, sizes=sizes)
        if self.asked.error in self.reading.wanted:
            parts |= errors_part(self.asked.error, found.rows, errors)
        return profile.with_parts(parts)

    def _look(
        self,
        seen: Observed,
        profile: Profile,
        windows: Sequence[Span],
        found: Surveyed,
        outcome: Outcome | None,
        extras: Extras,
        done: int,
    ) -> None:
        """Count these windows and add them in their order."""
        again = found.footprint.like()
        totals = [WindowSummary.empty(profile) for _ in windows]
        known: list[PerformanceSummary | None] = [None] * len(windows)
        if self.in_rows and outcome is not None and performance_of(profile) is not None:
            known = [no_performance(profile) for _ in windows]
        edges = [micros(edge) for window in windows for edge in (window.start, window.end)]
        of = sum(found.sizes[window] for window in found.windows)
        read = 0
        for batch in self.reading.again(
            self._needed(profile), Span(start=windows[0].start, end=windows[-1].end)
        ):
            again.add(batch)
            for index, part in by_window(batch, edges):
                totals[index] = totals[index] + count(profile, part.columns, part.rows, extras)
                before = known[index]
                truth = outcome_of(part.columns.get(self.label)) if self.label else None
                if before is not None and truth is not None:
                    known[index] = before + count_performance(profile, part.columns, truth, part.rows)
                read += part.rows
            self.progress("learning what is normal", done + read, of)
        if what := found.footprint.differing(again, windows):
            raise changed(what)
        for index, window in enumerate(windows):
            performance = known[index] or known_performance(profile, found.sample, window, outcome)
            seen.add(profile, totals[index], window, middle(found.sample, window), performance)

    def _needed(self, profile: Profile) -> set[str]:
        names = {*profile.columns, *self.asked.segments, *self.asked.shadow.values()}
        names |= {name for name, kind in self.reading.wanted.items() if kind is Kind.NUMERIC}
        names.difference_update(self.reading.moments)
        return names | {name for name in (self.asked.error, self.label) if name is not None}


def window_bytes(profile: Profile) -> int:
    """What the counts of one window take, slices and outcomes included."""
    slices = slices_of(profile)
    every = [profile, *(slices.profiles.values() if slices else ())]
    taken = sum(_column_bytes(column) for each in every for column in each.columns.values())
    relations, performance = relations_of(profile), performance_of(profile)
    if relations is not None:
        taken += 4 * 8 * len(relations.columns) ** 2
    if performance is not None:
        empty = no_performance(profile).found
        if isinstance(empty, Classified):
            taken += sum(each.nbytes for each in (*empty.positives, *empty.negatives))
        else:
            taken += empty.errors.counts.nbytes
    return taken


def _column_bytes(column: ColumnProfile) -> int:
    cells = 2 * column.knots.size + 1 if isinstance(column, NumericProfile) else len(column.labels)
    return 8 * cells + _SMALL


def _groups(windows: Sequence[Span], most: int) -> Iterator[Sequence[Span]]:
    for start in range(0, len(windows), most):
        yield windows[start : start + most]


def _sampled(found: Surveyed) -> str:
    return (
        f"its {found.rows:,} rows are more than reference.memory_mb holds: it was read in parts, and knots "
        f"and what is learnt beside the columns are those of a sample of {found.sample.count:,} rows"
    )
