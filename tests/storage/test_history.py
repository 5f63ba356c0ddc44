"""What the command line, the API and the pages read: same keys, same order, filters that filter."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from alerting.series import Series
from alerting.verdict import Severity, VerdictKind
from detectors import Harm
from storage import daemon_events, history, incidents, ledger, profiles, verdicts
from storage.engine import Store
from storage.history import Filter
from storage.ledger import WindowState
from storage.overview import overview
from storage.tables import ledger as ledger_table
from storage.tables.views import v_incidents, v_measurements, v_notifications, v_verdicts, v_windows
from tests.storage.samples import DAY, T0, done, fold, message, plan, profile, result, verdict


@pytest.fixture
def story(store: Store) -> Store:
    """Three windows: a page on temp and a ticket on wind in the first, clear after; one more is overdue."""
    with store.write() as conn:
        first, second, third = done(conn, 3, results=(result("temp"), result("wind")))
        fold(conn, first, verdict(), verdict("wind", severity=Severity.TICKET))
        for number, window in enumerate((second, third), start=1):
            fold(conn, window, *(verdict(c, number, VerdictKind.CLEAR) for c in ("temp", "wind")))
        plan(conn, 1, first=3)
    return store


def test_records_have_the_keys_of_their_view(story: Store) -> None:
    """In the view's order, so that CSV headers and JSON never change by accident."""
    from storage import outbox

    with story.write() as conn:
        outbox.enqueue(conn, [message("k")], T0)
    with story.read() as conn:
        for records, view in (
            (history.windows(conn), v_windows),
            (history.measurements(conn), v_measurements),
            (history.verdicts(conn), v_verdicts),
            (history.incident_list(conn), v_incidents),
            (history.notifications(conn), v_notifications),
        ):
            assert list(records[0]) == [c.name for c in view.c]


def test_windows(story: Store) -> None:
    """All of them, oldest first; `last` counts windows from the end."""
    with story.read() as conn:
        assert [row["state"] for row in history.windows(conn)] == ["done", "done", "done", "planned"]
        assert [row["window_start"][:10] for row in history.windows(conn, Filter(last=2))] == [
            "2013-05-03",
            "2013-05-04",
        ]
        assert history.windows(conn, Filter(model="other")) == []
        assert history.windows(conn, Filter(stream="labels")) == []


def test_verdict_filters(story: Store) -> None:
    """Column, severity at least, and a half-open span of window starts."""
    with story.read() as conn:
        assert len(history.verdicts(conn)) == 6
        assert len(history.verdicts(conn, Filter(column="temp"))) == 3
        assert len(history.verdicts(conn, Filter(severity=Severity.TICKET))) == len(
            history.verdicts(conn, Filter(since=T0, until=T0 + DAY))
        )
        (page,) = [row for row in history.verdicts(conn, Filter(last=4)) if row["severity"] == "page"]
        assert (page["column_name"], page["verdict"], page["rank"]) == ("temp", "breach", 1)
        assert page["rules"] == {"shewhart": "breach"}


def test_measurement_filters(story: Store) -> None:
    """One metric of one column of the last window."""
    with story.read() as conn:
        (row,) = history.measurements(conn, Filter(column="wind", metric="psi", since=T0 + 2 * DAY))
        assert (row["value"], row["window_start"]) == (0.25, "2013-05-03T00:00:00.000000Z")
        assert history.measurements(conn, Filter(segment="origin=JFK")) == []


def test_a_view_gives_every_number_to_the_last_bit(store: Store) -> None:
    """What JSON would round is not taken from JSON."""
    third = replace(result(value=0.1 + 0.2), harm=Harm(harm=-2.0 / 3.0, harm_error=None, pull=1.0 / 3.0))
    with store.write() as conn:
        done(conn, results=(third,))
    with store.read() as conn:
        found = {row["metric"]: row["value"] for row in history.measurements(conn)}
    assert {name: found[name] for name in ("psi", "harm", "pull", "rows")} == {
        "psi": 0.1 + 0.2,
        "harm": -2.0 / 3.0,
        "pull": 1.0 / 3.0,
        "rows": 100.0,
    }


def test_one_verdict_with_its_facts(story: Store) -> None:
    """What `explain` needs, by number."""
    with story.read() as conn:
        verdict_id = history.verdicts(conn)[0]["verdict_id"]
        found = history.verdict(conn, verdict_id)
        assert found is not None
        assert (found["facts"]["z"], found["rules"]) == (7.5, {"shewhart": "breach"})
        assert history.verdict(conn, 999) is None


def test_the_verdict_on_a_series(story: Store) -> None:
    """By the window's start, or the latest of that very series: another version is another series."""
    series = Series(model=verdict().series.model, column="temp", version=verdict().series.version)
    with story.read() as conn:
        first, latest = verdicts.find(conn, series, T0), verdicts.find(conn, series, None)
        assert first is not None
        assert latest is not None
        assert first.verdict.kind is VerdictKind.BREACH
        assert (latest.verdict.start, latest.verdict.kind) == (T0 + 2 * DAY, VerdictKind.CLEAR)
        assert verdicts.find(conn, series, T0 + 9 * DAY) is None
        assert verdicts.find(conn, replace(series, version="other"), None) is None


def test_one_incident_with_its_history(story: Store) -> None:
    """Events and the verdicts that name it, in order."""
    with story.read() as conn:
        listed = history.incident_list(conn, Filter(severity=Severity.PAGE), open_only=True)
        assert [row["column_name"] for row in listed] == ["temp"]
        found = history.incident(conn, listed[0]["incident_id"])
        assert found is not None
        assert [event["kind"] for event in found["history"]] == ["opened", "recovering"]
        assert found["verdicts"][0]["verdict"] == "breach"
        assert found["events"] == 2
        assert history.incident(conn, "nonsense") is None


def test_overview(story: Store) -> None:
    """One line a model: last window, what waits, what is open, which reference and noise are in force."""
    with story.write() as conn:
        saved = profiles.save(conn, "m", profile(), now=T0)
        profiles.promote(conn, saved.id, T0)
        profiles.save(conn, "idle", profile(), now=T0)
    with story.read() as conn:
        idle, busy = overview(conn, T0 + 5 * DAY)
        assert (idle.model, idle.last_state, idle.reference, idle.waiting) == ("idle", None, None, 0)
        assert (busy.last_start, busy.last_state, busy.last_rows) == (T0 + 2 * DAY, WindowState.DONE, 100)
        assert busy.folded_until == T0 + 3 * DAY
        assert (busy.waiting, busy.overdue, busy.unattended, busy.failed) == (1, 1, 1, 0)
        assert (busy.open_pages, busy.open_tickets, busy.pages, busy.windows) == (1, 1, 1, 3)
        assert busy.reference is not None
        assert busy.noise is None


def test_failed_windows_are_counted(store: Store) -> None:
    """Of the last thirty days, judged or not yet; neither those that were replaced, nor backfilled ones, nor
    labels."""
    now = T0 + 40 * DAY
    with store.write() as conn:
        windows = done(conn, 20)
        ids = [window.id for window in windows]
        rows = update(ledger_table).values(state="failed")
        conn.execute(rows.where(ledger_table.c.id.in_(ids[5:19])))  # five of them are older
        conn.execute(update(ledger_table).values(folded_at=T0).where(ledger_table.c.id.in_(ids[:15])))
        for column, value, place in (
            ("superseded_by", ids[0], 16),
            ("kind", "backfill", 17),
            ("stream", "labels", 18),
        ):
            changed = update(ledger_table).values({column: value})
            conn.execute(changed.where(ledger_table.c.id == ids[place]))
    with store.read() as conn:
        (seen,) = overview(conn, now)
        assert (seen.failed, seen.windows, seen.ever.windows) == (6, 5, 15)
        (seen,) = overview(conn, now - 5 * DAY)
        assert (seen.failed, seen.windows) == (11, 10)


def test_a_window_that_waits_for_its_rows_is_attended_to(story: Store) -> None:
    """It is overdue, and its next look is to come; a minute after that nobody has looked."""
    now = T0 + 5 * DAY
    with story.write() as conn:
        claimed = ledger.claim(conn, now, "d", DAY)
        assert claimed is not None
        later = now + timedelta(minutes=5)
        assert ledger.defer(conn, claimed.id, claimed.fence, later, "the source is not complete")
    with story.read() as conn:
        for at, unattended in ((now, 0), (later, 0), (later + timedelta(seconds=61), 1)):
            (seen,) = overview(conn, at)
            assert (seen.overdue, seen.unattended) == (1, unattended)


def test_daemon_events(store: Store) -> None:
    """The latest, oldest first, times as text."""
    with store.write() as conn:
        for kind in ("clock.jumped", "model.learnt"):
            daemon_events.add(conn, kind, T0, {"by_s": 61}, model="m")
        (row,) = history.daemon_events(conn, last=1)
    assert (row["kind"], row["at"], row["facts"]) == (
        "model.learnt",
        "2013-05-01T00:00:00.000000Z",
        {"by_s": 61},
    )


def test_acknowledged_shows(story: Store) -> None:
    """The view names who has it."""
    with story.write() as conn:
        incident = incidents.open_incidents(conn)[0]
        incidents.acknowledge(conn, incident.id, by="ada", now=T0 + DAY)
        found = history.incident(conn, incident.id)
        assert found is not None
        assert (found["acknowledged_by"], found["acknowledged_until"]) == (
            "ada",
            "2013-05-03T00:00:00.000000Z",
        )
