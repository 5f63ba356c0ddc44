"""How far did the relation move that moved most, and how far does it move without any change?"""

import numpy as np
import pytest
from scipy import stats

from detectors import NumericColumn, Profile, build_profile
from detectors._measurement import Measurement
from detectors._relation_fit import fit_relations
from detectors.relations import CorrelationChange
from tests.detectors.samples import counted, only


def numbers(values: np.ndarray) -> dict[str, NumericColumn]:
    return {f"x{i}": NumericColumn(values=column) for i, column in enumerate(values)}


def normal(rng: np.random.Generator, rows: int, r: float = 0.6) -> np.ndarray:
    """Five columns; the first two have correlation r."""
    x = rng.standard_normal((5, rows))
    x[1] = r * x[0] + np.sqrt(1.0 - r * r) * x[1]
    return x


def reference(values: np.ndarray) -> Profile:
    columns = numbers(values)
    profile = build_profile(columns, roles={}, knots=512)
    part = fit_relations(profile, columns, values.shape[1], 1_000)
    assert part is not None
    return profile.with_parts({"relations": part})


def change(profile: Profile, values: np.ndarray) -> Measurement:
    return only(CorrelationChange().measure(profile, counted(profile, numbers(values))), "joint_change")


PROFILE = reference(normal(np.random.default_rng(1), 20_000))


def test_a_flipped_relation_is_its_change_of_r() -> None:
    """SciPy's r of the window and of the reference, apart from the rounding of scores."""
    base, flipped = normal(np.random.default_rng(1), 20_000), normal(np.random.default_rng(2), 1_000, -0.6)
    found = change(PROFILE, flipped)
    expected = stats.pearsonr(*flipped[:2]).statistic - stats.pearsonr(*base[:2]).statistic
    assert found.value == pytest.approx(-expected, abs=0.02)
    assert (found.direction, found.n, found.n_reference, found.column) == (-1, 1_000, 20_000, "__joint__")
    assert found.noise_limit is not None
    assert found.value > 5.0 * found.noise_limit


def test_the_reference_itself_has_not_changed() -> None:
    """Identity, to the bit."""
    assert change(PROFILE, normal(np.random.default_rng(1), 20_000)).value < 1e-12


def test_nothing_to_measure_without_pairs() -> None:
    """A profile without relations, a window of 99 rows: no measurement, never a clear one."""
    columns = numbers(normal(np.random.default_rng(3), 99))
    assert CorrelationChange().measure(PROFILE, counted(PROFILE, columns)) == []
    plain = build_profile(columns, roles={})
    assert CorrelationChange().measure(plain, counted(plain, columns)) == []


@pytest.mark.parametrize(("rows_reference", "rows"), [(20_000, 1_000), (500, 200), (2_000, 5_000)])
def test_noise_limit_is_passed_once_in_a_thousand(rows_reference: int, rows: int) -> None:
    """4,000 windows without drift over 20 references: 0.1 % pass; the limit is a third too wide at most."""
    rng = np.random.default_rng(4)
    values, limits = [], []
    for _ in range(20):
        profile = reference(normal(rng, rows_reference))
        for _ in range(200):
            found = change(profile, normal(rng, rows))
            values.append(found.value)
            limits.append(found.noise_limit or 0.0)
    exceeded = float(np.mean(np.array(values) > np.array(limits)))
    assert exceeded <= 0.0035  # 14 of 4,000 where 4 are expected: p < 1e-4
    assert (
        np.median(limits) / np.quantile(values, 0.999) < 4 / 3
    )  # windows share the error of their reference
