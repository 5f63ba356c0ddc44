"""Standard Webhooks against a real server, verified by the reference library."""

import json
import logging
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from alerting.channel import DeliveryError, Failure
from alerting.channels.webhook import WebhookChannel
from alerting.message import word
from alerting.notification import Action, Notification
from tests.alerting.outbox_rows import NOW, facts, notification
from tests.loopback import Loopback, Reply

NEW = "whsec_" + b64encode(b"CANARY new secret, 24+ bytes").decode()
OLD = "whsec_" + b64encode(b"CANARY old secret, 24+ bytes").decode()


def webhook(server: Loopback, **options: Any) -> WebhookChannel:
    given = {"url": f"{server.url}/hook/CANARY", "secret": NEW, "allow_http": True, "allow_private": True}
    return WebhookChannel(**{**given, **options})


def send(channel: WebhookChannel, row: Notification, at: datetime = NOW) -> None:
    channel.send(row, word(row, at))


def failure(channel: WebhookChannel, row: Notification) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(channel, row)
    return caught.value


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_both_secrets_verify_during_a_rotation(secret: str, server: Loopback) -> None:
    """Whichever the receiver has. (The library compares with the real clock, so the attempt is made now.)"""
    send(webhook(server, old_secret=OLD), notification(), datetime.now(UTC))
    seen = server.seen[0]
    payload = Webhook(secret).verify(seen.body, dict(seen.headers))
    assert payload["type"] == "incident.first"
    assert payload["data"]["lines"][0]["column"] == "distance"


def test_the_id_is_the_key_and_stays_over_retries(server: Loopback) -> None:
    """The timestamp is the attempt's, the id the notification's."""
    send(webhook(server), notification())
    later = NOW.replace(hour=4)
    send(webhook(server), notification(attempt=2, uncertain=True), later)
    first, second = server.seen
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == notification().key
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 3600


def test_a_retraining_request_names_itself(server: Loopback) -> None:
    """The target reads the type; the request is in the facts."""
    request = {"outcome": "requested", "request_id": "5e" * 16, "target": "trainer"}
    send(
        webhook(server), notification(action=Action.REQUEST, facts={"model": "delays", "retraining": request})
    )
    body = server.seen[0].json
    assert body["type"] == "model.retraining.requested"
    assert body["data"]["retraining"]["request_id"] == "5e" * 16


T, R, B, P = Failure.TRANSIENT, Failure.RATE, Failure.CHANNEL_BROKEN, Failure.PAYLOAD


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, None) for status in (200, 201, 202, 204, 299)),
        *((status, T) for status in (408, 425, 500, 502, 503, 504)),
        (429, R),
        *((status, B) for status in (301, 302, 303, 307, 308, 401, 403, 404, 405, 410)),
        *((status, P) for status in (400, 409, 413, 422)),
    ],
)
def test_every_status_has_its_class(status: int, expected: Failure | None, server: Loopback) -> None:
    """T7: 2xx is success whatever is said in the body."""
    server.script("/hook/CANARY", [Reply(status=status, body=b"<html>", accept=expected is None)])
    if expected is None:
        send(webhook(server), notification())
    else:
        assert failure(webhook(server), notification()).failure is expected


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(status: int, server: Loopback, other: Loopback) -> None:
    """T10: the second host receives nothing."""
    server.script("/hook/CANARY", [Reply(status=status, headers={"Location": f"{other.url}/"}, accept=False)])
    assert failure(webhook(server), notification()).failure is B
    assert other.seen == []


def test_a_reset_after_the_request_is_ambiguous(server: Loopback) -> None:
    """T4: accepted once, and not known to be."""
    server.script("/hook/CANARY", [Reply(end="reset")])
    assert failure(webhook(server), notification()).failure is Failure.AMBIGUOUS
    assert len(server.accepted()) == 1


@pytest.mark.parametrize("end", ["hang", "drip_headers"])
def test_the_deadline_is_by_the_wall_clock(end: Any, server: Loopback) -> None:
    """T9: at most a second more than it was given."""
    server.script("/hook/CANARY", [Reply(end=end)])
    began = time.monotonic()
    assert failure(webhook(server, deadline_s=0.3), notification()).failure is Failure.AMBIGUOUS
    assert time.monotonic() - began < 1.3


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://example.com/CANARY", "allow_http": False},
        {"url": "https://me:CANARY@example.com/"},
        {"secret": ""},
        {"secret": "whsec_!CANARY!"},
        {"old_secret": "whsec_!CANARY!"},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], server: Loopback) -> None:
    """At start, by name, without the value."""
    with pytest.raises(ValueError, match=r"url|secret") as caught:
        webhook(server, **options)
    assert "CANARY" not in str(caught.value)


def test_no_secret_in_repr_error_or_log(
    server: Loopback, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """T24: in clear, url-encoded or base64, with every failure provoked at DEBUG."""
    replies = [Reply(status=status, body=NEW.encode()) for status in (302, 400, 401, 429, 500)]
    replies += [Reply(end="reset"), Reply(end="hang")]
    channel = webhook(server, old_secret=OLD, deadline_s=0.3)
    said = [repr(channel)]
    server.script("/hook/CANARY", replies)
    with caplog.at_level(logging.DEBUG):
        for _ in replies:
            failed = failure(channel, notification())
            said += [str(failed), repr(failed), repr(failed.__cause__)]
    text = "\n".join([*said, caplog.text, *capfd.readouterr()])
    key = NEW.removeprefix("whsec_")
    for canary in ("CANARY", key, quote(key, safe=""), b64encode(b"/hook/CANARY").decode()[:12]):
        assert canary not in text


def test_facts_are_not_reworded(server: Loopback) -> None:
    """A machine gets the numbers as they are, hostile names included: JSON escapes, the receiver decides."""
    row = notification(facts=facts(model="<!channel>"))
    send(webhook(server), row)
    assert json.loads(server.seen[0].body)["data"]["model"] == "<!channel>"


def test_a_rotation_from_start_to_end(server: Loopback) -> None:
    """T49: old alone, both, new alone; a receiver that changes while both sign loses none."""
    now = datetime.now(UTC)
    for options in ({"secret": OLD}, {"secret": NEW, "old_secret": OLD}, {"secret": NEW}):
        send(webhook(server, **options), notification(), now)
    before, during, after = server.seen
    for secret, good, bad in ((OLD, (before, during), after), (NEW, (during, after), before)):
        for seen in good:
            assert Webhook(secret).verify(seen.body, dict(seen.headers))
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(bad.body, dict(bad.headers))


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_off_is_refused(minutes: int, server: Loopback) -> None:
    """T49: the timestamp is signed; a receiver takes five minutes either way."""
    send(webhook(server), notification(), datetime.now(UTC) + timedelta(minutes=minutes))
    seen = server.seen[0]
    with pytest.raises(WebhookVerificationError, match="too"):
        Webhook(NEW).verify(seen.body, dict(seen.headers))


def test_a_body_that_was_written_anew_is_refused(server: Loopback) -> None:
    """T49: the bytes are signed, not what they mean."""
    send(webhook(server), notification(), datetime.now(UTC))
    seen = server.seen[0]
    with pytest.raises(WebhookVerificationError, match="signature"):
        Webhook(NEW).verify(json.dumps(seen.json, indent=1), dict(seen.headers))


@pytest.mark.parametrize(("size", "good"), [(23, False), (24, True), (64, True), (65, False)])
def test_a_secret_has_the_length_the_specification_asks_for(size: int, good: bool, server: Loopback) -> None:
    """24 to 64 bytes: shorter ones can be guessed."""
    secret = "whsec_" + b64encode(b"x" * size).decode()
    if good:
        send(webhook(server, secret=secret), notification())
    else:
        with pytest.raises(ValueError, match="secret: must hold 24 to 64 bytes"):
            webhook(server, secret=secret)
