"""What does the fold read of one ended window? Its stored results, and what is normal for them."""

from collections.abc import Mapping

from sqlalchemy import Connection

from detectors import Role
from detectors._noise import NoiseModel
from monitor.bound_versions import elsewhere
from monitor.realised import beside
from monitor.runtime import Runtime, Watched
from monitor.stored_window import StoredWindow
from storage import judged, label_windows, measurements, profiles, verdicts
from storage.ledger import DueWindow, Stream
from storage.measurements import ColumnResult
from storage.profiles import Reference


def stored_window(
    runtime: Runtime,
    watched: Watched,
    conn: Connection,
    window: DueWindow,
    judged_with: Mapping[str, object] | None = None,
) -> StoredWindow:
    """By the noise models in force, or by those that it was `judged_with` before (a judge's state)."""
    reference = profiles.get(conn, window.reference_id) if window.reference_id is not None else None
    results = _results(conn, window)
    own = {} if reference is None else elsewhere(results, reference, profiles.list_(conn, watched.name))
    before, of_versions = _numbers(judged_with)
    return StoredWindow(
        window=window,
        reference=reference or profiles.active(conn, watched.name),
        noise=None if reference is None else _noise(runtime, watched, conn, reference, before),
        results=results,
        versions={
            version: _noise(runtime, watched, conn, found, of_versions.get(version))
            for version, found in own.items()
        },
    )


def fetch_noise(runtime: Runtime, watched: Watched, conn: Connection, window: DueWindow) -> None:
    """Have the window's noise model in memory, which takes longer to load than all the rest."""
    if window.reference_id is not None:
        found = profiles.newest_noise(conn, window.reference_id, str(watched.spec))
        if found:
            runtime.noises.get(found, lambda: _loaded(conn, found))


def _numbers(state: Mapping[str, object] | None) -> tuple[int | None, Mapping[str, int]]:
    """The noise models that a judge's state names: of the whole, and of versions with their own reference."""
    if not state:
        return None, {}
    noise, versions = state.get("noise"), state.get("versions", {})
    return noise if isinstance(noise, int) else None, versions if isinstance(versions, Mapping) else {}


def _results(conn: Connection, window: DueWindow) -> list[ColumnResult]:
    """What was measured; what labels say is kept beside what was said without them."""
    results = measurements.load(conn, window.id)
    if window.stream is Stream.INPUTS or not results:
        return results
    span = window.span
    inputs = judged.of_span(conn, window.model, Stream.INPUTS, span)
    inputs = inputs or label_windows.inputs_of(conn, window.model, span)  # late itself: measured at least
    if inputs is None:
        return results
    before = measurements.load(conn, inputs.id)
    said = [each.verdict for each in verdicts.load(conn, inputs.id)]
    found = [
        beside(result, before, said) if result.role is Role.PERFORMANCE else result for result in results
    ]
    for result in found:
        measurements.add_facts(conn, window.id, result)
    return found


def _noise(
    runtime: Runtime, watched: Watched, conn: Connection, reference: Reference, number: int | None
) -> tuple[int, NoiseModel]:
    """This one, or the one in force; an empty one, which is learning, where none fits the window spec."""
    found = number if number is not None else profiles.newest_noise(conn, reference.id, str(watched.spec))
    if not found:
        return 0, NoiseModel(components={}, windows=0)
    return found, runtime.noises.get(found, lambda: _loaded(conn, found))


def _loaded(conn: Connection, noise_id: int) -> NoiseModel:
    stored = profiles.get_noise(conn, noise_id)
    if stored is None:
        raise ValueError(f"no noise model {noise_id}")
    return NoiseModel.from_json(stored.content)
