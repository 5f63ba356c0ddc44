"""What does the judge get to see of one window, and what is said where nothing can be judged?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from storage.measurements import ColumnResult


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFacts:
    """One finished window as it was stored."""

    model: str
    version: str = ""  # model version, where a result does not say its own
    start: datetime
    end: datetime
    revision: int = 0
    rows: int
    slots: Mapping[str, int]  # code by kind of slot
    results: Sequence[ColumnResult]


def unfit(facts: WindowFacts, result: ColumnResult) -> Verdict:
    """Absent or of another type: no number can be compared, and no second window is needed to know it."""
    return Verdict(
        series=series_of(facts, result),
        start=facts.start,
        end=facts.end,
        revision=facts.revision,
        kind=VerdictKind.ERROR,
        incident_kind=IncidentKind.DATA,
        severity=Severity.PAGE,
        immediate=True,
        change=str(result.status),
        title=f"{result.column}: {result.reason or result.status}",
        facts={"status": str(result.status), "reason": result.reason, "rows": result.rows},
    )


def too_few(facts: WindowFacts, result: ColumnResult) -> Verdict:
    rows = min(facts.rows, result.rows)
    return Verdict(
        series=series_of(facts, result),
        start=facts.start,
        end=facts.end,
        revision=facts.revision,
        kind=VerdictKind.LOW_VOLUME if rows else VerdictKind.NO_DATA,
        incident_kind=IncidentKind.DATA,
        title=f"{result.column}: {rows} row{'s' if rows != 1 else ''} with a value, too few to judge",
        facts={"rows": rows},
    )


def series_of(facts: WindowFacts, result: ColumnResult) -> Series:
    """Whose line of history a column's verdict belongs to."""
    version = result.version or facts.version
    return Series(model=facts.model, column=result.column, segment=result.segment, version=version)
