"""Are the kernels compiled before the first window needs them?

A handful of made-up rows is counted and measured on every model's own reference, which compiles (or loads
from the cache) just what its windows will use. Nothing is kept. A daemon says it is ready after this.
"""

from collections.abc import Iterator

import numpy as np

from detectors import CategoryColumn, Kind, NumericColumn, Profile
from monitor.columns import extras
from monitor.evaluation import load_profile
from monitor.measuring import measure_window, read_window, wanted
from monitor.runtime import Runtime, Watched
from monitor.source import Batch, Window
from storage import profiles

ROWS = 8


def warm_up(runtime: Runtime) -> int:
    """Returns how many models have a reference, and were gone through."""
    done = 0
    for watched in runtime.models.values():
        with runtime.store.read() as conn:
            reference = profiles.active(conn, watched.name)
        if reference is None:
            continue
        profile = runtime.profiles.get(reference.id, lambda: load_profile(runtime, reference))  # noqa: B023  called at once
        _go_through(watched, profile)
        done += 1
    return done


def _go_through(watched: Watched, profile: Profile) -> None:
    beside = extras(watched.config)
    window = Window(span=None, batches=_batches(wanted(profile, beside)), problems=())
    summary = read_window(profile, window, beside).summary
    measure_window(profile, summary, (), watched.detectors)


def _batches(kinds: dict[str, Kind]) -> Iterator[Batch]:
    columns = {
        name: NumericColumn(values=np.linspace(0.0, 1.0, ROWS))
        if kind is Kind.NUMERIC
        else CategoryColumn(codes=np.zeros(ROWS, dtype=np.int32), labels=("0",))
        for name, kind in kinds.items()
    }
    yield Batch(rows=ROWS, columns=columns, times=np.zeros(ROWS, dtype=np.int64))
