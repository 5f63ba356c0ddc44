"""Do the components move as their names say?"""

import numpy as np
import pytest

from detectors import (
    CategoryColumn,
    Column,
    Component,
    NumericColumn,
    Role,
    ScoreSpec,
    build_profile,
    count,
)
from detectors._components import components
from detectors._evidence import evidence

RNG = np.random.default_rng(11)
NORMAL = RNG.normal(size=20_000)


def measured(reference: Column, window: Column, rows: int | None = None) -> dict[str, Component]:
    profile = build_profile({"x": reference}, roles={})
    summary = count(profile, {"x": window}, len(window))
    found = components(profile.columns["x"], summary.columns["x"], rows or len(window))
    return {component.name: component for component in found}


def number(values: np.ndarray) -> NumericColumn:
    return NumericColumn(values=np.asarray(values, dtype=np.float64))


def labels(text: str, known: str = "abcdz") -> CategoryColumn:
    codes = [known.index(letter) if letter in known else -1 for letter in text]
    return CategoryColumn(codes=np.array(codes, dtype=np.int32), labels=tuple(known))


def test_the_reference_itself_has_standard_components() -> None:
    """Mean 0 and variance 1: the Legendre polynomials are orthonormal on the mid-ranks."""
    found = measured(number(NORMAL), number(NORMAL))
    for name in ("c1", "c2", "c3"):
        assert found[name].y == pytest.approx(0.0, abs=1e-3)
        assert found[name].variance == pytest.approx(1.0, abs=1e-2)


def test_components_are_row_means_of_legendre_polynomials() -> None:
    """Against a plain twin: mid-rank of each row, polynomial, mean and variance."""
    reference, window = np.round(NORMAL[:3_000], 1), np.round(RNG.normal(0.3, 1.2, 500), 1)
    ordered = np.sort(reference)
    u = 0.5 * (np.searchsorted(ordered, window, "left") + np.searchsorted(ordered, window, "right")) / 3_000
    v = 2.0 * u - 1.0
    rows = {
        "c1": np.sqrt(3) * v,
        "c2": np.sqrt(5) * (3 * v**2 - 1) / 2,
        "c3": np.sqrt(7) * (5 * v**3 - 3 * v) / 2,
    }
    found = measured(number(reference), number(window))
    for name, values in rows.items():
        assert found[name].y == pytest.approx(values.mean())
        assert found[name].variance == pytest.approx(values.var(ddof=1))
        assert found[name].n == 500


@pytest.mark.parametrize(("shift", "spread", "name"), [(0.5, 1.0, "c1"), (0.0, 1.6, "c2")])
def test_location_and_spread_have_their_own_component(shift: float, spread: float, name: str) -> None:
    """A shift moves c1 most, a wider spread c2."""
    found = measured(number(NORMAL), number(shift + spread * RNG.normal(size=5_000)))
    size = {key: abs(found[key].y) for key in ("c1", "c2", "c3")}
    assert max(size, key=lambda key: size[key]) == name


def test_missing_counts_all_rows_and_absent_batches_too() -> None:
    """NaN rows, and rows of batches that lacked the column, are missing."""
    values = np.array([0.1] * 30 + [np.nan] * 10)
    assert measured(number(NORMAL), number(values))["missing"].y == 0.25
    found = measured(number(NORMAL), number(values), rows=80)["missing"]
    assert (found.y, found.n) == (0.625, 80)


def test_out_of_range_is_a_share_of_the_known_values() -> None:
    """Beyond half a range outside, and ±inf."""
    values = np.array([0.5, 1.4, 1.6, -0.6, np.inf, np.nan])
    found = measured(number(np.array([0.0, 1.0])), number(values))["out_of_range"]
    assert found.y == pytest.approx(3 / 5)
    assert found.n == 5
    assert found.share


def test_stuck_is_the_excess_of_one_value() -> None:
    """Half the window at one value of the reference: one half, less what the reference holds."""
    window = np.append(np.full(100, NORMAL[7]), RNG.normal(size=100))
    assert measured(number(NORMAL), number(window))["stuck"].y == pytest.approx(0.5, abs=0.02)


def test_stuck_never_counts_wide_or_open_cells() -> None:
    """Distinct values that all fall in one wide gap, or beyond the range, are not stuck."""
    reference = np.concatenate([RNG.uniform(0, 1, 500), RNG.uniform(9, 10, 500)])
    assert measured(number(reference), number(RNG.uniform(4, 5, 200)))["stuck"].y < 0.05
    assert measured(number(reference), number(RNG.uniform(11, 12, 200)))["stuck"].y < 0.05


def test_values_that_move_into_a_dense_stretch_are_not_stuck() -> None:
    """All its cells grow, each by what looks like one value; one that does so alone holds one."""
    reference = _logistic(-4.0, 1_000)
    moved = _logistic(-7.0, 3_000)
    found = measured(number(reference), number(moved))["stuck"].y
    knots = np.unique(reference)  # as few as these are all kept
    before, after = (np.histogram(values, knots)[0] / values.size for values in (reference, moved))
    narrow = np.diff(knots) <= 0.002 * np.ptp(np.quantile(reference, (0.001, 0.999)))
    grown = float((after - before)[narrow].max())
    assert grown > 0.03, "nothing grew that could be taken for one value"
    assert found < 0.3 * grown
    default = np.append(_logistic(-4.0, 4_700), np.full(300, 0.0123456))
    assert measured(number(reference), number(default))["stuck"].y == pytest.approx(0.06, abs=0.006)


def test_neighbours_of_no_width_tell_of_no_density() -> None:
    """Beside the largest numbers ordinary values are next to nothing apart; nothing overflows aloud."""
    reference = np.array([-0.03125, 0.0, 1.0, 1.1e308])
    window = np.append(np.full(20, -0.015625), np.full(19, 0.5))
    with np.errstate(all="raise", under="ignore"):
        assert measured(number(reference), number(window))["stuck"].y == pytest.approx(20 / 39)


def _logistic(location: float, rows: int) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-location - 2.0 * RNG.normal(size=rows)))


@pytest.mark.parametrize("value", [0.123456, 4_321.0])
def test_a_window_of_one_value_is_stuck_wherever_it_lies(value: float) -> None:
    """Between knots or out of range; but not below 20 rows, and not when the reference is that constant."""
    assert measured(number(NORMAL), number(np.full(20, value)))["stuck"].y == pytest.approx(1.0, abs=1e-3)
    assert measured(number(NORMAL), number(np.full(19, value)))["stuck"].y == 0.0
    assert measured(number(np.full(50, value)), number(np.full(50, value)))["stuck"].y == 0.0


def test_category_components_are_shares_of_the_known_labels() -> None:
    """Worked by hand: ten rows, one missing, one never seen."""
    found = measured(labels("a" * 60 + "b" * 39 + "d"), labels("aaaabbdz?z", "abdz"))
    assert found["level:a"].y == pytest.approx(4 / 9)
    assert found["level:b"].y == pytest.approx(2 / 9)
    assert found["rest"].y == pytest.approx(1 / 9)
    assert found["unseen"].y == pytest.approx(2 / 9)
    assert found["missing"].y == pytest.approx(1 / 10)
    assert found["level:a"].variance == pytest.approx(4 / 9 * 5 / 9)


def test_entropy_and_margin_give_no_components() -> None:
    """Functions of the maximum probability are judged once."""
    score = ScoreSpec(task="binary", columns={"": "p"})
    batch = {"p": number(RNG.random(200))}
    profile = build_profile(batch, roles={"p": Role.SCORE}, score=score)
    summary = count(profile, batch, 200)
    found = {
        name: len(components(column, summary.columns[name], 200)) for name, column in profile.columns.items()
    }
    assert found["__entropy__"] == found["__margin__"] == 0
    assert found["p"] == found["__max_probability__"] == 6


def test_no_rows_no_components() -> None:
    """Not a number is not a verdict: nothing is said of nothing, and of no value only that it is missing."""
    assert measured(number(NORMAL), number(np.empty(0))) == {}
    assert list(measured(number(NORMAL), number(np.full(5, np.nan)))) == ["missing"]


def test_evidence_tells_a_change_of_unit() -> None:
    """Quantiles of kilometres on quantiles of miles: one factor, no residual."""
    miles = RNG.uniform(100.0, 2_500.0, 10_000)
    profile = build_profile({"x": number(miles)}, roles={})
    window = count(profile, {"x": number(RNG.uniform(100.0, 2_500.0, 5_000) * 1.609)}, 5_000)
    unit = evidence(profile.columns["x"], window.columns["x"], 5_000)["unit"]
    assert unit["scale"] == pytest.approx(1.609, rel=0.03)
    assert unit["scale_residual"] < 0.06


def test_evidence_names_the_stuck_value_and_the_new_label() -> None:
    """The value with its shares; the unseen label with its rows."""
    profile = build_profile({"x": number(NORMAL[:100]), "c": labels("a" * 50 + "b" * 50)}, roles={})
    batch = {"x": number(np.full(40, 2.25)), "c": labels("a" * 30 + "z" * 10)}
    summary = count(profile, batch, 40)
    facts = evidence(profile.columns["x"], summary.columns["x"], 40)
    assert facts["constant"] == facts["stuck"]["value"] == 2.25
    facts = evidence(profile.columns["c"], summary.columns["c"], 40)
    assert facts["unseen"]["labels"] == [("z", 10)]
    assert facts["grown"] == {"label": "a", "share": [0.5, 0.75]}
    assert [level["label"] for level in facts["vanished"]] == ["b"]
