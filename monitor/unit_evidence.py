"""How sure is it that a column comes in another unit, and which?

A known conversion that fits is not enough: a windy day is 1.6 times an ordinary one. It is believed where the
window lies far outside the noise; where the same conversion fits window after window, so that their
deviations add up to as much; or where values no longer stand where the reference's stood (a wind speed read
off in knots and stored in mph has some thirty values, and in m/s it has thirty others): then nothing else
explains it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from alerting.verdict import VerdictKind
from detectors._column import Role
from monitor.column_rules import Rule, unit_rule
from monitor.component_judgement import ComponentJudgement
from monitor.judge_state import UnitRun
from monitor.normal_range import in_column_unit, usual_value
from monitor.policy import OFF_GRID, PARTLY_OFF_GRID, UNIT_Z
from monitor.shape_change import quantiles_of
from monitor.unit_change import UnitChange, exact_change, unit_change
from storage.measurements import ColumnResult

_TELLS = ("c1", "c2", "c3", "out_of_range")
_GRID_ROWS = 20  # of the window within the reference's range; with fewer, new values are chance
_GRID_NEW = 0.05  # of the reference's rows stand alone: then values are no grid
_TRACKED_Z = 2.0  # a run of windows is remembered from here on; below it nothing adds up


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEvidence:
    """What one window adds."""

    change: UnitChange | None = None  # None: not believed
    rule: Rule | None = None  # what the grid says by itself
    run: UnitRun | None = None  # to remember; None: no conversion fits


def unit_evidence(
    result: ColumnResult,
    rules: Sequence[Rule],
    components: Sequence[ComponentJudgement],
    before: UnitRun | None,
) -> UnitEvidence:
    """Whether this column looks converted, given the windows before it."""
    location = next((part for part in components if part.name == "c1"), None)
    if location is None or _has_no_unit(result):
        return UnitEvidence()
    between = _between(result.evidence, location.noise.windows)
    exact = None if between is None else exact_change(result.evidence)
    if between is not None and between >= PARTLY_OFF_GRID and exact is not None:
        return UnitEvidence(change=exact, rule=unit_rule(between))
    off_grid = between is not None and between >= OFF_GRID
    far = _breaches(rules) and any(
        abs(rule.component.score.z) >= UNIT_Z
        for rule in rules
        if rule.kind is VerdictKind.BREACH and rule.component is not None and rule.component.name in _TELLS
    )
    tracked = abs(location.score.z_now) >= _TRACKED_Z
    if not (off_grid or far or tracked):
        return UnitEvidence()
    usual, stray = _usual_factor(result, location)
    run = _run(result, location, usual, before) if tracked or off_grid else None
    averaged = None if run is None else exp(run.log_factor / run.windows)
    change = unit_change(result.evidence, usual=usual, stray=stray, averaged=averaged, certain=off_grid)
    if change is None:
        return UnitEvidence()
    rule = unit_rule(between) if off_grid and between is not None else None
    sure = off_grid or far or (_breaches(rules) and run is not None and _adds_up(run, location))
    return UnitEvidence(change=change if sure else None, rule=rule, run=run)


def _has_no_unit(result: ColumnResult) -> bool:
    """What is made of scores; and a probability that stays one: at 0.62 of itself it is not in miles."""
    if result.role is Role.DERIVED:
        return True
    quantiles = quantiles_of(result) if result.role in (Role.SCORE, Role.PREDICTION) else None
    values = [] if quantiles is None else [*quantiles["reference"], *quantiles["window"]]
    return bool(values) and all(0.0 <= value <= 1.0 for value in values)


def _breaches(rules: Sequence[Rule]) -> bool:
    return any(
        rule.kind is VerdictKind.BREACH
        and rule.component is not None
        and (rule.component.name in _TELLS or rule.lasting)
        for rule in rules
    )


def _between(evidence: Mapping[str, object], windows: int) -> float | None:
    """Share of the window's rows at values that the reference, a grid, does not have; None: it is no grid.

    Rows that share an hour share its humidity: of 2,500 values half are new on a dry day, though none stood
    in a single row of the reference. With no more values than windows each has come up time and again.
    """
    grid = evidence.get("grid")
    if not isinstance(grid, dict) or grid["between"] is None or grid["values"] > windows:
        return None
    if grid["rows"] < _GRID_ROWS or grid["new"] > _GRID_NEW:
        return None
    return float(grid["between"])


def _run(
    result: ColumnResult, location: ComponentJudgement, usual: float, before: UnitRun | None
) -> UnitRun | None:
    """One window more of the same conversion: on the same side, with a factor to speak of."""
    fit = result.evidence.get("unit")
    scale = fit.get("scale") if isinstance(fit, dict) else None
    if scale is None or scale <= 0.0:
        return None
    z, factor = location.score.z_now, log(scale / usual)
    if before is None or before.z * z < 0.0:
        return UnitRun(windows=1, z=z, log_factor=factor)
    return UnitRun(windows=before.windows + 1, z=before.z + z, log_factor=before.log_factor + factor)


def _adds_up(run: UnitRun, location: ComponentJudgement) -> bool:
    """The sum of k deviations, each of variance 1, has a variance of k·memory at most."""
    k = run.windows
    return abs(run.z) >= UNIT_Z * sqrt(k * min(float(k), location.noise.memory))


def _usual_factor(result: ColumnResult, location: ComponentJudgement) -> tuple[float, float]:
    """By which factor windows of this slot differ from the reference, and how far, in log, one may stray."""
    quantiles = quantiles_of(result)
    if quantiles is None:
        return 1.0, 0.0
    low, high = in_column_unit(location, quantiles)
    middle, median = usual_value(location, quantiles), quantiles["reference"][quantiles["levels"].index(0.5)]
    stray = 0.5 * log(high / low) if low * high > 0.0 else 0.0
    slotted = location.noise.slot != "none" and middle * median > 0.0
    return middle / median if slotted else 1.0, abs(stray)
