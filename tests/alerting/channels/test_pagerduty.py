"""Events API v2 against a server that plays it: what rings, what is acknowledged, what is resolved."""

import json
from dataclasses import replace
from typing import Any

import pytest

from alerting.channel import DeliveryError, Failure, Receipt
from alerting.channels.pagerduty import PAYLOAD, SUMMARY, PagerDutyChannel
from alerting.digest import digest
from alerting.message import word
from alerting.notification import Action, Notification
from tests.alerting.outbox_rows import CARRIER, DISTANCE, NOW, facts, notification
from tests.loopback import Loopback, Reply

KEY = "CANARY0123456789abcdef0123456789"
ALERT, CHANGE = "/v2/enqueue", "/v2/change/enqueue"
RESOLVED = {**DISTANCE, "state": "resolved", "resolved_reason": "recovered", "news": "resolved"}
OVER: dict[str, Any] = {"state": "resolved", "counts": {"firing": 0, "resolved": 1}}


def pagerduty(server: Loopback, **options: Any) -> PagerDutyChannel:
    given = {"routing_key": KEY, "base_url": server.url, "allow_http": True, "allow_private": True}
    return PagerDutyChannel(**{**given, **options})


def send(channel: PagerDutyChannel, row: Notification) -> Receipt:
    return channel.send(row, word(row, NOW))


def failure(channel: PagerDutyChannel, row: Notification) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(channel, row)
    return caught.value


def actions(server: Loopback) -> list[str]:
    """What was asked for, in order: an event's action, or "change"."""
    return [seen.json.get("event_action", "change") for seen in server.seen]


def test_a_page_triggers_a_critical_alert(server: Loopback) -> None:
    """Summary, severity, source, details and the runbook, as PagerDuty's common format wants them."""
    send(pagerduty(server), notification(facts=facts(DISTANCE, CARRIER)))
    (seen,) = server.requests(ALERT)
    event = seen.json
    assert (event["event_action"], event["routing_key"], event["client"]) == ("trigger", KEY, "Leeway")
    payload = event["payload"]
    assert payload["summary"] == "🔴 delays: distance looks like ×1.609 (miles → kilometres), and 1 more"
    assert (payload["severity"], payload["source"], payload["group"]) == ("critical", "leeway", "delays")
    assert payload["custom_details"]["What"].startswith("2 pages firing")
    assert payload["custom_details"]["table"][0]["column"] == "distance"
    assert event["links"] == [{"href": "https://wiki.example.com/delays", "text": "Runbook"}]


@pytest.mark.parametrize(("severity", "expected"), [("page", "error"), ("ticket", "info")])
def test_severities_are_called_as_the_config_says(severity: str, expected: str, server: Loopback) -> None:
    """The four words of PagerDuty; a ticket is a warning unless told otherwise."""
    row = notification(facts=facts(severity=severity))
    send(pagerduty(server, page="error", ticket="info"), row)
    assert server.seen[0].json["payload"]["severity"] == expected


def test_a_thread_is_one_alert_from_trigger_to_resolve(server: Loopback) -> None:
    """News of a group that fires triggers the same alert; what ends the group resolves it."""
    channel = pagerduty(server)
    root = send(channel, notification()).reference
    reply = notification(action=Action.REPLY, reason="new_member", root=root, facts=facts(CARRIER))
    send(channel, reply)
    over = notification(action=Action.REPLY, reason="resolved", root=root, facts=facts(RESOLVED, **OVER))
    send(channel, over)
    send(channel, replace(over, action=Action.EDIT))
    assert actions(server) == ["trigger", "trigger", "resolve", "resolve"]
    assert {seen.json["dedup_key"] for seen in server.seen} == {root["dedup_key"]}


def test_a_part_that_recovers_rings_nobody_and_resolves_nothing(server: Loopback) -> None:
    """The group still fires: a note, as a change event."""
    row = notification(action=Action.REPLY, reason="resolved", facts=facts(RESOLVED, counts={"firing": 1}))
    send(pagerduty(server), row)
    (seen,) = server.requests(CHANGE)
    assert seen.json["payload"]["summary"].startswith("🟢 delays: distance recovered")
    assert server.requests(ALERT) == []


def test_what_somebody_has_is_acknowledged(server: Loopback) -> None:
    """When all of what fires is somebody's; an edit that says nothing new asks for nothing."""
    mine = {**DISTANCE, "acknowledged_by": "Ada"}
    channel = pagerduty(server)
    send(channel, notification(action=Action.EDIT, facts=facts(mine, CARRIER)))
    send(channel, notification(action=Action.EDIT, facts=facts(mine, more=3)))
    assert server.seen == []
    send(channel, notification(action=Action.EDIT, facts=facts(mine, {**CARRIER, "acknowledged_by": "Bo"})))
    assert actions(server) == ["acknowledge"]


def test_what_was_over_before_it_could_be_told_is_a_note(server: Loopback) -> None:
    """Nobody is woken for it; an alert that an earlier attempt may have left is resolved."""
    send(pagerduty(server), notification(facts=facts(RESOLVED, **OVER), uncertain=True, attempt=2))
    assert actions(server) == ["resolve", "change"]


def test_the_same_key_over_retries(server: Loopback) -> None:
    """A repeat of a trigger is the same alert; another lane, or another source, is another."""
    for source, row in (
        ("leeway", notification()),
        ("leeway", notification(attempt=2, uncertain=True)),
        ("leeway", notification(lane="oncall/fares")),
        ("staging", notification()),
    ):
        send(pagerduty(server, source=source), row)
    one, two, three, four = (seen.json["dedup_key"] for seen in server.seen)
    assert one == two
    assert len({one, three, four}) == 3
    assert max(map(len, (one, three, four))) <= 255


def test_a_digest_of_few_is_told_group_by_group(server: Loopback) -> None:
    """So that each group's end resolves its own alert."""
    parts = {
        "oncall&model=delays": facts(DISTANCE),
        "oncall&model=fares": facts(RESOLVED, **{**OVER, "model": "fares"}),
    }
    row = digest("oncall", parts, now=NOW, why="it took nothing", created=NOW)
    send(pagerduty(server), row)
    assert actions(server) == ["trigger", "resolve"]
    send(pagerduty(server), notification(lane="oncall&model=delays", facts=facts(RESOLVED, **OVER)))
    assert server.seen[2].json["dedup_key"] == server.seen[0].json["dedup_key"]
    assert server.seen[0].json["payload"]["summary"].startswith("model=delays: 🔴 digest: 1 page")


def test_a_digest_of_many_is_one_alert(server: Loopback) -> None:
    """Two hundred alerts in one second help nobody."""
    parts = {f"oncall&model=m{n}": facts(DISTANCE, model=f"m{n}") for n in range(200)}
    send(pagerduty(server), digest("oncall", parts, now=NOW, why="storm", created=NOW))
    assert actions(server) == ["trigger"]


def test_a_test_is_over_at_once(server: Loopback) -> None:
    """`leeway channels test` leaves nothing open, and is told as information."""
    send(pagerduty(server), notification(action=Action.TEST, reason="test", facts={}))
    assert actions(server) == ["trigger", "resolve"]
    assert server.seen[0].json["payload"]["severity"] == "info"


def test_a_note_of_retraining_is_a_change(server: Loopback) -> None:
    """Keys of event orchestrations take no change events: there it is left out."""
    told = {"model": "delays", "retraining": {"outcome": "dry_run", "target": "trainer"}}
    row = notification(action=Action.REPLY, reason="retraining", facts=told)
    send(pagerduty(server, routing_key="R" + KEY[1:]), row)
    assert server.seen == []
    send(pagerduty(server), row)
    assert actions(server) == ["change"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"errors": ["Length of \'routing_key\' is incorrect"]}', Failure.CHANNEL_BROKEN),
        (b'{"message": "Invalid Routing Key"}', Failure.CHANNEL_BROKEN),
        (b'{"errors": ["\'payload.summary\' is missing or blank"]}', Failure.PAYLOAD),
        (b"", Failure.PAYLOAD),
    ],
)
def test_a_400_about_the_key_breaks_the_channel(body: bytes, expected: Failure, server: Loopback) -> None:
    """No other content would pass; every other 400 is about this event."""
    server.script(ALERT, [Reply(status=400, body=body, accept=False)])
    assert failure(pagerduty(server), notification()).failure is expected


@pytest.mark.parametrize("status", [200, 201, 204])
def test_only_202_is_a_yes(status: int, server: Loopback) -> None:
    """A proxy that answers in PagerDuty's place has told nobody."""
    server.script(ALERT, [Reply(status=status, body=b"<html>", accept=False)])
    failed = failure(pagerduty(server), notification())
    assert failed.failure is Failure.TRANSIENT
    assert "not pagerduty" in failed.reason


def test_within_the_limits(server: Loopback) -> None:
    """The summary and the whole, whatever the facts hold; the details are what is left out."""
    row = notification()
    long = replace(word(row, NOW), text="x" * 5000, lines=tuple(f"L{n}: {'<' * 9000}" for n in range(90)))
    pagerduty(server).send(row, long)
    (seen,) = server.seen
    assert len(seen.body) <= PAYLOAD
    assert len(json.loads(seen.body)["payload"]["summary"]) == SUMMARY


@pytest.mark.parametrize(
    "options",
    [
        {"routing_key": ""},
        {"routing_key": "CANARY"},
        {"routing_key": "CANARY-0123456789abcdef012345678"},
        {"base_url": "http://events.pagerduty.com", "allow_http": False},
        {"base_url": "https://events.pagerduty.com/v2/enqueue"},
        {"source": ""},
        {"allowed_hosts": ("*.pagerduty.com",)},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], server: Loopback) -> None:
    """At start, by name, without the key."""
    with pytest.raises(ValueError, match=r"^\w+: ") as caught:
        pagerduty(server, **options)
    assert "CANARY" not in str(caught.value)
