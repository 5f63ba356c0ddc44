"""What do a window's stored numbers mean for the people on call? Step 7: judge and fold, in window order.

One transaction a window: verdicts, the judge's and the alerts' state, incidents, events, and the mark that a
group has something to tell. Killed anywhere, the window is folded again from the same rows to the same bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection

from alerting import failpoint
from alerting.grouping import mark_dirty
from alerting.health import Folded, WindowFold, fold_window
from alerting.incident import Incident, Transition, TransitionKind
from alerting.retraining import RetrainingDecision
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from detectors import Role
from detectors._noise import NoiseModel
from monitor.judge_state import JudgeState
from monitor.judgement import WindowFacts, judge
from monitor.learning import learn_from_production
from monitor.logs import logger
from monitor.retraining import decide_retraining
from monitor.routing import groups_of
from monitor.runtime import Runtime, Watched
from monitor.windows import slots
from storage import checkpoints, fold_order, groups, incidents, ledger, measurements, profiles, verdicts
from storage.ledger import DueWindow, Stream, WindowState
from storage.measurements import ColumnResult, ColumnStatus
from storage.profiles import Reference
from storage.span import Span

_EVENTS = {
    TransitionKind.OPENED: "incident.opened",
    TransitionKind.REOPENED: "incident.reopened",
    TransitionKind.SEVERITY_UP: "incident.severity_up",
    TransitionKind.RESOLVED: "incident.resolved",
}
_FEED = {
    WindowState.DONE: VerdictKind.CLEAR,
    WindowState.NO_DATA: VerdictKind.NO_DATA,
    WindowState.LOW_VOLUME: VerdictKind.LOW_VOLUME,
    WindowState.FAILED: VerdictKind.ERROR,
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
    return [done for watched in runtime.models.values() for done in fold_model(runtime, watched)]


def fold_model(runtime: Runtime, watched: Watched, *, most: int | None = None) -> list[FoldedWindow]:
    """Fold every ended window of one model whose predecessors are folded, or the first `most` of them."""
    done: list[FoldedWindow] = []
    _pass_over(runtime, watched)
    while len(done) != most and (folded := _fold_next(runtime, watched)) is not None:
        done.append(folded)
    return done


def _fold_next(runtime: Runtime, watched: Watched) -> FoldedWindow | None:
    with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
        if not fold_order.to_fold(conn, watched.name, Stream.INPUTS):
            return None
    with runtime.store.write() as conn:
        ready = fold_order.to_fold(conn, watched.name, Stream.INPUTS)
        if not ready or _is_passed_over(ready[0], fold_order.folded_span(conn, watched.name, Stream.INPUTS)):
            return None  # a worker may just have skipped it: the next look passes over it
        folded = _fold(runtime, watched, conn, ready[0])
        failpoint.hit("before_fold_commit")
    failpoint.hit("after_fold_commit")
    _log(folded)
    _pass_over(runtime, watched)
    return folded


def _pass_over(runtime: Runtime, watched: Watched) -> None:
    """Skipped windows are neutral for every series and told to nobody; their rows say why nothing is known.

    So is one that came too late to be folded in its place: it must not hold up what follows. Many at a time:
    after years of downtime there are thousands.
    """
    while True:
        with runtime.store.read() as conn:
            if not _passed_over(conn, watched, limit=1):
                return
        with runtime.store.write() as conn:
            passed = _passed_over(conn, watched, limit=ledger.PLAN_LIMIT)
            for window in passed:
                fold_order.mark_folded(conn, window.id, runtime.clock.now())
        if passed:
            until = passed[-1].span.end.isoformat()
            logger().info("windows.skipped", model=watched.name, windows=len(passed), until=until)


def _passed_over(conn: Connection, watched: Watched, *, limit: int) -> list[DueWindow]:
    """Those at the head of what is to be folded."""
    folded = fold_order.folded_span(conn, watched.name, Stream.INPUTS)
    ready = fold_order.to_fold(conn, watched.name, Stream.INPUTS, limit=limit)
    return list(takewhile(lambda window: _is_passed_over(window, folded), ready))


def _is_passed_over(window: DueWindow, folded: Span | None) -> bool:
    """Alert state is a fold in window order: nothing can be put in before the latest folded window."""
    late = folded is not None and window.span.end <= folded.end
    return late or window.state is WindowState.SKIPPED


def _fold(runtime: Runtime, watched: Watched, conn: Connection, window: DueWindow) -> FoldedWindow:
    now = runtime.clock.now()
    said, judge_state, noise = _judge(runtime, watched, conn, window)
    result = fold_window(checkpoints.alert_states(conn, watched.name), said, watched.folding)
    touched = incidents.apply(conn, result.transitions, now)
    kept = worth_keeping(result)
    verdicts.save(conn, window.id, kept)
    checkpoints.save(conn, window.id, judge_state, [result.states[key] for key in result.changed])
    _mark_groups(runtime, conn, result, touched)
    fold_order.mark_folded(conn, window.id, now)
    if noise is not None:
        learn_from_production(runtime, watched, conn, window, noise)
    decision = decide_retraining(runtime, watched, conn, window)
    return FoldedWindow(window=window, verdicts=kept, transitions=result.transitions, decision=decision)


def _judge(
    runtime: Runtime, watched: Watched, conn: Connection, window: DueWindow
) -> tuple[list[Verdict], dict[str, object], NoiseModel | None]:
    """The verdicts of a window, its feed's last, the judge's state after it, and the noise model it used."""
    reference = profiles.get(conn, window.reference_id) if window.reference_id is not None else None
    noise = None if reference is None else _noise(runtime, watched, conn, reference)
    stored = StoredWindow(
        window=window,
        reference=reference or profiles.active(conn, watched.name),
        noise=noise,
        results=measurements.load(conn, window.id),
    )
    said, after = judge_stored(watched, stored, checkpoints.judge_state(conn, watched.name, Stream.INPUTS))
    return said, after, noise[1] if noise is not None and stored.is_judged else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWindow:
    """All that judging reads of one ended window."""

    window: DueWindow
    reference: Reference | None  # that it was measured on; where it was not measured, the one in force
    noise: tuple[int, NoiseModel] | None  # with its number; None where it was not measured
    results: Sequence[ColumnResult]

    @property
    def is_judged(self) -> bool:
        """Whether there is anything in it to judge."""
        return self.window.state in (WindowState.DONE, WindowState.LOW_VOLUME) and self.noise is not None


def judge_stored(
    watched: Watched, stored: StoredWindow, remembered: Mapping[str, Any] | None
) -> tuple[list[Verdict], dict[str, object]]:
    """The verdicts of a window, its feed's last, and the judge's state after it: pure, for `backtest` too."""
    window, reference = stored.window, stored.reference
    if not stored.is_judged or reference is None or stored.noise is None:
        columns = reference.columns if reference else ()
        neutral = [_verdict(window, column, _FEED[window.state], window.reason) for column in columns]
        return [*neutral, _feed(window)], dict(remembered or {})
    noise_id, noise = stored.noise
    basis = {"reference": reference.id, "noise": noise_id}
    # Running means of one noise model say nothing under another: they start again.
    same = remembered is not None and {key: remembered.get(key) for key in basis} == basis
    judgement = judge(
        WindowFacts(
            model=watched.name,
            start=window.span.start,
            end=window.span.end,
            revision=window.revision,
            rows=window.rows or 0,
            slots=slots(watched.spec, window.span),
            results=[result for result in stored.results if _is_judged(result)],
        ),
        noise,
        JudgeState.from_json(remembered["state"]) if remembered is not None and same else JudgeState(),
        watched.judging,
    )
    after = {**basis, "state": judgement.state.to_json()}
    return [*judgement.verdicts, _feed(window)], after


def _is_judged(result: ColumnResult) -> bool:
    """Entropy and margin are reported only: the maximum probability has all they could say.

    What is derived from a score that is not there has nothing of its own to say: one cause, one incident.
    """
    if result.role is Role.DERIVED and result.status is not ColumnStatus.OK:
        return False
    return bool(result.components) or result.status is not ColumnStatus.OK


def _noise(
    runtime: Runtime, watched: Watched, conn: Connection, reference: Reference
) -> tuple[int, NoiseModel]:
    """The noise model in force; an empty one, which is learning, where none fits the window spec."""
    stored = profiles.load_noise(conn, reference.id, str(watched.spec))
    if stored is None:
        return 0, NoiseModel(components={}, windows=0)
    return stored.id, runtime.noises.get(stored.id, lambda: NoiseModel.from_json(stored.content))


def _verdict(
    window: DueWindow, column: str, kind: VerdictKind, reason: str, *, lasting: bool = False
) -> Verdict:
    return Verdict(
        series=Series(model=window.model, column=column),
        start=window.span.start,
        end=window.span.end,
        revision=window.revision,
        kind=kind,
        incident_kind=IncidentKind.DATA
        if kind is not VerdictKind.CLEAR or not column
        else IncidentKind.DRIFT,
        immediate=lasting,
        change="" if kind is VerdictKind.CLEAR else kind.value,
        title=f"{column or 'the data feed'}: {reason}" if reason else "",
        facts={"rows": window.rows, "reason": reason} if reason else {},
    )


def _feed(window: DueWindow) -> Verdict:
    """The data feed as a whole: its series has a verdict in every window, or it could never recover."""
    lasting = window.state is WindowState.FAILED and window.error_class == "permanent"
    kind = _FEED[window.state]
    return _verdict(window, "", kind, "" if kind is VerdictKind.CLEAR else window.reason, lasting=lasting)


def worth_keeping(result: WindowFold) -> list[Folded]:
    """The verdicts that are written down: a feed that is well is not worth a row."""
    return [
        item
        for item in result.verdicts
        if item.verdict.series.column or item.verdict.kind is not VerdictKind.CLEAR
    ]


def _mark_groups(runtime: Runtime, conn: Connection, result: WindowFold, touched: Sequence[Incident]) -> None:
    """A crash after this commit cannot forget that there is something to tell."""
    now = runtime.clock.now()
    eventful = {transition.incident_id for transition in result.transitions if transition.is_event}
    for incident in touched:
        if incident.id in eventful:
            for group in groups_of(runtime.config, incident):
                groups.save(conn, mark_dirty(groups.get(conn, group.key) or group, now))


def _log(folded: FoldedWindow) -> None:
    window = folded.window
    logger().info(
        "window.folded",
        model=window.model,
        window=window.span.start.isoformat(),
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
