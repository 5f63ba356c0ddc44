"""How is a long past brought into history? Through the ledger, at low priority, telling nobody.

Backfilled windows are judged in their own order, from their own beginning, and fold into no alert state: no
incident opens, nothing is posted, no trainer is asked. They are planned once (the ledger's unique key), so an
interrupted run is taken up by the next one, or by the daemon. What the daemon has yet to plan is left to it:
a row of kind backfill in its place would never be told to anybody. What it passed over for its horizon gets
the next revision of its row, which stands instead once it has ended well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting.verdict import Severity
from monitor.backfill_fold import judge_backfilled
from monitor.evaluation import evaluate_next
from monitor.exits import CommandError
from monitor.planning import HORIZON, live_from, plan_spans
from monitor.reference_build import Progress, quiet
from monitor.runtime import Runtime, Watched
from monitor.windows import windows_within
from storage import fold_order, ledger, revisions, verdicts
from storage.ledger import PLAN_LIMIT, DueWindow, Stream, WindowKind, WindowState
from storage.reached import reached
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a backfill of a span would do."""

    new: list[Span]  # to be evaluated, oldest first
    skipped: list[DueWindow]  # rows that say `catch_up horizon`: each gets a next revision, of kind backfill
    open: list[DueWindow]  # planned by an earlier run, and not ended
    known: int  # windows that history has already, backfilled or live
    whole: Span  # what was asked for and lies in the past of live planning
    daemons: int  # windows after it that were asked for: the daemon has yet to judge them live


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """What came of it."""

    windows: list[DueWindow]  # as they stand now, oldest first
    tickets: int  # windows whose worst verdict is one
    pages: int
    until: datetime  # the windows that were asked for after it ...
    daemons: int  # ... are so many, and left to the daemon


def plan_backfill(runtime: Runtime, watched: Watched, start: datetime, end: datetime) -> Plan:
    """Whole windows of [start, end) that have no row, were skipped, or wait. Reads only."""
    now = runtime.clock.now()
    with runtime.store.read() as conn:
        far = reached(conn).get(watched.name)
        if far is None:
            raise CommandError(
                f"{watched.name}: no reference; run `leeway reference build --model {watched.name}` first"
            )
        # After a long rest live planning begins before the horizon, and judges nothing up to it.
        live = max(live_from(watched, far, now), now - watched.config.window.catch_up)
        ended = min(end, now)
        if start >= ended:
            raise CommandError(
                f"{watched.name}: no window of {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC "
                "has ended yet"
            )
        if start >= live:
            raise CommandError(
                f"{watched.name}: windows from {live:%Y-%m-%d %H:%M} UTC on are the daemon's, which judges "
                f"them live; run `leeway run`, or ask for earlier ones"
            )
        whole = Span(start=start, end=min(ended, live))
        there = ledger.find(conn, watched.name, Stream.INPUTS, whole)
        revised = revisions.revised(conn, watched.name, Stream.INPUTS, whole)
        beside = fold_order.within(conn, watched.name, Stream.INPUTS, whole)
    spans = list(windows_within(watched.spec, whole.start, whole.end))
    daemons = len(list(windows_within(watched.spec, whole.end, ended))) if ended > whole.end else 0
    # Rows that a window of another length holds are not counted twice.
    new = [span for span in spans if not any(_overlap(span, other) for other in beside)]
    waiting = [row for row in there if row.kind is WindowKind.BACKFILL and not row.state.terminal]
    theirs = set(spans) - revised
    skipped = [
        row
        for row in there
        if row.state is WindowState.SKIPPED and row.reason == HORIZON and row.span in theirs
    ]
    return Plan(
        new=new,
        skipped=skipped,
        open=waiting,
        known=len(spans) - len(new) - len(skipped) - len(waiting),
        whole=whole,
        daemons=daemons,
    )


def backfill(
    runtime: Runtime, watched: Watched, start: datetime, end: datetime, *, progress: Progress = quiet
) -> Backfill:
    """Evaluate and judge what `plan_backfill` says. Killed anywhere, the next run goes on."""
    planned = plan_backfill(runtime, watched, start, end)
    _plan_skipped(runtime, watched, planned.skipped)
    plan_spans(runtime, watched, planned.new, kind=WindowKind.BACKFILL)
    whole = planned.whole
    waiting = [row for row in _rows(runtime, watched, whole) if not row.state.terminal]
    for index, row in enumerate(waiting):
        progress("evaluating windows", index + 1, len(waiting))
        evaluate_next(runtime, ids=frozenset({row.id}))
        judge_backfilled(runtime, watched)
    judge_backfilled(runtime, watched)
    rows = _rows(runtime, watched, whole)
    with runtime.store.read() as conn:  # a revision that failed stands for nothing, and is told all the same
        ended = [ledger.get(conn, row.id) for row in waiting if row.id not in {each.id for each in rows}]
    rows = sorted([*rows, *(row for row in ended if row is not None)], key=lambda row: row.span)
    with runtime.store.read() as conn:
        worst = [_worst(conn, row) for row in rows]
    return Backfill(
        windows=rows,
        tickets=sum(each is Severity.TICKET for each in worst),
        pages=sum(each is Severity.PAGE for each in worst),
        until=whole.end,
        daemons=planned.daemons,
    )


def _plan_skipped(runtime: Runtime, watched: Watched, skipped: Sequence[DueWindow]) -> None:
    now = runtime.clock.now()
    give_up = now + watched.config.window.patience
    for first in range(0, len(skipped), PLAN_LIMIT):
        with runtime.store.write() as conn:
            for row in skipped[first : first + PLAN_LIMIT]:
                again = replace(row, kind=WindowKind.BACKFILL)
                revisions.revise(conn, again, now=now, give_up=give_up, reason=f"was skipped: {HORIZON}")


def _rows(runtime: Runtime, watched: Watched, whole: Span) -> list[DueWindow]:
    with runtime.store.read() as conn:
        found = ledger.find(conn, watched.name, Stream.INPUTS, whole)
    return [row for row in found if row.kind is WindowKind.BACKFILL]


def _worst(conn: Connection, row: DueWindow) -> Severity:
    said = verdicts.load(conn, row.id)
    return max((each.severity for each in said), key=lambda severity: severity.level, default=Severity.NONE)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end
