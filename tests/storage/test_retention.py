"""What is pruned, what never is, and what a reader sees at the boundary (T65 bounded)."""

import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Table, delete, func, select, update

from alerting.courier import Mark, OutboxState
from alerting.verdict import VerdictKind
from storage import checkpoints, fold_order, history, ledger, outbox, retention, revisions
from storage.engine import Store, open_store
from storage.history import Filter
from storage.ledger import Stream, WindowKind, WindowState
from storage.retention import AT_ONCE, Limits
from storage.roll_up import roll_up
from storage.span import Span
from storage.tables import alert_state, checkpoint, column_result, daily_result, incident, verdict
from storage.tables import ledger as ledger_table
from tests.storage.samples import DAY, HOUR, LEASE, T0, fold, message, result
from tests.storage.samples import verdict as said

DAYS = 6
FULL = 3  # days from the end


def day_of(at: datetime) -> Span:
    start = T0 + (at - T0) // DAY * DAY
    return Span(start=start, end=start + DAY)


def limits(full: int = FULL, daily: int = 100, audit: int = 100) -> Limits:
    end = T0 + DAYS * DAY
    return Limits(full=end - full * DAY, daily=end - daily * DAY, audit=end - audit * DAY, day_of=day_of)


def live(store: Store, columns: int = 2, days: int = DAYS, fold_it: bool = True) -> None:
    """Hourly windows of some days, each measured, judged and folded; the fifth opens an incident."""
    spans = [Span(start=T0 + n * HOUR, end=T0 + (n + 1) * HOUR) for n in range(24 * days)]
    with store.write() as conn:
        ledger.plan(conn, "m", Stream.INPUTS, spans, now=T0, settle=HOUR, lateness=DAY, give_up=6 * HOUR)
        for n in range(len(spans)):
            window = ledger.claim(conn, T0 + 100 * DAY, "host 1", LEASE)
            assert window is not None
            results = tuple(replace(result(f"c{c}", value=n / 100), rows=100 + n) for c in range(columns))
            ledger.finish(
                conn, window.id, window.fence, now=T0, state=WindowState.DONE, rows=100, results=results
            )
            if fold_it:
                kind = VerdictKind.BREACH if n == 5 else VerdictKind.CLEAR
                fold(conn, window, *(said(f"c{c}", n, kind) for c in range(columns)))
        outbox.enqueue(conn, [message("k")], T0)


def prune_all(store: Store, to: Limits) -> int:
    steps = 0
    while retention.prune(store, "m", to):
        steps += 1
    return steps


def count(store: Store, table: Table) -> int:
    with store.read() as conn:
        return conn.execute(select(func.count()).select_from(table)).scalar_one()


def test_old_days_become_one_row_a_column(store: Store) -> None:
    """Of every metric the mean by rows, the smallest, the largest; no window is counted twice or lost."""
    live(store)
    prune_all(store, limits())
    with store.read() as conn:
        rows = history.measurements(conn, Filter(model="m", column="c0", metric="psi"))
        assert sum(row["windows"] for row in rows) == 24 * DAYS
        daily = [row for row in rows if row["windows"] > 1]
    # The last folded window before the limit stays whole: a re-fold begins with its checkpoint.
    assert [row["windows"] for row in daily] == [24, 24, 23]
    assert [row["window_start"][:10] for row in daily] == ["2013-05-01", "2013-05-02", "2013-05-03"]
    assert daily[0]["value"] == pytest.approx(sum(n / 100 for n in range(24)) / 24)
    assert (daily[0]["value_min"], daily[0]["value_max"]) == (0.0, 0.23)
    assert daily[0]["n"] == 24 * 90
    assert daily[0]["noise_limit"] == pytest.approx(0.2)


def test_readers_see_every_hour_of_the_boundary_once(store: Store) -> None:
    """Also while it is pruned: after every step the windows add up."""
    live(store)
    query = Filter(model="m", column="c1", metric="missing")
    while retention.prune(store, "m", limits()):
        with store.read() as conn:
            rows = history.measurements(conn, query)
        assert sum(row["windows"] for row in rows) == 24 * DAYS
        assert max(Counter(row["window_start"] for row in rows).values()) <= 2  # a day in the making


def test_what_says_that_something_was_done_stays(store: Store) -> None:
    """Ledger, outbox keys, incidents, verdicts that alerted, and the checkpoint a re-fold needs."""
    live(store)
    prune_all(store, limits(full=1))
    assert count(store, ledger_table) == 24 * DAYS
    assert count(store, incident) == 2
    with store.read() as conn:
        assert outbox.known(conn, "k")
        alerted = conn.execute(select(verdict.c.id).where(verdict.c.incident_id.is_not(None))).all()
        assert len(alerted) == 2 * (1 + 3)  # it fired, and took three clear windows to end
        kept = conn.execute(select(func.min(checkpoint.c.ledger_id))).scalar()
        assert kept == 24 * (DAYS - 1)
        assert conn.execute(select(func.count()).select_from(checkpoint)).scalar() == 25


def test_the_last_checkpoint_of_a_series_stays(store: Store) -> None:
    """A re-fold may begin with a series that no window has had for months: its state is nowhere else."""
    live(store)
    with store.write() as conn:
        series = said("gone", 3, VerdictKind.CLEAR).series
        state = {"fingerprint": series.fingerprint, "model": "m", "column_name": "gone", "rule": ""}
        conn.execute(alert_state.insert().values(**state, state={}, ledger_id=4))
    prune_all(store, limits())
    with store.read() as conn:
        kept = conn.execute(select(checkpoint.c.ledger_id).order_by(checkpoint.c.ledger_id)).scalars().all()
    assert kept[0] == 4
    assert kept[1] == 24 * FULL


def test_what_nobody_has_judged_is_not_pruned(store: Store) -> None:
    """However old: its turn will come."""
    live(store, fold_it=False)
    assert prune_all(store, limits()) == 0
    assert count(store, column_result) == 2 * 24 * DAYS


def test_days_and_audit_end_too(store: Store) -> None:
    """After their own limits; an open incident keeps its verdicts."""
    live(store)
    prune_all(store, limits(full=1, daily=2, audit=2))
    with store.read() as conn:
        days = conn.execute(select(daily_result.c.start).distinct()).scalars().all()
        assert days == [T0 + 4 * DAY]
        assert conn.execute(select(func.count()).select_from(verdict)).scalar() == 2 * 25
    assert count(store, incident) == 2


def test_a_day_whose_first_window_was_revised_is_kept(store: Store) -> None:
    """Its row hangs on a window that stands: readers pass over what was replaced."""
    live(store, columns=1)
    with store.write() as conn:
        (window,) = ledger.find(conn, "m", Stream.INPUTS, Span(start=T0 + DAY, end=T0 + DAY + HOUR))
        later = 3 * DAY + T0
        made = revisions.revise(conn, window, now=later, give_up=later + DAY, reason="late")
        assert made is not None
        again = ledger.claim(conn, later, "host 1", LEASE, ids={made})
        assert again is not None
        results = (replace(result("c0", value=0.5), rows=100),)
        done = WindowState.DONE
        ledger.finish(conn, made, again.fence, now=later, state=done, rows=100, results=results)
        revisions.settle(conn, again, done, None)
        fold_order.mark_folded(conn, made, later)
    prune_all(store, limits())
    with store.read() as conn:
        rows = history.measurements(conn, Filter(model="m", column="c0", metric="psi"))
    assert sum(row["windows"] for row in rows) == 24 * DAYS
    assert [row["windows"] for row in rows if row["windows"] > 1] == [24, 24, 23]


@pytest.mark.parametrize("is_open", [True, False])
def test_a_verdict_of_no_incident_ends_after_its_limit(store: Store, is_open: bool) -> None:
    """Whether or not an incident is open meanwhile."""
    live(store, columns=1)
    with store.write() as conn:
        conn.execute(update(incident).values(is_open=is_open))
        of_twelfth = verdict.c.ledger_id == 12
        conn.execute(update(verdict).where(of_twelfth).values(severity="ticket", incident_id=None))
    prune_all(store, limits(full=1, daily=2, audit=2))
    with store.read() as conn:
        assert conn.execute(select(verdict.c.id).where(of_twelfth)).all() == []


def test_a_re_fold_begins_with_a_checkpoint(store: Store) -> None:
    """What was passed over left none, and what was backfilled is no part of the fold: both keep nothing."""
    live(store, columns=1)
    with store.write() as conn:
        last = Span(start=T0 + 71 * HOUR, end=T0 + 72 * HOUR)  # before the limit
        for span, values in (
            (last, {"kind": WindowKind.BACKFILL}),
            (Span(start=last.start - HOUR, end=last.start), {"state": WindowState.SKIPPED}),
        ):
            (window,) = ledger.find(conn, "m", Stream.INPUTS, span)
            conn.execute(update(ledger_table).where(ledger_table.c.id == window.id).values(**values))
            if "state" in values:
                conn.execute(delete(checkpoint).where(checkpoint.c.ledger_id == window.id))
    prune_all(store, limits())
    with store.read() as conn:
        before = checkpoints.before(conn, "m", Stream.INPUTS, last.start - HOUR)
    assert before.judge_state is not None


def test_a_backfilled_past_is_pruned_before_anything_live_is_old(store: Store) -> None:
    """Nothing live ended before the limit: no re-fold needs what was backfilled."""
    live(store, columns=1)
    with store.write() as conn:
        old = ledger_table.c.start < T0 + 4 * DAY
        conn.execute(update(ledger_table).where(old).values(kind=WindowKind.BACKFILL))
    prune_all(store, limits())
    with store.read() as conn:
        kept = conn.execute(select(func.count(column_result.c.ledger_id.distinct()))).scalar()
    assert kept == 24 * FULL


def test_steps_are_short_and_many(store: Store) -> None:
    """However much there is to do, a writer waits for a fraction of a second."""
    live(store, columns=60, days=4)
    took, most = [], 0
    while True:
        began = time.monotonic()
        gone = retention.prune(store, "m", limits(full=2))
        took.append(time.monotonic() - began)
        most = max(most, gone)
        if not gone:
            break
    assert most <= AT_ONCE
    assert len(took) > 20
    assert statistics.median(took) < 0.5  # one step or another may be held up by a busy machine
    assert count(store, daily_result) == 4 * 60


def test_rolling_up_in_parts_is_rolling_up_at_once(store: Store) -> None:
    """In whatever pieces windows come."""
    rows = [
        {
            "rows": 100 + n,
            "missing_rows": n,
            "harm": None if n % 3 else -0.5,
            "pull": None,
            "measurements": [
                {
                    "metric": "psi",
                    "value": None if n == 0 else n / 7,
                    "noise_limit": 0.1 * n,
                    "n": 50 + n,
                    "n_reference": 1000,
                    "status": "undefined" if n == 0 else "ok",
                }
            ],
        }
        for n in range(10)
    ]
    whole = {each["metric"]: each for each in roll_up(rows)}
    parts = {each["metric"]: each for each in roll_up(rows[4:], roll_up(rows[:4]))}
    assert whole.keys() == parts.keys() == {"psi", "rows", "harm"}
    for name, each in whole.items():
        for field, value in each.items():
            assert parts[name][field] == (pytest.approx(value) if isinstance(value, float) else value)
    assert whole["psi"]["status"] == "ok"
    assert whole["psi"]["n"] == sum(50 + n for n in range(10))


PRUNE = """
import sys
from datetime import timedelta
from storage import retention
from storage.engine import open_store
from tests.storage.test_retention import limits
with open_store(sys.argv[1]) as store:
    while retention.prune(store, "m", limits()):
        pass
"""


@pytest.mark.parametrize("k", [1, 3, 5])
def test_killed_in_the_middle_it_goes_on(store: Store, url: str, k: int) -> None:
    """SIGKILL in any of its transactions: the next run comes to what an undisturbed one comes to."""
    live(store)
    command = [sys.executable, "-c", PRUNE, url]
    killed = subprocess.run(command, env={"LEEWAY_FAILPOINT": f"mid_retention:kill:{k}", "PATH": ""})
    assert killed.returncode == -9
    assert subprocess.run(command, env={"PATH": ""}).returncode == 0
    with open_store(url) as after, after.read() as conn:
        rows = history.measurements(conn, Filter(model="m", column="c0", metric="psi"))
        assert [row["windows"] for row in rows if row["windows"] > 1] == [24, 24, 23]
        assert sum(row["windows"] for row in rows) == 24 * DAYS
        assert after.damage() == []


def test_old_attempts_and_refusals_go_and_requests_stay(store: Store) -> None:
    """An outbox row is kept for its key; only how often it was tried is forgotten."""
    with store.write() as conn:
        outbox.enqueue(conn, [message("sent"), message("open", lane="oncall/n")], T0)
    first = outbox.SqlOutbox(store)
    claimed = first.claim(T0, "host 1", LEASE)
    assert claimed is not None
    assert first.mark(claimed, Mark(state=OutboxState.SENT), T0)
    assert retention.prune_audit(store, T0 - timedelta(days=1)) == 0
    assert retention.prune_audit(store, T0 + timedelta(days=1)) == 1
    with store.read() as conn:
        assert outbox.known(conn, "sent")
        assert outbox.known(conn, "open")
