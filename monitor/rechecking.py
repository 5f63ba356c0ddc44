"""Have rows come late to a window that has ended? It is looked at once, `lateness` after its end.

A look asks the source how many rows the window has now. Where that is another number by more than 2 % of
what was evaluated, the window gets another revision; what that changes is for the fold
(monitor/refolding.py).
"""

from datetime import timedelta

from alerting import failpoint
from monitor.evaluation import LONGEST_RETRY, willing
from monitor.logs import logger
from monitor.runtime import LEASE, Runtime, Watched
from monitor.source import SourceError
from storage import profiles, revisions
from storage.ledger import DueWindow

CHANGED = 0.02  # of the rows evaluated; less moves no verdict (the floors of a share are a point and more)
GIVE_UP = timedelta(days=1)  # after the first look that failed


def has_changed(before: int, now: int) -> bool:
    """Whether the rows of a window are others than those it was evaluated on, in number."""
    return abs(now - before) > CHANGED * before


def recheck_next(runtime: Runtime) -> bool:
    """Look at the oldest window whose time has come; False: there is none."""
    now = runtime.clock.now()
    with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
        if not revisions.to_recheck(conn, now, willing(runtime)):
            return False
    with runtime.store.write() as conn:
        window = revisions.claim_recheck(conn, now, LEASE, willing(runtime))
        if window is not None:  # a read may take its whole limit: nobody else looks meanwhile
            limit = runtime.models[window.model].config.window.read_within
            revisions.look_later(conn, window.id, now + limit + LEASE)
    if window is None:
        return False
    failpoint.hit("after_recheck_claim")
    _look(runtime, runtime.models[window.model], window)
    return True


def _look(runtime: Runtime, watched: Watched, window: DueWindow) -> None:
    now = runtime.clock.now()
    with runtime.store.read() as conn:
        reference = profiles.active(conn, window.model)
    if reference is None or window.reference_id not in (None, reference.id):
        _settle(runtime, window)  # it was held against a reference that is not in force any more
        return
    limit_s = watched.config.window.read_within.total_seconds()
    try:
        with runtime.reads.of(window, since=runtime.clock.monotonic(), limit_s=limit_s):
            rows = watched.source.fingerprint(window.span).rows
    except SourceError as error:
        _failed(runtime, watched, window, error)
        return
    before = window.rows or 0
    if not has_changed(before, rows):
        _settle(runtime, window)
        return
    reason = f"{rows:,} rows where {before:,} were evaluated"
    with runtime.store.write() as conn:
        revisions.looked(conn, window.id, now)
        revisions.revise(conn, window, now=now, give_up=now + watched.config.window.patience, reason=reason)
        failpoint.hit("before_revise_commit")
    logger().info("window.changed", model=window.model, window=window.span.start.isoformat(), reason=reason)


def _settle(runtime: Runtime, window: DueWindow) -> None:
    with runtime.store.write() as conn:
        revisions.looked(conn, window.id, runtime.clock.now())


def _failed(runtime: Runtime, watched: Watched, window: DueWindow, error: SourceError) -> None:
    """Tried again for a day; what was evaluated stands meanwhile, and new windows say what is wrong."""
    now = runtime.clock.now()
    since = window.span.end + watched.config.window.lateness
    if error.transient and now < since + GIVE_UP:
        with runtime.store.write() as conn:
            revisions.look_later(conn, window.id, now + LONGEST_RETRY)
        return
    _settle(runtime, window)
    logger().warning(
        "window.recheck_failed", model=window.model, window=window.span.start.isoformat(), reason=error.reason
    )
