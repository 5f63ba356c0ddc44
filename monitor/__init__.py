"""Composes everything else: config, sources, one evaluation, ticker, daemon, commands.

Compiled kernels are cached where the service may write, whatever the package is installed into: systemd's
CacheDirectory, else the user's cache. numba reads this once, when it is first imported.
"""

import os
from pathlib import Path


def _cache_directory() -> Path | None:
    """None without a home: numba then tries beside the code. Never a shared folder: a cache is code."""
    named = os.environ.get("CACHE_DIRECTORY") or os.environ.get("XDG_CACHE_HOME")
    if named is None and (home := os.environ.get("HOME")):
        named = f"{home}/.cache"
    return Path(named) / "leeway" / "numba" if named else None


if (_directory := _cache_directory()) is not None:
    os.environ.setdefault("NUMBA_CACHE_DIR", str(_directory))
