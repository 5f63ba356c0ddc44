"""Given what was said so far, is this series alerting after one more window?

Alert state is a fold over the verdicts of one series in window order. It knows windows, not the time of
day, so a daemon that was down for a day and catches up ends with the same history, to the bit, as one that
never was.

Rule 1: whatever changes a condition is in `TABLE` below. Rule 2: a neutral verdict (hold, no_data,
low_volume, error) is no evidence: it neither fires nor resolves; all it can do is let stale evidence expire.

Each verdict is first read as one of six signals, given what the series already remembers:

    fires     a breach that is sure, or the F-th breach among the last M decisive windows
    breaches  any other breach
    clears    a clear window that leaves the matter open
    ends      a clear window that closes it: while pending, when F breaches among M that count one already
              seen are no longer possible; while open, when it is the R-th clear in a row
    waits     a neutral window
    expires   a neutral window, the 4·F-th in a row while pending

F = fire_after, M = fire_within, R = resolve_after. On the health axis (rule = data_health, see health.py)
the table is the same with F = M = health_for and R = 1.

Remembered are the last M decisive windows, from pending until the series is ok again. They are forgotten on
every way back to ok, so an old breach cannot fire twice. The open incident's severity is a second, smaller
machine: `page` as soon as a breach that asks for a page is sure, or F of the last M decisive windows were
breaches that asked for one; else `ticket`. So persistence holds for rising as it does for firing: a ticket
of long standing does not wake anybody for one borderline window. It never falls while the incident is open.

An incident that resolved is reopened, with its id, when the series fires again within `reopen_within`
windows; severity and kind then start from the new evidence. While open its kind changes only to data, and
stays there, as retraining must not run on a broken column. Only recovered and manually resolved ones reopen:
after another reference, a pause or a removal the question is a new one.

A series flaps from the `flap_after`-th fire, reopening or resolve within `flap_within` windows, until
`flap_calm` windows without one. The fold goes on underneath; what changes is what people are told
(grouping.py), and that its incident is reopened however long ago it resolved, so that the coming and going is
one incident.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.alert_state import AlertState, Condition
from alerting.incident import ResolveReason, Transition, TransitionKind, incident_id
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind

__all__ = ["AlertState", "Fold", "FoldPolicy", "fold", "rebaseline", "recount"]

HEALTH_RULE = "data_health"


class Signal(StrEnum):
    """What a verdict means to a series (see Theory)."""

    FIRES = "fires"
    BREACHES = "breaches"
    CLEARS = "clears"
    ENDS = "ends"
    WAITS = "waits"
    EXPIRES = "expires"


_OK, _PENDING, _FIRING, _RECOVERING = Condition

TABLE: Mapping[Condition, Mapping[Signal, Condition]] = {
    condition: dict(zip(Signal, after, strict=True))
    for condition, *after in (
        # from       fires    breaches  clears       ends  waits        expires
        (_OK,         _FIRING, _PENDING, _OK,         _OK,  _OK,         _OK),
        (_PENDING,    _FIRING, _PENDING, _PENDING,    _OK,  _PENDING,    _OK),
        (_FIRING,     _FIRING, _FIRING,  _RECOVERING, _OK,  _FIRING,     _FIRING),
        (_RECOVERING, _FIRING, _FIRING,  _RECOVERING, _OK,  _RECOVERING, _RECOVERING),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPolicy:
    """How many windows it takes. Counts are windows of the one series."""

    fire_after: int = 2  # F ≥ 1
    fire_within: int = 3  # M ≥ F, decisive windows
    resolve_after: int = 3  # R ≥ 1, clear windows in a row
    health_for: int = 2  # bad windows in a row that open a data incident …
    health_span: timedelta = timedelta(hours=6)  # … or one, if it is at least this long
    reopen_within: int = 6  # windows after a resolve in which firing again is the same incident
    flap_after: int = 3  # fires, reopenings and resolves …
    flap_within: int = 48  # … within so many windows are a series that comes and goes, …
    flap_calm: int = 24  # … until so many windows passed without one
    gone_after: int = 6  # judged windows of the model without a word on a slice or version that is open

    def __post_init__(self) -> None:
        if not 1 <= self.fire_after <= self.fire_within:
            raise ValueError(
                f"fire_after: must be 1 … fire_within ({self.fire_within}), got {self.fire_after}"
            )
        if self.resolve_after < 1 or self.health_for < 1 or self.reopen_within < 0:
            raise ValueError("resolve_after and health_for must be at least 1, reopen_within at least 0")
        if self.flap_within <= self.flap_calm:  # turns would be forgotten before it is calm
            raise ValueError(
                f"flap_within: must be above flap_calm ({self.flap_calm}), got {self.flap_within}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What one window did to one series."""

    state: AlertState
    transitions: tuple[Transition, ...]
    severity: Severity  # of the verdict after the fold, see `_told_severity`
    incident_id: str  # the incident that is open after this window, or that it resolved; "" none


def fold(state: AlertState | None, verdict: Verdict, policy: FoldPolicy) -> Fold:
    """One more window; `state` is None before the first. ValueError for another series or an old window."""
    before = _next_window(state or AlertState(series=verdict.series), verdict, policy)
    fire_after, within, resolve_after = _counts(verdict.series, policy)
    signal = _signal(before, verdict, fire_after=fire_after, within=within, resolve_after=resolve_after)
    after = replace(before, condition=TABLE[before.condition][signal])
    transitions: tuple[Transition, ...] = ()
    match signal:
        case Signal.FIRES | Signal.BREACHES:
            after = replace(after, clears=0, since=before.since or verdict.start)
            if after.condition is Condition.FIRING:
                asked = _asked(after.recent, verdict, fire_after)
                after, transitions = _fire(before, after, verdict, asked)
        case Signal.CLEARS:
            if after.condition is Condition.RECOVERING:
                after = replace(after, clears=before.clears + 1)
                if before.condition is Condition.FIRING:
                    transitions = (_transition(TransitionKind.RECOVERING, after, verdict),)
        case Signal.ENDS:
            if before.is_open:
                reason = ResolveReason.RECOVERED
                transitions = (_transition(TransitionKind.RESOLVED, before, verdict, reason=reason),)
                after = replace(after, resolved_ago=0)
        case Signal.WAITS | Signal.EXPIRES:
            pass
    after, turned = _turn(after, transitions, verdict, policy)
    transitions += turned
    if after.condition is Condition.OK:
        after = replace(after, recent=(), clears=0, silent=0, since=None, severity=Severity.NONE)
    return Fold(
        state=after,
        transitions=transitions,
        severity=_told_severity(after, verdict),
        incident_id=before.incident_id if before.is_open else after.incident_id if after.is_open else "",
    )


def rebaseline(
    state: AlertState, reason: ResolveReason, at: datetime
) -> tuple[AlertState, tuple[Transition, ...]]:
    """Close what is open for another reason than recovery, and count from zero.

    `at` is when it was decided: such a resolve belongs to no window.
    """
    if reason is ResolveReason.RECOVERED:
        raise ValueError("rebaseline: only the fold can say that a series recovered")
    reopens = state.is_open and reason is ResolveReason.MANUAL
    after = AlertState(
        series=state.series,
        incident_id=state.incident_id if reopens else "",
        incident_kind=state.incident_kind,
        resolved_ago=0 if reopens else None,
        last_decisive=state.last_decisive,
        end=state.end,
    )
    if not state.is_open and not state.flapping:
        return after, ()
    resolved = Transition(
        kind=TransitionKind.RESOLVED if state.is_open else TransitionKind.STEADY,
        series=state.series,
        incident_id=state.incident_id,
        incident_kind=state.incident_kind,
        severity=state.severity,
        start=at,
        end=at,
        since=state.since or at,
        reason=reason if state.is_open else None,
    )
    return after, (resolved,)


_TURNS = (TransitionKind.OPENED, TransitionKind.REOPENED, TransitionKind.RESOLVED)


def _turn(
    after: AlertState, transitions: tuple[Transition, ...], verdict: Verdict, policy: FoldPolicy
) -> tuple[AlertState, tuple[Transition, ...]]:
    """Whether it comes and goes; its age counts windows of every kind, as `resolved_ago` does."""
    turned = any(transition.kind in _TURNS for transition in transitions)
    turns = (*after.turns, 0) if turned else after.turns
    after = replace(after, turns=turns[-policy.flap_after :])
    if turned and not after.flapping and len(turns) >= policy.flap_after:
        # Its severity and kind are those of the turn: a resolve has not yet been forgotten.
        return replace(after, flapping=True), (_transition(TransitionKind.FLAPPING, after, verdict),)
    if after.flapping and not turned and (not turns or turns[-1] >= policy.flap_calm):
        calm = (_transition(TransitionKind.STEADY, after, verdict),)
        over = after.resolved_ago is not None and after.resolved_ago > policy.reopen_within
        if over:
            after = replace(after, incident_id="", resolved_ago=None)
        return replace(after, flapping=False), calm
    return after, ()


def recount(state: AlertState) -> AlertState:
    """Other rules are in force: what was counted by the old ones does not count; what is open stays open."""
    pending = state.condition is Condition.PENDING
    return replace(
        state,
        condition=Condition.OK if pending else state.condition,
        recent=(),
        clears=0,
        silent=0,
        since=None if pending else state.since,
    )


def _next_window(state: AlertState, verdict: Verdict, policy: FoldPolicy) -> AlertState:
    """The state with this window counted, before anything is concluded from it."""
    if state.series != verdict.series:
        raise ValueError(f"fold: verdict of {verdict.series} on the state of {state.series}")
    if state.end is not None and verdict.end <= state.end:
        raise ValueError(
            f"fold: a window to {verdict.end.isoformat()} cannot follow one to {state.end.isoformat()}"
        )
    if state.resolved_ago is not None:
        ago = state.resolved_ago + 1
        over = ago > policy.reopen_within and not state.flapping
        state = replace(
            state, incident_id="" if over else state.incident_id, resolved_ago=None if over else ago
        )
    turns = tuple(age + 1 for age in state.turns if age + 1 < policy.flap_within)
    state = replace(state, turns=turns)
    if verdict.kind not in (VerdictKind.BREACH, VerdictKind.CLEAR):
        return replace(state, end=verdict.end, silent=state.silent + 1)
    mark = Severity.NONE
    if verdict.kind is VerdictKind.BREACH:
        mark = Severity.PAGE if verdict.severity is Severity.PAGE else Severity.TICKET
    _, within, _ = _counts(verdict.series, policy)
    return replace(
        state,
        end=verdict.end,
        last_decisive=verdict.end,
        silent=0,
        recent=(*state.recent, mark)[-within:],
    )


def _signal(
    before: AlertState, verdict: Verdict, *, fire_after: int, within: int, resolve_after: int
) -> Signal:
    """`before` already counts this window."""
    if verdict.kind is VerdictKind.BREACH:
        breaches = sum(mark is not Severity.NONE for mark in before.recent)
        return Signal.FIRES if verdict.sure or breaches >= fire_after else Signal.BREACHES
    if verdict.kind is VerdictKind.CLEAR:
        if before.is_open:
            return Signal.ENDS if before.clears + 1 >= resolve_after else Signal.CLEARS
        return Signal.CLEARS if _possible(before.recent, fire_after, within) else Signal.ENDS
    expired = before.condition is Condition.PENDING and before.silent >= 4 * fire_after
    return Signal.EXPIRES if expired else Signal.WAITS


def _possible(recent: tuple[Severity, ...], fire_after: int, within: int) -> bool:
    """Whether breaches in all the next windows would make F of M with a breach already seen."""
    for index, mark in enumerate(recent):
        if mark is not Severity.NONE:
            seen = sum(later is not Severity.NONE for later in recent[index:])
            if fire_after - seen <= within - (len(recent) - index):
                return True
    return False


def _asked(recent: tuple[Severity, ...], verdict: Verdict, fire_after: int) -> Severity:
    """The severity that the evidence up to this breach asks for."""
    sure = verdict.sure and verdict.severity is Severity.PAGE
    pages = sum(mark is Severity.PAGE for mark in recent)
    return Severity.PAGE if sure or pages >= fire_after else Severity.TICKET


def _fire(
    before: AlertState, after: AlertState, verdict: Verdict, asked: Severity
) -> tuple[AlertState, tuple[Transition, ...]]:
    if not before.is_open:
        reopens = before.resolved_ago is not None
        after = replace(
            after,
            incident_id=(
                before.incident_id if reopens else incident_id(verdict.series.fingerprint, verdict.start)
            ),
            incident_kind=verdict.incident_kind,
            severity=asked,
            resolved_ago=None,
        )
        kind = TransitionKind.REOPENED if reopens else TransitionKind.OPENED
        return after, (_transition(kind, after, verdict),)
    if verdict.incident_kind is IncidentKind.DATA:
        # A drifting column that also breaks: from here on nobody may train on it, whatever it began as.
        after = replace(after, incident_kind=IncidentKind.DATA)
    relapsed = before.condition is Condition.RECOVERING
    kind = TransitionKind.RELAPSED if relapsed else TransitionKind.CONTINUED
    transitions: tuple[Transition, ...] = (_transition(kind, after, verdict),)
    if asked.level > before.severity.level:
        after = replace(after, severity=asked)
        transitions += (_transition(TransitionKind.SEVERITY_UP, after, verdict),)
    return after, transitions


def _told_severity(state: AlertState, verdict: Verdict) -> Severity:
    """page: a breach in a firing incident of page severity. ticket: any other breach, or a neutral window
    while the series fires. none: the rest."""
    firing = state.condition is Condition.FIRING
    if verdict.kind is VerdictKind.BREACH:
        return Severity.PAGE if firing and state.severity is Severity.PAGE else Severity.TICKET
    return Severity.TICKET if firing else Severity.NONE


def _transition(
    kind: TransitionKind, state: AlertState, verdict: Verdict, *, reason: ResolveReason | None = None
) -> Transition:
    return Transition(
        kind=kind,
        series=verdict.series,
        incident_id=state.incident_id,
        incident_kind=state.incident_kind,
        severity=state.severity,
        start=verdict.start,
        end=verdict.end,
        since=state.since or verdict.start,
        reason=reason,
        verdict=verdict,
    )


def _counts(series: Series, policy: FoldPolicy) -> tuple[int, int, int]:
    """F, M and R of this axis."""
    if series.rule == HEALTH_RULE:
        return policy.health_for, policy.health_for, 1
    return policy.fire_after, policy.fire_within, policy.resolve_after
