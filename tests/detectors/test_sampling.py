"""Laws of the search behind a limit: what thirty plain bisections find, to the bit, in fewer looks."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors._sampling import first_at_most


def bisected(falling: Callable[[float], float], bound: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        if falling(middle) <= bound:
            high = middle
        else:
            low = middle
    return high


@given(
    rate=st.floats(1e-3, 1e6),
    power=st.floats(0.2, 5.0),
    scale=st.floats(1e-6, 1e6),
    bound=st.floats(1e-6, 1e-1),
)
def test_it_is_where_bisection_ends(rate: float, power: float, scale: float, bound: float) -> None:
    """Exponential, flat and steep falls, and those that reach zero in floating point."""

    def falling(t: float) -> float:
        return scale * math.exp(-rate * t**power)

    assert first_at_most(falling, bound) == bisected(falling, bound)


@pytest.mark.parametrize("edge", [2.0**-30, 0.25, 1.0 / 3.0, 1.0 - 2.0**-30, 1.0, 2.0])
def test_a_step_is_found(edge: float) -> None:
    """Zero from the edge on; never: one. No straight line helps there."""

    def falling(t: float) -> float:
        return 0.0 if t >= edge else 1.0

    assert first_at_most(falling, 1e-3) == bisected(falling, 1e-3)


def test_it_takes_fewer_looks() -> None:
    """Of a binomial-like tail a good dozen; of a step no more than bisection."""
    looks = 0

    def counted(t: float) -> float:
        nonlocal looks
        looks += 1
        return 4096.0 * math.exp(-1000.0 * t)

    first_at_most(counted, 1e-3)
    assert looks <= 15
