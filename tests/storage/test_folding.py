"""Verdicts, the fold's memory, incidents and their events: one transaction a window."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from alerting.health import Folded
from alerting.incident import Status
from alerting.series import Series
from alerting.verdict import Severity, VerdictKind
from storage import checkpoints, fold_order, incidents, verdicts
from storage.engine import Store
from storage.ledger import Stream
from tests.storage.samples import DAY, T0, done, fold, verdict


def test_a_sure_breach_opens_one_incident(store: Store, other: Store) -> None:
    """Verdict, state, checkpoint, incident and event are all there, or none is."""
    with store.write() as conn:
        (window,) = done(conn)
        folded = fold(conn, window, verdict())
    with other.read() as conn:
        (incident,) = incidents.open_incidents(conn, "m")
        assert (incident.severity, incident.status, incident.opened) == (Severity.PAGE, Status.FIRING, T0)
        (stored,) = verdicts.load(conn, window.id)
        assert (stored.severity, stored.incident_id) == (Severity.PAGE, incident.id)
        assert stored.verdict == verdict()
        assert checkpoints.alert_states(conn, "m") == dict(folded.states)
        assert checkpoints.judge_state(conn, "m", "inputs") == {"ewma": 0.1 + 0.2}
        assert checkpoints.judge_state_of(conn, window.id) == {"ewma": 0.1 + 0.2}
        (event,) = incidents.events(conn, incident.id)
        assert (event.seq, event.kind, event.actor, event.window_start) == (1, "opened", "leeway", T0)


def test_what_a_window_changed_stays_known(store: Store) -> None:
    """Each window's own states, when later ones have gone on; one that was passed over changed none."""
    with store.write() as conn:
        first, second, passed = done(conn, 3)
        one = fold(conn, first, verdict())
        other = fold(conn, second, verdict(window=1, kind=VerdictKind.CLEAR))
        assert checkpoints.changed_by(conn, first.id) == {key: one.states[key] for key in one.changed}
        assert checkpoints.changed_by(conn, second.id) == {key: other.states[key] for key in other.changed}
        assert checkpoints.changed_by(conn, first.id) != checkpoints.changed_by(conn, second.id)
        assert checkpoints.changed_by(conn, passed.id) == {}


def test_a_fold_that_dies_leaves_nothing(store: Store, other: Store) -> None:
    """After a crash before the commit the window is still to be folded, and folding gives the same rows."""
    with store.write() as conn:
        (window,) = done(conn)
    with pytest.raises(InterruptedError), store.write() as conn:  # noqa: PT012 (the crash is the case)
        first = fold(conn, window, verdict())
        raise InterruptedError
    with other.write() as conn:
        assert incidents.open_incidents(conn) == []
        assert checkpoints.alert_states(conn, "m") == {}
        assert [each.id for each in fold_order.to_fold(conn, "m", Stream.INPUTS)] == [window.id]
        assert fold(conn, window, verdict()) == first


def test_a_window_is_folded_once(store: Store) -> None:
    """The checkpoint's primary key refuses the same window twice, whatever the code thinks."""
    with store.write() as conn:
        (window,) = done(conn)
        fold(conn, window, verdict(kind=VerdictKind.CLEAR))
    with pytest.raises(IntegrityError), store.write() as conn:
        checkpoints.save(conn, window.id, {}, [])


def test_one_verdict_a_column(store: Store) -> None:
    """Two verdicts on one column of one window are refused."""
    with store.write() as conn:
        (window,) = done(conn)
    twice = [Folded(verdict=verdict(), severity=Severity.NONE, incident_id="")] * 2
    with pytest.raises(IntegrityError), store.write() as conn:
        verdicts.save(conn, window.id, twice)


def test_from_firing_to_recovered(store: Store) -> None:
    """Three clear windows resolve; the same incident keeps its events in order."""
    with store.write() as conn:
        first, *rest = done(conn, 4)
        fold(conn, first, verdict())
        for number, window in enumerate(rest, start=1):
            fold(conn, window, verdict(window=number, kind=VerdictKind.CLEAR), now=T0 + number * DAY)
        assert incidents.open_incidents(conn) == []
        found = verdicts.find(conn, Series(model="m", column="temp"), T0)
        assert found is not None
        incident = incidents.get(conn, found.incident_id)
        assert incident is not None
        assert (incident.status, incident.resolved) == (Status.RESOLVED, T0 + 4 * DAY)
        events = incidents.events(conn, incident.id)
        assert [event.kind for event in events] == ["opened", "recovering", "resolved"]
        assert [event.seq for event in events] == [1, 2, 3]
        assert incidents.by_prefix(conn, incident.id[:6]) == [incident]
        assert incidents.by_ids(conn, [incident.id]) == [incident]


def test_acknowledge_compares_and_sets(store: Store) -> None:
    """Whoever looked at an older version must look again; the event names the person."""
    with store.write() as conn:
        (window,) = done(conn)
        fold(conn, window, verdict())
        (seen,) = incidents.open_incidents(conn)
        until = T0 + timedelta(hours=3)
        after = incidents.acknowledge(conn, seen.id, by="ada", now=T0, until=until, version=seen.version)
        assert (after.acknowledged_by, after.acknowledged_until) == ("ada", until)
        assert incidents.get(conn, seen.id) == after
        with pytest.raises(ValueError, match="changed since"):
            incidents.acknowledge(conn, seen.id, by="bob", now=T0, version=seen.version)
        with pytest.raises(ValueError, match="not known"):
            incidents.acknowledge(conn, "nonsense", by="bob", now=T0)
        assert incidents.events(conn, seen.id)[-1].actor == "ada"


def test_one_open_incident_a_fingerprint(store: Store) -> None:
    """The partial unique index refuses a second open incident; closed ones do not count."""
    copy = "INSERT INTO incident SELECT {} FROM incident WHERE is_open"
    with store.write() as conn:
        (window,) = done(conn)
        fold(conn, window, verdict())
        columns = [column["name"] for column in inspect(conn).get_columns("incident")]
    closed: Callable[[str], str] = {"id": "'two'", "is_open": "false"}.get  # type: ignore[assignment] # two words
    with store.write() as conn:
        conn.exec_driver_sql(copy.format(", ".join(closed(c) or c for c in columns)))
    with (
        pytest.raises(IntegrityError, match=r"incident\.fingerprint|uq_incident_open"),
        store.write() as conn,
    ):
        conn.exec_driver_sql(copy.format(", ".join("'three'" if c == "id" else c for c in columns)))


def test_verdicts_keep_what_is_not_a_number(store: Store) -> None:
    """A NaN among the facts is NULL in its column and NaN in the facts."""
    with store.write() as conn:
        (window,) = done(conn)
        facts = {"value": float("nan"), "z": True, "p": "small"}
        fold(conn, window, verdict(kind=VerdictKind.ERROR, facts=facts))
        row = conn.exec_driver_sql("SELECT value, z, p, harm FROM verdict").one()
        assert row == (None, None, None, None)
        (stored,) = verdicts.load(conn, window.id)
        assert repr(dict(stored.verdict.facts)) == repr(facts)
