"""Where in the whole did a change happen: in one slice of it, or in how much there is of each slice?"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from alerting.sanitise import clean
from alerting.verdict import Verdict, VerdictKind
from monitor import wording
from monitor.component_judgement import ComponentJudgement
from monitor.families import Family, family
from monitor.wording import percent
from storage.measurements import ColumnResult

_ALL = 0.95  # of the change lies in one slice: "all of it"
_MOST = 0.8
_COVERED = 0.9  # of the reference's rows must lie in slices, or what they add up to is not the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One column in one slice of a window."""

    result: ColumnResult
    components: Sequence[ComponentJudgement]
    breaches: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Words to add to the title of the whole; `mix`: no slice changed, only how much there is of each."""

    words: str
    segment: str
    mix: bool = False


def located(
    columns: Sequence[tuple[ColumnResult, Sequence[ComponentJudgement], Verdict]],
) -> list[Verdict]:
    """Verdicts of one window, those of whole columns with the slice where it happened, where there is one."""
    slices: dict[str, list[Slice]] = defaultdict(list)
    for result, components, verdict in columns:
        if result.segment and not result.version:
            breaches = verdict.kind is VerdictKind.BREACH
            slices[result.column].append(Slice(result=result, components=components, breaches=breaches))
    return [
        _with_place(verdict, result, components, slices[result.column])
        if family(result) is Family.INPUTS
        else verdict
        for result, components, verdict in columns
    ]


def _with_place(
    verdict: Verdict,
    result: ColumnResult,
    components: Sequence[ComponentJudgement],
    slices: Sequence[Slice],
) -> Verdict:
    """The verdict of the whole with the words on where it happened, where there are any."""
    lead = verdict.facts.get("component")
    part = next((part for part in components if part.name == lead), None)
    if verdict.kind is not VerdictKind.BREACH or not slices or part is None:
        return verdict
    found = locate(part, result.rows, slices)
    if found is None:
        return verdict
    return replace(
        verdict,
        change="mix" if found.mix and verdict.change == "shifted" else verdict.change,
        title=f"{verdict.title}, {found.words}",
        facts={**verdict.facts, "place": found.segment},
    )


def locate(part: ComponentJudgement, rows: int, slices: Sequence[Slice]) -> Located | None:
    """`part`: what decided of the whole, of so many rows; `slices`: the same column, of every slicing."""
    slicings: dict[str, list[Slice]] = defaultdict(list)
    for each in slices:
        slicings[each.result.segment.partition("=")[0]].append(each)
    found = [_one_slice(part, rows, group) for group in slicings.values()]
    best = max((f for f in found if f is not None), key=lambda f: f[0], default=None)
    if best is not None:
        share, segment = best
        return Located(
            words=f"{'all' if share >= _ALL else 'most'} of it in {clean(segment)}", segment=segment
        )
    if part.name != "c1":
        return None
    return next((moved for group in slicings.values() if (moved := _mix(group)) is not None), None)


def _one_slice(part: ComponentJudgement, rows: int, slices: Iterable[Slice]) -> tuple[float, str] | None:
    """(share of the change, segment) of the slice that breaches and holds most of it."""
    excess = {}
    held = {}
    for each in slices:
        own = next((p for p in each.components if p.name == part.name), None)
        if own is not None:
            excess[each.result.segment] = own.score.effect * own.score.n
            held[each.result.segment] = own.score.n / rows if each.breaches else 1.0
    total = sum(abs(value) for value in excess.values())
    if not total:
        return None
    segment = max(excess, key=lambda name: abs(excess[name]))
    share = abs(excess[segment]) / total
    # A slice that is nearly the whole is no place; one that holds no more than its part is none either.
    if share < _MOST or held[segment] >= _MOST or excess[segment] * part.score.effect <= 0.0:
        return None
    return share, segment


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stratum:
    segment: str
    rows: tuple[float, float]  # with a value, in reference and window
    mean: tuple[float, float]


def _mix(slices: Sequence[Slice]) -> Located | None:
    """Means by slice as they were, rows as they are now: whether that alone moves the mean of the whole."""
    strata = [stratum for each in slices if (stratum := _stratum(each.result)) is not None]
    before, now = (sum(each.rows[i] for each in strata) for i in (0, 1))
    if len(strata) < max(2.0, _COVERED * len(slices)) or not before or not now:
        return None
    middle = sum(each.rows[0] / before * each.mean[0] for each in strata)
    moved = {
        each.segment: (each.rows[1] / now - each.rows[0] / before) * (each.mean[0] - middle)
        for each in strata
    }
    total = sum(each.rows[1] / now * each.mean[1] for each in strata) - middle
    if not total or not _MOST <= sum(moved.values()) / total <= 1.0 / _MOST:
        return None
    most = max(strata, key=lambda each: abs(moved[each.segment]))
    shares = f"{percent(most.rows[0] / before)} → {percent(most.rows[1] / now)} of rows"
    return Located(words=f"the mix moved: {clean(most.segment)} {shares}", segment=most.segment, mix=True)


def _stratum(result: ColumnResult) -> _Stratum | None:
    """None where a mean or a count is not known; a slice without rows now has its old mean."""
    rows, means = wording.pair(result.evidence, "values"), wording.pair(result.evidence, "mean")
    if rows[0] is None or rows[1] is None or means[0] is None:
        return None
    return _Stratum(
        segment=result.segment,
        rows=(rows[0], rows[1]),
        mean=(means[0], means[0] if means[1] is None else means[1]),
    )
