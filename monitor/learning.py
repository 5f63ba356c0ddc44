"""What does production teach about normal, where the reference has too few windows to?

Until 20 windows are known, a model is learning and its column alerts are tickets. Windows that are complete
and sound teach how much a window may stray; what the mean should be stays the reference's word, and a
standing offset from it is kept as such (docs/detectors.md, "learning").
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from alerting.verdict import IncidentKind, Severity
from detectors import Component, Profile
from detectors._column import PERFORMANCE
from detectors._learning import Prior, learn
from detectors._noise import ENOUGH_WINDOWS, NoiseModel
from detectors._performance import performance_priors
from detectors._priors import priors
from detectors._slices import slices_of
from monitor.logs import logger
from monitor.observations import Key, observe
from monitor.reference_noise import enough, slice_priors
from monitor.runtime import Runtime, Watched
from monitor.windows import slots
from storage import daemon_events, judged, measurements, profiles, verdicts
from storage.ledger import DueWindow, WindowState
from storage.measurements import ColumnResult, ColumnStatus
from storage.span import Span

MEMORY = 400  # windows looked back at most


def learn_from_production(
    runtime: Runtime, watched: Watched, conn: Connection, window: DueWindow, noise: NoiseModel
) -> NoiseModel | None:
    """After a folded window: the noise model that leaves learning, saved in its transaction; else None."""
    if not noise.learning or window.state is not WindowState.DONE or window.reference_id is None:
        return None
    taught = _sound_windows(watched, conn, window)
    if len(taught) < ENOUGH_WINDOWS:
        return None
    reference_id = window.reference_id
    profile = runtime.profiles.get(reference_id, lambda: profiles.load_profile(conn, reference_id))
    model = _learn(watched, conn, taught, profile, noise)
    now = runtime.clock.now()
    _save(watched, conn, reference_id, model, now)
    daemon_events.add(conn, "noise.learnt", now, {"windows": model.windows}, model=watched.name)
    logger().info("noise.learnt", model=watched.name, windows=model.windows)
    return model


def learn_performance(
    runtime: Runtime, watched: Watched, conn: Connection, window: DueWindow, noise: NoiseModel
) -> NoiseModel | None:
    """After a folded window of the labels, where the reference could not teach performance: the noise model
    that knows it, saved in its transaction; else None."""
    known = [one.windows for key, one in noise.components.items() if key[0] == PERFORMANCE]
    if max(known, default=0) >= ENOUGH_WINDOWS or window.reference_id is None:
        return None
    taught = [each for each in _sound_windows(watched, conn, window) if (each.evidence or {}).get("complete")]
    if len(taught) < ENOUGH_WINDOWS:
        return None
    reference_id = window.reference_id
    profile = runtime.profiles.get(reference_id, lambda: profiles.load_profile(conn, reference_id))
    seen = [_components(measurements.load(conn, each.id), "") for each in taught]
    known_before = performance_priors(profile)
    learnt = learn(
        enough(observe(seen), known_before), _codes(watched, taught), priors=known_before, production=True
    )
    model = replace(noise, components={**noise.components, **learnt.components})
    now = runtime.clock.now()
    _save(watched, conn, reference_id, model, now)
    daemon_events.add(conn, "performance.learnt", now, {"windows": learnt.windows}, model=watched.name)
    logger().info("performance.learnt", model=watched.name, windows=learnt.windows)
    return model


def _save(watched: Watched, conn: Connection, reference_id: int, model: NoiseModel, now: datetime) -> None:
    profiles.save_noise(
        conn,
        reference_id,
        window_spec=str(watched.spec),
        learnt_from=model.learnt_from,
        windows=model.windows,
        content=model.to_json(),
        now=now,
    )


def _codes(watched: Watched, taught: Sequence[DueWindow]) -> dict[str, NDArray[np.int64]]:
    codes = [slots(watched.spec, each.span) for each in taught]
    return {kind: np.array([code[kind] for code in codes], dtype=np.int64) for kind in codes[0]}


def _sound_windows(watched: Watched, conn: Connection, window: DueWindow) -> list[DueWindow]:
    """Windows of this stream and reference without trouble in their data, the latest last."""
    back = Span(start=window.span.start - MEMORY * watched.spec.nominal, end=window.span.end)
    return [
        each
        for each in judged.within(conn, watched.name, window.stream, back)
        if each.state is WindowState.DONE
        and each.reference_id == window.reference_id
        and not (each.evidence or {}).get("late")
        and _is_sound(conn, each)
    ]


def _is_sound(conn: Connection, window: DueWindow) -> bool:
    return not any(
        stored.verdict.incident_kind is IncidentKind.DATA and stored.severity is not Severity.NONE
        for stored in verdicts.load(conn, window.id)
    )


def _learn(
    watched: Watched, conn: Connection, taught: list[DueWindow], profile: Profile, noise: NoiseModel
) -> NoiseModel:
    """The whole and each slice by itself. What labels say is learnt from theirs (`learn_performance`)."""
    seen: list[dict[Key, Component]] = []
    slices: dict[str, list[dict[Key, Component]]] = {name: [] for name in noise.slices}
    for each in taught:
        results = measurements.load(conn, each.id)
        seen.append(_components(results, ""))
        for name, of_slice in slices.items():
            of_slice.append(_components(results, name))
    by_kind = _codes(watched, taught)
    known = {key: prior for key, prior in _said(noise).items() if key[0] != PERFORMANCE} | priors(profile)
    whole = learn(enough(observe(seen), known), by_kind, priors=known, production=True)
    own = slices_of(profile)
    found: dict[str, NoiseModel] = {}
    for name, of_slice in slices.items():
        prior = slice_priors(own.profiles[name]) if own is not None and name in own.profiles else {}
        found[name] = learn(enough(observe(of_slice), prior), by_kind, priors=prior, production=True)
    # Of performance, what few or no windows taught would judge by the sampling error alone.
    taught_already = {
        key: one
        for key, one in noise.components.items()
        if key[0] == PERFORMANCE and one.windows >= ENOUGH_WINDOWS
    }
    return replace(whole, components={**whole.components, **taught_already}, slices=found)


def _components(results: Sequence[ColumnResult], segment: str) -> dict[Key, Component]:
    """Of the whole, or of one slice; a model version by itself teaches nothing of the whole."""
    return {
        (result.column, component.name): component
        for result in results
        if result.status is ColumnStatus.OK and result.segment == segment and not result.version
        for component in result.components
    }


def _said(noise: NoiseModel) -> dict[Key, Prior]:
    """What the reference said of each component as a whole: until now the model's own means."""
    return {
        key: Prior(mean=one.mean, rows=round(0.5 / one.floor) if one.floor else 1, upward=one.upward)
        for key, one in noise.components.items()
    }
