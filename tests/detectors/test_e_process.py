"""Does evidence stay low while nothing moves, and grow when something has moved for good?"""

import math

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats

from detectors._component_noise import ComponentNoise
from detectors._e_process import (
    ALTERNATIVES,
    CEILING,
    EProcess,
    advance,
    memory_of_sums,
    merged,
    p_of,
)
from detectors._noise import score_component


def noise(
    *, nu: float = 12.0, memory: float = 1.0, windows: int = 100_000, tau2: float = 1.0
) -> ComponentNoise:
    """Windows of sd 1 (nearly) around 0; with so many windows μ is known."""
    return ComponentNoise(
        share=False,
        means={0: 0.0},
        cycles={0: windows},
        mean=0.0,
        sigma2=1.0,
        tau2=tau2,
        nu_up=nu,
        nu_down=nu,
        memory=memory,
        windows=windows,
    )


def after(known: ComponentNoise, values: np.ndarray, least: float = 0.0) -> list[EProcess]:
    state, found = EProcess(), []
    for y in values:
        state = advance(state, known, score_component(known, float(y), 10**9, 0), least)
        found.append(state)
    return found


def law(nu: float) -> "stats.rv_continuous":
    """Student's t of variance 1."""
    return stats.t(nu, scale=math.sqrt((nu - 2.0) / nu))


def test_first_window_is_a_likelihood_ratio() -> None:
    """SciPy's densities, at every alternative and on both sides."""
    for z in (-3.0, -0.4, 0.0, 1.1, 6.0):
        (state,) = after(noise(windows=10**9), np.array([z]))
        for i, moved in enumerate(ALTERNATIVES):
            assert state.up[i] == pytest.approx(law(12).pdf(z - moved) / law(12).pdf(z), rel=1e-3)
            assert state.down[i] == pytest.approx(law(12).pdf(z + moved) / law(12).pdf(z), rel=1e-3)


def test_evidence_is_fair_without_change() -> None:
    """A window's ratio has mean 1 under its own law, and less where the mean is within what has not moved."""
    draws = law(12).rvs(200_000, random_state=1)
    for null, mean, expected in ((0.0, 0.0, 1.0), (0.5, 0.5, 1.0), (0.5, 0.0, 0.8), (0.5, -2.0, 0.5)):
        for moved in ALTERNATIVES:
            z = draws + mean - null
            ratio = (law(12).pdf(z - moved) / law(12).pdf(z)).mean()
            assert ratio <= expected + 0.03


@pytest.mark.parametrize("nu", [5.0, 40.0])
def test_false_alarms_are_rarer_than_promised(nu: float) -> None:
    """p ≤ 1/200 for the first time after 200 windows or more on average."""
    known, first = noise(nu=nu), []
    for seed in range(60):
        values = law(nu).rvs(600, random_state=seed)
        alarms = [i for i, s in enumerate(after(known, values)) if p_of(s.evidence) <= 1.0 / 200.0]
        first.append(alarms[0] if alarms else 600)
    assert np.mean(first) >= 200.0


def test_memory_slows_evidence_down() -> None:
    """AR(1) windows of ρ = 0.6 alarm too often as if independent, and within the promise with memory 4."""
    found = {}
    for memory in (1.0, 4.0):
        known, first = noise(nu=40.0, memory=memory), []
        for seed in range(40):
            steps = np.random.default_rng(seed).standard_normal(600)
            for i in range(1, 600):
                steps[i] = 0.6 * steps[i - 1] + 0.8 * steps[i]
            alarms = [i for i, s in enumerate(after(known, steps)) if p_of(s.evidence) <= 1.0 / 200.0]
            first.append(alarms[0] if alarms else 600)
        found[memory] = np.mean(first)
    assert found[1.0] < 150.0
    assert found[4.0] >= 200.0


def test_memory_of_sums_is_that_of_block_means() -> None:
    """None for independent windows; AR(1) nearly its own; and of weeks that share an effect."""
    rng = np.random.default_rng(7)
    alone = [memory_of_sums(rng.standard_normal(400)) for _ in range(40)]
    assert 1.0 <= np.mean(alone) < 1.3
    steps = rng.standard_normal(4_000)
    for i in range(1, 4_000):
        steps[i] = 0.6 * steps[i - 1] + 0.8 * steps[i]
    assert memory_of_sums(steps) == pytest.approx(4.0, rel=0.3)
    weeks = np.repeat(rng.standard_normal(60), 50) * 0.4 + rng.standard_normal(3_000)
    assert memory_of_sums(weeks) > 4.0
    assert memory_of_sums(np.zeros(50)) == memory_of_sums(np.empty(0)) == 1.0


def test_long_memory_is_the_one_that_counts() -> None:
    """Where sums over weeks stray further than neighbours say, evidence grows as slowly as they allow."""
    short, long = noise(memory=2.0), replace(noise(memory=2.0), long_memory=4.0)
    assert after(long, np.array([2.0])) == after(noise(memory=4.0), np.array([2.0]))
    assert after(long, np.array([2.0]))[0].evidence < after(short, np.array([2.0]))[0].evidence


def test_a_small_change_that_lasts_is_found() -> None:
    """1.5 sd of a window: within a dozen windows, on its own side, whatever came before."""
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.standard_normal(300), rng.standard_normal(30) - 1.5])
    states = after(noise(nu=40.0), values)
    assert min(p_of(s.evidence) for s in states[:300]) > 0.001
    found = [i for i, s in enumerate(states[300:]) if p_of(s.evidence) <= 0.001]
    assert found[0] <= 12
    assert states[-1].side == -1


def test_what_the_reference_cannot_tell_has_not_moved() -> None:
    """A standing offset within two standard errors of a mean learnt from eight windows is none."""
    values = np.random.default_rng(3).standard_normal(300) + 0.7
    assert min(p_of(s.evidence) for s in after(noise(nu=40.0, windows=8), values)) > 0.001
    assert min(p_of(s.evidence) for s in after(noise(nu=40.0), values)) <= 0.001


def test_what_is_too_small_to_matter_has_not_moved() -> None:
    """However exact the windows are."""
    values = np.random.default_rng(4).standard_normal(500) + 0.8
    assert min(p_of(s.evidence) for s in after(noise(nu=40.0), values, least=1.0)) > 0.001


def test_a_storm_is_not_everything() -> None:
    """One window fifty sd out is no proof by itself."""
    (state,) = after(noise(nu=8.0), np.array([50.0]))
    assert p_of(state.evidence) > 0.1


def test_evidence_is_forgotten_after_a_repair() -> None:
    """However long the change lasted, a month of normal windows clears it."""
    rng = np.random.default_rng(5)
    states = after(noise(nu=40.0), np.concatenate([np.full(400, 4.0), rng.standard_normal(30)]))
    assert max(states[399].up) == CEILING
    assert p_of(states[-1].evidence) > 0.02


def test_sides_mirror_each_other() -> None:
    """What is up of y is down of −y."""
    values = np.random.default_rng(6).standard_normal(40)
    one, other = after(noise(), values)[-1], after(noise(), -values)[-1]
    assert (one.up, one.down) == (other.down, other.up)
    assert one.side == -other.side


def test_without_windows_nothing_is_known() -> None:
    """A reference without time gives no evidence until production has taught."""
    assert after(noise(windows=0), np.array([9.0]))[-1] == EProcess()
    assert EProcess().side == 0


def test_components_are_merged_by_their_mean() -> None:
    """A mean of e-values is one; without any there is no evidence."""
    one = EProcess(up=(8.0, 0.0), down=(0.0, 0.0))
    assert merged([one, EProcess()]) == 1.0
    assert merged([]) == 0.0
    assert p_of(0.0) == 1.0


def test_a_window_goes_on_where_it_is_no_less_likely_with_the_change() -> None:
    """From half of the alternative on that the windows before speak for: one sd here, then two."""
    known = noise(windows=10**9, nu=1e6)
    for moved in ALTERNATIVES:
        before = after(known, np.full(4, moved))[-1]
        for z in (moved / 2 - 0.2, moved / 2 + 0.2, -moved):
            now = advance(before, known, score_component(known, z, 10**9, 0), 0.0)
            likelier = stats.norm.pdf(z - moved) >= stats.norm.pdf(z)
            assert now.goes_on(before) == likelier


def test_at_the_ceiling_a_window_goes_on_that_speaks_for_the_change() -> None:
    """Evidence cannot grow there; it still falls by a window that speaks against."""
    known = noise(windows=10**9)
    before = after(known, np.full(60, 2.5))[-1]
    assert before.strongest == CEILING
    for z, goes_on in ((2.5, True), (-0.5, False)):
        now = advance(before, known, score_component(known, z, 10**9, 0), 0.0)
        assert now.goes_on(before) is goes_on
