"""T31: people and the fold change the same incident at the same time."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from alerting.incident import Incident, ResolveReason, Status, Transition, TransitionKind
from storage import incidents
from storage.engine import Store
from storage.errors import StorageError
from tests.storage.samples import DAY, HOUR, T0, done, fold, verdict

RACES = {"sqlite": 1000, "postgresql": 200}


def opened(store: Store) -> Incident:
    with store.write() as conn:
        (window,) = done(conn)
        fold(conn, window, verdict())
        (incident,) = incidents.open_incidents(conn)
    return incident


def race(*tries: Callable[[], object]) -> list[object]:
    """All at once; what each came to, an exception included."""
    gate = threading.Barrier(len(tries))
    came: list[object] = [None] * len(tries)

    def run(number: int) -> None:
        gate.wait()
        try:
            came[number] = tries[number]()
        except (ValueError, StorageError) as error:
            came[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(tries))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def test_of_two_who_take_the_version_they_saw_one_wins(store: Store, other: Store, kind: str) -> None:
    """Two stores, as two processes have; a thousand races, one winner and one event each."""
    incident = opened(store)

    def take(where: Store, by: str, version: int) -> Callable[[], Incident]:
        def act() -> Incident:
            with where.write() as conn:
                return incidents.acknowledge(conn, incident.id, by=by, now=T0, version=version)

        return act

    version = incident.version
    for _ in range(RACES[kind]):
        came = race(take(store, "ada", version), take(other, "bob", version))
        won = [each for each in came if isinstance(each, Incident)]
        lost = [each for each in came if isinstance(each, ValueError)]
        assert (len(won), len(lost)) == (1, 1)
        assert "look at it again" in str(lost[0])
        version = won[0].version
    with store.read() as conn:
        events = incidents.events(conn, incident.id)
    assert [event.kind for event in events] == ["opened", *["acknowledged"] * RACES[kind]]
    assert [event.seq for event in events] == list(range(1, RACES[kind] + 2))


def test_an_acknowledgement_never_reopens(store: Store, other: Store) -> None:
    """Taken while it resolves: whichever comes first, in the end it is resolved."""
    incident = opened(store)
    over = Transition(
        kind=TransitionKind.RESOLVED,
        series=incident.series,
        incident_id=incident.id,
        incident_kind=incident.kind,
        severity=incident.severity,
        start=T0,
        end=T0 + DAY,
        since=T0,
        reason=ResolveReason.RECOVERED,
    )

    def take() -> Incident:
        with store.write() as conn:
            return incidents.acknowledge(conn, incident.id, by="ada", now=T0)

    def resolve() -> Incident:
        with other.write() as conn:
            return incidents.apply(conn, [over], T0)[0]

    came = race(take, resolve)
    assert isinstance(came[1], Incident)
    with store.read() as conn:
        after = incidents.get(conn, incident.id)
        assert after is not None
        assert after.status is Status.RESOLVED
        kinds = [event.kind for event in incidents.events(conn, incident.id)]
    assert kinds in (["opened", "acknowledged", "resolved"], ["opened", "resolved"])
    with pytest.raises(ValueError, match="it is resolved"), store.write() as conn:
        incidents.acknowledge(conn, incident.id, by="ada", now=T0)


def test_an_acknowledgement_ends_and_is_given_back(store: Store) -> None:
    """By time, and by a person; both are told apart in the events."""
    incident = opened(store)
    with store.write() as conn:
        taken = incidents.acknowledge(conn, incident.id, by="ada", now=T0, until=T0 + HOUR)
        assert taken.is_acknowledged(T0 + HOUR - timedelta(seconds=1))
        assert not taken.is_acknowledged(T0 + HOUR)
        back = incidents.give_back(conn, incident.id, by="bob", now=T0)
        assert (back.acknowledged_by, back.acknowledged_until) == ("", None)
        with pytest.raises(ValueError, match="nobody has it"):
            incidents.give_back(conn, incident.id, by="bob", now=T0)
        events = incidents.events(conn, incident.id)
    assert [(event.kind, event.actor) for event in events[1:]] == [
        ("acknowledged", "ada"),
        ("unacknowledged", "bob"),
    ]
