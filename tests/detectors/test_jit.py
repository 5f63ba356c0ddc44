"""A kernel's cache on the disk: loaded by the next process, written anew where it is damaged."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError

from detectors._jit import kernel

KERNEL = """
from detectors._jit import kernel


@kernel
def double(n: int) -> int:
    return 2 * n
"""
RUN = "from looped import double; print(double(21), sum(double.stats.cache_hits.values()))"
ASKED = "from numba.core import entrypoints; print(entrypoints._already_initialized)"


def run(folder: Path, then: str = "") -> str:
    """What came of it, and how often it was loaded; and what is printed `then`."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{Path.cwd()}", "NUMBA_CACHE_DIR": str(folder / "c")}
    done = subprocess.run(
        [sys.executable, "-c", f"{RUN}; {then}"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("left", [0, 30])
def test_a_damaged_file_is_compiled_again(tmp_path: Path, kind: str, left: int) -> None:
    """As after a loss of power: nothing of it on the disk, or its beginning. The next process loads it."""
    (tmp_path / "looped.py").write_text(KERNEL)
    assert [run(tmp_path), run(tmp_path)] == ["42 0", "42 1"]
    (file,) = (tmp_path / "c").rglob(f"*.{kind}")
    file.write_bytes(file.read_bytes()[:left])
    assert [run(tmp_path), run(tmp_path)] == ["42 0", "42 1"]


def test_to_load_one_no_installed_package_is_asked(tmp_path: Path) -> None:
    """For types of its own, which would take longer than to load a kernel. To compile they are."""
    (tmp_path / "looped.py").write_text(KERNEL)
    assert [run(tmp_path, ASKED), run(tmp_path, ASKED)] == ["42 0\nTrue", "42 1\nFalse"]


def test_arrays_are_of_the_types_that_numba_says() -> None:
    """In any order, of any number of dimensions, read-only too; what is none of ours is asked of numba."""
    whole = np.arange(12.0)
    locked = whole.copy()
    locked.flags.writeable = False
    arrays = [whole, whole[::2], whole.reshape(3, 4), whole.reshape(3, 4).T, np.array(1.0), whole[:0], locked]
    arrays += [whole.astype(code) for code in "?bhilqBHILQefdgFD"]
    arrays += [whole.astype(">f8"), whole.astype("M8[s]"), whole.view(Subclass), np.ma.masked_array(whole)]
    arrays += [
        np.frombuffer(b"\0" * 17, dtype=np.uint8)[1:].view(np.float64),
        np.array(["a"]),
        np.array([None]),
    ]

    @kernel
    def nothing(x: object) -> None:
        return

    dispatcher: Any = nothing
    for array in [*arrays, 1, 1.0, True, (1.0, 2), np.uint64(3)]:
        assert said(lambda: dispatcher.typeof_pyval(array)) == said(  # noqa: B023  called here
            lambda: Dispatcher.typeof_pyval(dispatcher, array)  # noqa: B023
        )


class Subclass(np.ndarray[Any, Any]):
    """As of a library that has arrays of its own."""


def said(asked: Callable[[], object]) -> object:
    """What came of it, or what it raised."""
    try:
        return asked()
    except NumbaError as error:
        return str(error)
