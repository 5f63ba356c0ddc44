"""The tails of detectors._tails against scipy.stats."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors._tails import count_tails, normal_score, t_tail, two_sided


@pytest.mark.parametrize("nu", [4.0, 7.5, 160.0])
def test_t_tail_is_the_t_law_scaled_to_variance_one(nu: float) -> None:
    """2·P(|T|·√((ν − 2)/ν) > |z|)."""
    z = np.array([-6.0, -1.0, 0.0, 2.5, 11.0])
    expected = 2.0 * stats.t.sf(np.abs(z) * math.sqrt(nu / (nu - 2.0)), nu)
    assert [t_tail(float(v), nu) for v in z] == pytest.approx(list(expected), rel=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    n=st.integers(1, 20_000),
    mean=st.floats(1e-6, 0.5),
    rho=st.one_of(st.just(0.0), st.floats(1e-4, 0.9)),
    where=st.floats(0.0, 1.0),
)
def test_count_tails_are_the_beta_binomial_ones(n: int, mean: float, rho: float, where: float) -> None:
    """Both tails, with and without overdispersion, from no row to all of them."""
    k = min(n, round(where**3 * n))
    if rho == 0.0:
        law = stats.binom(n, mean)
    else:
        law = stats.betabinom(n, mean * (1.0 - rho) / rho, (1.0 - mean) * (1.0 - rho) / rho)
    lower, upper = count_tails(k, n, mean, rho)
    assert lower == pytest.approx(float(law.cdf(k)), rel=1e-4, abs=1e-9)
    assert upper == pytest.approx(float(law.sf(k - 1)), rel=1e-4, abs=1e-9)


def test_far_upper_tail_keeps_its_digits() -> None:
    """A tail of 1e-30 is not what is left of 1 minus nearly 1."""
    _, upper = count_tails(60, 900, 0.002, 0.001)
    expected = math.fsum(stats.betabinom.pmf(np.arange(60, 901), 900, 0.002 * 999, 0.998 * 999))
    assert upper == pytest.approx(expected, rel=1e-6)
    assert upper < 1e-15


def test_tail_over_a_million_rows_is_summed_in_pieces() -> None:
    """A heavy tail far beyond one chunk still sums to the law's."""
    _, upper = count_tails(200_000, 1_000_000, 1e-5, 0.01)
    law = stats.betabinom(1_000_000, 1e-5 * 99, (1 - 1e-5) * 99)
    assert upper == pytest.approx(math.fsum(law.pmf(np.arange(200_000, 1_000_001))), rel=1e-4)


def test_two_sided_is_at_most_one() -> None:
    """The middle of a law has both tails above one half."""
    assert two_sided(0.7, 0.6) == 1.0
    assert two_sided(0.99, 0.02) == 0.04


def test_normal_score_is_antisymmetric_and_zero_in_the_middle() -> None:
    """The deviate of the mid-p."""
    assert normal_score(0.5, 0.5) == pytest.approx(0.0, abs=1e-12)
    assert normal_score(1.0 - 0.02, 0.02) == pytest.approx(-normal_score(0.02, 1.0 - 0.02))
    assert normal_score(0.975, 0.025) == pytest.approx(1.96, abs=0.01)


def test_slight_overdispersion_by_hand() -> None:
    """P(K = 10 of 10) = Π (a + i)/(a + b + i); scipy.stats loses three digits of it at a = 250,000."""
    a, both = 0.25 * 999_999.0, 999_999.0
    expected = math.prod((a + i) / (both + i) for i in range(10))
    assert count_tails(10, 10, 0.25, 1e-6)[1] == pytest.approx(expected, rel=1e-6)
