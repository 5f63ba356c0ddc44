"""Which pages of libraries does a process hold that it does not use any more?

The compiler's library is 150 MB. Loading cached kernels runs through it once and never again, the same goes
for polars as long as no window is due, and Linux maps sixteen pages where one is touched: 120 MiB of a daemon
that waits. They are the file's own bytes, unchanged, so they may be let go at any time; what is used again is
mapped again from the page cache (10 ms for all of it).
"""

import ctypes
import mmap
import struct
import sys
from functools import cache
from pathlib import Path
from typing import Any

# By the module whose import is over once the library is where it stays: it is never unloaded.
_LIBRARIES = {"numba": "libllvmlite.so", "polars": "_polars_runtime", "pyarrow": "libarrow.so"}
_MAPS = Path("/proc/self/maps")
_HEADER = struct.Struct("<16xHHIQQQIHHH")  # of elf(5), 64 bits, up to the number of segments
_SEGMENT = struct.Struct("<IIQQQQ")  # type, flags, offset, address, physical address, bytes in the file
_LOADED, _WRITABLE = 1, 2  # PT_LOAD, PF_W


def let_go() -> bool:
    """Let go of code and constants of large libraries; False where nothing is known of any.

    Only segments that a library's file says nobody writes to, never what the loader has relocated. Safe
    beside threads that run in them, and takes no lock: the loader's list (dl_iterate_phdr) must not be asked
    by Python, as a thread that imports waits for the loader while it holds the interpreter. A debugger's
    breakpoints in them are lost.
    """
    done = False
    for module, name in _LIBRARIES.items():
        spec = getattr(sys.modules.get(module), "__spec__", None)
        if spec is None or getattr(spec, "_initializing", False):
            continue
        for start, size in _segments(name):
            done |= _advise()(start, size, mmap.MADV_DONTNEED) == 0
    return done


@cache
def _segments(name: str) -> tuple[tuple[int, int], ...]:
    """Address and bytes of each that nobody writes to; none of a library that is not there, or no longer on
    the disk as it was loaded."""
    found: dict[str, int] = {}  # where each file begins
    try:
        for line in _MAPS.read_text("ascii", "replace").splitlines():
            span, _, _, _, _, *path = line.split(maxsplit=5)
            if path and Path(path[0]).name.startswith(name):
                found.setdefault(path[0], int(span.partition("-")[0], 16))
        return tuple(part for path, base in found.items() for part in _of_file(Path(path), base))
    except (OSError, ValueError, struct.error):
        return ()


def _of_file(path: Path, base: int) -> list[tuple[int, int]]:
    with path.open("rb") as file:  # of one that was replaced the kernel says "(deleted)": there is none
        head = file.read(_HEADER.size)
        if head[:6] != b"\x7fELF\x02\x01":  # 64 bits, the low byte first
            return []
        _, _, _, _, begins, _, _, _, size, count = _HEADER.unpack(head)
        file.seek(begins)
        table = file.read(size * count)
    parts = [_SEGMENT.unpack_from(table, place * size) for place in range(count)]
    loaded = [part for part in parts if part[0] == _LOADED]
    page = mmap.PAGESIZE
    base -= loaded[0][3] // page * page
    found = []
    for _, flags, _, address, _, held in loaded:
        start, end = (base + address) // page * page, -(-(base + address + held) // page) * page
        if not flags & _WRITABLE:
            found.append((start, end - start))
    return found


@cache
def _advise() -> Any:
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return advise
