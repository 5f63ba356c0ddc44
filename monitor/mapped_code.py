"""Which pages of libraries does a process hold that it does not use any more?

The compiler's library is 150 MB. Loading cached kernels runs through it once and never again, the same goes
for polars as long as no window is due, and Linux maps sixteen pages where one is touched: 130 MiB of a daemon
that waits. They are the file's own bytes, unchanged, so they may be let go at any time; what is used again is
mapped again from the page cache (10 ms for all of it).
"""

import ctypes
import sys
from functools import cache
from typing import Any

_PT_LOAD = 1  # elf(5)
_WRITABLE = 2
_DONTNEED = 4  # madvise(2)
# Bytes of a library: llvmlite's, polars', Arrow's and OpenBLAS's pass. The many small ones come to little.
_LARGE = 16 * 1024 * 1024


class _Segment(ctypes.Structure):
    """Elf64_Phdr of elf(5)."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("offset", ctypes.c_uint64),
        ("address", ctypes.c_uint64),
        ("physical", ctypes.c_uint64),
        ("in_file", ctypes.c_uint64),
        ("in_memory", ctypes.c_uint64),
        ("align", ctypes.c_uint64),
    )


class _Object(ctypes.Structure):
    """The beginning of dl_phdr_info, dl_iterate_phdr(3)."""

    _fields_ = (
        ("base", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("segments", ctypes.POINTER(_Segment)),
        ("count", ctypes.c_uint16),
    )


# Of Python itself, so that Python's lock is held throughout: a thread that loads a library holds it while it
# waits for the loader's, so who has the loader's must not wait for Python's.
_LOOK = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Object), ctypes.c_size_t, ctypes.c_void_p)


def let_go() -> bool:
    """Let go of code and constants of large libraries; False where the system is no 64-bit Linux.

    Only segments that a library's file says nobody writes to, never what the loader has relocated. Safe
    beside threads that run in them or load others: the loader's list is held still meanwhile. A debugger's
    breakpoints in them are lost.
    """
    system = _system()
    if system is None:
        return False
    iterate, advise, page = system

    def look(found: Any, _size: int, _data: object) -> int:
        library = found.contents
        if not library.name:  # the program itself, and what the kernel put there
            return 0
        parts = [part for part in library.segments[: library.count] if part.kind == _PT_LOAD]
        kept = [part for part in parts if not part.flags & _WRITABLE]
        for part in kept if sum(each.in_file for each in kept) >= _LARGE else ():
            begin = (library.base + part.address) // page * page
            end = -(-(library.base + part.address + part.in_file) // page) * page
            advise(begin, end - begin, _DONTNEED)
        return 0

    iterate(_LOOK(look), None)
    return True


@cache
def _system() -> tuple[Any, Any, int] | None:
    """dl_iterate_phdr, madvise and the size of a page."""
    if sys.platform != "linux" or sys.maxsize < 2**32:
        return None
    import mmap  # noqa: PLC0415

    library = ctypes.PyDLL(None)
    iterate = getattr(library, "dl_iterate_phdr", None)
    advise = getattr(library, "madvise", None)
    if iterate is None or advise is None:
        return None
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return iterate, advise, mmap.PAGESIZE
