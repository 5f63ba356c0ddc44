"""Windows, results, verdicts and messages for the tests of storage."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from alerting.fold import FoldPolicy
from alerting.health import WindowFold, fold_window
from alerting.notification import Action, Notification
from alerting.series import Series
from alerting.verdict import Severity, Verdict, VerdictKind
from detectors import (
    Bins,
    CategoryColumn,
    Component,
    Harm,
    Kind,
    Measurement,
    NumericColumn,
    Profile,
    Role,
    ScoreSpec,
    build_profile,
)
from storage import checkpoints, fold_order, incidents, ledger, revisions, verdicts
from storage.ledger import DueWindow, Stream, WindowKind, WindowState
from storage.measurements import ColumnResult
from storage.span import Span

T0 = datetime(2013, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LEASE = timedelta(seconds=60)


def days(count: int, first: int = 0) -> list[Span]:
    return [Span(start=T0 + n * DAY, end=T0 + (n + 1) * DAY) for n in range(first, first + count)]


def plan(
    conn: Connection, count: int, model: str = "m", kind: WindowKind = WindowKind.SCHEDULED, first: int = 0
) -> int:
    return ledger.plan(
        conn,
        model,
        Stream.INPUTS,
        days(count, first),
        now=T0,
        settle=timedelta(minutes=10),
        lateness=DAY,
        give_up=6 * HOUR,
        kind=kind,
    )


def claim(conn: Connection, now: datetime = T0 + 100 * DAY) -> DueWindow:
    window = ledger.claim(conn, now, "host 1", LEASE)
    assert window is not None
    return window


def done(conn: Connection, count: int = 1, results: tuple[ColumnResult, ...] = ()) -> list[DueWindow]:
    """`count` windows of model m, planned, claimed and finished."""
    plan(conn, count)
    windows = []
    for _ in range(count):
        window = claim(conn)
        assert ledger.finish(
            conn, window.id, window.fence, now=T0, state=WindowState.DONE, rows=100, results=results
        )
        windows.append(window)
    return windows


def revised(conn: Connection, window: DueWindow) -> DueWindow:
    """The next revision of a window, which has ended and is not judged yet."""
    made = revisions.revise(conn, window, now=T0, give_up=T0 + 9 * DAY, reason="late rows")
    assert made is not None
    again = ledger.claim(conn, T0 + 100 * DAY, "host 1", LEASE, ids={made})
    assert again is not None
    assert ledger.finish(conn, made, again.fence, now=T0, state=WindowState.DONE, rows=100)
    revisions.settle(conn, again, WindowState.DONE, None)
    return again


def result(column: str = "temp", value: float = 0.25, missing: float = 0.1) -> ColumnResult:
    common = {"column": column, "n_reference": 1000, "n": 90}
    return ColumnResult(
        column=column,
        role=Role.FEATURE,
        kind=Kind.NUMERIC,
        rows=100,
        missing=10,
        components=(Component(name="c1", y=0.1 + 0.2, n=90, variance=1.0, share=False),),
        measurements=(
            Measurement(metric="psi", value=value, noise_limit=0.2, direction=1, **common),
            Measurement(metric="missing", value=missing, p=1e-300, **common),
            Measurement(metric="cramers_v", value=0.5, bound=2.5e-4, **common),
        ),
        bins=Bins(labels=("a", "b"), reference=(0.5, 0.5), window=(0.25, 0.75)),
        evidence={"mean": [1.5, 2.5], "unit": None},
        harm=Harm(harm=-1.5, harm_error=0.5, pull=None),
    )


def verdict(
    column: str = "temp",
    window: int = 0,
    kind: VerdictKind = VerdictKind.BREACH,
    severity: Severity = Severity.PAGE,
    *,
    sure: bool = True,
    facts: Mapping[str, object] | None = None,
) -> Verdict:
    return Verdict(
        series=Series(model="m", column=column),
        start=T0 + window * DAY,
        end=T0 + (window + 1) * DAY,
        kind=kind,
        severity=severity if kind is VerdictKind.BREACH else Severity.NONE,
        sure=sure,
        rank=1 if kind is VerdictKind.BREACH else None,
        change="shifted",
        title=f"{column}: median 54 → 63 °F",
        facts={"value": 0.3, "z": 7.5, "p": 1e-9, "harm": -2.0, "rules": {"shewhart": "breach"}}
        if facts is None
        else facts,
    )


def fold(conn: Connection, window: DueWindow, *said: Verdict, now: datetime = T0) -> WindowFold:
    """Transaction 1 of the daemon: all that one judged window writes."""
    folded = fold_window(checkpoints.alert_states(conn, "m"), said, FoldPolicy())
    incidents.apply(conn, folded.transitions, now)
    verdicts.save(conn, window.id, folded.verdicts)
    changed = [folded.states[fingerprint] for fingerprint in folded.changed]
    checkpoints.save(conn, window.id, {"ewma": 0.1 + 0.2}, changed)
    assert fold_order.mark_folded(conn, window.id, now)
    return folded


def message(
    key: str,
    lane: str = "oncall/m",
    action: Action = Action.REPLY,
    *,
    severity: str = "page",
    reason: str = "first",
    incidents: tuple[str, ...] = (),
) -> Notification:
    return Notification(
        key=key,
        channel=lane.partition("/")[0],
        lane=lane,
        action=action,
        reason=reason,
        facts={"model": "m", "severity": severity, "lines": [{"incident_id": each} for each in incidents]},
        created=T0,
        deadline=T0 + 3 * DAY,
    )


def profile() -> Profile:
    rows = np.random.default_rng(7)
    temp = rows.normal(50, 10, 500)
    temp[:20] = np.nan
    carriers = rows.integers(0, 3, 500).astype(np.int32)
    return build_profile(
        {
            "temp": NumericColumn(values=temp),
            "carrier": CategoryColumn(codes=carriers, labels=("a", "b", "c")),
            "score": NumericColumn(values=rows.random(500)),
        },
        roles={"score": Role.SCORE},
        score=ScoreSpec(task="binary", columns={"": "score"}),
        outcome=(rows.random(500) < 0.3).astype(np.float64),
    )
