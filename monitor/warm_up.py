"""Are the kernels compiled before the first window needs them?

A handful of made-up rows is counted and measured on a model's own reference, which compiles (or loads from
the cache) just what its windows will use. Models made of the same (kinds of columns, parts, what is counted
beside them, detectors) need the same code: one of them is gone through. Nothing is kept. A daemon says it is
ready after this.
"""

from collections.abc import Iterator

import numpy as np

from detectors import CategoryColumn, Kind, NumericColumn, Profile
from monitor.columns import extras
from monitor.counting import read_window, wanted
from monitor.evaluation import load_profile
from monitor.measuring import measure_window
from monitor.runtime import Runtime, Watched
from monitor.source import Batch, Window
from storage import profiles

ROWS = 8


def warm_up(runtime: Runtime) -> list[str]:
    """The models that were gone through: of each make, the first that has a reference."""
    chosen: dict[tuple[object, ...], str] = {}
    for watched in runtime.models.values():
        with runtime.store.read() as conn:
            reference = profiles.active(conn, watched.name)
            made_of = None if reference is None else profiles.ingredients(conn, reference.id)
        if reference is None:
            continue
        beside = extras(watched.config)
        counted = (beside.version, beside.shadow, beside.error)
        make = (made_of, *map(bool, counted), *map(type, watched.detectors))
        if chosen.setdefault(make, watched.name) != watched.name:
            continue
        profile = runtime.profiles.get(reference.id, lambda: load_profile(runtime, reference))  # noqa: B023  called at once
        _go_through(watched, profile)
    return list(chosen.values())


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
