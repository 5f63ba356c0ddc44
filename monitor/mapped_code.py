"""Which pages of libraries does a process hold that it does not use any more?

The compiler's library is 150 MB. Loading cached kernels runs through it once and never again, the same goes
for polars as long as no window is due, and Linux maps sixteen pages where one is touched: 120 MiB of a daemon
that waits. They are the file's own bytes, unchanged, so they may be let go at any time; what is used again is
mapped again from the page cache (10 ms for all of it).
"""

import ctypes
import mmap
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# By the module whose import is over once the library is where it stays: it is never unloaded.
_LIBRARIES = {"numba": "libllvmlite.so", "polars": "_polars_runtime", "pyarrow": "libarrow.so"}
_MAPS = Path("/proc/self/maps")
_HEADER = struct.Struct("<16xHHIQQQIHHH")  # of elf(5), 64 bits, up to the number of segments
_SEGMENT = struct.Struct("<IIQQQQ")  # type, flags, offset, address, physical address, bytes in the file
_LOADED, _RUNS, _WRITABLE = 1, 1, 2  # PT_LOAD, PF_X, PF_W
_ELF = b"\x7fELF\x02\x01"  # 64 bits, the low byte first
_KEPT = ("r--p", "r-xp")


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


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A line of proc_pid_maps(5)."""

    start: int
    end: int
    rights: str
    offset: int  # in the file
    inode: int
    path: str


@cache
def _segments(name: str) -> tuple[tuple[int, int], ...]:
    """Address and bytes of each that nobody writes to; none of a library that is not there, or no longer on
    the disk as it was loaded."""
    try:
        mine = list(_mappings(f"/{name}"))
        # What runs is where the loader put it. Others may have mapped the file as well, to read symbols.
        code = [each for each in mine if each.rights == "r-xp"]
        return tuple(part for each in code for part in _of_file(each, mine))
    except (OSError, ValueError, struct.error):
        return ()


def _mappings(begins: str) -> Iterator[_Mapping]:
    """Of files whose names begin so: of some hundred lines few are looked at closer."""
    for line in _MAPS.read_text("utf-8", "surrogateescape").splitlines():
        at = line.rfind("/")
        if at >= 0 and line.startswith(begins, at):
            span, rights, offset, _, inode, path = line.split(maxsplit=5)
            start, _, end = span.partition("-")
            yield _Mapping(int(start, 16), int(end, 16), rights, int(offset, 16), int(inode), path)


def _of_file(code: _Mapping, mappings: Sequence[_Mapping]) -> Iterator[tuple[int, int]]:
    with open(code.path, "rb") as file:  # of one that was replaced the kernel says "(deleted)": there is none
        head = file.read(_HEADER.size)
        if head[:6] != _ELF or os.fstat(file.fileno()).st_ino != code.inode:
            return
        _, _, _, _, begins, _, _, _, size, count = _HEADER.unpack(head)
        file.seek(begins)
        table = file.read(size * count)
    parts = [_SEGMENT.unpack_from(table, place * size) for place in range(count)]
    loaded = [part for part in parts if part[0] == _LOADED]
    base = [
        code.start - _page(part[3]) for part in loaded if part[1] & _RUNS and _page(part[2]) == code.offset
    ]
    for _, flags, offset, address, _, held in loaded if len(base) == 1 else ():
        start, end = base[0] + _page(address), base[0] + _page(address + held + mmap.PAGESIZE - 1)
        # Believed only where the kernel says the same: that much of the file, there, and nobody may write.
        for each in mappings if not flags & _WRITABLE else ():
            lies_in = each.inode == code.inode and each.start <= start and end <= each.end
            if lies_in and each.rights in _KEPT and each.offset + start - each.start == _page(offset):
                yield start, end - start


def _page(address: int) -> int:
    """Where its page begins."""
    return address // mmap.PAGESIZE * mmap.PAGESIZE


@cache
def _advise() -> Any:
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return advise
