"""Which flags does the compiler get? One door for numba, so that every kernel keeps the same promises.

nogil: columns are counted on threads. cache: compiled once a machine, not once a process. Never fastmath:
NaN and ±inf must keep their meaning, and sums their order. Never parallel: the caller owns the threads.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a numeric loop on first call."""
    compiled: Any = numba.njit(nogil=True, cache=True, fastmath=False, error_model="numpy")(function)
    typed: Callable[P, R] = compiled
    return typed
