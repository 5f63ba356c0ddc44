"""What do allocator and garbage collector cost a process that lives for months with many small objects?

glibc gives each thread an arena of its own, up to eight a core, and returns none of it: two workers, a
conductor and couriers held 100 MiB more than they used. Python looks through every object it knows, imported
modules included, each time the living ones have grown by a quarter: 0.15 s for every fourth window of 50
columns, and 0.4 s of every command that counts (docs/decisions.md).
"""

import atexit
import ctypes
import gc

from monitor.mapped_code import let_go

_M_MMAP_THRESHOLD = -3
_BLOCK = 1024 * 1024  # bytes
_M_ARENA_MAX = -8  # malloc.h; MALLOC_ARENA_MAX does the same from outside
_ARENAS = 2
_THRESHOLDS = (50_000, 20, 20)  # Python's 700, 10, 10 are those of a script


def few_arenas() -> bool:
    """Call it before threads begin. False: another C library (macOS, musl), which has no such arenas."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, _ARENAS) == 1


def blocks_go_back() -> bool:
    """Memory of arrays of a MiB and more is the machine's again once they are gone.

    glibc keeps blocks of up to 32 MiB for itself as soon as one of that size was freed (mallopt(3), dynamic
    threshold), and a build that goes from column to column frees many. False: see `few_arenas`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_MMAP_THRESHOLD, _BLOCK) == 1


def give_back() -> bool:
    """What was freed and is still held for the next one is the machine's again, and so are pages of libraries
    that nobody may use for a while: after work that took much. False: see `few_arenas`."""
    let_go()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1


def seldom_collected() -> None:
    """Call it before what is heavy is imported: a start makes a million objects and throws none away.

    Nor does the end: an interpreter that leaves looks through all of them once more, for a third of a second
    where the compiler is loaded, unless they are out of its sight. What only a cycle keeps stays open then.
    """
    gc.set_threshold(*_THRESHOLDS)
    atexit.register(gc.freeze)


def kept_for_good() -> None:
    """Call it once everything is imported and compiled: what is there now is never looked through again."""
    gc.collect()
    gc.freeze()
