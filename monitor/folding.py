"""What do a window's stored numbers mean for the people on call? Step 7: judge and fold, in window order.

One transaction a window: verdicts, the judge's and the alerts' state, incidents, events, and the mark that a
group has something to tell. Killed anywhere, the window is folded again from the same rows to the same bits.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile

from sqlalchemy import Connection

from alerting import failpoint
from alerting.health import Folded, fold_window
from alerting.incident import Transition, TransitionKind
from alerting.retraining import RetrainingDecision
from alerting.verdict import Severity, VerdictKind
from monitor.backfill_fold import judge_backfilled
from monitor.catching_up import is_historical
from monitor.fold_input import fetch_noise, stored_window
from monitor.fold_output import mark_groups, worth_keeping
from monitor.learning import learn_from_production, learn_performance
from monitor.lineage import lineage_of
from monitor.logs import logger
from monitor.refolding import refold_late
from monitor.retraining import decide_retraining
from monitor.runtime import Runtime, Watched
from monitor.stored_window import judge_stored
from storage import checkpoints, fold_order, incidents, ledger, verdicts
from storage.ledger import DueWindow, Stream, WindowKind, WindowState
from storage.span import Span

_EVENTS = {
    TransitionKind.OPENED: "incident.opened",
    TransitionKind.REOPENED: "incident.reopened",
    TransitionKind.SEVERITY_UP: "incident.severity_up",
    TransitionKind.RESOLVED: "incident.resolved",
    TransitionKind.FLAPPING: "incident.flapping",
    TransitionKind.STEADY: "incident.steady",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedWindow:
    """One window after the fold."""

    window: DueWindow
    verdicts: Sequence[Folded]
    transitions: Sequence[Transition]
    decision: RetrainingDecision | None = None  # None: none was due

    @property
    def severity(self) -> Severity:
        """The worst of its verdicts."""
        return max((item.severity for item in self.verdicts), key=lambda s: s.level, default=Severity.NONE)


def fold_ready(runtime: Runtime) -> list[FoldedWindow]:
    """Fold every ended window whose predecessors are folded, model by model."""
    return [
        done
        for name, streams in with_work(runtime).items()
        for done in fold_model(runtime, runtime.models[name], streams=streams)
    ]


def with_work(runtime: Runtime) -> dict[str, Collection[Stream]]:
    """The models with something to fold, in the config's order, and in which streams."""
    with runtime.store.read() as conn:
        found = fold_order.models_with_work(conn)
    return {name: found[name] for name in runtime.models if name in found}


def fold_model(
    runtime: Runtime,
    watched: Watched,
    *,
    most: int | None = None,
    streams: Collection[Stream] = frozenset(Stream),
) -> list[FoldedWindow]:
    """Fold every ended window of one model whose predecessors are folded, or the first `most` of them.

    `streams`: of which there is anything to fold, as `with_work` says.
    """
    done: list[FoldedWindow] = []
    for stream in (each for each in Stream if each in streams):  # what labels say stands beside the inputs'
        _pass_over(runtime, watched, stream)
        if stream is Stream.INPUTS:  # labels wait for those before them as long as max_delay lets them
            _wait_no_longer(runtime, watched)
        while len(done) != most and (folded := _fold_next(runtime, watched, stream)) is not None:
            done.append(folded)
    if Stream.INPUTS in streams:
        judge_backfilled(runtime, watched, most=most)
        refold_late(runtime, watched)  # last: what goes wrong with the past must not hold up today
    return done


def _fold_next(runtime: Runtime, watched: Watched, stream: Stream) -> FoldedWindow | None:
    with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
        ready = _ready(conn, watched, stream)
        if not ready:
            return None
        fetch_noise(runtime, watched, conn, ready[0])  # before others have to wait for their turn
    with runtime.store.write() as conn:
        ready = _ready(conn, watched, stream)
        if not ready or _has_no_turn(ready[0], fold_order.folded_span(conn, watched.name, stream)):
            return None  # a worker may just have ended it: the next look passes over it, or goes back to it
        folded = _fold(runtime, watched, conn, ready[0])
        failpoint.hit("before_fold_commit")
    failpoint.hit("after_fold_commit")
    _log(folded)
    _pass_over(runtime, watched, stream)
    return folded


def _ready(conn: Connection, watched: Watched, stream: Stream) -> list[DueWindow]:
    """The next window of a stream, if it can be folded; labels wait for the inputs of the same rows."""
    if stream is Stream.INPUTS:
        folded = fold_order.folded_until(conn, watched.name, stream)
        return fold_order.to_fold(conn, watched.name, stream, beyond=folded)
    ready = fold_order.to_fold(conn, watched.name, stream)
    if not ready:
        return ready
    until = fold_order.folded_until(conn, watched.name, Stream.INPUTS)
    return ready if until is not None and ready[0].span.start <= until else []


def _pass_over(runtime: Runtime, watched: Watched, stream: Stream) -> None:
    """Skipped windows are neutral for every series and told to nobody; their rows say why nothing is known.

    So are labels that came too late to be folded in their place: they must not hold up what follows. Many at
    a time: after years of downtime there are thousands.
    """
    while True:
        with runtime.store.read() as conn:
            if not _passed_over(conn, watched, stream, limit=1):
                return
        with runtime.store.write() as conn:
            passed = _passed_over(conn, watched, stream, limit=ledger.PLAN_LIMIT)
            for window in passed:
                fold_order.mark_folded(conn, window.id, runtime.clock.now())
        if passed:
            until = passed[-1].span.end.isoformat()
            logger().info("windows.skipped", model=watched.name, windows=len(passed), until=until)


def _wait_no_longer(runtime: Runtime, watched: Watched) -> None:
    """A window that is late by an interval holds up what follows no longer: it is folded as neutral.

    When it has ended, the fold is taken up again before it (refold_late).
    """
    now = runtime.clock.now()
    with runtime.store.read() as conn:
        if not fold_order.overdue(conn, watched.name, Stream.INPUTS, now):
            return
    with runtime.store.write() as conn:
        passed = [
            window
            for window in fold_order.overdue(conn, watched.name, Stream.INPUTS, now)
            if fold_order.mark_provisional(conn, window.id, now)
        ]
    for window in passed:
        logger().warning(
            "window.overdue",
            model=watched.name,
            window=window.span.start.isoformat(),
            state=window.state,
            reason=window.reason,
        )


def _passed_over(conn: Connection, watched: Watched, stream: Stream, *, limit: int) -> list[DueWindow]:
    """Those at the head of what is to be folded."""
    folded = fold_order.folded_span(conn, watched.name, stream)
    beyond = folded.start if folded is not None and stream is Stream.INPUTS else None
    ready = fold_order.to_fold(conn, watched.name, stream, limit=limit, beyond=beyond)
    return list(takewhile(lambda window: _is_passed_over(window, folded), ready))


def _is_passed_over(window: DueWindow, folded: Span | None) -> bool:
    late = window.stream is Stream.LABELS and _has_no_turn(window, folded)
    return late or window.state is WindowState.SKIPPED


def _has_no_turn(window: DueWindow, folded: Span | None) -> bool:
    """Alert state is a fold in window order: nothing can be put in before the latest folded window."""
    late = folded is not None and window.span.start <= folded.start
    return late or window.state is WindowState.SKIPPED


def _fold(runtime: Runtime, watched: Watched, conn: Connection, window: DueWindow) -> FoldedWindow:
    now = runtime.clock.now()
    stored = stored_window(runtime, watched, conn, window)
    remembered = checkpoints.judge_state(conn, watched.name, window.stream)
    said, judge_state = judge_stored(watched, stored, remembered)
    noise = stored.noise[1] if stored.noise is not None and stored.is_judged else None
    result = fold_window(checkpoints.alert_states(conn, watched.name), said, watched.folding)
    origin = lineage_of(window, stored.reference)
    touched = incidents.apply(conn, result.transitions, now, lineage=origin)
    kept = worth_keeping(result)
    verdicts.save(conn, window.id, kept)
    checkpoints.save(conn, window.id, judge_state, [result.states[key] for key in result.changed])
    # What `leeway evaluate` looks at by hand is told by it, or to nobody: it is no downtime.
    past = is_historical(watched, window, now)
    history = past and window.kind is WindowKind.SCHEDULED
    eventful = {transition.incident_id for transition in result.transitions if transition.is_event}
    told = result.transitions if history else ()
    mark_groups(conn, runtime.config, touched, eventful, now, past=told)
    fold_order.mark_folded(conn, window.id, now)
    if noise is not None:
        teach = learn_from_production if window.stream is Stream.INPUTS else learn_performance
        teach(runtime, watched, conn, window, noise)
    decision = decide_retraining(runtime, watched, conn, window, past=past, lineage=origin)
    return FoldedWindow(window=window, verdicts=kept, transitions=result.transitions, decision=decision)


def _log(folded: FoldedWindow) -> None:
    window = folded.window
    logger().info(
        "window.folded",
        model=window.model,
        window=window.span.start.isoformat(),
        stream=None if window.stream is Stream.INPUTS else window.stream,
        state=window.state,
        severity=folded.severity,
        breaches=sum(item.verdict.kind is VerdictKind.BREACH for item in folded.verdicts),
    )
    for transition in folded.transitions:
        if (event := _EVENTS.get(transition.kind)) is not None:
            logger().warning(
                event,
                model=transition.series.model,
                column=transition.series.column,
                severity=transition.severity,
                incident=transition.incident_id[:8],
                title=transition.verdict.title if transition.verdict else "",
                reason=transition.reason,
            )
