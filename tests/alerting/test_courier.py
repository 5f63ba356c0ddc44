"""What leaves next, and what became of it: the courier over real channels and an outbox in memory."""

import logging
from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from alerting.channel import Channel, DeliveryError, Failure, Receipt
from alerting.channels.log import LogChannel
from alerting.channels.slack import SlackChannel
from alerting.channels.webhook import WebhookChannel
from alerting.courier import ChannelState, Courier, OutboxState, after_failure
from alerting.failpoint import FailpointError
from alerting.message import Message
from alerting.notification import Action, Notification
from tests.alerting.outbox_rows import NOW, MemoryOutbox, notification
from tests.loopback import Loopback, Reply, error

POST = "/api/chat.postMessage"
SECRET = "whsec_" + b64encode(b"CANARY signing key, 24 bytes").decode()
TOKEN = "xoxb-CANARY-0123456789"
S = timedelta(seconds=1)


def courier(outbox: MemoryOutbox, **channels: Channel) -> Courier:
    """A courier whose sends take no time."""
    return Courier(outbox=outbox, channels=channels, owner="test", monotonic=lambda: 0.0)


def slack(server: Loopback, **options: Any) -> SlackChannel:
    return SlackChannel(**{"token": TOKEN, "channel": "C0LOOPBACK", "base_url": server.slack, **options})


def webhook(server: Loopback, path: str = "/hook", **options: Any) -> WebhookChannel:
    return WebhookChannel(
        url=f"{server.url}{path}", secret=SECRET, allow_http=True, allow_private=True, **options
    )


def drain(courier: Courier, now: datetime, limit: int = 200) -> int:
    """Steps until nothing is due; the number of rows handled."""
    for done in range(limit):
        if not courier.step(now):
            return done
    raise AssertionError("the courier does not come to rest")


def about(minutes_or_s: timedelta) -> tuple[timedelta, timedelta]:
    return 0.8 * minutes_or_s, 1.2 * minutes_or_s


# T7: class -> row state, time of the next try, attempt burnt, channel, plain, root.
AFTER = {
    Failure.TRANSIENT: (OutboxState.QUEUED, about(5 * S), True, None, False, None),
    Failure.RATE: (OutboxState.QUEUED, (7 * S, 7 * S), False, ChannelState.WAITING, False, None),
    Failure.AMBIGUOUS: (OutboxState.UNCERTAIN, about(5 * S), True, None, False, None),
    Failure.CHANNEL_BROKEN: (OutboxState.QUEUED, (300 * S, 300 * S), False, ChannelState.BROKEN, False, None),
    Failure.PAYLOAD: (OutboxState.QUEUED, (0 * S, 0 * S), False, None, True, None),
    Failure.LANE: (OutboxState.QUEUED, (0 * S, 0 * S), False, None, False, {}),
}


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """A channel of our own port that fails as it is told, in order, and then takes everything."""

    failures: list[Exception] = field(default_factory=list)
    taken: list[tuple[Notification, Message]] = field(default_factory=list)
    threads: bool = True
    edits: bool = True
    idempotent: bool = True

    def send(self, notification: Notification, message: Message) -> Receipt:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append((notification, message))
        return Receipt(reference={"channel": "C1", "ts": str(len(self.taken))})


@pytest.mark.parametrize("failure", Failure)
def test_each_class_has_its_consequence(failure: Failure) -> None:
    """T7: the table of failure classes, to the letter."""
    outbox = MemoryOutbox(notification(action=Action.REPLY))
    outbox.roots["oncall/delays"] = {"channel": "C1", "ts": "1"}
    failed = DeliveryError(failure, "why", retry_after_s=7.0)
    courier(outbox, oncall=Scripted(failures=[failed])).step(NOW)
    (mark,) = outbox.rows[0].marks
    state, (soonest, latest), burnt, channel, plain, root = AFTER[failure]
    assert (mark.state, mark.failure, mark.reason, mark.burnt) == (state, failure, "why", burnt)
    assert mark.next_try is not None
    assert soonest <= mark.next_try - NOW <= latest
    assert (mark.channel.state if mark.channel else None, mark.plain, mark.root) == (channel, plain, root)


def test_the_ladder_is_climbed_and_ends_at_the_deadline() -> None:
    """5 s … 15 m until 72 h, then dead: never silently dropped before."""
    failures: list[Exception] = [DeliveryError(Failure.TRANSIENT, "down") for _ in range(400)]
    outbox, at = MemoryOutbox(notification()), NOW
    sender = courier(outbox, oncall=Scripted(failures=failures))
    waits = []
    while outbox.rows[0].state is OutboxState.QUEUED:
        sender.step(at)
        tried, at = at, outbox.rows[0].next_try or at
        waits.append((at - tried).total_seconds())
    assert outbox.rows[0].state is OutboxState.DEAD
    assert [round(wait / 5) for wait in waits[:2]] == [1, 3]
    assert timedelta(hours=71) < at - NOW < timedelta(hours=72)
    assert 250 < len(waits) < 350


def test_a_payload_is_tried_once_more_as_plain_text() -> None:
    """Then it is dead: trying the same again cannot help."""
    refused: list[Exception] = [DeliveryError(Failure.PAYLOAD, "invalid_blocks") for _ in range(2)]
    outbox = MemoryOutbox(notification())
    assert drain(courier(outbox, oncall=Scripted(failures=refused)), NOW) == 2
    assert [mark.state for mark in outbox.rows[0].marks] == [OutboxState.QUEUED, OutboxState.DEAD]


def test_a_lost_root_is_replaced_by_a_new_one(server: Loopback) -> None:
    """Lane: the edit becomes a post, and later replies thread under that."""
    root = notification()
    outbox = MemoryOutbox(
        root,
        notification(key="edit", action=Action.EDIT),
        notification(key="reply", action=Action.REPLY, reason="repeat"),
    )
    server.script("/api/chat.update", [error("message_not_found")])
    assert drain(courier(outbox, oncall=slack(server)), NOW) == 4
    assert [row.state for row in outbox.rows] == [OutboxState.SENT] * 3
    posts = [post["json"] for post in server.accepted()]
    assert [post.get("thread_ts") for post in posts] == [None, None, "1700000000.000002"]


@pytest.mark.parametrize("scope", [True, False])
def test_accepted_then_reset(scope: bool, server: Loopback) -> None:
    """T4: uncertain; one post in all where history can be read, else the second is labelled."""
    server.history_scope = scope
    server.script(POST, [Reply(end="reset")])
    outbox = MemoryOutbox(notification())
    sender = courier(outbox, oncall=slack(server))
    sender.step(NOW)
    assert len(server.accepted()) == 1
    assert outbox.rows[0].state is OutboxState.UNCERTAIN
    sender.step(NOW + 10 * S)
    assert outbox.rows[0].state is OutboxState.SENT
    posts = server.accepted()
    assert len(posts) == (1 if scope else 2)
    assert all(post["json"]["text"].startswith("(possible repeat)") for post in posts[1:])


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("2", 2),
        ("30", 30),
        (format_datetime(NOW + 90 * S, usegmt=True), 90),
        (None, 30),
        ("999999", 3600),
    ],
)
def test_rate_limits_hold_the_whole_channel_and_no_other(
    header: str | None, wait_s: int, server: Loopback
) -> None:
    """T5: 20 rows in 3 channels; none to the limited one before its time; no attempt burnt."""
    headers = {} if header is None else {"Retry-After": header}
    server.script("/hook/b", [Reply(status=429, headers=headers, accept=False)])
    rows = [notification(key=f"row {i}", channel="abc"[i % 3], lane=f"{'abc'[i % 3]}/{i}") for i in range(20)]
    outbox = MemoryOutbox(*rows)
    sender = courier(outbox, **{name: webhook(server, f"/hook/{name}") for name in "abc"})
    drain(sender, NOW)
    drain(sender, NOW + (wait_s - 0.5) * S)
    assert [len(server.requests(f"/hook/{name}")) for name in "abc"] == [7, 1, 6]
    drain(sender, NOW + wait_s * S)
    assert [len(server.requests(f"/hook/{name}")) for name in "abc"] == [7, 8, 6]
    assert [row.state for row in outbox.rows] == [OutboxState.SENT] * 20
    assert len(server.accepted()) == 20
    assert {row.burnt for row in outbox.rows} == {1}


def test_a_broken_channel_is_probed_by_one_row_every_five_minutes(server: Loopback) -> None:
    """Rows stay queued however long it takes; the first success lets all of them go."""
    server.always(POST, error("invalid_auth"))
    outbox = MemoryOutbox(*(notification(key=f"row {i}", lane=f"lane {i}") for i in range(5)))
    sender = courier(outbox, oncall=slack(server))
    for minute in range(60):
        drain(sender, NOW + minute * timedelta(minutes=1))
    assert len(server.seen) == 12
    server.always(POST, None)
    drain(sender, NOW + timedelta(hours=1))
    assert len(server.accepted()) == 5
    assert outbox.channels["oncall"].state is ChannelState.OK


def test_a_failing_probe_keeps_the_channel_broken() -> None:
    """A time-out while broken says nothing new, and uses up no attempt."""
    outbox = MemoryOutbox(notification())
    failures: list[Exception] = [
        DeliveryError(Failure.CHANNEL_BROKEN, "token"),
        DeliveryError(Failure.TRANSIENT, "down"),
    ]
    sender = courier(outbox, oncall=Scripted(failures=failures))
    sender.step(NOW)
    sender.step(NOW + 300 * S)
    assert outbox.channels["oncall"].until == NOW + 600 * S
    assert outbox.rows[0].burnt == 0


def test_a_channel_that_left_the_config_keeps_its_rows() -> None:
    """They wait like for any broken channel."""
    outbox = MemoryOutbox(notification())
    drain(courier(outbox), NOW)
    assert outbox.rows[0].state is OutboxState.QUEUED
    assert "not in the config" in outbox.channels["oncall"].reason


def test_what_is_no_longer_wanted_is_cancelled_unsent() -> None:
    """Looked at again after the claim: acknowledged or silenced in between."""
    outbox, channel = MemoryOutbox(notification()), Scripted()
    outbox.unwanted.add(notification().key)
    drain(courier(outbox, oncall=channel), NOW)
    assert outbox.rows[0].state is OutboxState.CANCELLED
    assert channel.taken == []


def test_a_row_past_its_deadline_is_buried_unsent() -> None:
    """A stale trigger expires."""
    outbox, channel = MemoryOutbox(notification(deadline=NOW)), Scripted()
    drain(courier(outbox, oncall=channel), NOW)
    assert outbox.rows[0].state is OutboxState.DEAD
    assert channel.taken == []


@pytest.mark.parametrize(
    ("idempotent", "sent", "state"), [(True, 2, OutboxState.SENT), (False, 1, OutboxState.UNCERTAIN)]
)
def test_an_uncertain_request_is_resent_only_to_an_idempotent_target(
    idempotent: bool, sent: int, state: OutboxState, server: Loopback
) -> None:
    """T22: with the same webhook-id, or not at all: a person must look."""
    server.script("/hook", [Reply(end="reset")])
    outbox = MemoryOutbox(notification(action=Action.REQUEST, channel="trainer", reason="retraining"))
    sender = courier(outbox, trainer=webhook(server, idempotent=idempotent))
    sender.step(NOW)
    drain(sender, NOW + timedelta(minutes=1))
    assert len(server.accepted()) == sent
    assert len({post["webhook_id"] for post in server.accepted()}) == 1
    assert outbox.rows[0].state is state


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_request_whose_courier_died_is_uncertain_too(idempotent: bool) -> None:
    """The lease ended with an open attempt: the same question, asked before anything is sent."""
    outbox = MemoryOutbox(notification(action=Action.REQUEST))
    outbox.claim(NOW, "dead", 60 * S)
    channel = Scripted(idempotent=idempotent)
    drain(courier(outbox, oncall=channel), NOW + 61 * S)
    assert len(channel.taken) == (1 if idempotent else 0)


def test_a_lost_fence_changes_nothing() -> None:
    """A courier that came back from the dead does not overwrite what another one did."""
    outbox = MemoryOutbox(notification())
    old = outbox.claim(NOW, "old", 1 * S)
    assert old is not None
    drain(courier(outbox, oncall=Scripted()), NOW + 2 * S)
    assert not outbox.mark(old, after_failure(old, DeliveryError(Failure.TRANSIENT, "x"), NOW), NOW)
    assert outbox.rows[0].state is OutboxState.SENT


def test_a_bug_in_a_channel_is_an_uncertain_send(caplog: pytest.LogCaptureFixture) -> None:
    """It does not stop the courier, and its text stays out of the logs."""
    outbox = MemoryOutbox(notification())
    drain(courier(outbox, oncall=Scripted(failures=[KeyError("CANARY")])), NOW)
    assert outbox.rows[0].state is OutboxState.UNCERTAIN
    assert "KeyError" in caplog.text
    assert "CANARY" not in caplog.text


def test_a_failpoint_inside_a_send_is_uncertain() -> None:
    """T3: raised after the bytes were written, the row is tried again as a possible repeat."""
    outbox = MemoryOutbox(notification())
    drain(courier(outbox, oncall=Scripted(failures=[FailpointError("after_bytes_written")])), NOW)
    assert outbox.rows[0].state is OutboxState.UNCERTAIN


@pytest.mark.parametrize(("edits", "expected"), [(True, 2), (False, 1)])
def test_edits_are_left_out_where_nothing_can_be_edited(edits: bool, expected: int) -> None:
    """A log line, a webhook or a mail cannot be taken back."""
    outbox = MemoryOutbox(notification(), notification(key="edit", action=Action.EDIT))
    channel = Scripted(edits=edits)
    drain(courier(outbox, oncall=channel), NOW)
    assert len(channel.taken) == expected
    assert not any(row.state is OutboxState.QUEUED for row in outbox.rows)


def test_the_time_a_send_took_counts() -> None:
    """`wait 30 s` begins when it was said, not when the row was claimed."""
    ticks = iter((0.0, 8.0, 8.0, 8.0))
    outbox = MemoryOutbox(notification())
    failed = DeliveryError(Failure.RATE, "slow down", retry_after_s=30)
    sender = Courier(
        outbox=outbox,
        channels={"oncall": Scripted(failures=[failed])},
        owner="test",
        monotonic=lambda: next(ticks),
    )
    sender.step(NOW)
    assert outbox.channels["oncall"].until == NOW + 38 * S


def test_only_its_own_channels() -> None:
    """One courier a channel: a slow one holds up nobody."""
    outbox = MemoryOutbox(
        notification(channel="slow", lane="slow"), notification(channel="quick", lane="quick")
    )
    quick = Scripted()
    sender = replace(courier(outbox, quick=quick), only=("quick",))
    assert drain(sender, NOW) == 1
    assert len(quick.taken) == 1


def test_no_secret_leaves_by_the_side_door(
    server: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """T24, bounded: every class provoked on every channel at DEBUG; logs, marks and reprs hold no canary."""
    ends = [Reply(end="reset"), Reply(status=302, headers={"Location": f"{server.url}/?{TOKEN}"})]
    ends += [Reply(status=status, body=TOKEN.encode(), accept=False) for status in (400, 401, 429, 500)]
    paths = {"a": POST, "b": "/services/CANARY", "c": "/hook/CANARY"}
    channels: dict[str, Channel] = {
        "a": slack(server),
        "b": SlackChannel(webhook_url=f"{server.url}/services/CANARY"),
        "c": webhook(server, "/hook/CANARY"),
        "d": LogChannel(path=str(tmp_path / "nowhere" / "log")),
    }
    outbox = MemoryOutbox(*(notification(key=name, channel=name, lane=name) for name in channels))
    sender = courier(outbox, **channels)
    for path in paths.values():
        server.script(path, ends)
    with caplog.at_level(logging.DEBUG):
        for hour in range(20):
            drain(sender, NOW + timedelta(hours=hour))
    text = "\n".join(
        [caplog.text, *capfd.readouterr(), repr(sender), repr(outbox.rows), repr(outbox.channels)]
    )
    assert "notification.uncertain" in caplog.text
    key = SECRET.removeprefix("whsec_")
    for canary in ("CANARY", key, quote(key, safe=""), b64encode(TOKEN.encode()).decode()):
        assert canary not in text
