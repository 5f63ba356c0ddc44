"""Laws of memory: as many arenas as we say, whatever the number of threads; cycles are still collected."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

THREADS = """
import ctypes, sys, threading
from monitor.memory import few_arenas
if sys.argv[1] == "few" and not few_arenas():
    sys.exit(3)
gate = threading.Barrier(9)
def hold():
    kept = [bytes(1000) for _ in range(1000)]
    gate.wait()
    gate.wait()
threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads:
    thread.start()
gate.wait()
ctypes.CDLL(None).malloc_stats()
gate.wait()
"""


def arenas(how: str) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", THREADS, how],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    if done.returncode == 3:
        pytest.skip("this C library has no arenas")
    assert done.returncode == 0, done.stderr
    return done.stderr.count("Arena ")


def test_many_threads_share_few_arenas() -> None:
    """Eight that allocate at once have two between them; left alone they have more."""
    assert arenas("few") <= 2 < arenas("many")


CYCLES = """
import gc
from monitor.memory import kept_for_good, seldom_collected
class Node:
    alive = 0
    def __init__(self):
        Node.alive += 1
        self.me = self
    def __del__(self):
        Node.alive -= 1
kept = [object() for _ in range(1000)]
seldom_collected()
kept_for_good()
assert gc.get_freeze_count() > 1000
for _ in range(200_000):
    Node()
print(Node.alive)
"""


def test_cycles_are_still_collected() -> None:
    """Seldom, but before they are many."""
    done = subprocess.run(
        [sys.executable, "-c", CYCLES], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) <= 50_000


END = """
import atexit, gc
from monitor.memory import seldom_collected
kept = [object() for _ in range(1000)]
atexit.register(lambda: print(gc.get_freeze_count() > 1000))  # the last to be called
seldom_collected()
"""


def test_an_interpreter_that_ends_looks_through_nothing() -> None:
    """All that is there is out of the collector's sight before it ends."""
    done = subprocess.run([sys.executable, "-c", END], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True\n"


BLOCKS = """
import sys
from pathlib import Path
from monitor.memory import blocks_go_back
if not blocks_go_back():
    sys.exit(3)
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
bytearray(30_000_000)  # from here on glibc would keep blocks of that size
before = resident()
kept = [(bytearray(b"x") * 8_000_000, bytearray(b"y") * 100_000) for _ in range(8)]
small = [pair[1] for pair in kept]
del kept
sys.exit(0 if resident() - before < 16_000_000 else 4)
"""


def test_large_blocks_go_back() -> None:
    """Also where smaller ones beside them are still held."""
    done = subprocess.run([sys.executable, "-c", BLOCKS], capture_output=True, timeout=60, check=False)
    if done.returncode == 3 or not Path("/proc/self/statm").exists():
        pytest.skip("this C library keeps no blocks")
    assert done.returncode == 0, done.stderr


FREED = """
import re, sys
from pathlib import Path
from monitor.memory import give_back
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
kept = [bytearray(60_000) for _ in range(2_000)]  # below what glibc maps by itself
held = [bytearray(10) for _ in range(10)]
after = resident()
del kept[1::2], kept[1::2], kept[1:]
if not give_back():
    sys.exit(3)
sys.exit(after - resident() < 80)
"""


def test_what_was_freed_goes_back_to_the_machine() -> None:
    """Of 115 MiB in small pieces, all but what lies between pieces that live."""
    done = subprocess.run([sys.executable, "-c", FREED], timeout=60, check=False)
    if done.returncode == 3:
        pytest.skip("this C library has none of it")
    assert done.returncode == 0
