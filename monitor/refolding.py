"""What do windows that came late change of what was said since?

A window whose rows came late (a revision), or which ended after it was folded as neutral, has its place
before windows that are folded already. Alert state is a fold in window order, so it is taken up again from
the checkpoint before the late window and gone through to the end, from stored results and with the noise
models of then. Verdicts that come out otherwise replace the earlier ones, which are kept; incidents are
reconciled (alerting/revising.py). Nothing is asked of a trainer, and no model of noise is learnt from a
replay.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import failpoint
from alerting.alert_state import AlertState
from alerting.fold import rebaseline
from alerting.health import Folded, WindowFold, fold_window
from alerting.incident import Incident, ResolveReason, TransitionKind, apply
from alerting.revising import Reconciled, Revised, reconciled, rewound
from monitor.fold_input import stored_window
from monitor.fold_output import mark_groups, worth_keeping
from monitor.lineage import lineage_of
from monitor.logs import logger
from monitor.runtime import Runtime, Watched
from monitor.stored_window import judge_stored
from storage import checkpoints, fold_order, incidents, past, revisions, verdicts
from storage.ledger import DueWindow, Stream, WindowState
from storage.past import ByHand

# Windows in one replay: at 30 ms each the writer's turn ends before others give up waiting for it.
MOST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Refolded:
    """What late windows changed."""

    window: DueWindow  # the first of them
    windows: int  # gone through, they among them; 0: there was nothing to go through, or too much
    changed: int  # of them, those of which something else is said now
    revised: Sequence[Revised] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One window of the replay."""

    window: DueWindow
    judge_state: dict[str, object]
    fold: WindowFold
    lineage: dict[str, object]


def refold_late(runtime: Runtime, watched: Watched) -> Refolded | None:
    """Put the late windows of the inputs in their places, and go through what follows once; None: none is.

    One transaction: another look takes up what ended meanwhile.
    """
    with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
        if not fold_order.late(conn, watched.name, Stream.INPUTS):
            return None
    with runtime.store.write() as conn:
        late = fold_order.late(conn, watched.name, Stream.INPUTS)
        if not late:
            return None
        refolded = _refold(runtime, watched, conn, late)
        failpoint.hit("before_refold_commit")
    failpoint.hit("after_refold_commit")
    _log(watched, refolded)
    return refolded


def _refold(runtime: Runtime, watched: Watched, conn: Connection, late: Sequence[DueWindow]) -> Refolded:
    now = runtime.clock.now()
    judged: list[DueWindow] = []
    for window in late:
        fold_order.put_in_place(conn, window.id, now)
        # What is skipped is neutral, and rows that are judged in a window of another length are judged once.
        if window.state is not WindowState.SKIPPED and not fold_order.overlapped(conn, window):
            judged.append(window)
        else:
            revisions.give_back(conn, window)
    mine = {window.id for window in late}
    # Read when they are in place: what another worker ends meanwhile is late at the next look, not here.
    later = fold_order.folded_from(conn, watched.name, Stream.INPUTS, late[0].span.start)
    stretch = sorted(
        [*judged, *(each for each in later if each.id not in mine)], key=lambda each: each.span.start
    )
    first = judged[0].span.start if judged else None
    stretch = [each for each in stretch if first is not None and each.span.start >= first]
    turns = _turns(conn, stretch, mine)
    if first is None or len(stretch) > MOST or _is_cut_off(conn, watched.name, turns):
        # Other rules or another reference came into force since, or it is too much: the earlier rows stand.
        for window in judged:
            revisions.give_back(conn, window)
        return Refolded(window=late[0], windows=0, changed=0)
    before = checkpoints.before(conn, watched.name, Stream.INPUTS, first)
    states, hands = _as_left(conn, watched.name, before.alert_states, turns[0])
    steps = _replay(runtime, watched, conn, stretch, before.judge_state, states, hands, turns)
    found = _reconcile(conn, judged[0], states, steps)
    incidents.revise(conn, found.revised, (first, judged[0].span.end), now)
    changed = [_rewrite(conn, step, found.named, mine, now) for step in steps]
    kept = {*states, *(fingerprint for step in steps for fingerprint in step.fold.states)}
    checkpoints.forget(conn, watched.name, Stream.INPUTS, first, kept)
    news = {each.after.id for each in found.revised if each.is_news}
    mark_groups(conn, runtime.config, [each.after for each in found.revised], news, now)
    return Refolded(window=judged[0], windows=len(steps), changed=sum(changed), revised=found.revised)


def _turns(conn: Connection, stretch: Sequence[DueWindow], late: Collection[int]) -> list[datetime]:
    """When each window had its turn in the fold: the fold itself, of a late one that of the row before it.

    One that was put in its place late before has a later time than those after it: theirs count.
    """
    turns: list[datetime] = []
    upper: datetime | None = None
    for window in reversed(stretch):
        own = window if window.id not in late else revisions.earlier(conn, window) or window
        at = own.folded_at
        upper = at if upper is None else min(upper, at or upper)
        turns.append(upper or window.span.end)
    return turns[::-1]


def _is_cut_off(conn: Connection, model: str, turns: Sequence[datetime]) -> bool:
    """Whether all incidents were closed, or the rules became others, after the stretch began."""
    ends = (past.closed_at(conn, model), past.rules_changed_at(conn, model))
    return any(at is not None and at > turns[0] for at in ends)


def _as_left(
    conn: Connection, model: str, found: Mapping[str, tuple[AlertState, datetime]], turn: datetime
) -> tuple[dict[str, AlertState], list[ByHand]]:
    """The states before the first turn, with what happened to them after their checkpoints; and what people
    closed since then."""
    closed_at = past.closed_at(conn, model)
    oldest = min([turn, *(folded_at for _, folded_at in found.values())])
    hands = past.by_hand(conn, model, oldest)
    states = {}
    for fingerprint, (state, folded_at) in found.items():
        left = state
        if closed_at is not None and closed_at > folded_at:
            left = rebaseline(left, ResolveReason.REBASELINED, closed_at)[0]
        for each in hands:
            if each.fingerprint == fingerprint and folded_at <= each.at < turn and left.is_open:
                left = rebaseline(left, ResolveReason.MANUAL, each.at)[0]
        states[fingerprint] = left
    return states, [each for each in hands if each.at >= turn]


def _replay(
    runtime: Runtime,
    watched: Watched,
    conn: Connection,
    windows: Sequence[DueWindow],
    judge_state: Mapping[str, object] | None,
    states: Mapping[str, AlertState],
    hands: Sequence[ByHand],
    turns: Sequence[datetime],
) -> list[_Step]:
    """Judge and fold again, in memory; what a person closed between two windows is closed there again."""
    steps: list[_Step] = []
    remembered, latest = judge_state, judge_state
    for number, window in enumerate(windows):
        own = checkpoints.judge_state_of(conn, window.id)
        latest = own if own and "noise" in own else latest
        stored = stored_window(runtime, watched, conn, window, latest)
        said, after = judge_stored(watched, stored, remembered)
        following = turns[number + 1] if number + 1 < len(windows) else None
        mine = [each for each in hands if following is None or each.at < following]
        hands = hands[len(mine) :]
        folded = _by_hand(fold_window(states, said, watched.folding), mine)
        states, remembered = folded.states, after
        origin = lineage_of(window, stored.reference)
        steps.append(_Step(window=window, judge_state=after, fold=folded, lineage=origin))
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
) -> Reconciled:
    start = late.span.start
    told = {each.id: each for each in incidents.touched_since(conn, late.model, late.stream, start)}
    # What was over long before may be reopened, or be called steady.
    named = {each.incident_id for step in steps for each in step.fold.transitions}
    told |= {each.id: each for each in incidents.by_ids(conn, sorted(named - {*told}))}
    peaks = incidents.peaks_before(conn, [*told], start)
    replayed: dict[str, Incident] = {}
    for incident in told.values():
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
            if transition.kind is not TransitionKind.OPENED:
                before = before or told.get(transition.incident_id)
                if before is None:
                    continue  # nobody knows of it
            replayed[transition.incident_id] = apply(before, transition, step.lineage)
    return reconciled(told.values(), replayed)


def _rewrite(
    conn: Connection, step: _Step, named: Mapping[str, str], late: Collection[int], now: datetime
) -> bool:
    """Write one window's verdicts and state; whether something is said otherwise than before."""
    kept = [_named(item, named) for item in worth_keeping(step.fold)]
    changed = verdicts.replace(conn, step.window.id, kept, since=step.window.folded_at or now, now=now)
    states = [step.fold.states[fingerprint] for fingerprint in step.fold.changed]
    states = [replace(each, incident_id=named.get(each.incident_id, each.incident_id)) for each in states]
    checkpoints.rewrite(conn, step.window.id, step.judge_state, states)
    if step.window.id not in late:
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
