"""Laws of the buttons: what a command does, once, by a person with a name, about what the page told of."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerting.slack_buttons import Button, Page
from monitor.slack_actions import MOST_SILENCES, act
from storage import silences
from tests.monitor.alerts import HOUR
from tests.monitor.slack_life import SlackLife, slack_life


@pytest.fixture
def life(tmp_path: Path) -> Iterator[SlackLife]:
    with slack_life(tmp_path) as made:
        yield made


def do(life: SlackLife, button: Button, *, envelope: str = "e1", by: str = "anna") -> str:
    return act(life.alerts.runtime, life.press(button), envelope, by)


def test_acknowledging_says_who_has_it_for_four_hours(life: SlackLife) -> None:
    """As `leeway incidents ack --for 4h`: the incident, its event, the audit, and no reminder."""
    life.page("amount", "items")
    said = do(life, Button.ACKNOWLEDGE)
    assert said.startswith("anna has it until ")
    assert "amount, items" in said
    for each in life.alerts.open():
        assert each.acknowledged_by == "anna"
        assert each.acknowledged_until == life.alerts.now + timedelta(hours=4)
    assert life.events() == [("acknowledged", "anna")] * 2
    assert life.lines("e1") == [("slack.acknowledged", "anna")]


def test_the_root_then_says_who_has_it(life: SlackLife) -> None:
    """An edit through the outbox, in its turn; nothing is posted anew, and the buttons stay."""
    life.page()
    posts = len(life.slack.requests("/api/chat.postMessage"))
    do(life, Button.ACKNOWLEDGE)
    assert life.edits() == []
    life.alerts.look()
    (edit,) = life.edits()
    assert "anna" in edit
    assert Button.ACKNOWLEDGE.value in edit
    assert len(life.slack.requests("/api/chat.postMessage")) == posts
    states = {row["action"]: row["state"] for row in life.alerts.rows()}
    assert (states["root"], states["edit"]) == ("sent", "sent")


def test_the_same_envelope_has_one_effect(life: SlackLife) -> None:
    """Also to another daemon, and after a restart: the database knows it."""
    life.page()
    do(life, Button.ACKNOWLEDGE)
    life.alerts.wait(HOUR)
    assert do(life, Button.ACKNOWLEDGE) == "that was done already"
    assert do(life, Button.SILENCE) == "that was done already"
    assert life.events() == [("acknowledged", "anna")]
    assert life.lines() == [("slack.acknowledged", "anna")]
    life.alerts.look()
    assert len(life.edits()) == 1


def test_who_takes_it_from_another_is_told_whose_it_was(life: SlackLife) -> None:
    """Two who press at once: the second has it."""
    life.page()
    do(life, Button.ACKNOWLEDGE, envelope="e1", by="anna")
    assert do(life, Button.ACKNOWLEDGE, envelope="e2", by="ben").endswith("instead of anna")
    assert [each.acknowledged_by for each in life.alerts.open()] == ["ben"]
    life.alerts.look()
    assert "ben" in life.edits()[-1]


def test_silencing_is_about_what_was_told_and_nothing_else(life: SlackLife) -> None:
    """One silence a series, four hours, with an author; another column of the model pages all the same."""
    life.page("amount", "items")
    assert "amount, items" in do(life, Button.SILENCE)
    with life.alerts.runtime.store.read() as conn:
        active = silences.active(conn, life.alerts.now)
        assert len(silences.covering(conn, life.alerts.now)) == 2
    assert sorted(str(m) for each in active for m in each.matchers if m.label == "column") == [
        "column=amount",
        "column=items",
    ]
    assert {(each.author, each.ends - life.alerts.now) for each in active} == {("anna", timedelta(hours=4))}
    life.alerts.wait(HOUR)
    life.page("country")
    assert "country" in str(life.slack.requests("/api/chat.postMessage")[-1].json["blocks"])
    assert ("slack.silenced", "anna") in life.lines("e1")
    assert ("silence.added", "anna") in life.lines()


def test_a_press_does_not_silence_a_whole_model(life: SlackLife) -> None:
    """Beyond some twenty series it says how that is done by hand, and does nothing."""
    life.page(*(f"c{number}" for number in range(MOST_SILENCES + 1)))
    assert "silence the model by hand" in do(life, Button.SILENCE)
    with life.alerts.runtime.store.read() as conn:
        assert silences.active(conn, life.alerts.now) == []


def test_a_false_page_is_marked_and_goes_on_firing(life: SlackLife) -> None:
    """As `leeway incidents mark --false-page`."""
    life.page()
    assert do(life, Button.FALSE_PAGE).startswith("a false page, says anna: amount")
    (page,) = life.alerts.open()
    assert page.false_page_by == "anna"
    assert life.events() == [("marked_false_page", "anna")]


def test_a_page_that_is_over_is_not_acted_upon(life: SlackLife) -> None:
    """Nothing of it is open: it is said so, and nothing is written."""
    life.page()
    press = life.press(Button.ACKNOWLEDGE)
    for _ in range(3):
        life.alerts.wait(HOUR)
        life.alerts.window({"amount": "c"})
    assert act(life.alerts.runtime, press, "e1", "anna") == "all of that is over already; nothing was done"
    assert life.lines() == []


def test_an_old_root_does_not_act_on_a_new_thread(life: SlackLife) -> None:
    """The lane is the same; the message that was pressed is another."""
    life.page()
    press = life.press(Button.ACKNOWLEDGE)
    for letter in "ccc" + "c" * 7 + "P":
        life.alerts.wait(HOUR)
        life.alerts.window({"amount": letter})
        life.alerts.look()
    assert "that page is over" in act(life.alerts.runtime, press, "e1", "anna")
    assert not any(each.is_acknowledged(life.alerts.now) for each in life.alerts.open())


def test_a_message_that_is_not_the_root_is_refused(life: SlackLife) -> None:
    """Whoever can post as the app can put our value under words of their own."""
    life.page()
    press = life.press(Button.ACKNOWLEDGE)
    for other in (
        replace(press, ts="1700000000.000009"),
        replace(press, channel="C0OTHER"),
        replace(press, page=Page(lane="oncall&model=other", group="oncall&model=other")),
        replace(press, page=Page(lane="mail&for=oncall&model=shop", group="oncall&model=shop")),
    ):
        assert "nothing was done" in act(life.alerts.runtime, other, "e1", "anna")
    assert life.events() == []
