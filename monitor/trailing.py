"""Is it time for the reference to move, and to where?

It follows production and learns from sound windows alone: not from those that breached, came late or not at
all, or that the config excludes. The fixed reference stays what creep is judged against (monitor/creep.py);
while the model's history is short it is in force.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import Connection

from detectors._noise import ENOUGH_WINDOWS
from monitor.config_model import ReferenceConfig
from monitor.creep import against
from monitor.exits import CommandError
from monitor.logs import logger
from monitor.reference_build import Progress, quiet
from monitor.referencing import Overtaken, ReferenceOutcome, build_reference
from monitor.runtime import Runtime, Watched
from monitor.windows import WindowSpec, window_at
from storage import fold_order, profiles
from storage.due_window import Stream
from storage.profiles import Reference
from storage.sound import all_but, first_judged, sound_windows
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What decides whether a model's reference moves now."""

    active: Reference
    first: datetime  # start of the oldest judged window
    until: datetime  # end of the latest


def next_span(spec: WindowSpec, trailing: timedelta, refresh: timedelta, standing: Standing) -> Span | None:
    """The windows that a new reference would be of; None: it is not time yet.

    A fixed reference was put in force by a person: production has to have lasted for `trailing` under it.
    """
    span = latest_span(spec, trailing, standing.until)
    if standing.first > span.start:
        return None
    if against(standing.active) is None:
        promoted = standing.active.promoted
        return span if promoted is None or promoted <= span.start else None
    moved = standing.active.span
    return span if moved is None or standing.until - moved.end >= refresh else None


def latest_span(spec: WindowSpec, trailing: timedelta, until: datetime) -> Span:
    """The last whole windows that `trailing` holds."""
    start = until - trailing
    first = window_at(spec, start)
    return Span(start=start if first.start == start else first.end, end=until)


def refresh(runtime: Runtime, watched: Watched, *, progress: Progress = quiet) -> ReferenceOutcome:
    """Build a reference of the latest windows and put it in force, whether it is time or not."""
    trailing = watched.config.reference.trailing
    if trailing is None:
        raise CommandError(f"{watched.name}: models.{watched.name}.reference.trailing is not set")
    with runtime.store.read() as conn:
        standing = _standing(conn, watched)
    if standing is None:
        raise CommandError(f"{watched.name}: no reference or no judged window yet; see `leeway status`")
    span = latest_span(watched.spec, trailing, standing.until)
    outcome = _build(runtime, watched, standing.active, span, progress)
    if isinstance(outcome, int):
        raise CommandError(
            f"{watched.name}: of the windows of {span.start:%Y-%m-%d} to {span.end:%Y-%m-%d} {outcome} are "
            f"sound, {ENOUGH_WINDOWS} are needed; see `leeway history windows`, `leeway incidents list --all`"
        )
    return outcome


@dataclass(slots=True, kw_only=True)
class Refresher:
    """Looks for references to move, one at a time in a process, once for each newly judged window."""

    runtime: Runtime
    _looked: dict[str, datetime] = field(default_factory=dict)
    _turn: Lock = field(default_factory=Lock)

    def look(self) -> None:
        """Move every reference whose time has come. Building takes long: not for the conductor's thread."""
        moving = [each for each in self.runtime.models.values() if each.config.reference.trailing]
        if not moving or not self._turn.acquire(blocking=False):
            return
        try:
            for watched in moving:
                self._look_at(watched)
        finally:
            self._turn.release()

    def _look_at(self, watched: Watched) -> None:
        with self.runtime.store.read() as conn:
            standing = _standing(conn, watched)
        if standing is None or self._looked.get(watched.name) == standing.until:
            return
        self._looked[watched.name] = standing.until  # what fails is tried again after the next window
        plan = watched.config.reference
        if plan.trailing is None:
            return
        span = next_span(watched.spec, plan.trailing, plan.refresh, standing)
        if span is None:
            return
        try:
            outcome = _build(self.runtime, watched, standing.active, span, quiet)
        except Overtaken as overtaken:
            logger().info("reference.kept", model=watched.name, reason=str(overtaken))
            return
        if isinstance(outcome, int):
            logger().info(
                "reference.kept",
                model=watched.name,
                sound=outcome,
                needed=ENOUGH_WINDOWS,
                since=str(span.start),
            )


def _standing(conn: Connection, watched: Watched) -> Standing | None:
    active = profiles.active(conn, watched.name)
    first = first_judged(conn, watched.name)
    folded = fold_order.folded_span(conn, watched.name, Stream.INPUTS)
    if active is None or first is None or folded is None:
        return None
    return Standing(active=active, first=first, until=folded.end)


def _build(
    runtime: Runtime, watched: Watched, active: Reference, span: Span, progress: Progress
) -> ReferenceOutcome | int:
    """The number of sound windows where they are too few."""
    with runtime.store.read() as conn:
        version = against(active)
        fixed = active if version is None else profiles.by_version(conn, watched.name, version)
        excluded = watched.config.excluded_spans
        sound = [
            each
            for each in sound_windows(conn, watched.name, span)
            if not any(each.start < out.end and out.start < each.end for out in excluded)
        ]
    if len(sound) < ENOUGH_WINDOWS:
        return len(sound)
    return build_reference(
        runtime,
        _of_span(watched, span, sound),
        promote=True,
        progress=progress,
        fixed=fixed or active,
        replaces=active,
    )


def _of_span(watched: Watched, span: Span, sound: list[Span]) -> Watched:
    """The model as if its reference were these windows of production."""
    left_out: list[Mapping[str, datetime]] = [
        {"from": gap.start, "to": gap.end} for gap in all_but(span, sound)
    ]
    memory = watched.config.reference.memory_mb
    moved = ReferenceConfig.model_validate(
        {"from": span.start, "to": span.end, "exclude": left_out, "memory_mb": memory}
    )
    return replace(watched, config=watched.config.model_copy(update={"reference": moved}))
