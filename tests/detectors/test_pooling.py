"""What components of a model tell about each other."""

import numpy as np
import pytest

from detectors._component_noise import ComponentNoise
from detectors._learning import Observations, learn
from detectors._pooling import pool

R = 60


def _slots() -> dict[str, np.ndarray]:
    return {"none": np.zeros(R, dtype=np.int64)}


def _model(y: np.ndarray) -> dict[str, ComponentNoise]:
    """Of columns y: float64[R, columns]."""
    rows = np.full(R, 900)
    seen = {
        (f"x{i}", "c1"): Observations(y=y[:, i], n=rows, variance=np.ones(R), share=False)
        for i in range(y.shape[1])
    }
    return {column: noise for (column, _), noise in learn(seen, _slots()).components.items()}


def test_estimates_that_differ_by_chance_become_one() -> None:
    """Their mean square error falls by far; that of a plain mean is the least possible."""
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(50):
        found = pool(rng.standard_normal(40), np.ones(40))
        errors.append(np.mean(found.values**2))
        assert found.weight.min() >= 1.0 / 40.0
    assert np.mean(errors) < 0.3


def test_estimates_that_differ_in_truth_stay() -> None:
    """True values ten standard errors apart."""
    values = 10.0 * np.random.default_rng(2).standard_normal(40)
    found = pool(values, np.ones(40))
    assert found.values == pytest.approx(values, abs=0.5)
    assert found.weight.min() > 0.9


def test_one_unlike_the_others_is_moved_by_one_standard_error_at_most() -> None:
    """And answers for itself."""
    values = np.append(np.random.default_rng(3).standard_normal(40), 6.0)
    found = pool(values, np.ones(41))
    assert found.values[-1] == pytest.approx(5.0)
    assert found.weight[-1] == 1.0
    assert np.median(found.weight) < 0.7


def test_a_few_are_no_family() -> None:
    """Seven stay as they are."""
    values = np.arange(7.0)
    assert pool(values, np.ones(7)).values.tolist() == values.tolist()


def test_independent_columns_are_known_to_be_independent() -> None:
    """τ², memory and tail of forty quiet columns: nearly none, where each by itself thought otherwise."""
    y = np.random.default_rng(4).standard_normal((R, 40)) / 30.0
    alone = [noise for i in range(40) for noise in _model(y[:, i : i + 1]).values()]
    together = list(_model(y).values())
    for name, limit in (("memory", 0.5), ("tau2", 0.5)):
        base = 1.0 if name == "memory" else 0.0
        before, after = (np.mean([getattr(n, name) - base for n in each]) for each in (alone, together))
        assert after < limit * before
    assert np.median([noise.nu for noise in together]) > 5.0 * np.median([noise.nu for noise in alone])


def test_a_stormy_column_among_quiet_ones_keeps_its_storms() -> None:
    """One in forty has τ² and a heavy tail."""
    rng = np.random.default_rng(5)
    y = rng.standard_normal((R, 40)) / 30.0
    y[:, 0] = 0.2 * rng.standard_t(3, R)
    (alone,) = _model(y[:, :1]).values()
    together = _model(y)["x0"]
    assert together.tau2 > 0.7 * alone.tau2
    assert together.nu < 3.0 * alone.nu
