"""Laws of library pages: the compiler's are let go, and who needs them again finds them unchanged."""

import subprocess
import sys
from pathlib import Path

import pytest

PAGES = """
import re, sys, threading
from pathlib import Path
import numba
import numpy as np
import polars as pl
from monitor.mapped_code import let_go

def mapped():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

def compiled(number):
    return numba.njit(lambda values: values.sum() + number)(np.arange(10.0))

def work(found, stop):
    rounds = 0
    while not stop.is_set():
        frame = pl.DataFrame({"a": np.arange(1000) % 7, "b": np.ones(1000)})
        found.add(tuple(frame.group_by("a").agg(pl.col("b").sum()).sort("a")["b"].to_list()))
        found.add(float(np.linalg.det(np.eye(60) * 2.0)))
        rounds += 1
    print(rounds)

def imported():
    for name in ("special", "optimize", "spatial", "signal", "ndimage", "interpolate", "stats"):
        __import__(f"scipy.{name}")

assert compiled(1) == 46.0
before = mapped()
if not let_go():
    sys.exit(3)
print(before - mapped())
found, stop = set(), threading.Event()
threads = [threading.Thread(target=work, args=(found, stop)) for _ in range(2)]
for thread in threads:
    thread.start()
importing = threading.Thread(target=imported)
importing.start()
for number in range(10):
    for _ in range(20):
        let_go()
    assert compiled(number) == 45.0 + number
while importing.is_alive():  # the loader is at work on another thread
    let_go()
stop.set()
for thread in threads:
    thread.join()
assert len(found) == 2, found
"""


def test_pages_of_large_libraries_are_let_go_and_come_back() -> None:
    """60 MiB of a process that compiled once; threads at work in them, or importing, notice nothing."""
    done = subprocess.run(
        [sys.executable, "-c", PAGES], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode == 3 or not Path("/proc/self/status").exists():
        pytest.skip("no 64-bit Linux")
    assert done.returncode == 0, done.stderr
    freed, *rounds = map(int, done.stdout.split())
    assert freed >= 60
    assert all(count > 0 for count in rounds)


ELSEWHERE = """
import mmap, sys
from pathlib import Path
import llvmlite, numba
from monitor import mapped_code

found = mapped_code._segments("libllvmlite.so")
if not found:
    sys.exit(3)
library = next(Path(llvmlite.__file__).parent.rglob("libllvmlite.so"))
with library.open("rb") as file:
    copies = [mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) for size in (0, mmap.PAGESIZE)]
below = [line for line in Path("/proc/self/maps").read_text().splitlines() if "libllvmlite.so" in line]
print(sum(int(line.split("-")[0], 16) < found[0][0] for line in below))
mapped_code._segments.cache_clear()
assert mapped_code._segments("libllvmlite.so") == found
kept = bytearray(b"x" * 200_000_000)
assert mapped_code.let_go()
assert kept.count(b"x") == len(kept)
assert copies[0][:4] == b"\\x7fELF"
"""


def test_a_library_that_somebody_else_has_mapped_too() -> None:
    """As who prints a stack does to read its symbols: it lies below, and is none of where the code runs."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode == 3:
        pytest.skip("no 64-bit Linux")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1
