"""Composes everything else: config, sources, one evaluation, ticker, daemon, commands.

Compiled kernels are cached where the service may write, whatever the package is installed into: systemd's
CacheDirectory, else the user's cache. numba reads this once, when it is first imported.
"""

import os
from pathlib import Path


def _cache_directory() -> str:
    base = os.environ.get("CACHE_DIRECTORY") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(base) / "leeway" / "numba")


os.environ.setdefault("NUMBA_CACHE_DIR", _cache_directory())
