"""Is the data itself fit to be judged, and what did one whole window do to every series?

Health is a second axis: each series has a twin with rule = data_health, folded by the same table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerting.fold import AlertState, FoldPolicy
from alerting.incident import Transition
from alerting.series import Series
from alerting.verdict import Severity, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """One verdict after the fold: what goes into its row."""

    verdict: Verdict
    severity: Severity
    incident_id: str  # "" none


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFold:
    """All series of one window after the fold."""

    states: Mapping[str, AlertState]  # by fingerprint: those given, with the folded ones replaced
    changed: tuple[str, ...]  # fingerprints folded in this window
    transitions: tuple[Transition, ...]
    verdicts: tuple[Folded, ...]  # in the order given


def health_series(series: Series) -> Series:
    """The same labels with rule = data_health."""
    raise NotImplementedError


def fold_window(
    states: Mapping[str, AlertState], verdicts: Sequence[Verdict], policy: FoldPolicy
) -> WindowFold:
    """Fold all verdicts of one window, drift and health axis of each."""
    raise NotImplementedError
