"""How is a span of windows evaluated on demand? Through the ledger, in order, like the daemon's."""

from dataclasses import dataclass, replace
from datetime import datetime

from alerting.health import Folded
from alerting.retraining_facts import Mode
from monitor.evaluation import evaluate_next
from monitor.exits import CommandError
from monitor.folding import FoldedWindow, fold_ready
from monitor.planning import first_start, plan_labels, plan_spans
from monitor.reference_build import Progress
from monitor.runtime import Runtime, Watched
from monitor.telling import flush
from monitor.windows import windows_within
from storage import fold_order, label_windows, ledger, profiles, verdicts
from storage.ledger import DueWindow, Stream, WindowKind
from storage.span import Span

_PASSED = "passed over: `leeway evaluate --from` began after it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came of the windows that were asked for."""

    folded: list[FoldedWindow]  # here, or by a daemon beside us
    left: list[DueWindow]  # not evaluated or not judged yet; `reason` says what they wait for
    awaited: list[DueWindow]  # windows whose labels are still to come

    def overdue(self, now: datetime) -> list[DueWindow]:
        """Those of `left` that should have been judged by now."""
        return [window for window in self.left if window.due <= now]


def evaluate_spans(
    runtime: Runtime,
    watched: Watched,
    *,
    start: datetime | None,
    end: datetime,
    notify: bool,
    progress: Progress,
) -> Evaluation:
    """Every whole window of [start, end) that is not evaluated yet; `start` None: where the ledger ends.

    Windows before the latest folded one are refused: alert state is a fold in window order.
    """
    now = runtime.clock.now()
    with runtime.store.read() as conn:
        reference = profiles.active(conn, watched.name)
        last = ledger.last_planned(conn, watched.name, Stream.INPUTS)
        folded = fold_order.folded_until(conn, watched.name, Stream.INPUTS)
    if reference is None:
        raise CommandError(
            f"{watched.name}: no reference; run `leeway reference build --model {watched.name}` first"
        )
    planned_until = last or first_start(reference.span, now, watched.config.window.catch_up)
    start = start or planned_until
    spans = list(windows_within(watched.spec, start, min(end, now)))
    if folded is not None:
        spans = [span for span in spans if span.start > folded]
    if not spans:
        until = f"; windows up to {folded:%Y-%m-%d %H:%M} UTC are folded already" if folded else ""
        raise CommandError(
            f"{watched.name}: no whole window between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC "
            f"is left to evaluate{until}"
        )
    passed = list(windows_within(watched.spec, planned_until, spans[0].start))
    if passed:  # they can never be folded after what follows them: nothing is missing without a row
        plan_spans(runtime, watched, passed, kind=WindowKind.MANUAL, skipped=_PASSED)
    plan_spans(runtime, watched, spans, kind=WindowKind.MANUAL)
    if not notify:
        runtime, watched = _asking_nobody(runtime, watched)
    plan_labels(runtime, watched)
    done: dict[int, FoldedWindow] = {}
    for index, window in enumerate(_find(runtime, watched, spans, Stream.INPUTS)):
        progress("evaluating windows", index + 1, len(spans))
        if not window.state.terminal:
            evaluate_next(runtime, ids=frozenset({window.id}))
        done |= {each.window.id: each for each in fold_ready(runtime) if each.window.model == watched.name}
    done |= _judge_labels(runtime, watched, spans[-1].end, progress)
    if notify:
        flush(runtime)
    after = _find(runtime, watched, spans, Stream.INPUTS)
    awaited = _find(runtime, watched, spans, Stream.LABELS)
    done |= {
        row.id: _stored(runtime, row) for row in (*after, *awaited) if row.folded_at and row.id not in done
    }
    return Evaluation(
        folded=sorted(done.values(), key=lambda each: (each.window.span.start, each.window.stream.value)),
        left=[row for row in after if row.id not in done],
        awaited=[row for row in awaited if row.id not in done],
    )


def _judge_labels(
    runtime: Runtime, watched: Watched, end: datetime, progress: Progress
) -> dict[int, FoldedWindow]:
    """Those that have come of all windows up to `end`: an earlier one that waits holds up what follows it."""
    with runtime.store.read() as conn:
        waiting = label_windows.waiting(conn, watched.name, until=end)
    for index, window in enumerate(waiting):
        progress("joining labels", index + 1, len(waiting))
        evaluate_next(runtime, ids=frozenset({window.id}))
    return {each.window.id: each for each in fold_ready(runtime) if each.window.model == watched.name}


def _asking_nobody(runtime: Runtime, watched: Watched) -> tuple[Runtime, Watched]:
    """A person who only looks must not start a training run: what would be asked is recorded as a dry run."""
    if watched.retraining.mode is not Mode.AUTO:
        return runtime, watched
    looking = replace(watched, retraining=replace(watched.retraining, mode=Mode.DRY_RUN))
    return replace(runtime, models={**runtime.models, watched.name: looking}), looking


def _find(runtime: Runtime, watched: Watched, spans: list[Span], stream: Stream) -> list[DueWindow]:
    whole = Span(start=spans[0].start, end=spans[-1].end)
    with runtime.store.read() as conn:
        return ledger.find(conn, watched.name, stream, whole)


def _stored(runtime: Runtime, window: DueWindow) -> FoldedWindow:
    """A window that a daemon folded before we could."""
    with runtime.store.read() as conn:
        said = [
            Folded(verdict=each.verdict, severity=each.severity, incident_id=each.incident_id)
            for each in verdicts.load(conn, window.id)
        ]
    return FoldedWindow(window=window, verdicts=said, transitions=())
