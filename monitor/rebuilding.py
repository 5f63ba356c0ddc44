"""A model was trained again: is its reference to be built, and put in force?

Where the config leaves it to the daemon (`retraining.reference = "auto"`). What normal is has to come from
what the new model was trained on, so the reference is read anew from where the config says, which the trainer
has written meanwhile. One that is the same as before is not put in force: that would end incidents without
anything having changed.
"""

from dataclasses import dataclass, field
from threading import Lock

from sqlalchemy import Connection

from alerting import failpoint
from alerting.improvement import Answer
from monitor.exits import CommandError
from monitor.logs import logger
from monitor.promotion import promote
from monitor.referencing import ReferenceOutcome, Unchanged, build_reference
from monitor.runtime import Runtime, Watched
from monitor.source import SourceError
from storage import profiles, retraining
from storage.profiles import Reference
from storage.retraining import Retraining

AGAIN_S = 600.0  # after a try that failed: the trainer may report before its files are in place
_SAME = "its reference is the same as before: has the trainer written a new one?"


@dataclass(slots=True, kw_only=True)
class Rebuilder:
    """Looks for models that were trained again, one build at a time in a process."""

    runtime: Runtime
    _tried: dict[str, float] = field(default_factory=dict)  # request → when, in monotonic seconds
    _turn: Lock = field(default_factory=Lock)

    def look(self) -> None:
        """Build what is asked for. It takes long: not for the conductor's thread."""
        models = [each for each in self.runtime.models.values() if _is_ours(each)]
        if not models or not self._turn.acquire(blocking=False):
            return
        try:
            for watched in models:
                self._look_at(watched)
        finally:
            self._turn.release()

    def _look_at(self, watched: Watched) -> None:
        now = self.runtime.clock.monotonic()
        with self.runtime.store.read() as conn:
            request, active = _to_do(conn, watched.name), profiles.active(conn, watched.name)
        if request is None or _is_newer(active, request):
            return
        if now - self._tried.get(request.id, now - AGAIN_S) < AGAIN_S:
            return
        self._tried[request.id] = now
        try:
            outcome = build_reference(self.runtime, watched, promote=False, unlike=active)
        except Unchanged:
            _failed(self.runtime, request, _SAME)
            return
        except (SourceError, CommandError, ValueError) as error:
            _failed(self.runtime, request, str(error))
            return
        failpoint.hit("before_rebuilt_promotion")
        _put_in_force(self.runtime, watched, request, outcome)


def _is_ours(watched: Watched) -> bool:
    return watched.config.retraining.reference == "auto"


def _to_do(conn: Connection, model: str) -> Retraining | None:
    """The latest success after which no reference was put in force, while it can still be said to help."""
    waiting = [each for each in retraining.waiting_for_answer(conn, model) if each.answer is Answer.WAITING]
    latest = waiting[-1] if waiting else None
    return latest if latest is not None and latest.reference_version is None else None


def _put_in_force(runtime: Runtime, watched: Watched, request: Retraining, outcome: ReferenceOutcome) -> None:
    with runtime.store.write() as conn:
        now = runtime.clock.now()
        todo, active = _to_do(conn, watched.name), profiles.active(conn, watched.name)
        if todo is None or todo.id != request.id or _is_newer(active, request):
            return  # a person was quicker
        built = outcome.reference
        unchanged = active is not None and built.digest == active.digest
        if not unchanged:
            resolved = len(promote(conn, runtime.config, built, now))
            retraining.set_reference(conn, request.id, built.version, now)
    if unchanged:
        _failed(runtime, request, _SAME)
        return
    names = {"model": watched.name, "version": built.version, "request": request.id}
    logger().info("reference.promoted", **names, resolved=resolved)


def _is_newer(active: Reference | None, request: Retraining) -> bool:
    """Whether somebody put a reference in force since the success."""
    ended = request.ended or request.updated
    return active is not None and active.promoted is not None and active.promoted > ended


def _failed(runtime: Runtime, request: Retraining, why: str) -> None:
    """Said once for each reason."""
    logger().error("retraining.reference_failed", model=request.model, request=request.id, reason=why)
    with runtime.store.write() as conn:
        said = [each for each in retraining.events(conn, request.id) if each.kind == "reference_failed"]
        if not said or said[-1].payload.get("detail") != why:
            now = runtime.clock.now()
            retraining.add_event(conn, request.id, "reference_failed", now, payload={"detail": why})
