"""What do a window's stored numbers mean for the people on call? Step 7: judge and fold, in window order.

One transaction a window: verdicts, the judge's and the alerts' state, incidents, events, and the mark that a
group has something to tell. Killed anywhere, the window is folded again from the same rows to the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from sqlalchemy import Connection

from alerting import failpoint
from alerting.grouping import Group, mark_dirty, note_past
from alerting.health import Folded, WindowFold, fold_window
from alerting.incident import Incident, Transition, TransitionKind
from alerting.retraining import RetrainingDecision
from alerting.series import LABEL_FEED
from alerting.verdict import Severity, Verdict, VerdictKind
from detectors import Role
from detectors._noise import NoiseModel
from monitor.bound_versions import elsewhere
from monitor.learning import learn_from_production, learn_performance
from monitor.logs import logger
from monitor.realised import beside
from monitor.retraining import decide_retraining
from monitor.routing import group_policies, groups_of
from monitor.runtime import Runtime, Watched
from monitor.stored_window import StoredWindow, judge_stored
from storage import (
    checkpoints,
    fold_order,
    groups,
    incidents,
    label_windows,
    ledger,
    measurements,
    profiles,
    verdicts,
)
from storage.ledger import DueWindow, Stream, WindowState
from storage.measurements import ColumnResult
from storage.profiles import Reference
from storage.span import Span

__all__ = ["FoldedWindow", "StoredWindow", "fold_model", "fold_ready", "judge_stored", "worth_keeping"]

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
    return [done for watched in runtime.models.values() for done in fold_model(runtime, watched)]


def fold_model(runtime: Runtime, watched: Watched, *, most: int | None = None) -> list[FoldedWindow]:
    """Fold every ended window of one model whose predecessors are folded, or the first `most` of them."""
    done: list[FoldedWindow] = []
    for stream in Stream:  # what labels say stands beside what the inputs said
        _pass_over(runtime, watched, stream)
        while len(done) != most and (folded := _fold_next(runtime, watched, stream)) is not None:
            done.append(folded)
    return done


def _fold_next(runtime: Runtime, watched: Watched, stream: Stream) -> FoldedWindow | None:
    with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
        if not _ready(conn, watched, stream):
            return None
    with runtime.store.write() as conn:
        ready = _ready(conn, watched, stream)
        if not ready or _is_passed_over(ready[0], fold_order.folded_span(conn, watched.name, stream)):
            return None  # a worker may just have skipped it: the next look passes over it
        folded = _fold(runtime, watched, conn, ready[0])
        failpoint.hit("before_fold_commit")
    failpoint.hit("after_fold_commit")
    _log(folded)
    _pass_over(runtime, watched, stream)
    return folded


def _ready(conn: Connection, watched: Watched, stream: Stream) -> list[DueWindow]:
    """The next window of a stream, if it can be folded; labels wait for the inputs of the same rows."""
    ready = fold_order.to_fold(conn, watched.name, stream)
    if not ready or stream is Stream.INPUTS:
        return ready
    until = fold_order.folded_until(conn, watched.name, Stream.INPUTS)
    return ready if until is not None and ready[0].span.start <= until else []


def _pass_over(runtime: Runtime, watched: Watched, stream: Stream) -> None:
    """Skipped windows are neutral for every series and told to nobody; their rows say why nothing is known.

    So is one that came too late to be folded in its place: it must not hold up what follows. Many at a time:
    after years of downtime there are thousands.
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


def _passed_over(conn: Connection, watched: Watched, stream: Stream, *, limit: int) -> list[DueWindow]:
    """Those at the head of what is to be folded."""
    folded = fold_order.folded_span(conn, watched.name, stream)
    ready = fold_order.to_fold(conn, watched.name, stream, limit=limit)
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
    _mark_groups(runtime, conn, result, touched, past=is_past(window, now))
    fold_order.mark_folded(conn, window.id, now)
    if noise is not None:
        teach = learn_from_production if window.stream is Stream.INPUTS else learn_performance
        teach(runtime, watched, conn, window, noise)
    decision = decide_retraining(runtime, watched, conn, window, past=is_past(window, now))
    return FoldedWindow(window=window, verdicts=kept, transitions=result.transitions, decision=decision)


def _judge(
    runtime: Runtime, watched: Watched, conn: Connection, window: DueWindow
) -> tuple[list[Verdict], dict[str, object], NoiseModel | None]:
    """The verdicts of a window, its feed's last, the judge's state after it, and the noise model it used."""
    reference = profiles.get(conn, window.reference_id) if window.reference_id is not None else None
    noise = None if reference is None else _noise(runtime, watched, conn, reference)
    results = _results(conn, window)
    own = {} if reference is None else elsewhere(results, reference, profiles.list_(conn, watched.name))
    stored = StoredWindow(
        window=window,
        reference=reference or profiles.active(conn, watched.name),
        noise=noise,
        results=results,
        versions={version: _noise(runtime, watched, conn, found) for version, found in own.items()},
    )
    said, after = judge_stored(watched, stored, checkpoints.judge_state(conn, watched.name, window.stream))
    return said, after, noise[1] if noise is not None and stored.is_judged else None


def _results(conn: Connection, window: DueWindow) -> list[ColumnResult]:
    """What was measured; what labels say is kept beside what was said without them."""
    results = measurements.load(conn, window.id)
    if window.stream is Stream.INPUTS or not results:
        return results
    inputs = label_windows.inputs_of(conn, window.model, window.span)
    if inputs is None:
        return results
    before = measurements.load(conn, inputs.id)
    said = [each.verdict for each in verdicts.load(conn, inputs.id)]
    found = [
        beside(result, before, said) if result.role is Role.PERFORMANCE else result for result in results
    ]
    for result in found:
        measurements.add_facts(conn, window.id, result)
    return found


def _noise(
    runtime: Runtime, watched: Watched, conn: Connection, reference: Reference
) -> tuple[int, NoiseModel]:
    """The noise model in force; an empty one, which is learning, where none fits the window spec."""
    newest = profiles.newest_noise(conn, reference.id, str(watched.spec))
    if newest is None:
        return 0, NoiseModel(components={}, windows=0)
    return newest, runtime.noises.get(newest, lambda: _loaded(conn, newest))


def _loaded(conn: Connection, noise_id: int) -> NoiseModel:
    stored = profiles.get_noise(conn, noise_id)
    if stored is None:
        raise ValueError(f"no noise model {noise_id}")
    return NoiseModel.from_json(stored.content)


def worth_keeping(result: WindowFold) -> list[Folded]:
    """The verdicts that are written down: a feed that is well is not worth a row."""
    return [
        item
        for item in result.verdicts
        if item.verdict.series.column not in ("", LABEL_FEED) or item.verdict.kind is not VerdictKind.CLEAR
    ]


def is_past(window: DueWindow, now: datetime) -> bool:
    """Folded more than two intervals after it could have been: what happened in it is history by now.

    Labels are judged when they have come, which may be days later and is no downtime.
    """
    ready = window.due if window.stream is Stream.INPUTS else max(window.due, window.give_up)
    return now - ready > 2 * (window.span.end - window.span.start)


def _mark_groups(
    runtime: Runtime, conn: Connection, result: WindowFold, touched: Sequence[Incident], *, past: bool
) -> None:
    """A crash after this commit cannot forget that there is something to tell."""
    now = runtime.clock.now()
    events = {each.incident_id: each for each in result.transitions if each.is_event}
    fresh: dict[str, Group] = {}
    members: dict[str, list[str]] = {}
    for incident in touched:
        if incident.id in events:
            for group in groups_of(runtime.config, incident):
                fresh[group.key] = group
                members.setdefault(group.key, []).append(incident.id)
    for key, group in fresh.items():
        marked = mark_dirty(groups.get(conn, key) or group, now)
        if past:
            policy = group_policies(runtime.config, group.labels["model"])[group.channel]
            told = [each for each in result.transitions if each.incident_id in members[key]]
            marked = note_past(marked, told, policy)
        groups.save(conn, marked)


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
