"""Where does each tool live? In an environment of its own, made once from its hash-pinned file.

Tools cannot share one: alibi-detect needs numpy 1, Evidently does not import under pandas 3.1, and none of
them belongs beside the product. What cannot be installed is named, with the reason.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements")
INSTALL_WITHIN_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A tool's own Python."""

    python: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A tool that could not be installed, or did not run, and why."""

    reason: str


def environment(tool: str, folder: Path, requirements: Path = REQUIREMENTS) -> Environment | Absent:
    """Made in `folder` unless it is there; a changed requirement file makes a new one."""
    file = requirements / f"{tool}.txt"
    if not file.exists():
        return Absent(reason=f"no requirement file {file.name}: make one with `make lock-bench`")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    home = folder / f"{tool}-py{sys.version_info.major}{sys.version_info.minor}-{digest}"
    python, stamp = home / "bin" / "python", home / "complete"
    if stamp.exists():
        return Environment(python=python)
    shutil.rmtree(home, ignore_errors=True)  # one that was not finished
    try:
        _run([sys.executable, "-m", "venv", "--without-pip", str(home)])
        _run([*_installer(python), "--require-hashes", "--no-deps", "-r", str(file)])
    except (subprocess.SubprocessError, OSError) as error:
        return Absent(reason=f"was not installed: {_why(error)}")
    stamp.touch()
    return Environment(python=python)


def _installer(python: Path) -> list[str]:
    """uv beside the project's own Python; else its pip, which can install into another environment."""
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        return [str(uv), "pip", "install", "--quiet", "--python", str(python)]
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    return [*pip, "install", "--quiet", "--disable-pip-version-check"]


def _run(command: list[str]) -> None:
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=INSTALL_WITHIN_S,
        env={**os.environ, "UV_COMPILE_BYTECODE": "0"},  # of thousands of files, few are ever imported
    )


def _why(error: BaseException) -> str:
    said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
    return " ".join(line.strip() for line in said[-3:])[:300] or type(error).__name__
