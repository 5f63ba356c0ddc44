"""A kernel's cache on the disk: loaded by the next process, written anew where it is damaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
