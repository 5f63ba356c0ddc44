"""How does one due window become measurements? Steps 3 to 6: claim, pull, count, measure and finish.

This file acts; what it acts on is decided elsewhere. No transaction is open while a source is read, and the
finish is refused when the fence has moved: a worker that was paused and comes back changes nothing.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from alerting import failpoint
from detectors import Profile, WindowSummary
from monitor.appearances import appearances, tell
from monitor.bound_versions import measured_by_version
from monitor.columns import extras
from monitor.counting import Counted, count_span
from monitor.creep import against, creep_results
from monitor.duration import format_duration
from monitor.ending import Outcome, Waiting
from monitor.label_evaluation import evaluate_labels
from monitor.lineage import program
from monitor.logs import logger
from monitor.measuring import is_column, measure_window
from monitor.reads import Read
from monitor.runtime import Runtime, Watched
from monitor.source import SourceError
from storage import label_windows, ledger, measurements, profiles, revisions
from storage.errors import StorageError
from storage.ledger import DueWindow, Stream, WindowState
from storage.measurements import ColumnResult, ColumnStatus
from storage.profiles import Reference
from storage.span import Span

FIRST_RETRY = timedelta(seconds=30)  # doubled each time …
LONGEST_RETRY = timedelta(minutes=15)  # … up to this, until the window's give_up
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def evaluate_next(runtime: Runtime, *, ids: frozenset[int] | None = None, fresh: bool = False) -> bool:
    """Claim the oldest due window and bring it to a stated end, or give it back. False: nothing is due.

    `fresh`: only windows that became due within the last interval of their model.
    """
    window = _claim_fresh(runtime) if fresh else _claim(runtime, willing(runtime), ids=ids)
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


def give_up_read(runtime: Runtime, read: Read) -> bool:
    """The source does not answer: its window goes back, or ends. False: it has just answered.

    Whoever still waits in the read comes back to a lost fence.
    """
    if not runtime.reads.give_up(read, runtime.clock.monotonic()):
        return False
    window, limit = read.window, timedelta(seconds=read.limit_s)
    with runtime.lease_lock:
        runtime.leases.pop(window.id, None)
    reason = (
        f"the source did not answer within {format_duration(limit)}: is its disk or server well; "
        "window.read_limit gives it longer"
    )
    logger().warning("source.hung", **_names(window), limit_s=round(read.limit_s), reason=reason)
    if window.state is WindowState.CLAIMED:  # else its late rows were looked for, and will be again
        _source_failed(runtime, window, SourceError(reason, transient=True))
    return True


def willing(runtime: Runtime) -> list[str]:
    """Models whose source did not hang a moment ago."""
    resting = runtime.reads.resting(runtime.clock.monotonic())
    return [name for name in runtime.models if name not in resting]


def _claim(
    runtime: Runtime,
    models: list[str],
    *,
    ids: frozenset[int] | None = None,
    due_since: datetime | None = None,
) -> DueWindow | None:
    now = runtime.clock.now()
    with runtime.store.claim() as conn:
        return ledger.claim(
            conn, now, runtime.owner, runtime.lease, models=models, ids=ids, due_since=due_since
        )


def _claim_fresh(runtime: Runtime) -> DueWindow | None:
    """Models with the same interval are asked for together: there are few intervals."""
    groups: dict[timedelta, list[str]] = {}
    for name in willing(runtime):
        groups.setdefault(runtime.models[name].spec.nominal, []).append(name)
    for interval in sorted(groups):
        window = _claim(runtime, groups[interval], due_since=runtime.clock.now() - interval)
        if window is not None:
            return window
    return None


def _evaluate(runtime: Runtime, watched: Watched, window: DueWindow) -> None:
    started = time.monotonic()
    try:
        with runtime.store.read() as conn:
            reference = profiles.active(conn, watched.name)
        if reference is None:
            # It was there when the window was planned: without one nothing is planned.
            _defer(runtime, window, f"no reference: run `leeway reference build --model {watched.name}`")
            return
        limit_s = watched.config.window.read_within.total_seconds()
        with runtime.reads.of(window, since=runtime.clock.monotonic(), limit_s=limit_s):
            outcome = (
                _measure_labels(runtime, watched, window, reference)
                if window.stream is Stream.LABELS
                else _measure_inputs(runtime, watched, window, reference)
            )
        if isinstance(outcome, Waiting):
            _defer(runtime, window, outcome.reason, outcome.wait)
            return
    except SourceError as error:
        _source_failed(runtime, window, error)
    except StorageError:
        raise  # not this window's fault: its lease ends and it is claimed again
    except Exception as error:  # noqa: BLE001  edge: one window's fault must not stop the others
        # Memory or descriptors may be short for a moment: what looks like a bug is tried again first.
        reason = f"{type(error).__name__}: {error}; if it stays, this is a bug in Leeway: please report it"
        logger().error("window.broke", **_names(window), reason=reason, exc_info=error)
        _source_failed(runtime, window, SourceError(reason, transient=True))
    else:
        _finish(runtime, window, outcome, started)


def _not_ready(watched: Watched, window: DueWindow) -> str:
    """Why the window's rows may not all be there yet; empty when they are."""
    if watched.config.window.ready == "clock":
        return ""
    newest = watched.source.watermark()
    if newest is not None and newest >= window.span.end:
        return ""
    seen = "no row of it can be found" if newest is None else f"its newest row is of {_minute(newest)}"
    return f"the source is not complete: {seen}, the window ends {_minute(window.span.end)}"


def _measure_labels(
    runtime: Runtime, watched: Watched, window: DueWindow, reference: Reference
) -> Outcome | Waiting:
    """Join what is known of the outcomes, if that is enough."""
    with runtime.store.read() as conn:
        inputs = label_windows.inputs_of(conn, window.model, window.span)
    profile = runtime.profiles.get(reference.id, lambda: load_profile(runtime, reference))
    return evaluate_labels(watched, window, inputs, reference, profile, runtime.clock.now())


def _measure_inputs(
    runtime: Runtime, watched: Watched, window: DueWindow, reference: Reference
) -> Outcome | Waiting:
    """Pull, count and measure, once the rows are there."""
    late = _not_ready(watched, window)
    if late and runtime.clock.now() < window.give_up:
        return Waiting(reason=late)
    profile = runtime.profiles.get(reference.id, lambda: load_profile(runtime, reference))
    counted = count_span(watched.source, profile, window.span, extras(watched.config))
    summary = counted.summary
    facts: dict[str, object] = {"late": late} if late else {}
    if not summary.rows:
        state, reason = _empty(runtime, watched, window)
        if counted.left_out:
            state, reason = WindowState.NO_DATA, counted.left_out
        return Outcome(
            state=state,
            reason=reason,
            rows=0,
            reference_id=reference.id,
            fingerprint=_fingerprint(counted),
            data_version=counted.data_version,
            facts=facts,
        )
    versions = {version: part.rows for version, part in summary.by_version().items()}
    facts |= {"versions": versions} if versions else {}
    facts |= appearances(reference.lineage, versions=versions, columns=watched.source.schema())
    freshness = None if counted.newest is None else window.span.end - counted.newest
    results = measure_window(profile, summary, counted.problems, watched.detectors, freshness=freshness)
    gone = [result for result in results if result.status in (ColumnStatus.ABSENT, ColumnStatus.RETYPED)]
    if len(gone) == sum(is_column(profile, result) for result in results):
        raise SourceError(
            "every column of the reference is absent or has another type: check "
            f"source.{_place(watched)}; the first is {gone[0].column}: {gone[0].reason}",
            transient=False,
        )
    few = "" if summary.rows >= watched.config.window.min_rows else _too_few(watched, summary.rows)
    # A part of a window's rows is not the window: its mix and its volume are others.
    unjudged = f"{counted.left_out}; nothing is judged" if counted.left_out else few
    return Outcome(
        state=WindowState.LOW_VOLUME if unjudged else WindowState.DONE,
        reason="; ".join(part for part in (late, unjudged) if part) if counted.left_out else late or few,
        rows=summary.rows,
        reference_id=reference.id,
        fingerprint=_fingerprint(counted),
        data_version=counted.data_version,
        facts=facts,
        results=[
            *_by_version(runtime, watched, window, reference, summary, results),
            *_creep(runtime, watched, window, reference),
        ],
    )


def _by_version(
    runtime: Runtime,
    watched: Watched,
    window: DueWindow,
    reference: Reference,
    summary: WindowSummary,
    results: Sequence[ColumnResult],
) -> list[ColumnResult]:
    """Each version's results on the reference in force, or on its own where it has one."""
    if not any(result.version for result in results):
        return list(results)
    with runtime.store.read() as conn:
        references = profiles.list_(conn, watched.name)
    return measured_by_version(
        summary,
        results,
        references,
        reference,
        lambda own: runtime.profiles.get(own.id, lambda: load_profile(runtime, own)),
        watched.source,
        window.span,
        watched,
    )


def _creep(runtime: Runtime, watched: Watched, window: DueWindow, reference: Reference) -> list[ColumnResult]:
    """Beside a trailing reference: the same rows against the fixed one."""
    version = against(reference)
    with runtime.store.read() as conn:
        fixed = None if version is None else profiles.by_version(conn, watched.name, version)
    if fixed is None:
        return []
    profile = runtime.profiles.get(fixed.id, lambda: load_profile(runtime, fixed))
    return creep_results(watched.source, window.span, profile, fixed.version)


def _empty(runtime: Runtime, watched: Watched, window: DueWindow) -> tuple[WindowState, str]:
    """How a window without a row ends: the feed is silent, or it had not begun yet."""
    newest = watched.source.watermark()
    options, key = watched.config.source.options, _place(watched)
    check = f"check that its writer runs, source.{key}, source.timestamp and source.filter"
    if newest is None:
        return WindowState.NO_DATA, f"no row at all in {options.get(key, 'the source')}: {check}"
    if newest < window.span.start:
        return WindowState.NO_DATA, f"no rows since {_minute(newest)}: {check}"
    with runtime.store.read() as conn:
        begun = ledger.had_rows(conn, watched.name, Stream.INPUTS)
    before = Span(start=EPOCH, end=window.span.start)
    if not begun and newest >= window.span.end and not watched.source.fingerprint(before).rows:
        # The first plan of a model may reach back further than its source: that is no outage.
        return WindowState.SKIPPED, "before the first row of the source"
    return (
        WindowState.NO_DATA,
        f"no rows in this window, though there are rows up to {_minute(newest)}: {check}",
    )


def _place(watched: Watched) -> str:
    """The key that says where the rows are."""
    return "table" if "table" in watched.config.source.options else "path"


def _too_few(watched: Watched, rows: int) -> str:
    least = watched.config.window.min_rows
    return f"{rows} row{'s' if rows != 1 else ''}, fewer than window.min_rows = {least}: nothing is judged"


def _fingerprint(counted: Counted) -> str:
    newest = "" if counted.newest is None else f", newest {counted.newest.isoformat()}"
    return f"{counted.summary.rows} rows{newest}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def load_profile(runtime: Runtime, reference: Reference) -> Profile:
    with runtime.store.read() as conn:
        return profiles.load_profile(conn, reference.id)


def _defer(runtime: Runtime, window: DueWindow, reason: str, wait: timedelta | None = None) -> None:
    """Give it back. Without a wait of its own it is tried again ever later, up to its give_up."""
    backoff = min(FIRST_RETRY * 2 ** min(window.attempt - 1, 10), LONGEST_RETRY)
    now = runtime.clock.now()
    next_try = min(now + backoff, window.give_up) if wait is None else now + wait
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
    results = measurements.encoded(outcome.results)
    with runtime.store.write() as conn:
        if outcome.results and _is_outdated(conn, window.model, outcome):
            reason = "another reference was promoted while it was measured"
            ledger.defer(conn, window.id, window.fence, runtime.clock.now(), reason)
            return
        kept = ledger.finish(
            conn,
            window.id,
            window.fence,
            now=runtime.clock.now(),
            state=outcome.state,
            reason=outcome.reason,
            rows=outcome.rows,
            source_fingerprint=outcome.fingerprint,
            data_version=outcome.data_version,
            program=program(),
            reference_id=outcome.reference_id,
            error_class=outcome.error_class,
            error=outcome.reason if outcome.error_class else "",
            evidence=outcome.facts or None,
            results=results,
        )
        if kept:
            revisions.settle(conn, window, outcome.state, outcome.reference_id)
        if kept and outcome.facts:
            tell(conn, window.model, outcome.facts, runtime.clock.now())
        failpoint.hit("before_finish_commit")
    failpoint.hit("after_finish_commit")
    if not kept:
        logger().warning("window.fenced", **_names(window))
    elif outcome.state is WindowState.FAILED:
        logger().error("window.failed", **_names(window), reason=outcome.reason)
    else:
        took = {} if started is None else {"ms": round((time.monotonic() - started) * 1000)}
        logger().info("window.evaluated", **_names(window), state=outcome.state, rows=outcome.rows, **took)


def _is_outdated(conn: Connection, model: str, outcome: Outcome) -> bool:
    active = profiles.active(conn, model)
    return active is None or active.id != outcome.reference_id


def _names(window: DueWindow) -> dict[str, object]:
    labels = {} if window.stream is Stream.INPUTS else {"stream": window.stream}
    return {"model": window.model, "window": window.span.start.isoformat(), **labels}
