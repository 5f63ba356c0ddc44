"""Laws of silences where they bite: who is told what, and when."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alerting.channel import DeliveryError, Failure
from alerting.silence import Silence, parse_matcher
from storage import history, incidents, silences
from tests.monitor.alerts import HOUR, MINUTE, Alerts, Reader, alerts


@pytest.fixture
def oncall() -> Reader:
    return Reader()


@pytest.fixture
def life(tmp_path: Path, oncall: Reader) -> Iterator[Alerts]:
    with alerts(tmp_path, {"oncall": oncall, "mail": Reader()}) as made:
        yield made


def test_what_is_silenced_is_kept_and_not_told(life: Alerts, oncall: Reader) -> None:
    """The fold goes on: the incident is there, with its events; nobody was told."""
    life.silence("model=shop", lasting=10 * HOUR)
    life.live("amount", "PP")
    assert oncall.taken == []
    (incident,) = life.open()
    with life.runtime.store.read() as conn:
        assert [event.kind for event in incidents.events(conn, incident.id)] == ["opened"]
        assert list(silences.covering(conn, life.now)) == [incident.id]


def test_when_a_silence_ends_what_still_fires_is_told(life: Alerts, oncall: Reader) -> None:
    """By itself or by a person, and with that reason; once."""
    life.silence("column=amount", lasting=2 * HOUR)
    life.live("amount", "PPPP")
    assert oncall.reasons() == ["silence_ended"]
    assert "its silence is over" in oncall.posts()[0]


def test_what_a_silence_keeps_back_outlives_the_thread_before(life: Alerts, oncall: Reader) -> None:
    """The others of the thread resolve and it closes; the silenced page is told when its silence ends."""
    life.silence("column=items", lasting=8 * HOUR)
    for letter in "Pccc":
        life.window({"amount": letter, "items": "P"})
        life.look()
        life.wait(HOUR)
    assert oncall.reasons() == ["first", "resolved"]
    life.wait(5 * HOUR)
    life.look()
    assert oncall.reasons() == ["first", "resolved", "silence_ended"]


def test_what_was_over_by_then_is_history(life: Alerts, oncall: Reader) -> None:
    """Fired and resolved under the silence: nobody needs to know."""
    made = life.silence("column=amount", lasting=9 * HOUR)
    life.live("amount", "Pccc")
    life.expire(made)
    life.wait(HOUR)
    life.look()
    assert oncall.taken == []
    assert life.open() == []


def test_a_resolve_under_a_silence_is_told_when_it_ends(life: Alerts, oncall: Reader) -> None:
    """Who was told that it fires must not believe so for ever."""
    life.live("amount", "P")
    made = life.silence("column=amount", lasting=9 * HOUR)
    life.live("amount", "ccc")
    assert oncall.reasons() == ["first"]
    life.expire(made)
    life.look()
    assert oncall.reasons() == ["first", "resolved"]


def test_a_refire_after_a_silence_notifies(life: Alerts, oncall: Reader) -> None:
    """T30: fired, silenced, resolved, silence lifted, fires again, all within one flush interval."""
    life.live("amount", "P" * 46)
    oncall.taken.clear()
    made = life.silence("column=amount", lasting=9 * HOUR)
    for letter in "ccc":
        life.window({"amount": letter})
        life.look()
        life.wait(MINUTE)
    life.expire(made)
    life.window({"amount": "P"})
    life.wait(15 * MINUTE)
    life.look()
    assert oncall.reasons() == ["reopened"]


def test_an_edit_ends_the_old_one_and_names_it(life: Alerts, oncall: Reader) -> None:
    """T30: another column is told from then on; the history of the edit is whole."""
    made = life.silence("model=shop", lasting=9 * HOUR)
    life.window({"amount": "P", "items": "P"})
    life.look()
    assert oncall.taken == []
    after = Silence.make(
        [parse_matcher("column=items")],
        until=made.ends,
        author="bob",
        comment="only this one",
        now=life.now,
        replaces=made.id,
    )
    with life.runtime.store.write() as conn:
        silences.replace(conn, made.id, after)
    life.wait(15 * MINUTE)
    life.look()
    (_, message), *others = oncall.taken
    assert others == []
    assert [row[1] for row in message.table[1:]] == ["amount"]
    with life.runtime.store.read() as conn:
        old, new = history.silences(conn, life.now, everything=True)
    assert (old["expired_by"], new["replaces"], new["matchers"]) == ("bob", made.id, ["column=items"])


def test_a_queued_message_that_is_silenced_is_not_sent(life: Alerts, oncall: Reader) -> None:
    """Looked at again just before the send; when the silence ends, it is told after all."""
    oncall.fails = DeliveryError(Failure.TRANSIENT, "no route")
    life.window({"amount": "P"})
    life.look()
    made = life.silence("column=amount", lasting=9 * HOUR)
    oncall.fails = None
    life.wait(10 * MINUTE)
    life.look()
    assert oncall.taken == []
    life.wait(MINUTE)
    life.look()
    life.expire(made)
    life.wait(MINUTE)
    life.look()
    assert oncall.reasons() == ["silence_ended"]


def test_a_digest_of_what_is_silenced_by_now_is_not_sent(life: Alerts, oncall: Reader) -> None:
    """Looked at before it leaves like any other message, and told when the silence ends."""
    oncall.fails = DeliveryError(Failure.CHANNEL_BROKEN, "invalid_auth")
    for model in ("m1", "m2"):
        life.window({"amount": "P"}, model=model, at=0)
    for _ in range(3):
        life.look()
        life.wait(6 * MINUTE)
    assert [row["reason"] for row in life.rows() if row["state"] == "queued"] == ["digest"]
    made = life.silence("column=amount", lasting=9 * HOUR)
    oncall.fails = None
    life.wait(10 * MINUTE)
    life.look()
    assert oncall.taken == []
    life.expire(made)
    life.wait(20 * MINUTE)
    life.look()
    assert oncall.reasons() == ["digest"]


def test_repeats_stop_while_silenced(life: Alerts, oncall: Reader) -> None:
    """And go on afterwards, as nobody has it."""
    life.live("amount", "P")
    life.silence("column=amount", lasting=timedelta(hours=10))
    life.live("amount", "P" * 9)
    assert oncall.reasons() == ["first"]
    life.live("amount", "PP")
    assert oncall.reasons() == ["first", "repeat"]


def test_ten_thousand_silences_are_looked_through_in_time(life: Alerts, oncall: Reader) -> None:
    """T30: those that are over cost nothing, those that hold a glance."""
    for column in range(1000):
        life.silence(f"column=c{column:04}", lasting=24 * HOUR)
    with life.runtime.store.write() as conn:
        conn.exec_driver_sql(
            "INSERT INTO silence SELECT hex(randomblob(6)), matchers, starts - 9e10, ends - 9e10, author,"
            " comment, created, NULL, '', '' FROM silence, json_each('[1,2,3,4,5,6,7,8,9]')"
        )
    life.window({"amount": "P", "c0007": "P"})
    life.look()
    (_, message), *others = oncall.taken
    assert others == []
    assert [row[1] for row in message.table[1:]] == ["amount"]


def test_no_reference_learns_from_a_silenced_window(life: Alerts) -> None:
    """Whoever keeps a model quiet knows that something is not as usual."""
    made = life.silence("model~sh*", lasting=2 * HOUR)
    assert made.concerns("shop")
    with life.runtime.store.read() as conn:
        assert silences.overlapping(conn, life.now - HOUR, life.now + HOUR) == [made]
        assert silences.overlapping(conn, life.now + 2 * HOUR, life.now + 3 * HOUR) == []
