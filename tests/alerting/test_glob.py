"""Laws of globs: they mean what a shell means, and cost next to nothing."""

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.glob import is_like


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab", max_size=10))
def test_globs_agree_with_fnmatch(pattern: str, text: str) -> None:
    """The standard library is the oracle, where it has the same characters."""
    assert is_like(text, pattern) is fnmatchcase(text, pattern)


@pytest.mark.parametrize("pattern", ["*" * 200, "a*" * (100) + "b", "*a" * 100])
def test_no_glob_costs_time(pattern: str) -> None:
    """The patterns that make others go back exponentially often: a label of 10,000 letters in 50 ms."""
    began = time.perf_counter()
    is_like("a" * 10_000, pattern)
    assert time.perf_counter() - began < 0.5  # a loaded machine; 10⁶ steps at most
