"""How much memory does the allocator keep for threads that no longer use it?

glibc gives each thread an arena of its own, up to eight a core, and returns none of it: two workers, a
conductor and couriers held 100 MiB more than they used (docs/decisions.md). MALLOC_ARENA_MAX does the same
from outside, but must be known before the process starts.
"""

import ctypes

_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2


def few_arenas() -> bool:
    """Call it before threads begin. False: another C library (macOS, musl), which has no such arenas."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, _ARENAS) == 1
