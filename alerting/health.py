"""Is the data itself fit to be judged, and what did one whole window do to every series?

Health is a second axis. Each series has a twin with the same labels and rule = data_health, for which a
window without usable data (no_data, low_volume, error) is the breach and any judged window is clear. It is
folded by the same table, and its incidents are of kind data. While it is bad the drift axis sees a neutral
verdict, so a drift incident neither resolves nor escalates because its data went away.

One cause, one incident: when the feed of the model as a whole is bad, its columns' health stands still,
except for errors that are `immediate` (a column that is absent or of another type).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alerting.alert_state import AlertState, Condition
from alerting.fold import HEALTH_RULE, Fold, FoldPolicy, fold, rebaseline
from alerting.incident import ResolveReason, Transition
from alerting.series import LABEL_FEED, Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind

_BAD = frozenset({VerdictKind.NO_DATA, VerdictKind.LOW_VOLUME, VerdictKind.ERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """One verdict after the fold: what goes into its row."""

    verdict: Verdict
    severity: Severity  # none | ticket | page: the worse of the two axes
    incident_id: str  # of the axis that alerts, drift first; "" none


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFold:
    """All series of one window after the fold."""

    states: Mapping[str, AlertState]  # by fingerprint: those given, with the folded ones replaced
    changed: tuple[str, ...]  # fingerprints folded in this window, sorted
    transitions: tuple[Transition, ...]  # in the order of the verdicts, drift before health
    verdicts: tuple[Folded, ...]  # in the order given


def health_series(series: Series) -> Series:
    """The same labels with rule = data_health, so that a silence on the labels covers both."""
    return replace(series, rule=HEALTH_RULE)


def health_verdict(verdict: Verdict, policy: FoldPolicy, *, feed_is_bad: bool) -> Verdict:
    """The same window as the health axis sees it.

    Bad windows fire after `health_for` of them or `health_span`, whichever is shorter: a window that long by
    itself is enough. A page for the feed as a whole and for immediate errors, else a ticket; labels that do
    not come wake nobody.
    """
    feed = _is_feed(verdict.series)
    labels = verdict.series.column == LABEL_FEED
    kind, severity, sure = VerdictKind.CLEAR, Severity.NONE, False
    if verdict.kind in _BAD:
        kind = VerdictKind.BREACH
        severity = Severity.PAGE if (feed or verdict.immediate) and not labels else Severity.TICKET
        sure = verdict.immediate or verdict.end - verdict.start >= policy.health_span
    if feed_is_bad and not feed and not verdict.immediate:
        kind, severity, sure = VerdictKind.HOLD, Severity.NONE, False
    return replace(
        verdict,
        series=health_series(verdict.series),
        kind=kind,
        incident_kind=IncidentKind.DATA,
        severity=severity,
        sure=sure,
        immediate=False,
        rank=None,
    )


def fold_window(
    states: Mapping[str, AlertState], verdicts: Sequence[Verdict], policy: FoldPolicy
) -> WindowFold:
    """Fold all verdicts of one window of one model, on both axes.

    A series without a verdict in this window stands still, but for slices and versions that are gone.
    Bad feeds must be said: the series of column ""
    needs a verdict in every window, bad or clear, or its data incident would never resolve.
    """
    after = dict(states)
    changed: set[str] = set()
    transitions: list[Transition] = []
    folded: list[Folded] = []
    feed_is_bad = any(_is_feed(verdict.series) and verdict.kind in _BAD for verdict in verdicts)

    def step(verdict: Verdict) -> Fold:
        fingerprint = verdict.series.fingerprint
        result = fold(after.get(fingerprint), verdict, policy)
        after[fingerprint] = result.state
        changed.add(fingerprint)
        transitions.extend(result.transitions)
        return result

    for verdict in verdicts:
        drift = step(verdict)
        health = step(health_verdict(verdict, policy, feed_is_bad=feed_is_bad))
        unfit = health.state.condition is Condition.FIRING
        severity = drift.severity
        if unfit and health.severity.level > severity.level:
            severity = health.severity
        folded.append(
            Folded(
                verdict=verdict,
                severity=severity,
                incident_id=health.incident_id if unfit else drift.incident_id,
            )
        )
    for fingerprint in _gone(after, verdicts, policy):
        after[fingerprint], closed = rebaseline(after[fingerprint], ResolveReason.GONE, verdicts[0].end)
        changed.add(fingerprint)
        transitions.extend(closed)
    return WindowFold(
        states=after,
        changed=tuple(sorted(changed)),
        transitions=tuple(transitions),
        verdicts=tuple(folded),
    )


def _gone(states: Mapping[str, AlertState], verdicts: Sequence[Verdict], policy: FoldPolicy) -> list[str]:
    """Open series of a slice or version that had no word for so long, while the feed of its model is good.

    A canary that was withdrawn has no rows to recover with. The whole always has a verdict, bad or clear.
    """
    feed = next((verdict for verdict in verdicts if _is_feed(verdict.series)), None)
    if feed is None or feed.kind in _BAD:
        return []
    latest = feed.end - (feed.end - feed.start) * policy.gone_after
    return sorted(
        fingerprint
        for fingerprint, state in states.items()
        if (state.series.segment or state.series.version)
        and state.is_open
        and state.end is not None
        and state.end <= latest
    )


def _is_feed(series: Series) -> bool:
    """A window has one: that of the model's rows, or that of their labels."""
    return series.column in ("", LABEL_FEED) and series.segment == ""
