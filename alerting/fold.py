"""Given what was said so far, is this series alerting after one more window?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from alerting.incident import ResolveReason, Transition
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict


class Condition(StrEnum):
    """Where one series stands."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPolicy:
    """How many windows it takes. Counts are windows of this series."""

    fire_after: int = 2
    fire_within: int = 3
    resolve_after: int = 3
    health_for: int = 2
    health_span: timedelta = timedelta(hours=6)
    reopen_within: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """All that the fold remembers of one series."""

    series: Series
    condition: Condition = Condition.OK
    recent: tuple[Severity, ...] = ()  # last decisive windows, oldest first: none = clear, else the breach
    clears: int = 0  # clear windows in a row while recovering
    silent: int = 0  # neutral windows in a row
    since: datetime | None = None  # start of the first breach of the run
    incident_id: str = ""  # the open one, or the one that may still be reopened; "" none
    incident_kind: IncidentKind = IncidentKind.DRIFT
    severity: Severity = Severity.NONE  # of the open incident
    resolved_ago: int | None = None  # windows since it resolved; None: nothing to reopen
    last_decisive: datetime | None = None  # end of the last breach or clear window
    end: datetime | None = None  # end of the last folded window

    def to_json(self) -> dict[str, object]:
        """Only JSON values; `from_json` gives an equal state back."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Self:
        """The state that `to_json` wrote."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What one window did to one series."""

    state: AlertState
    transitions: tuple[Transition, ...]
    severity: Severity  # of the verdict after the fold
    incident_id: str  # the incident that is open after this window, or that it resolved; "" none


def fold(state: AlertState | None, verdict: Verdict, policy: FoldPolicy) -> Fold:
    """One more window. Windows come strictly in order."""
    raise NotImplementedError


def rebaseline(
    state: AlertState, reason: ResolveReason, at: datetime
) -> tuple[AlertState, tuple[Transition, ...]]:
    """Close what is open for another reason than recovery, and count from zero."""
    raise NotImplementedError
