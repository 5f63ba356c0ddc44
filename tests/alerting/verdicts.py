"""Verdicts spelled as letters: one letter a window, so that a test reads like the history it is about.

t p  breach that asks for a ticket, a page      c  clear      h  hold
T P  the same, and sure                         z  no_data    l  low_volume    e  error    E  immediate error
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from alerting.fold import AlertState, Fold, FoldPolicy, fold
from alerting.incident import Incident, apply
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind

START = datetime(2013, 5, 1, tzinfo=UTC)
SERIES = Series(model="delays", column="temp")
KINDS = {"c": "clear", "h": "hold", "z": "no_data", "l": "low_volume", "e": "error", "E": "error"}
SEVERITIES = {"t": Severity.TICKET, "p": Severity.PAGE}


def window(index: int, length: timedelta = timedelta(hours=1)) -> tuple[datetime, datetime]:
    """The index-th window since START."""
    return START + index * length, START + (index + 1) * length


def verdict(
    letter: str,
    index: int,
    *,
    series: Series = SERIES,
    length: timedelta = timedelta(hours=1),
    kind: IncidentKind = IncidentKind.DRIFT,
    rank: int | None = 1,
    facts: Mapping[str, object] | None = None,
) -> Verdict:
    """The verdict that `letter` spells, in the index-th window."""
    start, end = window(index, length)
    breach = letter.lower() in SEVERITIES
    return Verdict(
        series=series,
        start=start,
        end=end,
        kind=VerdictKind.BREACH if breach else VerdictKind(KINDS[letter]),
        incident_kind=kind,
        severity=SEVERITIES[letter.lower()] if breach else Severity.NONE,
        sure=breach and letter.isupper(),
        immediate=letter == "E",
        rank=rank if breach else None,
        change="shifted" if breach else "",
        title=f"{series.column}: {letter}{index}",
        facts=facts or {"z": float(index), "p": 0.001, "rows": 900},
    )


def run(
    letters: str,
    policy: FoldPolicy,
    *,
    state: AlertState | None = None,
    first: int = 0,
    series: Series = SERIES,
) -> list[Fold]:
    """Fold the history; `first` is the index of its first window."""
    folds = []
    for index, letter in enumerate(letters, start=first):
        folds.append(fold(state, verdict(letter, index, series=series), policy))
        state = folds[-1].state
    return folds


def incidents(folds: list[Fold]) -> dict[str, Incident]:
    """All incidents that the transitions build, by id, in order of opening."""
    found: dict[str, Incident] = {}
    for result in folds:
        for transition in result.transitions:
            found[transition.incident_id] = apply(found.get(transition.incident_id), transition)
    return found
