"""What does the fold remember of one series between two windows?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from alerting.series import Series
from alerting.verdict import IncidentKind, Severity


class Condition(StrEnum):
    """Where one series stands. Firing and recovering have an open incident."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """All that the fold remembers of one series."""

    series: Series
    condition: Condition = Condition.OK
    recent: tuple[Severity, ...] = ()  # last decisive windows, oldest first: none = clear, else the breach
    clears: int = 0  # clear windows in a row while recovering
    silent: int = 0  # neutral windows in a row
    since: datetime | None = None  # start of the first breach of the run; None while ok
    incident_id: str = ""  # the open one, or the one that may still be reopened; "" none
    incident_kind: IncidentKind = IncidentKind.DRIFT
    severity: Severity = Severity.NONE  # of the open incident
    resolved_ago: int | None = None  # windows since it resolved; None: nothing to reopen
    last_decisive: datetime | None = None  # end of the last breach or clear window
    end: datetime | None = None  # end of the last folded window
    turns: tuple[int, ...] = ()  # windows since its latest fires, reopenings and resolves, oldest first
    flapping: bool = False  # comes and goes; its incident stays the same one meanwhile

    @property
    def is_open(self) -> bool:
        """Whether the series has an open incident."""
        return self.condition in (Condition.FIRING, Condition.RECOVERING)

    def to_json(self) -> dict[str, object]:
        """Only JSON values; `from_json` gives an equal state back."""
        return {
            "series": {
                "model": self.series.model,
                "column": self.series.column,
                "segment": self.series.segment,
                "version": self.series.version,
                "rule": self.series.rule,
            },
            "condition": self.condition.value,
            "recent": [severity.value for severity in self.recent],
            "clears": self.clears,
            "silent": self.silent,
            "since": _to_text(self.since),
            "incident_id": self.incident_id,
            "incident_kind": self.incident_kind.value,
            "severity": self.severity.value,
            "resolved_ago": self.resolved_ago,
            "last_decisive": _to_text(self.last_decisive),
            "end": _to_text(self.end),
            "turns": list(self.turns),
            "flapping": self.flapping,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The state that `to_json` wrote."""
        return cls(
            series=Series(**value["series"]),
            condition=Condition(value["condition"]),
            recent=tuple(Severity(severity) for severity in value["recent"]),
            clears=value["clears"],
            silent=value["silent"],
            since=_from_text(value["since"]),
            incident_id=value["incident_id"],
            incident_kind=IncidentKind(value["incident_kind"]),
            severity=Severity(value["severity"]),
            resolved_ago=value["resolved_ago"],
            last_decisive=_from_text(value["last_decisive"]),
            end=_from_text(value["end"]),
            turns=tuple(value.get("turns", ())),  # states of before 0004 have none
            flapping=value.get("flapping", False),
        )


def _to_text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
