"""What do windows that came late change of what was said since?

A window whose rows came late (a revision), or which ended after it was folded as neutral, has its place
before windows that are folded already. Alert state is a fold in window order, so it is taken up again from
the checkpoint before the late window and gone through to the end, from stored results and with the noise
models of then. Verdicts that come out otherwise replace the earlier ones, which are kept; incidents are
reconciled (alerting/revising.py). Nothing is asked of a trainer, and no model of noise is learnt from a
replay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import failpoint
from alerting.alert_state import AlertState
from alerting.fold import rebaseline
from alerting.health import Folded, WindowFold, fold_window
from alerting.incident import Incident, ResolveReason, TransitionKind, apply
from alerting.revising import Revised, reconciled, rewound
from monitor.fold_input import stored_window
from monitor.fold_output import mark_groups, worth_keeping
from monitor.logs import logger
from monitor.runtime import Runtime, Watched
from monitor.stored_window import judge_stored
from storage import checkpoints, fold_order, incidents, past, verdicts
from storage.ledger import DueWindow, Stream, WindowState
from storage.past import ByHand


@dataclass(frozen=True, slots=True, kw_only=True)
class Refolded:
    """What a late window changed."""

    window: DueWindow
    windows: int  # gone through, it among them
    changed: int  # of them, those of which something else is said now
    revised: Sequence[Revised] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One window of the replay."""

    window: DueWindow
    judge_state: dict[str, object]
    fold: WindowFold


def refold_late(runtime: Runtime, watched: Watched) -> list[Refolded]:
    """Put every late window of the inputs in its place, the oldest first."""
    found: list[Refolded] = []
    while True:
        with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
            if fold_order.late(conn, watched.name, Stream.INPUTS) is None:
                return found
        with runtime.store.write() as conn:
            late = fold_order.late(conn, watched.name, Stream.INPUTS)
            if late is None:
                return found
            refolded = _refold(runtime, watched, conn, late)
            failpoint.hit("before_refold_commit")
        failpoint.hit("after_refold_commit")
        _log(watched, refolded)
        found.append(refolded)


def _refold(runtime: Runtime, watched: Watched, conn: Connection, late: DueWindow) -> Refolded:
    now = runtime.clock.now()
    # What is skipped is neutral, and rows that are judged in a window of another length are judged once.
    unjudged = late.state is WindowState.SKIPPED or fold_order.overlapped(conn, late)
    later = fold_order.folded_from(conn, late.model, late.stream, late.span.start)
    later = [each for each in later if each.id != late.id]
    fold_order.put_in_place(conn, late.id, now)
    since = min([each.folded_at for each in later if each.folded_at] + [late.folded_at or now])
    closed_at = past.closed_at(conn, late.model)
    if unjudged or (closed_at is not None and closed_at > since):
        # Since then another reference came into force and every incident was closed: nothing can follow.
        return Refolded(window=late, windows=0, changed=0)
    before = checkpoints.before(conn, late.model, late.stream, late.span.start)
    states = {
        fingerprint: _closed(state, closed_at, folded_at)
        for fingerprint, (state, folded_at) in before.alert_states.items()
    }
    hands = past.by_hand(conn, late.model, since)
    steps = _replay(runtime, watched, conn, [late, *later], before.judge_state, states, hands)
    revised = _reconcile(conn, late, states, steps)
    named = {each.replayed_id: each.after.id for each in revised}
    window = (late.span.start, late.span.end)
    incidents.revise(conn, revised, window, now)
    changed = [_rewrite(conn, step, named, late, now) for step in steps]
    kept = {*states, *(fingerprint for step in steps for fingerprint in step.fold.states)}
    checkpoints.forget(conn, late.model, late.stream, late.span.start, kept)
    news = {each.after.id for each in revised if each.is_news}
    mark_groups(conn, runtime.config, [each.after for each in revised], news, now)
    return Refolded(window=late, windows=len(steps), changed=sum(changed), revised=revised)


def _closed(state: AlertState, closed_at: datetime | None, folded_at: datetime) -> AlertState:
    """The state as another reference left it, where one came into force after the checkpoint."""
    if closed_at is None or closed_at <= folded_at:
        return state
    return rebaseline(state, ResolveReason.REBASELINED, closed_at)[0]


def _replay(
    runtime: Runtime,
    watched: Watched,
    conn: Connection,
    windows: Sequence[DueWindow],
    judge_state: Mapping[str, object] | None,
    states: Mapping[str, AlertState],
    hands: Sequence[ByHand],
) -> list[_Step]:
    """Judge and fold again, in memory; what a person closed between two windows is closed there again."""
    steps: list[_Step] = []
    remembered, latest = judge_state, judge_state
    for number, window in enumerate(windows):
        own = checkpoints.judge_state_of(conn, window.id)
        latest = own if own and "noise" in own else latest
        stored = stored_window(runtime, watched, conn, window, latest)
        said, after = judge_stored(watched, stored, remembered)
        following = windows[number + 1].folded_at if number + 1 < len(windows) else None
        mine = [each for each in hands if following is None or each.at < following]
        hands = hands[len(mine) :]
        folded = _by_hand(fold_window(states, said, watched.folding), mine)
        states, remembered = folded.states, after
        steps.append(_Step(window=window, judge_state=after, fold=folded))
    return steps


def _by_hand(folded: WindowFold, hands: Sequence[ByHand]) -> WindowFold:
    for each in hands:
        state = folded.states.get(each.fingerprint)
        if state is None or not state.is_open:
            continue  # with the late rows there is nothing to close any more
        after, closed = rebaseline(state, ResolveReason.MANUAL, each.at)
        folded = replace(
            folded,
            states={**folded.states, each.fingerprint: after},
            changed=tuple(sorted({*folded.changed, each.fingerprint})),
            transitions=(*folded.transitions, *closed),
        )
    return folded


def _reconcile(
    conn: Connection, late: DueWindow, states: Mapping[str, AlertState], steps: Sequence[_Step]
) -> list[Revised]:
    start = late.span.start
    told = incidents.touched_since(conn, late.model, late.stream, start)
    peaks = incidents.peaks_before(conn, [each.id for each in told], start)
    replayed: dict[str, Incident] = {}
    for incident in told:
        was = rewound(
            incident,
            states.get(incident.fingerprint),
            incidents.happened(conn, incident.id),
            start,
            peaks.get(incident.id),
        )
        if was is not None:
            replayed[incident.id] = was
    for step in steps:
        for transition in step.fold.transitions:
            before = replayed.get(transition.incident_id)
            if before is None and transition.kind is TransitionKind.REOPENED:  # it was over long before
                before = incidents.get(conn, transition.incident_id)
            replayed[transition.incident_id] = apply(before, transition)
    return reconciled(told, replayed)


def _rewrite(conn: Connection, step: _Step, named: Mapping[str, str], late: DueWindow, now: datetime) -> bool:
    """Write one window's verdicts and state; whether something is said otherwise than before."""
    kept = [_named(item, named) for item in worth_keeping(step.fold)]
    changed = verdicts.replace(conn, step.window.id, kept, since=step.window.folded_at or now, now=now)
    states = [step.fold.states[fingerprint] for fingerprint in step.fold.changed]
    states = [replace(each, incident_id=named.get(each.incident_id, each.incident_id)) for each in states]
    checkpoints.rewrite(conn, step.window.id, step.judge_state, states)
    if step.window.id != late.id:
        fold_order.mark_refolded(conn, step.window.id, now)
    return changed


def _named(item: Folded, named: Mapping[str, str]) -> Folded:
    """An incident keeps the id that people know."""
    return replace(item, incident_id=named.get(item.incident_id, item.incident_id))


def _log(watched: Watched, refolded: Refolded) -> None:
    logger().info(
        "window.refolded",
        model=watched.name,
        window=refolded.window.span.start.isoformat(),
        revision=refolded.window.revision,
        windows=refolded.windows,
        changed=refolded.changed,
        incidents=sum(each.is_news for each in refolded.revised),
    )
