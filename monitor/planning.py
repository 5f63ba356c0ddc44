"""Which windows are put into the ledger now?

What should exist follows from the window spec and the reference alone; the unique key of the ledger makes
planning the same window twice harmless (docs/architecture.md, step 2).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile

from alerting import failpoint
from detectors._performance_profile import PART
from monitor.logs import logger
from monitor.runtime import Runtime, Watched
from monitor.windows import windows
from storage import label_windows, ledger, profiles
from storage.ledger import PLAN_LIMIT, DueWindow, Stream, WindowKind, WindowState
from storage.reached import Reached, reached
from storage.span import Span

HORIZON = "catch_up horizon"  # why a window was passed over


def plan(runtime: Runtime) -> int:
    """Insert every window that has ended since each model was last planned. Returns how many are new."""
    far = how_far(runtime)
    return sum(plan_model(runtime, watched, far.get(name)) for name, watched in runtime.models.items())


def plan_spans(
    runtime: Runtime, watched: Watched, spans: list[Span], *, kind: WindowKind, skipped: str = ""
) -> int:
    """Insert these windows, a bounded number a transaction; given a reason, as skipped for it."""
    window, now = watched.config.window, runtime.clock.now()
    horizon = now - window.catch_up if kind is WindowKind.SCHEDULED else None
    planned = 0
    for part in _parts(spans):
        with runtime.store.write() as conn:
            planned += ledger.plan(
                conn,
                watched.name,
                Stream.INPUTS,
                part,
                now=now,
                settle=window.settle,
                lateness=window.lateness,
                give_up=window.patience,
                kind=kind,
                config_digest=watched.digest,
                skip_before=now if skipped else horizon,
                skip_reason=skipped or HORIZON,
            )
        failpoint.hit("after_plan")
    if planned:
        logger().info("windows.planned", model=watched.name, windows=planned, until=spans[-1].end.isoformat())
    return planned


def renew_leases(runtime: Runtime) -> None:
    """Hold on to what this process is working on."""
    until = runtime.clock.now() + runtime.lease
    with runtime.lease_lock:
        held = dict(runtime.leases)
    if held:
        with runtime.store.claim() as conn:
            for window_id, fence in held.items():
                ledger.renew(conn, window_id, fence, until)


def first_start(reference: Span | None, now: datetime, catch_up: timedelta) -> datetime:
    """Where a model that was never planned begins: after its reference, and not before the horizon."""
    horizon = now - catch_up
    return horizon if reference is None else max(reference.end, horizon)


def live_from(watched: Watched, reached: Reached, now: datetime) -> datetime:
    """Where the next planning of a model begins: windows that start then or later are judged live."""
    if reached.planned_until is not None:
        return reached.planned_until
    return first_start(reached.reference, now, watched.config.window.catch_up)


def how_far(runtime: Runtime) -> dict[str, Reached]:
    """By model. Those without a reference in force are not there, and nothing of them is planned: said once
    at start-up and in `status`, not every five seconds."""
    with runtime.store.read() as conn:
        return reached(conn)


def plan_model(runtime: Runtime, watched: Watched, reached: Reached | None) -> int:
    """Insert every window of one model that has ended since it was last planned. Returns how many are new."""
    if reached is None:
        return 0
    now = runtime.clock.now()
    since = live_from(watched, reached, now)
    # After a change of `window.every` the first one could lie over windows that are planned already: rows
    # would be judged twice, and a window that ends before an earlier one cannot be folded.
    due = [span for span in windows(watched.spec, since, now) if span.start >= since]
    if reached.folded is not None:
        # A person may have evaluated later windows on demand: what lies before them cannot be folded.
        due = [span for span in due if span.start > reached.folded]
    planned = plan_spans(runtime, watched, due, kind=WindowKind.SCHEDULED) if due else 0
    return planned + plan_labels(runtime, watched)


def plan_labels(runtime: Runtime, watched: Watched) -> int:
    """A window of the labels for every window of the inputs, once the model's reference has a score.

    What was planned before labels were configured is taken up as far back as the horizon.
    """
    labels, window, now = watched.config.labels, watched.config.window, runtime.clock.now()
    if labels is None:
        return 0
    since = now - max(window.catch_up, labels.max_delay)
    planned = 0
    while True:
        with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
            reference = profiles.active(conn, watched.name)
            if reference is None or not profiles.has_part(conn, reference.id, PART):
                return planned
            missing = label_windows.to_plan(conn, watched.name, since, PLAN_LIMIT)
        if not missing:
            return planned
        alike = list(takewhile(partial(_is_like, missing[0]), missing))
        with runtime.store.write() as conn:
            new = ledger.plan(
                conn,
                watched.name,
                Stream.LABELS,
                [each.span for each in alike],
                now=now,
                settle=window.settle,
                lateness=window.lateness,
                give_up=labels.max_delay,
                kind=missing[0].kind,
                config_digest=watched.digest,
                skip_before=now if missing[0].state is WindowState.SKIPPED else None,
                skip_reason=missing[0].reason,
            )
        failpoint.hit("after_plan")
        planned += new


def _is_like(one: DueWindow, other: DueWindow) -> bool:
    """Whether their label windows are planned alike: what was passed over has no labels to wait for."""
    skips = [each.reason if each.state is WindowState.SKIPPED else None for each in (one, other)]
    return one.kind is other.kind and skips[0] == skips[1]


def _parts(spans: list[Span]) -> Iterator[list[Span]]:
    for start in range(0, len(spans), PLAN_LIMIT):
        yield spans[start : start + PLAN_LIMIT]
