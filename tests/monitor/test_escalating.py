"""Laws of escalation in the database: each step told once, unless somebody has the page by then."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from alerting import failpoint
from alerting.channel import DeliveryError, Failure
from alerting.courier import Claimed
from alerting.incident import Incident
from monitor.escalating import coming
from monitor.telling import flush
from storage import groups, incidents, ledger, outbox
from storage.ledger import Stream
from storage.span import Span
from tests.alerting.verdicts import START
from tests.monitor.alerts import HOUR, MINUTE, Alerts, Reader, alerts

CONFIG = """
[channels.oncall]
kind = "log"
path = "oncall.jsonl"

[channels.lead]
kind = "log"
path = "lead.jsonl"

[channels.boss]
kind = "log"
path = "boss.jsonl"

[channels.mail]
kind = "log"
path = "mail.jsonl"

[daemon]
fallback = "mail"

[[routes]]
channels = ["oncall"]
escalation = [{ after = "30m", channel = "lead" }, { after = "2h", channel = "boss" }]
"""


@pytest.fixture
def readers() -> dict[str, Reader]:
    return {name: Reader() for name in ("oncall", "lead", "boss", "mail")}


@pytest.fixture
def life(tmp_path: Path, readers: dict[str, Reader]) -> Iterator[Alerts]:
    with alerts(tmp_path, dict(readers), config=CONFIG) as made:
        yield made


def the_one(life: Alerts) -> Incident:
    (found,) = life.open()
    return found


def acknowledge(life: Alerts, lasting: timedelta = HOUR) -> None:
    with life.runtime.store.write() as conn:
        incidents.acknowledge(conn, the_one(life).id, by="ada", now=life.now, until=life.now + lasting)


def give_back(life: Alerts) -> None:
    with life.runtime.store.write() as conn:
        incidents.give_back(conn, the_one(life).id, by="ada", now=life.now)


def steps(life: Alerts) -> list[tuple[object, object]]:
    """The events of the open incident that say a step was told."""
    with life.runtime.store.read() as conn:
        found = incidents.events(conn, the_one(life).id)
    return [(e.payload["step"], e.payload["channel"]) for e in found if e.kind == "escalated"]


def page(life: Alerts) -> None:
    life.window({"amount": "P"})
    life.look()


def test_each_step_is_told_once(life: Alerts, readers: dict[str, Reader]) -> None:
    """However often is looked; the incident keeps how far it got, with an event a step."""
    page(life)
    for _ in range(36):
        life.wait(5 * MINUTE)
        life.look()
    assert [readers[name].reasons() for name in ("oncall", "lead", "boss")] == [
        ["first"],
        ["escalation"],
        ["escalation"],
    ]
    assert "nobody acknowledged it for 30 min" in readers["lead"].posts()[0]
    assert the_one(life).escalation_step == 2
    assert steps(life) == [(1, "lead"), (2, "boss")]


def test_who_has_it_ends_it(life: Alerts, readers: dict[str, Reader]) -> None:
    """And whoever gives it back starts the time anew."""
    page(life)
    life.wait(20 * MINUTE)
    acknowledge(life, 9 * HOUR)
    life.wait(HOUR)
    life.look()
    assert readers["lead"].reasons() == []
    give_back(life)
    life.wait(29 * MINUTE)
    life.look()
    assert readers["lead"].reasons() == []
    life.wait(MINUTE)
    life.look()
    assert readers["lead"].reasons() == ["escalation"]


def test_somebody_takes_it_between_the_outbox_and_the_wire(life: Alerts, readers: dict[str, Reader]) -> None:
    """T51: looked at once more before it leaves; not sent is not told, so the step is due again later."""
    page(life)
    life.wait(30 * MINUTE)
    readers["lead"].fails = DeliveryError(Failure.TRANSIENT, "down")
    life.look()
    acknowledge(life)
    readers["lead"].fails = None
    life.wait(MINUTE)
    life.look()
    assert readers["lead"].reasons() == []
    assert {row["state"] for row in life.rows() if row["channel"] == "lead"} == {"cancelled"}
    assert steps(life) == []
    life.wait(HOUR + 30 * MINUTE)
    life.look()
    assert readers["lead"].reasons() == ["escalation"]
    assert steps(life) == [(1, "lead")]


@pytest.mark.parametrize("how", ["resolved", "silenced"])
def test_over_or_silenced_by_then_is_not_sent(life: Alerts, readers: dict[str, Reader], how: str) -> None:
    """Nobody is called about what is over, or about what a person asked to hear nothing of."""
    page(life)
    life.wait(30 * MINUTE)
    readers["lead"].fails = DeliveryError(Failure.TRANSIENT, "down")
    life.look()
    readers["lead"].fails = None
    if how == "silenced":
        life.silence("column=amount", lasting=3 * HOUR)
    else:
        for _ in range(3):
            life.window({"amount": "c"})
    life.wait(20 * MINUTE)
    life.look()
    assert readers["lead"].reasons() == []
    life.wait(4 * HOUR)
    life.look()
    assert readers["lead"].reasons() == (["escalation"] if how == "silenced" else [])


def test_a_channel_that_is_broken_skips_no_step(life: Alerts, readers: dict[str, Reader]) -> None:
    """T51: what `lead` does not take waits for it; `boss` is told in time; the first of them hears later."""
    page(life)
    readers["lead"].fails = DeliveryError(Failure.CHANNEL_BROKEN, "no such room")
    life.wait(30 * MINUTE)
    life.look()
    life.wait(90 * MINUTE)
    life.look()
    assert readers["boss"].reasons() == ["escalation"]
    assert steps(life) == [(2, "boss")]
    readers["lead"].fails = None
    life.wait(10 * MINUTE)
    life.look()
    assert readers["lead"].reasons() == ["escalation"]
    assert the_one(life).escalation_step == 2


def test_what_a_channel_gives_up_goes_to_the_fallback(life: Alerts, readers: dict[str, Reader]) -> None:
    """The step is told there, and says for whom it was."""
    page(life)
    readers["lead"].fails = DeliveryError(Failure.PAYLOAD, "invalid_blocks")
    life.wait(30 * MINUTE)
    life.look()
    life.look()
    told = [row for row, _ in readers["mail"].taken if row.reason == "escalation"]
    assert [row.facts["for_channel"] for row in told] == ["lead"]
    assert steps(life) == [(1, "mail")]


def test_the_first_channel_takes_nothing_and_the_next_is_told_in_time(
    life: Alerts, readers: dict[str, Reader]
) -> None:
    """Whether the first message waits or dies: the clock runs from when it was to be told."""
    readers["oncall"].fails = DeliveryError(Failure.PAYLOAD, "invalid_blocks")
    readers["mail"].fails = DeliveryError(Failure.PAYLOAD, "invalid_blocks")
    page(life)
    for _ in range(6):
        life.wait(5 * MINUTE)
        life.look()
    assert readers["lead"].reasons().count("escalation") == 1


def test_an_incident_that_comes_back_starts_from_the_first_step(
    life: Alerts, readers: dict[str, Reader]
) -> None:
    """Whoever had it has it no more, and the first channel is called first."""
    page(life)
    for _ in range(46):  # else so many turns are a coming and going
        life.window({"amount": "P"})
    life.wait(30 * MINUTE)
    life.look()
    for _ in range(3):
        life.window({"amount": "c"})
    life.wait(HOUR)
    life.look()
    assert readers["lead"].reasons() == ["escalation", "resolved"]
    life.window({"amount": "P"})
    life.wait(HOUR)
    life.look()
    assert readers["oncall"].reasons()[-1] == "reopened"
    assert the_one(life).escalation_step == 0
    life.wait(29 * MINUTE)
    life.look()
    assert readers["lead"].reasons() == ["escalation", "resolved"]
    life.wait(MINUTE)
    life.look()
    assert readers["lead"].reasons() == ["escalation", "resolved", "escalation"]


def test_what_came_back_before_its_end_was_told_has_its_own_time(
    life: Alerts, readers: dict[str, Reader]
) -> None:
    """A quick return is not posted, and ends what somebody had taken: not all steps at once."""
    page(life)
    acknowledge(life, 100 * HOUR)
    for _ in range(46):  # else so many turns are a coming and going
        life.window({"amount": "P"})
    life.wait(9 * HOUR)
    for letter in "cccP":
        life.window({"amount": letter})
    assert not the_one(life).is_acknowledged(life.now)
    life.look()
    life.wait(29 * MINUTE)
    life.look()
    assert [readers[name].reasons() for name in ("lead", "boss")] == [[], []]
    life.wait(MINUTE)
    life.look()
    assert [readers[name].reasons() for name in ("lead", "boss")] == [["escalation"], []]


def test_what_comes_and_goes_does_not_escalate(life: Alerts, readers: dict[str, Reader]) -> None:
    """It is told once that it flaps; a step for each turn would wake the next one for nothing."""
    for _ in range(3):
        page(life)
        for _ in range(3):
            life.window({"amount": "c"})
            life.wait(5 * MINUTE)
            life.look()
    page(life)
    assert the_one(life).flapping
    life.wait(3 * HOUR)
    life.look()
    assert readers["lead"].reasons() == []


def test_a_ticket_does_not_escalate_until_it_is_a_page(life: Alerts, readers: dict[str, Reader]) -> None:
    """And then the time counts from the page."""
    life.window({"amount": "T"})
    life.wait(3 * HOUR)
    life.look()
    life.window({"amount": "P"})
    life.look()
    life.wait(29 * MINUTE)
    life.look()
    assert readers["lead"].reasons() == []
    life.wait(MINUTE)
    life.look()
    assert readers["lead"].reasons() == ["escalation"]


def test_after_a_downtime_only_the_last_step_to_a_channel_is_told(tmp_path: Path) -> None:
    """What was due while nobody looked is due now, and is one message."""
    twice = CONFIG.replace('"2h", channel = "boss"', '"2h", channel = "lead"')
    readers = {name: Reader() for name in ("oncall", "lead", "boss", "mail")}
    with alerts(tmp_path, dict(readers), config=twice) as life:
        page(life)
        life.wait(9 * HOUR)
        life.look()
        assert readers["lead"].reasons() == ["escalation"]
        assert steps(life) == [(2, "lead")]


def test_while_a_model_catches_up_a_step_waits(life: Alerts, readers: dict[str, Reader]) -> None:
    """It may be over in the windows to come; but a quarter of an hour at most."""
    page(life)
    span = Span(start=START - 240 * HOUR, end=START - 239 * HOUR)
    with life.runtime.store.write() as conn:
        ledger.plan(
            conn, "shop", Stream.INPUTS, [span], now=life.now, settle=MINUTE, lateness=HOUR, give_up=HOUR
        )
    life.wait(30 * MINUTE)
    life.look()
    life.wait(14 * MINUTE)
    life.look()
    assert readers["lead"].reasons() == []
    life.wait(MINUTE)
    life.look()
    assert readers["lead"].reasons() == ["escalation"]


def test_a_channel_that_was_told_already_hears_of_the_silence_in_its_thread(tmp_path: Path) -> None:
    """A step to a channel that a route of its own tells is a reply there, not a second root."""
    both = CONFIG + '\n[[routes]]\nmatch = { column = "am*" }\nchannels = ["lead"]\n'
    readers = {name: Reader() for name in ("oncall", "lead", "boss", "mail")}
    with alerts(tmp_path, dict(readers), config=both) as life:
        page(life)
        life.wait(30 * MINUTE)
        life.look()
        rows = [row for row, _ in readers["lead"].taken]
        assert [(row.action, row.reason) for row in rows] == [
            ("root", "first"),
            ("reply", "escalation"),
            ("edit", "escalation"),
        ]
        assert steps(life) == [(1, "lead")]


def test_quiet_hours_put_a_step_off(tmp_path: Path) -> None:
    """Those of the next channel, and those of the route that it comes from."""
    quiet = CONFIG.replace(
        "[channels.boss]\n",
        '[channels.boss]\nquiet = { from = "00:00", to = "06:00", zone = "UTC", pages = true }\n',
    )
    readers = {name: Reader() for name in ("oncall", "lead", "boss", "mail")}
    with alerts(tmp_path, dict(readers), config=quiet) as life:  # it is one o'clock
        page(life)
        life.wait(4 * HOUR + 59 * MINUTE)
        life.look()
        assert (readers["lead"].reasons()[:1], readers["boss"].reasons()) == (["escalation"], [])
        life.wait(MINUTE)
        life.look()
        assert readers["boss"].reasons() == ["escalation"]


def test_a_route_that_rests_lets_its_steps_rest(tmp_path: Path) -> None:
    """Told before its quiet hours began, the page goes to the next when they are over."""
    quiet = CONFIG + 'quiet = { from = "02:00", to = "06:00", zone = "UTC", pages = true }\n'
    readers = {name: Reader() for name in ("oncall", "lead", "boss", "mail")}
    with alerts(tmp_path, dict(readers), config=quiet) as life:  # it is one o'clock
        life.wait(45 * MINUTE)
        page(life)
        assert readers["oncall"].reasons() == ["first"]
        life.wait(4 * HOUR)
        life.look()
        assert readers["lead"].reasons() == []
        life.wait(15 * MINUTE)
        life.look()
        assert readers["lead"].reasons() == ["escalation"]


def test_a_lost_mark_tells_no_step_twice(life: Alerts, readers: dict[str, Reader]) -> None:
    """A courier that dies after sending: the row may have arrived, the event is written with the mark."""
    page(life)
    life.wait(30 * MINUTE)
    flush(life.runtime)
    with life.runtime.store.write() as conn:
        claimed = outbox.claim(conn, life.now, "gone", timedelta(seconds=60), ["lead"])
    assert isinstance(claimed, Claimed)
    assert steps(life) == []
    life.wait(2 * MINUTE)
    life.look()
    ((row, message),) = readers["lead"].taken
    assert row.uncertain
    assert message.heading.startswith("🔴")  # a reader of our own marks nothing; a chat does
    assert steps(life) == [(1, "lead")]


def test_the_next_step_is_known(life: Alerts) -> None:
    """`leeway incidents show` says who is told next, and when; nobody while somebody has it."""
    page(life)
    config, began = life.runtime.config, life.now
    life.wait(10 * MINUTE)

    def following() -> tuple[str, timedelta] | None:
        with life.runtime.store.read() as conn:
            found = coming(conn, config, the_one(life), life.now)
        return None if found is None else (found[1].channel, found[0] - began)

    assert following() == ("lead", 30 * MINUTE)
    life.wait(30 * MINUTE)
    assert following() == ("boss", 2 * HOUR)
    acknowledge(life)
    assert following() is None


def test_a_group_that_only_an_escalation_made_is_closed_in_the_end(life: Alerts) -> None:
    """Nothing is looked at for ever."""
    page(life)
    life.wait(30 * MINUTE)
    life.look()
    for _ in range(3):
        life.window({"amount": "c"})
    life.wait(HOUR)
    life.look()
    with life.runtime.store.read() as conn:
        assert groups.to_look_at(conn) == []


PLACES = ("before_flush_commit", "after_flush_commit", "after_attempt_row", "before_mark", "after_mark")


@pytest.mark.parametrize("place", PLACES)
def test_a_fault_anywhere_on_its_way_loses_and_doubles_no_step(
    life: Alerts, readers: dict[str, Reader], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """One row with one key, one event; sent twice only where it may have arrived, and then it says so."""
    page(life)
    life.wait(30 * MINUTE)
    monkeypatch.setattr(failpoint, "armed", failpoint.parse(f"{place}:raise"))
    with suppress(failpoint.FailpointError):
        life.look()
    monkeypatch.setattr(failpoint, "armed", None)
    for _ in range(3):
        life.wait(2 * MINUTE)  # longer than a lease
        life.look()
    rows = [row for row in life.rows() if row["channel"] == "lead"]
    assert [(row["reason"], row["state"]) for row in rows] == [("escalation", "sent")]
    assert steps(life) == [(1, "lead")]
    assert the_one(life).escalation_step == 1
    sent = [row for row, _ in readers["lead"].taken]
    assert len(sent) == (2 if place == "before_mark" else 1)
    assert [row.uncertain for row in sent[1:]] == [True] * (len(sent) - 1)
