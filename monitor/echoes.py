"""Which breaches of a window only repeat what another one tells? One cause, one incident.

An echo is held back: neutral, with the reason among its facts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from alerting.series import CREEP
from alerting.verdict import Severity, Verdict, VerdictKind
from detectors._column import BEHAVIOUR, JOINT, PSEUDO
from monitor.policy import PAIR

ECHO = "echo"  # the fact of a breach that is held back: why, in words
_SAME = 2.0  # standard errors: a slice strays by as much from the whole one time in twenty
_BROKEN = ("data", "unit")  # why a breach of a column matters where its feed is broken (monitor/matters.py)


def without_echoes(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts of one window, echoes held back and the other breaches ranked 1, 2, … as before."""
    alerting = {
        (said.series.column, said.series.version): said
        for said in verdicts
        if said.kind is VerdictKind.BREACH and not said.series.segment
    }
    broken = {said.series.column for said in verdicts if _is_broken(said)}
    told = [_held(said, why) if (why := _echo_of(said, alerting, broken)) else said for said in verdicts]
    ranks = sorted(said.rank for said in told if said.rank is not None)
    return [said if said.rank is None else replace(said, rank=ranks.index(said.rank) + 1) for said in told]


def _echo_of(said: Verdict, alerting: Mapping[tuple[str, str], Verdict], broken: set[str]) -> str:
    """What this breach repeats, in words; empty where it says something of its own."""
    series = said.series
    if said.kind is not VerdictKind.BREACH:
        return ""
    whole = alerting.get((series.column, series.version))
    if series.segment.startswith(f"{CREEP}=") and whole is not None:
        return "the reference in force alerts on the same column in the same window"
    if series.segment and whole is not None and _moves_along(said, whole):
        return "the whole column changed as much, or more"
    # What the model makes of its inputs, and how they go together, cannot be told from values that are
    # not theirs: a constant, another unit, infinities.
    rests_on: set[str] = set()
    if series.column == BEHAVIOUR:
        rests_on = broken
    elif series.column == JOINT:
        rests_on = broken & set(str(said.facts.get("component")).removeprefix(PAIR).split("~"))
    return f"it rests on {', '.join(sorted(rests_on))}, broken in the same window" if rests_on else ""


def _moves_along(said: Verdict, whole: Verdict) -> bool:
    """Whether a slice went where the whole went, by the same component and no further than two of its
    standard errors beyond: it is no place of the change. One that is more urgent than the whole speaks."""
    name = whole.facts.get("component")
    if said.facts.get("component") != name or said.severity.level > whole.severity.level:
        return False
    part, of_whole = (_component(verdict, name) for verdict in (said, whole))
    if part is None or of_whole is None or whole.facts.get("place") == said.series.segment:
        return False
    effect, moved = part["y"] - part["mu"], of_whole["y"] - of_whole["mu"]
    return bool(effect * moved > 0.0 and abs(effect) <= abs(moved) + _SAME * part["se"])


def _component(said: Verdict, name: object) -> Mapping[str, float] | None:
    components = said.facts.get("components")
    return components.get(name) if isinstance(components, Mapping) else None


def _is_broken(said: Verdict) -> bool:
    """Whether the values of an input are no values of its own."""
    if said.series.segment or said.series.version or said.series.column in PSEUDO:
        return False
    if said.kind is VerdictKind.ERROR:
        return said.immediate  # absent, or of another type
    rules = said.facts.get("rules")
    return said.kind is VerdictKind.BREACH and any(
        rule["kind"] == VerdictKind.BREACH and rule["matters"] in _BROKEN
        for rule in (rules if isinstance(rules, list) else ())
    )


def _held(said: Verdict, why: str) -> Verdict:
    return replace(
        said,
        kind=VerdictKind.HOLD,
        severity=Severity.NONE,
        sure=False,
        rank=None,
        facts={**said.facts, ECHO: why},
    )
