"""What was said about one series in one window, before anyone decides whom to tell?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from alerting.series import Series


class VerdictKind(StrEnum):
    """The last three, and hold, are neutral: they neither fire nor resolve anything."""

    BREACH = "breach"
    CLEAR = "clear"
    HOLD = "hold"
    NO_DATA = "no_data"
    LOW_VOLUME = "low_volume"
    ERROR = "error"


class Severity(StrEnum):
    """none < ticket < page. A ticket never wakes anybody."""

    NONE = "none"
    TICKET = "ticket"
    PAGE = "page"

    @property
    def level(self) -> int:
        """0, 1, 2: for comparisons."""
        return ("none", "ticket", "page").index(self.value)


class IncidentKind(StrEnum):
    DRIFT = "drift"
    PERFORMANCE = "performance"
    CONFIDENCE = "confidence"  # the score and what is derived from it
    DATA = "data"
    SERVICE = "service"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One series in one window [start, end), UTC.

    `severity` is what a breach asks for (page = it matters); the fold decides what it gets.
    `sure` breaches fire at once. `immediate` does the same for `error` verdicts (schema, permission).
    `facts` are JSON values for words and tables (value, z, p, harm, normal range, …); never decided on.
    """

    series: Series
    start: datetime
    end: datetime
    revision: int = 0
    kind: VerdictKind
    incident_kind: IncidentKind = IncidentKind.DRIFT
    severity: Severity = Severity.NONE
    sure: bool = False
    immediate: bool = False
    rank: int | None = None  # 1 = most probable cause in its window; None unless breach
    change: str = ""  # named change: shifted, spread, unit, missing, new_category, stuck, out_of_range, …
    title: str = ""  # one line for a person: "temp: median 54 → 63 °F (normal for a Tuesday 48–61)"
    facts: Mapping[str, object] = field(default_factory=dict)
