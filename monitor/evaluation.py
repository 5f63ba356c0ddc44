"""How does one due window become measurements? Steps 3 to 6: claim, pull, count, measure and finish.

This file acts; what it acts on is decided elsewhere. No transaction is open while a source is read, and the
finish is refused when the fence has moved: a worker that was paused and comes back changes nothing.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from alerting import failpoint
from alerting.failpoint import FailpointError
from detectors import Profile
from monitor.logs import logger
from monitor.measuring import count_window, measure_window, wanted
from monitor.planning import LEASE
from monitor.runtime import Runtime, Watched
from monitor.source import SourceError
from storage import ledger, profiles
from storage.errors import StorageError
from storage.ledger import DueWindow, WindowState
from storage.measurements import ColumnResult, ColumnStatus
from storage.profiles import Reference

FIRST_RETRY = timedelta(seconds=30)  # doubled each time …
LONGEST_RETRY = timedelta(minutes=15)  # … up to this, until the window's give_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a window ends. `reason` is for a person; empty where there is nothing to say."""

    state: WindowState
    reason: str = ""
    rows: int | None = None  # None: not known
    reference_id: int | None = None
    error_class: str = ""  # permanent | transient | bug; empty where nothing failed
    facts: Mapping[str, object] = field(default_factory=dict)
    results: Sequence[ColumnResult] = ()


def evaluate_next(runtime: Runtime, *, ids: frozenset[int] | None = None) -> bool:
    """Claim the oldest due window and bring it to a stated end, or give it back. False: nothing is due."""
    now = runtime.clock.now()
    with runtime.store.write() as conn:
        window = ledger.claim(conn, now, runtime.owner, LEASE, models=list(runtime.models), ids=ids)
    if window is None:
        return False
    failpoint.hit("after_claim")
    with runtime.lease_lock:
        runtime.leases[window.id] = window.fence
    try:
        _evaluate(runtime, runtime.models[window.model], window)
    finally:
        with runtime.lease_lock:
            runtime.leases.pop(window.id, None)
    return True


def _evaluate(runtime: Runtime, watched: Watched, window: DueWindow) -> None:
    started = time.monotonic()
    try:
        with runtime.store.read() as conn:
            reference = profiles.active(conn, watched.name)
        if reference is None:
            # It was there when the window was planned: without one nothing is planned.
            _defer(runtime, window, f"no reference: run `leeway reference build --model {watched.name}`")
            return
        late = _not_ready(watched, window)
        if late and runtime.clock.now() < window.give_up:
            _defer(runtime, window, late)
            return
        outcome = _measure(runtime, watched, window, reference, late)
    except SourceError as error:
        _source_failed(runtime, window, error)
    except (StorageError, FailpointError):
        raise  # not this window's fault: its lease ends and it is claimed again
    except Exception as error:  # noqa: BLE001  edge: one window's fault must not stop the others
        reason = f"{type(error).__name__}: {error}; this looks like a bug in Leeway, please report it"
        _finish(runtime, window, Outcome(state=WindowState.FAILED, reason=reason, error_class="bug"), started)
    else:
        _finish(runtime, window, outcome, started)


def _not_ready(watched: Watched, window: DueWindow) -> str:
    """Why the window's rows may not all be there yet; empty when they are."""
    if watched.config.window.ready == "clock":
        return ""
    newest = watched.source.watermark()
    if newest is not None and newest >= window.span.end:
        return ""
    seen = "the source is empty" if newest is None else f"its newest row is of {newest:%Y-%m-%d %H:%M} UTC"
    return f"the source may not be complete yet: {seen}, the window ends {window.span.end:%Y-%m-%d %H:%M} UTC"


def _measure(
    runtime: Runtime, watched: Watched, window: DueWindow, reference: Reference, late: str
) -> Outcome:
    """Pull, count and measure."""
    profile = runtime.profiles.get(reference.id, lambda: _load(runtime, reference))
    pulled = watched.source.pull(window.span, wanted(profile))
    problems = tuple(pulled.problems)
    summary = count_window(profile, pulled)
    facts: dict[str, object] = {"late": late} if late else {}
    if not summary.rows:
        return Outcome(
            state=WindowState.NO_DATA,
            reason=late or "the source has no rows in this window",
            rows=0,
            reference_id=reference.id,
            facts=facts,
        )
    results = measure_window(profile, summary, problems, watched.detectors)
    gone = [result for result in results if result.status in (ColumnStatus.ABSENT, ColumnStatus.RETYPED)]
    if len(gone) == len(results):
        raise SourceError(
            f"every column of the reference is absent or has another type, first {gone[0].column}: "
            f"{gone[0].reason}; check source.path and columns, or build a new reference",
            transient=False,
        )
    few = summary.rows < watched.config.window.min_rows
    return Outcome(
        state=WindowState.LOW_VOLUME if few else WindowState.DONE,
        reason=late
        or (f"{summary.rows} rows, fewer than min_rows = {watched.config.window.min_rows}" if few else ""),
        rows=summary.rows,
        reference_id=reference.id,
        facts=facts,
        results=results,
    )


def _load(runtime: Runtime, reference: Reference) -> Profile:
    with runtime.store.read() as conn:
        return profiles.load_profile(conn, reference.id)


def _defer(runtime: Runtime, window: DueWindow, reason: str) -> None:
    wait = min(FIRST_RETRY * 2 ** min(window.attempt - 1, 10), LONGEST_RETRY)
    next_try = min(runtime.clock.now() + wait, window.give_up)
    with runtime.store.write() as conn:
        ledger.defer(conn, window.id, window.fence, next_try, reason)
    logger().info("window.deferred", **_names(window), next_try=next_try.isoformat(), reason=reason)


def _source_failed(runtime: Runtime, window: DueWindow, error: SourceError) -> None:
    """A passing fault is tried again until give_up; a lasting one ends the window at once."""
    if error.transient and runtime.clock.now() < window.give_up:
        _defer(runtime, window, error.reason)
        return
    kind = "transient" if error.transient else "permanent"
    _finish(runtime, window, Outcome(state=WindowState.FAILED, reason=error.reason, error_class=kind))


def _finish(runtime: Runtime, window: DueWindow, outcome: Outcome, started: float | None = None) -> None:
    with runtime.store.write() as conn:
        kept = ledger.finish(
            conn,
            window.id,
            window.fence,
            now=runtime.clock.now(),
            state=outcome.state,
            reason=outcome.reason,
            rows=outcome.rows,
            reference_id=outcome.reference_id,
            error_class=outcome.error_class,
            error=outcome.reason if outcome.error_class else "",
            evidence=outcome.facts or None,
            results=outcome.results,
        )
        failpoint.hit("before_finish_commit")
    failpoint.hit("after_finish_commit")
    if not kept:
        logger().warning("window.fenced", **_names(window))
    elif outcome.state is WindowState.FAILED:
        logger().error("window.failed", **_names(window), reason=outcome.reason)
    else:
        took = {} if started is None else {"ms": round((time.monotonic() - started) * 1000)}
        logger().info("window.evaluated", **_names(window), state=outcome.state, rows=outcome.rows, **took)


def _names(window: DueWindow) -> dict[str, object]:
    return {"model": window.model, "window": window.span.start.isoformat()}
