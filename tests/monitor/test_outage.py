"""Laws of trouble with channels: nothing is lost, little is doubled, and somebody hears of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerting.channel import DeliveryError, Failure
from alerting.channels.slack import SlackChannel
from alerting.notification import Action
from storage import outbox
from tests.loopback import Loopback, error
from tests.monitor.alerts import HOUR, MINUTE, Alerts, Reader, alerts
from tests.storage.samples import message

POST, EDIT = "/api/chat.postMessage", "/api/chat.update"
EDITS = 10_000  # numbers of rows that are no roots begin here
DOWN = DeliveryError(Failure.TRANSIENT, "no connection to slack.com: connection refused")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loopback]:
    with Loopback(tmp_path / "accepted.jsonl") as running:
        yield running


@pytest.fixture
def mail() -> Reader:
    return Reader()


@pytest.fixture
def oncall() -> Reader:
    return Reader()


@pytest.fixture
def life(tmp_path: Path, oncall: Reader, mail: Reader) -> Iterator[Alerts]:
    with alerts(tmp_path, {"oncall": oncall, "mail": mail}) as made:
        yield made


def slack(server: Loopback) -> SlackChannel:
    return SlackChannel(token="xoxb-CANARY", channel="C0LOOPBACK", base_url=server.slack)


def texts(server: Loopback) -> list[str]:
    """Whole posts that were accepted, edits left aside."""
    posts = [each for each in server.accepted() if each["path"] == POST]
    return [json.dumps(each["json"], ensure_ascii=False) for each in posts]


def test_fired_and_resolved_while_slack_was_down(tmp_path: Path, mail: Reader) -> None:
    """T8: connections refused for six hours: one message that says both times and the delay, no pair."""
    with Loopback(tmp_path / "accepted.jsonl") as server:
        port, channel = server.port, slack(server)
    with alerts(tmp_path, {"oncall": channel, "mail": mail}) as life:
        life.window({"amount": "P"})
        life.look()
        life.wait(30 * MINUTE)
        for _ in range(3):
            life.window({"amount": "c"})
        life.look()
        for _ in range(24):
            life.wait(15 * MINUTE)
            life.look()
        with Loopback(tmp_path / "accepted.jsonl", port=port) as server:
            life.wait(20 * MINUTE)
            life.look()
            (text,) = texts(server)
            rows = life.rows()
    assert "fired Wed 1 May, resolved Wed 1 May, 04:00 UTC, told 6 h 50 min late because" in text
    assert "🟢" in text
    assert {row["state"] for row in rows} == {"sent", "cancelled"}
    assert mail.taken == []


def test_a_broken_channel_for_six_hours(tmp_path: Path, server: Loopback, mail: Reader) -> None:
    """T6: one probe in five minutes at most; the fallback is told once; then one digest; nothing dead."""
    server.always(POST, error("invalid_auth"))
    with alerts(tmp_path, {"oncall": slack(server), "mail": mail}) as life:
        for hour in range(6):
            models = ("shop", f"m{hour}")
            for model in models:
                life.window({"amount": "P"}, model=model, at=hour)
            for _ in range(30):
                life.look()
                life.wait(2 * MINUTE)
        probes = len(server.requests(POST))
        assert probes <= 6 * 60 / 5
        assert probes > 50
        assert mail.reasons() == ["first"]
        assert "channel" not in mail.posts()[0] or "oncall" in mail.posts()[0]
        assert "takes nothing" in mail.posts()[0]
        server.always(POST, None)
        life.wait(5 * MINUTE)
        for _ in range(3):
            life.look()
        (digest,) = texts(server)
        assert "7 pages on 7 models" in digest
        assert "this channel took nothing since" in digest
        states = {row["state"] for row in life.rows() if row["channel"] == "oncall"}
        assert states == {"sent", "cancelled"}
        life.wait(HOUR)
        life.look()
        assert mail.reasons() == ["first", "resolved"]
        assert len(life.open("")) == 0


def test_what_was_told_in_a_digest_is_told_no_second_time(
    tmp_path: Path, server: Loopback, mail: Reader
) -> None:
    """The end of a problem is told by itself, as a new root: its thread never began."""
    server.always(POST, error("invalid_auth"))
    with alerts(tmp_path, {"oncall": slack(server), "mail": mail}) as life:
        for model in ("a", "b"):
            life.window({"amount": "P"}, model=model, at=0)
        life.look()
        server.always(POST, None)
        life.wait(6 * MINUTE)
        life.look()
        assert len(texts(server)) == 1
        for index in (1, 2, 3):
            life.window({"amount": "c"}, model="a", at=index)
        life.wait(20 * MINUTE)
        life.look()
        _, over = texts(server)
        assert "recovered" in over
        assert "thread_ts" not in over


def test_a_dead_letter_is_told_by_the_fallback(life: Alerts, oncall: Reader, mail: Reader) -> None:
    """A message that a channel refuses for good counts as not told; an incident of the daemon says so."""
    oncall.fails = DeliveryError(Failure.PAYLOAD, "invalid_blocks")
    life.window({"amount": "P"})
    life.look()
    assert {row["state"] for row in life.rows() if row["channel"] == "oncall"} == {"dead"}
    (trouble,) = life.open("")
    assert (trouble.kind, trouble.series.column, trouble.series.rule) == ("daemon", "oncall", "dead_letter")
    life.wait(MINUTE)
    life.look()
    assert sorted(mail.posts()) == [
        "🔴 leeway: channel oncall gave 1 message up (invalid_blocks)",
        "🔴 shop: amount: P0",
    ]
    said = next(message for row, message in mail.taken if row.facts.get("for_channel"))
    assert "For: channel oncall, which did not take it." in said.lines
    assert life.open("") == []  # it was told after all


def test_what_no_channel_takes_is_tried_more_and_more_rarely(
    life: Alerts, oncall: Reader, mail: Reader
) -> None:
    """At once by the fallback, then after 15, 30, 60 minutes …, at most every four hours; never dropped."""
    oncall.fails = mail.fails = DeliveryError(Failure.PAYLOAD, "invalid_blocks")
    life.window({"amount": "P"})
    for _ in range(12 * 12):
        life.look()
        life.wait(5 * MINUTE)
    rows = [row for row in life.rows() if row["model"] == "shop"]
    assert {row["state"] for row in rows} == {"dead"}
    assert len(rows) == 8  # its own, the fallback, then after 15, 30, 60, 120, 240 and 240 minutes more
    mail.fails = None
    life.wait(4 * HOUR)
    life.look()
    assert "🔴 shop: amount: P0" in mail.posts()


def test_after_the_fallback_its_own_channel_goes_on(life: Alerts, oncall: Reader, mail: Reader) -> None:
    """What comes next is tried where it belongs, as a new root."""
    oncall.fails = DeliveryError(Failure.PAYLOAD, "invalid_blocks")
    life.window({"amount": "P"})
    life.look()
    life.wait(MINUTE)
    life.look()
    oncall.fails = None
    for _ in range(3):
        life.window({"amount": "c"})
    life.wait(15 * MINUTE)
    life.look()
    ((row, message),) = oncall.taken
    assert row.action is Action.ROOT
    assert "recovered" in message.heading
    assert [row.reason for row, _ in mail.taken if row.facts.get("for_channel")] == ["first"]


def test_without_a_fallback_the_own_channel_is_told_again(tmp_path: Path, oncall: Reader) -> None:
    """Nothing is dropped for want of another channel."""
    config = '[channels.oncall]\nkind = "log"\npath = "x.jsonl"\n[[routes]]\nchannels = ["oncall"]\n'
    oncall.fails = DeliveryError(Failure.PAYLOAD, "invalid_blocks")
    with alerts(tmp_path, {"oncall": oncall}, config=config) as life:
        life.window({"amount": "P"})
        life.look()
        oncall.fails = None
        life.wait(20 * MINUTE)
        life.look()
        assert oncall.posts() == ["🔴 shop: amount: P0"]


@pytest.mark.parametrize("lanes", [500, pytest.param(2_500, marks=pytest.mark.large)])
def test_a_backlog_drains_in_order_and_in_time(life: Alerts, oncall: Reader, lanes: int) -> None:
    """T46: four rows in each of many lanes: oldest page first, each lane in order, edits superseded."""
    backlog(life, lanes=lanes, edits=3)
    taken = oncall.taken
    life.look()
    assert {row["state"] for row in life.rows()} == {"sent", "cancelled"}
    pages = [row.facts["n"] for row, _ in taken if row.facts["severity"] == "page"]
    first = taken[: len(pages)]
    assert all(row.facts["severity"] == "page" for row, _ in first)
    assert [n for n in pages if n < EDITS] == sorted(n for n in pages if n < EDITS)
    assert len([row for row, _ in taken if row.action is Action.EDIT]) == lanes


def backlog(life: Alerts, *, lanes: int, edits: int) -> None:
    def row(n: int, lane: int, action: Action, at: datetime) -> Any:
        severity = "page" if lane % 5 == 0 else "ticket"
        made = message(f"{n}", f"oncall/{lane}", action, severity=severity)
        facts = {**made.facts, "n": n, "kind": "retraining"}  # of no incident in the database
        return replace(made, facts=facts, created=at, deadline=at + timedelta(days=400))

    rows = [row(lane, lane, Action.ROOT, life.now + lane * timedelta(seconds=1)) for lane in range(lanes)]
    for turn in range(edits):
        base = (turn + 1) * EDITS
        rows += [row(base + lane, lane, Action.EDIT, life.now + HOUR) for lane in range(lanes)]
    with life.runtime.store.write() as conn:
        outbox.enqueue(conn, rows, life.now)


def test_a_page_is_no_part_of_the_closed_thread_before_it(life: Alerts, oncall: Reader) -> None:
    """The good news of one thread had to wait; what a silence had kept back opens the next, after it."""
    life.silence("column=items", lasting=3 * HOUR)
    life.window({"amount": "P", "items": "P"})
    life.look()
    oncall.fails = DOWN
    life.wait(30 * MINUTE)
    for _ in range(3):
        life.window({"amount": "c", "items": "P"})
    for _ in range(12):
        life.look()
        life.wait(15 * MINUTE)
    oncall.fails = None
    for _ in range(3):
        life.wait(HOUR)
        life.look()
    said = [(row.action, row.reason) for row, _ in oncall.taken if row.action is not Action.EDIT]
    assert said == [(Action.ROOT, "first"), (Action.REPLY, "resolved"), (Action.ROOT, "silence_ended")]
