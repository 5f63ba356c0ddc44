"""How is a span of windows evaluated on demand? Through the ledger, in order, like the daemon's."""

from datetime import datetime

from monitor.evaluation import evaluate_next
from monitor.exits import CommandError
from monitor.folding import FoldedWindow, fold_ready
from monitor.planning import first_start, plan_spans
from monitor.reference_build import Progress
from monitor.runtime import Runtime, Watched
from monitor.telling import flush
from monitor.windows import windows_within
from storage import ledger, profiles
from storage.ledger import Stream, WindowKind, WindowState
from storage.span import Span

_PASSED = "passed over: `leeway evaluate --from` began after it"


def evaluate_spans(
    runtime: Runtime,
    watched: Watched,
    *,
    start: datetime | None,
    end: datetime,
    notify: bool,
    progress: Progress,
) -> list[FoldedWindow]:
    """Every whole window of [start, end) that is not evaluated yet; `start` None: where the ledger ends.

    Windows before the latest folded one are refused: alert state is a fold in window order.
    """
    now = runtime.clock.now()
    with runtime.store.read() as conn:
        reference = profiles.active(conn, watched.name)
        last = ledger.last_planned(conn, watched.name, Stream.INPUTS)
        folded = ledger.folded_until(conn, watched.name, Stream.INPUTS)
    if reference is None:
        raise CommandError(
            f"{watched.name}: no reference; run `leeway reference build --model {watched.name}` first"
        )
    planned_until = last or first_start(reference, now, watched.config.window.catch_up)
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
    done: list[FoldedWindow] = []
    for index, ids in enumerate(_pending(runtime, watched, spans)):
        progress("evaluating windows", index + 1, len(spans))
        evaluate_next(runtime, ids=frozenset({ids}))
        done += [each for each in fold_ready(runtime) if each.window.model == watched.name]
    if notify:
        flush(runtime)
    return done


def _pending(runtime: Runtime, watched: Watched, spans: list[Span]) -> list[int]:
    whole = Span(start=spans[0].start, end=spans[-1].end)
    with runtime.store.read() as conn:
        rows = ledger.find(conn, watched.name, Stream.INPUTS, whole)
    return [row.id for row in rows if row.state in (WindowState.PLANNED, WindowState.CLAIMED)]
