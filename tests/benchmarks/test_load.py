"""Does the load run, and are the bounds of what a daemon keeps in memory bounds of what it really takes?"""

import sys
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import Struct

from benchmarks.bench_history import history
from benchmarks.bench_load import load_of, references, write
from benchmarks.bench_soak import soak
from monitor import build
from monitor.clock import SystemClock
from monitor.config_file import load
from monitor.evaluation import evaluate_next
from monitor.folding import fold_ready
from monitor.opening import open_runtime
from monitor.planning import plan


def test_every_model_is_folded_and_every_row_measured(tmp_path: Path) -> None:
    """At toy size: what is measured means nothing and is not looked at."""
    rows = {row.what.strip(): row for row in load_of(tmp_path, models=3, columns=4, patience_s=300.0)}
    folded = rows["3 models × 4 columns: all folded"].measured
    assert 0.0 < folded < float("inf")
    assert rows["the daemon's memory at its highest"].measured > 50.0
    assert rows["the ledger a window, 95 %"].measured > 0.0
    assert rows["with the results, 95 %"].at_most == 15.0


def test_a_few_days_of_the_soak(tmp_path: Path) -> None:
    """Every window is folded, or it raises."""
    rows = {row.what.strip(): row for row in soak(tmp_path / "soak", models=1, days=3)}
    assert rows["descriptors: the most beyond the first day's"].met is True
    assert rows["the database at the end, freed pages aside"].measured > 0.0


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_short_history_is_asked(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> None:
    """Every query finds what was copied; how long it takes is not looked at."""
    url = None if database == "sqlite" else request.getfixturevalue("postgres_url")
    rows = {row.what: row for row in history(tmp_path / "history", results=1_500, url=url, columns=5)}
    assert 1_000 < rows["column results"].measured < 2_000
    assert len(rows) == 8
    assert all(row.measured > 0.0 for row in rows.values())


def test_the_caches_count_what_their_values_take(tmp_path: Path) -> None:
    """With what a first window leaves beside a profile, which is most of it: else the bound is none."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    config = write(tmp_path, 1, 12, end)
    references(config, 1)
    with open_runtime(load(config, members=build.check), SystemClock()) as runtime:
        plan(runtime)
        assert evaluate_next(runtime)
        assert fold_ready(runtime)
        for cache in (runtime.profiles, runtime.noises):
            (value,) = cache.values()
            assert 0.6 < cache.size / _size(value, set()) < 1.6


def _size(value: Any, seen: set[int]) -> int:
    """Bytes of an object and of all that it holds, each once."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return sys.getsizeof(value) if value.base is None else value.nbytes
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        return size + sum(_size(part, seen) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple, set, frozenset)):
        return size + sum(_size(part, seen) for part in value)
    names = value.__struct_fields__ if isinstance(value, Struct) else ()
    if is_dataclass(value):
        names = tuple(field.name for field in fields(value))
    return size + sum(_size(getattr(value, name), seen) for name in names)
