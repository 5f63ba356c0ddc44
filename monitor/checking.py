"""What would the daemon say of the rows in a file? Steps 4 to 7 for one file, and nothing is written.

Cut into the model's windows where the file has its times, else taken for one window; judged as the first ever
seen. A window that the file holds in part is left out when it is small beside the others, and how many rows
there are is not judged: a file is a sample, not a feed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from alerting.alert_state import AlertState
from alerting.health import Folded, fold_window
from alerting.verdict import Severity
from detectors import Profile, WindowSummary
from detectors._column import FRESHNESS, VOLUME
from detectors._noise import NoiseModel
from monitor.bound_versions import elsewhere, measured_by_version
from monitor.build import build_file_source
from monitor.columns import extras
from monitor.counting import count_span
from monitor.exits import CommandError
from monitor.measuring import is_column, measure_window
from monitor.reference_build import Progress, quiet
from monitor.runtime import Watched
from monitor.source import Source, SourceError
from monitor.stored_window import StoredWindow, judge_stored
from monitor.windows import window_at, windows
from storage import profiles
from storage.due_window import DueWindow, Stream, WindowKind, WindowState
from storage.engine import Store
from storage.measurements import ColumnResult, ColumnStatus
from storage.profiles import Reference
from storage.span import Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedWindow:
    """One window of the file, and what would be said of it, the worst first."""

    span: Span
    rows: int
    verdicts: tuple[Folded, ...]

    @property
    def severity(self) -> Severity:
        """The worst of its verdicts."""
        return max((item.severity for item in self.verdicts), key=lambda s: s.level, default=Severity.NONE)

    @property
    def told(self) -> list[Folded]:
        """What a person would have to look at."""
        return [item for item in self.verdicts if item.severity is not Severity.NONE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A file held against the reference in force."""

    reference: Reference
    windows: tuple[CheckedWindow, ...]
    columns: int  # judged in the last window
    learning: bool  # too little is known of normal: columns make tickets only
    notices: tuple[str, ...]

    @property
    def severity(self) -> Severity:
        return max((each.severity for each in self.windows), key=lambda s: s.level, default=Severity.NONE)


def check_file(
    store: Store, watched: Watched, path: Path, *, at: datetime, progress: Progress = quiet
) -> Checked:
    """`at`: when the rows of a file without times are supposed to be of. Raises SourceError, CommandError."""
    with store.read() as conn:
        reference = profiles.active(conn, watched.name)
        if reference is None:
            raise CommandError(
                f"{watched.name}: no reference; run `leeway reference build --model {watched.name}` first"
            )
        references = profiles.list_(conn, watched.name)
    profile = _profile(store, reference)
    noise_id, noise = _noise(store, watched, reference)
    built = build_file_source(watched.config, path)
    notices = list(built.notices)
    spans: list[Span | None] = [None]
    if built.timed:
        spans, left_out = _windows(watched, built.source)
        if left_out:
            notices.append(
                f"{left_out:,} rows at the ends are left out: the file holds little of their windows"
            )
    else:
        notices.append(f"the file has no times: taken for the window of {at:%Y-%m-%d %H:%M} UTC")
    checked: list[CheckedWindow] = []
    alerts: dict[str, AlertState] = {}
    remembered: dict[str, object] | None = None
    for index, span in enumerate(spans):
        progress("checking windows", index + 1, len(spans))
        summary, measured = _measure(watched, profile, built.source, span, path)
        rows = summary.rows
        results = measured_by_version(
            summary,
            measured,
            references,
            reference,
            partial(_profile, store),
            built.source,
            span,
            watched,
        )
        window = _as_window(watched, span or window_at(watched.spec, at), rows)
        said, remembered = judge_stored(
            watched,
            StoredWindow(
                window=window,
                reference=reference,
                noise=(noise_id, noise),
                results=[result for result in results if result.column not in (VOLUME, FRESHNESS)],
                versions={
                    version: _noise(store, watched, own)
                    for version, own in elsewhere(results, reference, references).items()
                },
            ),
            remembered,
        )
        folded = fold_window(alerts, said, watched.folding)
        alerts = dict(folded.states)
        checked.append(CheckedWindow(span=window.span, rows=rows, verdicts=_worst_first(folded.verdicts)))
    return Checked(
        reference=reference,
        windows=tuple(checked),
        columns=sum(bool(item.verdict.series.column) for item in checked[-1].verdicts),
        learning=noise.learning,
        notices=tuple(notices),
    )


def _profile(store: Store, reference: Reference) -> Profile:
    with store.read() as conn:
        return profiles.load_profile(conn, reference.id)


def _noise(store: Store, watched: Watched, reference: Reference) -> tuple[int, NoiseModel]:
    with store.read() as conn:
        stored = profiles.load_noise(conn, reference.id, str(watched.spec))
    return (
        (stored.id, NoiseModel.from_json(stored.content))
        if stored
        else (0, NoiseModel(components={}, windows=0))
    )


def _windows(watched: Watched, source: Source) -> tuple[list[Span | None], int]:
    """The windows of the file's rows, and how many rows lie in windows that it holds too little of."""
    newest = source.watermark()
    first = _oldest(source)
    if newest is None or first is None:
        return [None], 0
    spans = list(windows(watched.spec, first, window_at(watched.spec, newest).end))
    sizes = [source.fingerprint(span).rows for span in spans]
    half = median(size for size in sizes if size) / 2
    ends = {index for index in (0, len(spans) - 1) if sizes[index] < half} if len(spans) > 1 else set()
    kept: list[Span | None] = [span for index, span in enumerate(spans) if index not in ends and sizes[index]]
    return kept, sum(sizes[index] for index in ends)


def _oldest(source: Source) -> datetime | None:
    """Rows need not be in order: all times are looked at, and nothing else is read."""
    oldest: int | None = None
    for batch in source.pull(None, {}).batches:
        if batch.times is not None and batch.rows:
            first = int(batch.times.min())
            oldest = first if oldest is None else min(oldest, first)
    return None if oldest is None else _EPOCH + timedelta(microseconds=oldest)


def _measure(
    watched: Watched, profile: Profile, source: Source, span: Span | None, path: Path
) -> tuple[WindowSummary, Sequence[ColumnResult]]:
    counted = count_span(source, profile, span, extras(watched.config))
    summary = counted.summary
    if not summary.rows:
        raise SourceError(f"{path}: has no rows that source.filter lets pass", transient=False)
    results = measure_window(profile, summary, counted.problems, watched.detectors)
    columns = [result for result in results if is_column(profile, result)]
    if all(result.status in (ColumnStatus.ABSENT, ColumnStatus.RETYPED) for result in columns):
        raise SourceError(
            f"{path}: has no column of the reference; the first is {columns[0].column}: {columns[0].reason}",
            transient=False,
        )
    return summary, results


def _as_window(watched: Watched, span: Span, rows: int) -> DueWindow:
    """The row that the ledger would have had."""
    few = rows < watched.config.window.min_rows
    return DueWindow(
        id=0,
        model=watched.name,
        stream=Stream.INPUTS,
        kind=WindowKind.MANUAL,
        span=span,
        due=span.end,
        recheck=span.end,
        give_up=span.end,
        state=WindowState.LOW_VOLUME if few else WindowState.DONE,
        reason=f"{rows} rows, fewer than window.min_rows: nothing is judged" if few else "",
        next_try=span.end,
        rows=rows,
        planned_at=span.end,
    )


def _worst_first(verdicts: Sequence[Folded]) -> tuple[Folded, ...]:
    return tuple(
        sorted(verdicts, key=lambda item: (-item.severity.level, item.verdict.rank or len(verdicts)))
    )
