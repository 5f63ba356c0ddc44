"""Which flags does the compiler get? One door for numba, so that every kernel keeps the same promises.

nogil: columns are counted on threads. cache: compiled once a machine, not once a process. Never fastmath:
NaN and ±inf must keep their meaning, and sums their order. Never parallel: the caller owns the threads.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, ParamSpec, TypeVar

import numba
import numpy as np
from llvmlite.binding import add_symbol  # type: ignore[import-untyped]
from numba.core import types
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher
from numba.core.runtime._nrt_python import c_helpers
from numba.np.numpy_support import from_dtype, map_layout

P = ParamSpec("P")
R = TypeVar("R")
_PLAIN = frozenset(np.dtype(code) for code in "?bhilqBHILQfd")  # numbers in the order of this machine's bytes


class _Cache(FunctionCache):
    """numba's own, but that what is compiled already is loaded alone.

    numba sets up all that it could compile before it looks for the file: 0.3 s of every command. Only
    compiling needs that, and sees to it itself (CompilerBase in numba/core/compiler.py); what was compiled
    needs the functions in C that it names. And a file that a loss of power cut short is written anew: numba
    would raise at each window until somebody removes it.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        _name_helpers()
        with self._guard_against_spurious_io_errors():
            try:
                return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
            except OSError:
                raise
            except Exception:  # noqa: BLE001  half a pickle may say anything
                self.flush()  # type: ignore[no-untyped-call]
                return None  # it is compiled again


@cache
def _name_helpers() -> None:
    """Of the runtime that counts references to arrays, as `initialize` in numba/core/runtime/nrt.py begins;
    what it goes on to compile each object on the disk has within itself."""
    for name, address in c_helpers.items():
        add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


def _nothing() -> None:
    """In the place of what is not needed."""


def _type_of(dispatcher: Dispatcher, value: object) -> Any:
    """As `typeof` in numba/core/typing/typeof.py, which asks of an array whether it is a masked one: that
    loads all of numpy.ma, 0.015 s of whatever counts. A plain array is none."""
    if type(value) is not np.ndarray or value.dtype not in _PLAIN:
        return Dispatcher.typeof_pyval(dispatcher, value)
    layout, readonly = map_layout(value), not value.flags.writeable
    found = types.Array(from_dtype(value.dtype), value.ndim, layout, readonly=readonly)
    dispatcher._types_active_call.add(found)  # type: ignore[attr-defined]
    return found


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a numeric loop on first call."""
    compiled: Any = numba.njit(nogil=True, fastmath=False, error_model="numpy")(function)
    if isinstance(compiled, Dispatcher):  # not where NUMBA_DISABLE_JIT says so
        compiled._cache = _Cache(function)  # type: ignore[attr-defined, no-untyped-call]
        # Numba would ask every installed package for types of its own, 0.02 s, also where it only loads.
        compiled._compilation_chain_init_hook = _nothing  # type: ignore[attr-defined]
        compiled.typeof_pyval = partial(_type_of, compiled)  # type: ignore[method-assign]
    typed: Callable[P, R] = compiled
    return typed
