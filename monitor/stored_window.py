"""What does one stored window say? Pure: from what was measured of it and what was remembered before it.

The daemon folds what comes out; `backtest` only counts it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerting.series import Series
from alerting.verdict import IncidentKind, Verdict, VerdictKind
from detectors import Role
from detectors._noise import NoiseModel
from monitor.creep import fixed_segments
from monitor.echoes import without_echoes
from monitor.judge_state import JudgeState
from monitor.judgement import WindowFacts, judge
from monitor.label_verdicts import label_verdicts
from monitor.runtime import Watched
from monitor.windows import slots
from storage.ledger import DueWindow, Stream, WindowState
from storage.measurements import ColumnResult, ColumnStatus
from storage.profiles import Reference

_FEED = {
    WindowState.DONE: VerdictKind.CLEAR,
    WindowState.NO_DATA: VerdictKind.NO_DATA,
    WindowState.LOW_VOLUME: VerdictKind.LOW_VOLUME,
    WindowState.FAILED: VerdictKind.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWindow:
    """All that judging reads of one ended window."""

    window: DueWindow
    reference: Reference | None  # that it was measured on; where it was not measured, the one in force
    noise: tuple[int, NoiseModel] | None  # with its number; None where it was not measured
    results: Sequence[ColumnResult]
    # By model version, what is normal for those that were measured on a reference of their own.
    versions: Mapping[str, tuple[int, NoiseModel]] = field(default_factory=dict)

    @property
    def is_judged(self) -> bool:
        """Whether there is anything in it to judge."""
        few = self.window.state is WindowState.LOW_VOLUME and self.window.stream is Stream.INPUTS
        return (self.window.state is WindowState.DONE or few) and self.noise is not None


def judge_stored(
    watched: Watched, stored: StoredWindow, remembered: Mapping[str, Any] | None
) -> tuple[list[Verdict], dict[str, object]]:
    """The verdicts of a window, its feed's last, and the judge's state after it: pure, for `backtest` too."""
    window, reference = stored.window, stored.reference
    labels, least = window.stream is Stream.LABELS, watched.judging.min_rows
    if not stored.is_judged or reference is None or stored.noise is None:
        if labels:
            return label_verdicts(window, (), (), min_rows=least), dict(remembered or {})
        columns = reference.columns if reference else ()
        neutral = [_verdict(window, column, _FEED[window.state], window.reason) for column in columns]
        return [*neutral, _feed(window)], dict(remembered or {})
    noise_id, noise = stored.noise
    basis = {"reference": reference.id, "noise": noise_id}
    # Running means of one noise model say nothing under another: they start again, but for those against a
    # fixed reference, whose noise stays the same while the one in force moves.
    # Empty until a window could be judged: the first ones may have had no rows, or no labels.
    before = JudgeState.from_json(remembered["state"]) if remembered else JudgeState()
    if remembered and {key: remembered.get(key) for key in basis} != basis:
        before = before.of_segments(fixed_segments(noise))
    judgement = judge(
        WindowFacts(
            model=watched.name,
            start=window.span.start,
            end=window.span.end,
            revision=window.revision,
            rows=window.rows or 0,
            slots=slots(watched.spec, window.span),
            results=[result for result in stored.results if _is_judged(result, labels=labels)],
        ),
        noise,
        before,
        watched.judging,
        {version: model for version, (_, model) in stored.versions.items()},
    )
    after = {**basis, "state": judgement.state.to_json()}
    if stored.versions:
        after["versions"] = {version: number for version, (number, _) in stored.versions.items()}
    if labels:
        return label_verdicts(window, judgement.verdicts, stored.results, min_rows=least), after
    return [*without_echoes(judgement.verdicts), _feed(window)], after


def _is_judged(result: ColumnResult, *, labels: bool) -> bool:
    """Entropy and margin are reported only: the maximum probability has all they could say.

    What is derived from a score that is not there has nothing of its own to say: one cause, one incident.
    What labels say of a second score is reported only: its series is folded with the inputs, and a series
    has one verdict a window.
    """
    if labels:
        return result.role is Role.PERFORMANCE
    if result.role is Role.DERIVED and result.status is not ColumnStatus.OK:
        return False
    # The service and a second score may have limits where nobody has learnt what is normal.
    limited = result.role in (Role.SERVICE, Role.SHADOW)
    return bool(result.components) or limited or result.status is not ColumnStatus.OK


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
