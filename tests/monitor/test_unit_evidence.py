"""How sure it is that a column comes in another unit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alerting.verdict import Severity, Verdict, VerdictKind
from detectors._column import Role
from monitor.judge_state import JudgeState
from tests.monitor.judging import QUANTILES, judged, noise_model, numeric, one

STEADY = noise_model(tau=0.02)
WINDY = noise_model(tau=0.25)


def _converted(
    factor: float, *, grid: dict[str, Any] | None = None, residual: float = 0.03
) -> dict[str, Any]:
    window = [factor * value for value in QUANTILES["reference"]]
    fit = {"a": 0.0, "b": factor, "residual": residual, "scale": factor, "scale_residual": residual}
    return {"quantiles": {**QUANTILES, "window": window}, "unit": fit, "grid": grid}


def _said(state: JudgeState, c1: float, evidence: dict[str, Any]) -> tuple[Verdict, JudgeState]:
    found = judged(numeric(c1=c1, evidence=evidence), noise=WINDY, state=state)
    return one(found), found.state


def test_values_between_those_of_the_reference_are_converted_however_small_the_window() -> None:
    """Two sd of the windows is nothing; no value where the reference's stood is a page at once."""
    grid = {"values": 30, "new": 0.001, "between": 0.95, "rows": 70}
    verdict = _said(JudgeState(), -0.5, _converted(0.44704, grid=grid, residual=0.4))[0]
    assert (verdict.kind, verdict.severity, verdict.sure) == (VerdictKind.BREACH, Severity.PAGE, True)
    assert verdict.change == "unit"
    assert "×0.447" in verdict.title


@pytest.mark.parametrize(
    "grid",
    [
        None,  # not every value of the reference is a knot
        {"values": 30, "new": 0.001, "between": 0.6, "rows": 70},  # many new values
        {
            "values": 2_500,
            "new": 0.0,
            "between": 0.95,
            "rows": 70,
        },  # a dry day: each hour has a value of its own
        {"values": 30, "new": 0.4, "between": 0.95, "rows": 70},  # a reference of single values: no grid
        {"values": 30, "new": 0.001, "between": 1.0, "rows": 12},  # hardly a row
    ],
)
def test_without_a_grid_two_sd_are_nothing(grid: dict[str, Any] | None) -> None:
    """The same window stays clear."""
    assert _said(JudgeState(), -0.5, _converted(0.44704, grid=grid))[0].kind is VerdictKind.CLEAR


KNOTS = [round(1.15078 * number, 5) for number in range(31)]


def _off(share: float, low: float, high: float, knots: list[float] | None = None) -> dict[str, Any]:
    """A window whose middle looks as it always did, and whose ends are these."""
    grid = {"values": 31, "new": 0.001, "between": share, "rows": 70, "knots": knots or KNOTS}
    ends = {"minimum": [0.0, low], "maximum": [KNOTS[-1], high]}
    return {**_converted(1.0, grid=grid), **ends}


@pytest.mark.parametrize("factor", [0.44704, 1.609344, 0.868976])
def test_ends_that_one_conversion_takes_to_the_digit_name_it(factor: float) -> None:
    """A calm day hides the factor from the quantiles, and single precision does not: thirty values do not lie
    there by chance."""
    high = float(np.float32(KNOTS[20] * factor))
    verdict = _said(JudgeState(), -0.1, _off(0.6, 0.0, high))[0]
    if factor == 0.868976:  # mph → knots is not among the known ones: nothing is made up
        assert verdict.change != "unit"
        return
    assert (verdict.kind, verdict.severity, verdict.change) == (VerdictKind.BREACH, Severity.PAGE, "unit")
    assert f"×{factor:.4g}" in verdict.title


def test_celsius_is_named_by_its_ends() -> None:
    """14 °C is a number that stands among those in °F too: a ninth of the values are no evidence."""
    fahrenheit = [round(1.8 * degrees + 32.0, 2) for degrees in range(-12, 38)]
    verdict = _said(JudgeState(), -1.0, _off(0.8, 12.999999999999998, 22.0, fahrenheit))[0]
    assert verdict.change == "unit"
    assert "°F → °C" in verdict.title


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [
        (0.4, 0.0, KNOTS[20] * 0.44704),  # most stand where they always did
        (0.95, 0.3, KNOTS[20] * 0.44704),  # one end does not
        (0.95, KNOTS[20] * 0.44704, KNOTS[20] * 0.44704),  # one value
        (0.95, 0.0, KNOTS[20] * 0.4471),  # nearly
    ],
)
def test_ends_that_are_not_exact_say_nothing(share: float, low: float, high: float) -> None:
    """Another rounding, another sensor: what else is known decides."""
    assert _said(JudgeState(), -0.1, _off(share, low, high))[0].change != "unit"


@pytest.mark.parametrize(
    ("knots", "low", "high"),
    [
        (range(0, 101, 5), 0.0, 100.0),  # humidity to 5 %, now to 1 %: 100 = 10 · 10
        (range(0, 201, 5), 0.0, 60.0),  # 60 = 12 · 5
        (range(41), 0.3, 3.8),  # whole numbers, now with a digit behind the point, on a calm day
        (range(41), 0.0, 28.8),  # 28.8 = 3.6 · 8
        (range(0, 1441, 15), 0.0, 600.0),  # a quarter of an hour, now a minute: 600 = 10 · 60
        (range(2), 0.0, 0.1),  # yes and no, now how likely
    ],
)
def test_the_same_unit_read_off_more_finely_is_no_conversion(knots: range, low: float, high: float) -> None:
    """Whole factors take a grid into itself made finer: that both ends lie there is chance."""
    verdict = _said(JudgeState(), -0.1, _off(0.8, low, high, [float(knot) for knot in knots]))[0]
    assert verdict.change != "unit", verdict.title


def test_off_the_grid_without_a_known_conversion_is_no_unit() -> None:
    """Half as strong again and rounded otherwise: something else happened."""
    grid = {"values": 30, "new": 0.001, "between": 0.95, "rows": 70}
    assert one(judged(numeric(c1=0.1, evidence=_converted(1.1, grid=grid)), noise=STEADY)).change != "unit"


def test_a_conversion_that_fits_window_after_window_is_believed() -> None:
    """Four sd each: no single one reaches six, the sum of a run does; a single one does not."""
    state, changes = JudgeState(), []
    for _ in range(6):
        verdict, state = _said(state, 1.1, _converted(1.609344))
        changes.append(verdict.change)
    assert changes[0] != "unit"
    assert changes[-1] == "unit"
    assert verdict.severity is Severity.PAGE
    assert JudgeState.from_json(state.to_json()) == state


def test_a_run_ends_with_a_window_that_does_not_fit() -> None:
    """What went before is forgotten."""
    state = JudgeState()
    for _ in range(6):
        _, state = _said(state, 1.1, _converted(1.609344))
    _, state = _said(state, 0.0, _converted(1.0))
    assert state.units == {}
    assert _said(state, 1.1, _converted(1.609344))[0].change != "unit"


def test_a_probability_that_stays_one_has_no_unit() -> None:
    """At 0.62 of itself a score is not in miles; a feature may be, and a score in percent is converted."""
    quantiles = {**QUANTILES, "reference": [0.1, 0.2, 0.3, 0.5, 0.9]}

    def said(factor: float, role: Role) -> str:
        evidence = _converted(factor)
        evidence["quantiles"] = {**quantiles, "window": [factor * v for v in quantiles["reference"]]}
        found = judged(replace(numeric(c1=-3.0, evidence=evidence), role=role), noise=STEADY)
        return one(found).change

    assert said(0.6214, Role.FEATURE) == "unit"
    assert said(0.6214, Role.SCORE) != "unit"
    assert said(0.6214, Role.DERIVED) != "unit"
    assert said(100.0, Role.SCORE) == "unit"
