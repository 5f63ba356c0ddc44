"""What is normal in a scenario? A reference of its columns that nobody had to count, and its noise model."""

from collections.abc import Mapping

import numpy as np
from sqlalchemy import Connection

from detectors import CategoryProfile, Profile
from detectors._column import Role
from monitor.scenario.numbers import ROWS, WINDOWS, noise_model
from monitor.scenario.places import Place
from monitor.scenario.stage import Stage
from storage import profiles
from storage.profiles import Reference
from storage.span import Span


def first_reference(
    conn: Connection, model: str, places: Mapping[Place, Role], before: Span, spec: str
) -> Reference:
    """Put in force before the first window: planning begins at its end."""
    reference = _saved(conn, model, places, before, spec, rows=ROWS)
    return profiles.promote(conn, reference.id, before.end)


def another_reference(conn: Connection, stage: Stage) -> Reference:
    """One more of the same columns, not in force yet."""
    known = profiles.list_(conn, stage.model)
    before = known[0].span
    assert before is not None  # noqa: S101  `first_reference` gave it one
    spec = str(stage.runtime.models[stage.model].spec)
    return _saved(conn, stage.model, stage.places, before, spec, rows=ROWS + len(known))


def _saved(
    conn: Connection, model: str, places: Mapping[Place, Role], span: Span, spec: str, *, rows: int
) -> Reference:
    columns = {place.column: _column(place.column, role, rows) for place, role in places.items()}
    profile = Profile.of(columns, score=None, rows=rows)
    reference = profiles.save(conn, model, profile, now=span.end, span=span)
    profiles.save_noise(
        conn,
        reference.id,
        window_spec=spec,
        learnt_from="reference",
        windows=WINDOWS,
        content=noise_model(places).to_json(),
        now=span.end,
    )
    return reference


def _column(name: str, role: Role, rows: int) -> CategoryProfile:
    """Its name and role are all that is read of it: no window is counted on it."""
    return CategoryProfile(
        name=name,
        role=role,
        rows=rows,
        missing=0,
        labels=("a",),
        counts=np.array([rows], dtype=np.int64),
        rest=0,
        distinct=1,
        singletons=0,
        levels=("a",),
        pooled=np.empty(0, dtype=np.uint64),
        pooled_all=True,
    )
