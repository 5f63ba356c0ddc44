"""What does production teach about normal, where the reference has too few windows to?

Until 20 windows are known, a model is learning and its column alerts are tickets. Windows that are complete
and sound teach how much a window may stray; what the mean should be stays the reference's word, and a
standing offset from it is kept as such (docs/detectors.md, "learning").
"""

import numpy as np
from sqlalchemy import Connection

from alerting.verdict import IncidentKind, Severity
from detectors import Profile
from detectors._learning import learn
from detectors._noise import ENOUGH_WINDOWS, NoiseModel
from detectors._priors import priors
from monitor.logs import logger
from monitor.observations import observe
from monitor.runtime import Runtime, Watched
from monitor.windows import slots
from storage import daemon_events, ledger, measurements, profiles, verdicts
from storage.ledger import DueWindow, Stream, WindowState
from storage.measurements import ColumnStatus
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
    model = _learn(watched, conn, taught, profile)
    now = runtime.clock.now()
    profiles.save_noise(
        conn,
        reference_id,
        window_spec=str(watched.spec),
        learnt_from=model.learnt_from,
        windows=model.windows,
        content=model.to_json(),
        now=now,
    )
    daemon_events.add(conn, "noise.learnt", now, {"windows": model.windows}, model=watched.name)
    logger().info("noise.learnt", model=watched.name, windows=model.windows)
    return model


def _sound_windows(watched: Watched, conn: Connection, window: DueWindow) -> list[DueWindow]:
    """Complete windows of this reference without trouble in their data, the latest last."""
    back = Span(start=window.span.start - MEMORY * watched.spec.nominal, end=window.span.end)
    return [
        each
        for each in ledger.find(conn, watched.name, Stream.INPUTS, back)
        if each.state is WindowState.DONE
        and each.folded_at is not None
        and each.reference_id == window.reference_id
        and not (each.evidence or {}).get("late")
        and _is_sound(conn, each)
    ]


def _is_sound(conn: Connection, window: DueWindow) -> bool:
    return not any(
        stored.verdict.incident_kind is IncidentKind.DATA and stored.severity is not Severity.NONE
        for stored in verdicts.load(conn, window.id)
    )


def _learn(watched: Watched, conn: Connection, taught: list[DueWindow], profile: Profile) -> NoiseModel:
    seen = [
        {
            (result.column, component.name): component
            for result in measurements.load(conn, each.id)
            if result.status is ColumnStatus.OK and not result.segment
            for component in result.components
        }
        for each in taught
    ]
    codes = [slots(watched.spec, each.span) for each in taught]
    return learn(
        observe(seen),
        {kind: np.array([code[kind] for code in codes], dtype=np.int64) for kind in codes[0]},
        priors=priors(profile),
        production=True,
    )
