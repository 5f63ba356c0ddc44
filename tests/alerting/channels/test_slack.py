"""The real slack-sdk client against a server that plays Slack."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient

from alerting.channel import DeliveryError, Failure, Receipt, takes_pictures
from alerting.channels.slack import SlackChannel
from alerting.digest import digest
from alerting.message import word
from alerting.notification import Action, Notification
from tests.alerting.outbox_rows import CARRIER, DISTANCE, NOW, facts, notification
from tests.loopback import Loopback, Reply, error

POST, UPDATE, HISTORY = "/api/chat.postMessage", "/api/chat.update", "/api/conversations.history"
ROOT = {"channel": "C0LOOPBACK", "ts": "1700000000.000001"}
TOKEN = "xoxb-CANARY-token-0123456789"


def slack(server: Loopback, **options: Any) -> SlackChannel:
    return SlackChannel(**{"token": TOKEN, "channel": "C0LOOPBACK", "base_url": server.slack, **options})


def send(channel: SlackChannel, row: Notification) -> Receipt:
    return channel.send(row, word(row, NOW))


def failure(channel: SlackChannel, row: Notification) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(channel, row)
    return caught.value


def readable(server: Loopback) -> str:
    """Requests as text: what a person would want to review."""
    parts = []
    for seen in server.seen:
        body = dict(seen.json)
        lines = [f"{seen.method} {seen.path}"]
        for name in ("authorization", "content-type"):
            lines.append(f"{name}: {seen.headers[name].replace(TOKEN, '<token>')}")
        for block in body.pop("blocks", []):
            texts = [block["text"]] if "text" in block else block["elements"]
            for text in texts:
                rest = {k: v for k, v in text.items() if k not in ("type", "text")}
                lines += ["", f"[{block['type']}, {text['type']} {json.dumps(rest)}]", text["text"]]
        fields = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in sorted(body.items())]
        parts.append("\n".join([*lines[:3], *fields, *lines[3:]]))
    return "\n\n---\n\n".join(parts) + "\n"


NEW_CARRIER = {**CARRIER, "news": "new_member"}
RESOLVED = {
    **DISTANCE,
    "state": "resolved",
    "resolved_reason": "recovered",
    "since": "2026-05-20T04:00:00+00:00",
    "resolved": "2026-05-28T04:00:00+00:00",
}
OVER: dict[str, Any] = {"state": "resolved", "counts": {"firing": 0, "resolved": 1}}
ROWS = {
    "root": notification(
        facts=facts(DISTANCE, CARRIER, more=3, counts={"firing": 5, "pages": 2, "tickets": 3})
    ),
    "thread_reply": notification(
        action=Action.REPLY, reason="new_member", root=ROOT, facts=facts(NEW_CARRIER, reason="new_member")
    ),
    "mixed_reply": notification(
        action=Action.REPLY,
        reason="severity_up",
        root=ROOT,
        facts=facts(NEW_CARRIER, {**DISTANCE, "news": "severity_up"}, RESOLVED, reason="severity_up"),
    ),
    "severity_up": notification(
        action=Action.REPLY, reason="severity_up", root=ROOT, facts=facts(CARRIER, reason="severity_up")
    ),
    "edit": notification(
        action=Action.EDIT,
        reason="new_member",
        root=ROOT,
        facts=facts({**DISTANCE, "acknowledged_by": "Ada"}, {**CARRIER, "acknowledged_by": "Ada"}),
    ),
    "resolved": notification(
        action=Action.REPLY, reason="resolved", root=ROOT, facts=facts(RESOLVED, **OVER)
    ),
    "partly_resolved": notification(
        action=Action.REPLY,
        reason="resolved",
        root=ROOT,
        facts=facts(RESOLVED, counts={"firing": 1, "pages": 1}),
    ),
    "edit_resolved": notification(
        action=Action.EDIT, reason="resolved", root=ROOT, facts=facts(RESOLVED, **OVER)
    ),
    "rebaselined": notification(
        action=Action.REPLY,
        reason="resolved",
        root=ROOT,
        facts=facts({**RESOLVED, "resolved_reason": "rebaselined"}, **OVER),
    ),
    "repeat": notification(action=Action.REPLY, reason="repeat", root=ROOT, facts=facts(reason="repeat")),
    "silence_ended": notification(
        reason="silence_ended", facts=facts({**DISTANCE, "news": "silence_ended"}, reason="silence_ended")
    ),
    "flapping": notification(
        action=Action.REPLY,
        reason="flapping",
        root=ROOT,
        facts=facts({**DISTANCE, "news": "flapping", "flapping": True}, reason="flapping"),
    ),
    "steady": notification(
        action=Action.REPLY, reason="steady", root=ROOT, facts=facts({**RESOLVED, "news": "steady"}, **OVER)
    ),
    "late_over": notification(
        facts=facts({**RESOLVED, "news": "first", "since": "2026-05-28T02:10:00+00:00"}, **OVER),
        created=NOW - timedelta(minutes=43),
        last_failure="no connection to slack.com: connection refused",
    ),
    "downtime": notification(
        reason="digest",
        facts=facts(
            {**RESOLVED, "news": ""},
            reason="digest",
            past={
                "start": "2026-05-28T05:00:00+00:00",
                "end": "2026-05-28T13:00:00+00:00",
                "opened": 3,
                "resolved": 2,
                "firing": 1,
            },
            **OVER,
        ),
    ),
    "fallback": notification(facts=facts(for_channel="oncall")),
    "digest": replace(
        digest(
            "oncall",
            {
                "oncall&model=delays": facts(DISTANCE, CARRIER, counts={"firing": 2, "pages": 2}),
                "oncall&model=fares": facts(
                    {**RESOLVED, "incident_id": "ff" * 16}, **{**OVER, "model": "fares"}
                ),
            },
            now=NOW,
            why="slack answered invalid_auth; check the token",
            broken_since=NOW - timedelta(hours=6),
            created=NOW - timedelta(hours=6),
        ),
        channel="oncall",
    ),
    "channel_broken": notification(
        facts=facts(
            {
                **DISTANCE,
                "column": "oncall",
                "kind": "daemon",
                "change": "channel_broken",
                "title": "takes nothing (slack answered invalid_auth; check the token); 3 messages wait",
                "harm": None,
                "pull": None,
                "rows": None,
            },
            model="",
            runbook=None,
            window_start=NOW.isoformat(),
            window_end=NOW.isoformat(),
            next=["leeway incidents show d15a0000aaaa", "leeway outbox list"],
        )
    ),
    "plain": notification(plain=True),
    "possible_repeat": notification(uncertain=True),
    "test": notification(action=Action.TEST, reason="test", facts={}),
    "retraining_dry_run": notification(
        action=Action.REPLY,
        reason="retraining",
        root=ROOT,
        facts={
            "model": "delays",
            "retraining": {
                "outcome": "dry_run",
                "mode": "dry_run",
                "target": "trainer",
                "request_id": "5e" * 16,
                "gates": [
                    {"name": "mode", "passed": True, "why": "mode is dry_run"},
                    {"name": "breached_windows", "passed": True, "why": "3 of the last 5 windows breached"},
                ],
            },
        },
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_exact_requests(name: str, server: Loopback, golden: Callable[[str, str], None]) -> None:
    """What the real client sends, to the letter."""
    server.history_scope = False
    send(slack(server), ROWS[name])
    golden(f"slack/{name}.txt", readable(server))


def test_a_post_is_told_by_its_channel_and_ts(server: Loopback) -> None:
    """The receipt addresses the post later, with the id Slack gave for the name."""
    assert send(slack(server, channel="#ml-oncall"), notification()).reference == ROOT


def test_a_reply_goes_into_the_thread_and_an_edit_to_the_root(server: Loopback) -> None:
    """Replies carry thread_ts; edits carry the root's ts."""
    send(slack(server), notification(action=Action.REPLY, root=ROOT))
    send(slack(server), notification(action=Action.EDIT, root=ROOT))
    assert server.requests(POST)[0].json["thread_ts"] == ROOT["ts"]
    assert server.requests(UPDATE)[0].json["ts"] == ROOT["ts"]


def test_an_edit_without_a_root_becomes_one(server: Loopback) -> None:
    """The lane rule: its root was forgotten, so today's state is posted anew."""
    assert send(slack(server), notification(action=Action.EDIT)).reference["ts"]
    assert "thread_ts" not in server.requests(POST)[0].json


T, R, A, B, P, L = (
    Failure.TRANSIENT,
    Failure.RATE,
    Failure.AMBIGUOUS,
    Failure.CHANNEL_BROKEN,
    Failure.PAYLOAD,
    Failure.LANE,
)
CODES = [
    *((code, R) for code in ("ratelimited", "rate_limited", "message_limit_exceeded")),
    *((code, A) for code in ("fatal_error", "internal_error")),
    *((code, B) for code in ("invalid_auth", "not_authed", "token_revoked", "token_expired")),
    *((code, B) for code in ("account_inactive", "missing_scope", "channel_not_found", "not_in_channel")),
    *((code, B) for code in ("is_archived", "restricted_action", "ekm_access_denied", "access_denied")),
    *((code, B) for code in ("no_permission", "team_access_not_granted", "not_allowed_token_type")),
    *((code, P) for code in ("invalid_blocks", "msg_too_long", "msg_blocks_too_long", "no_text")),
    *((code, P) for code in ("invalid_arguments", "metadata_too_large", "too_many_attachments")),
    *((code, P) for code in ("duplicate_message_not_found", "invalid_blocks_format")),
    *((code, L) for code in ("message_not_found", "cant_update_message", "edit_window_closed")),
    *((code, L) for code in ("thread_not_found", "cannot_reply_to_message")),
    *((code, T) for code in ("service_unavailable", "request_timeout", "team_added_to_org")),
    *((code, T) for code in ("some_code_of_tomorrow", "")),
]


@pytest.mark.parametrize(("code", "expected"), CODES)
def test_every_code_has_its_class(code: str, expected: Failure, server: Loopback) -> None:
    """T7: Slack says no in HTTP 200; the code decides, and an unknown one is kept and tried again."""
    server.script(POST, [error(code)])
    failed = failure(slack(server), notification())
    assert failed.failure is expected
    assert code in failed.reason
    assert len(server.seen) == 1


STATUSES = [
    *((status, T) for status in (408, 425, 500, 502, 503, 504, 599)),
    *((status, R) for status in (429,)),
    *((status, B) for status in (401, 403, 404, 405, 407, 410, 300, 301, 302, 303, 304, 307, 308)),
    *((status, P) for status in (400, 413, 414, 415, 422, 431)),
]


@pytest.mark.parametrize("body", [b"<html>proxy</html>", b'{"ok": false}', b"[]", b""])
@pytest.mark.parametrize(("status", "expected"), STATUSES)
def test_every_status_has_its_class(status: int, expected: Failure, body: bytes, server: Loopback) -> None:
    """T7: whatever the body says, unless it holds a code we know."""
    server.script(POST, [Reply(status=status, body=body, accept=False)])
    assert failure(slack(server), notification()).failure is expected


def test_a_known_code_says_more_than_its_status(server: Loopback) -> None:
    """500 with fatal_error may have been done in part: ambiguous, not transient."""
    server.script(POST, [error("fatal_error", status=500), error("ratelimited", status=503)])
    assert failure(slack(server), notification()).failure is A
    assert failure(slack(server), notification()).failure is R


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html>login</html>", T),
        (b'"ok"', T),
        (b"[1]", T),
        (b"\xff\xfe", T),
        (b'{"ok": true}', A),
        (b'{"ok": true, "ts": "1.2"}', A),
        (b'{"ok": true, "ts": 5, "channel": "C1"}', A),
        (b'{"ok": "yes", "ts": "1.2", "channel": "C1"}', A),
        (b"{}", T),
    ],
)
def test_success_needs_ok_ts_and_channel(body: bytes, expected: Failure, server: Loopback) -> None:
    """Status 200 alone proves nothing."""
    server.script(POST, [Reply(body=body)])
    assert failure(slack(server), notification()).failure is expected


def test_rate_limit_says_how_long(server: Loopback) -> None:
    """Retry-After reaches the ladder, from the real client's answer."""
    server.script(POST, [error("ratelimited", status=429, headers={"Retry-After": "30"})])
    failed = failure(slack(server), notification())
    assert (failed.failure, failed.retry_after_s) == (R, 30.0)


def test_accepted_then_reset_is_ambiguous_and_posted_once(server: Loopback) -> None:
    """T4: the SDK's own retry handler would have posted twice."""
    server.script(POST, [Reply(end="reset")])
    assert failure(slack(server), notification()).failure is A
    assert len(server.accepted()) == 1


def test_a_lost_root_is_found_by_its_metadata(server: Loopback) -> None:
    """T4: with the history scope there is one post in all, and it is the receipt."""
    server.script(POST, [Reply(end="reset")])
    failure(slack(server), notification())
    receipt = send(slack(server), notification(uncertain=True, attempt=2))
    assert receipt.reference == ROOT
    assert len(server.accepted()) == 1
    assert server.requests(HISTORY)[0].json["include_all_metadata"] == "1"


def test_a_root_that_never_arrived_is_posted_without_a_label(server: Loopback) -> None:
    """History proves that there is nothing to repeat."""
    send(slack(server), notification(uncertain=True, attempt=2))
    (post,) = server.accepted()
    assert "possible repeat" not in post["json"]["text"]


@pytest.mark.parametrize("options", [{"channel": "#ml-oncall"}, {}])
def test_without_the_scope_or_the_id_a_repeat_is_labelled(options: dict[str, str], server: Loopback) -> None:
    """T4: never an unlabelled duplicate."""
    server.history_scope = False
    send(slack(server, **options), notification(uncertain=True, attempt=2))
    (post,) = server.accepted()
    assert post["json"]["text"].startswith("(possible repeat) 🔴")
    assert post["json"]["blocks"][0]["text"]["text"].startswith("(possible repeat) 🔴")


def test_an_uncertain_edit_is_simply_sent_again(server: Loopback) -> None:
    """The same edit twice is the same post."""
    send(slack(server), notification(action=Action.EDIT, root=ROOT, uncertain=True))
    assert [seen.path for seen in server.seen] == [UPDATE]


def test_a_lost_reply_is_looked_up_in_its_thread(server: Loopback) -> None:
    """Replies are not in the channel's history."""
    reply = notification(action=Action.REPLY, root=ROOT)
    server.script(POST, [Reply(end="reset")])
    failure(slack(server), reply)
    send(slack(server), replace(reply, uncertain=True))
    assert len(server.accepted()) == 1
    assert server.seen[-1].path == "/api/conversations.replies"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int, server: Loopback, other: Loopback) -> None:
    """T10: the second host receives nothing, least of all the token."""
    server.always(
        POST, Reply(status=status, headers={"Location": f"{other.slack}chat.postMessage"}, accept=False)
    )
    assert failure(slack(server), notification()).failure is B
    assert other.seen == []


def test_the_sdk_alone_would_leak(server: Loopback, other: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why the transport is replaced: the day this fails, slack-sdk has stopped following redirects."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.always(
        POST, Reply(status=302, headers={"Location": f"{other.slack}chat.postMessage"}, accept=False)
    )
    other.always(POST, Reply(body=b'{"ok": true}', accept=False))
    WebClient(token=TOKEN, base_url=server.slack).chat_postMessage(channel="C1", text="x")
    assert TOKEN in other.seen[0].headers["authorization"]


@pytest.mark.parametrize("end", ["hang", "drip", "drip_headers"])
def test_the_deadline_is_by_the_wall_clock(end: Any, server: Loopback) -> None:
    """T9: whatever the server does, the call ends, and may have been accepted."""
    server.always(POST, Reply(end=end))
    began = time.monotonic()
    assert failure(slack(server, deadline_s=0.4), notification()).failure is A
    assert time.monotonic() - began < 1.4


def test_a_huge_answer_is_not_read(server: Loopback) -> None:
    """T9: a gigabyte is cut at 64 kB and is not Slack's."""
    server.script(POST, [Reply(end="huge")])
    assert failure(slack(server), notification()).failure is T


def test_nobody_there_is_transient(server: Loopback) -> None:
    """Connection refused: certainly not accepted."""
    server.__exit__(None, None, None)
    assert failure(slack(server), notification()).failure is T


def webhook(server: Loopback) -> SlackChannel:
    return SlackChannel(webhook_url=f"{server.url}/services/T0/B0/CANARY", deadline_s=2)


def test_an_incoming_webhook_posts_plainly(server: Loopback) -> None:
    """The fallback: no threads, no edits, no token; `ok` is the receipt."""
    assert not webhook(server).threads
    send(webhook(server), notification())
    (post,) = server.accepted()
    assert post["json"]["text"].startswith("🔴 delays: distance looks like ×1.609")
    assert "authorization" not in server.seen[0].headers


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(status=400, body=b"invalid_payload", accept=False), P),
        (Reply(status=403, body=b"action_prohibited", accept=False), B),
        (Reply(status=404, body=b"no_service", accept=False), B),
        (Reply(status=410, body=b"channel_is_archived", accept=False), B),
        (Reply(status=500, body=b"rollup_error", accept=False), T),
        (Reply(status=429, accept=False), R),
        (Reply(status=302, accept=False), B),
        (Reply(body=b"<html>", accept=False), T),
        (Reply(end="reset"), A),
    ],
)
def test_an_incoming_webhooks_answers(reply: Reply, expected: Failure, server: Loopback) -> None:
    """By status, with `ok` as the only success."""
    server.script("/services/T0/B0/CANARY", [reply])
    assert failure(webhook(server), notification()).failure is expected


def test_an_uncertain_webhook_post_is_labelled(server: Loopback) -> None:
    """It cannot be looked up."""
    send(webhook(server), notification(uncertain=True))
    assert server.accepted()[0]["json"]["text"].startswith("(possible repeat) ")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"token": TOKEN},
        {"token": TOKEN, "channel": "C1", "webhook_url": "https://hooks.slack.com/services/CANARY"},
        {"webhook_url": "http://hooks.slack.com/services/CANARY"},
        {"token": TOKEN, "channel": "C1", "base_url": "http://slack.example.com/api/"},
        {"webhook_url": "https://user:CANARY@hooks.slack.com/"},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    """At start, by name, without the secret."""
    with pytest.raises(ValueError, match="slack: ") as caught:
        SlackChannel(**options)
    assert "CANARY" not in str(caught.value)


def test_no_secret_in_repr_error_or_log(
    server: Loopback, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """T24: every failure provoked at DEBUG, an echo of the token included."""
    echo = json.dumps({"ok": False, "error": TOKEN}).encode()
    replies = [
        error("invalid_auth"),
        Reply(status=500, body=echo),
        Reply(body=echo),
        Reply(body=TOKEN.encode()),
    ]
    replies += [
        Reply(end="reset"),
        Reply(end="cut", body=b'{"ok": tr'),
        Reply(status=302, headers={"Location": f"https://x/{TOKEN}"}),
    ]
    said = [repr(slack(server)), repr(webhook(server))]
    with caplog.at_level(logging.DEBUG):
        for path, channel in ((POST, slack(server)), ("/services/T0/B0/CANARY", webhook(server))):
            server.script(path, replies)
            for _ in replies:
                failed = failure(channel, notification())
                said += [str(failed), repr(failed), repr(failed.__cause__)]
    said += [caplog.text, *capfd.readouterr()]
    assert "CANARY" not in "\n".join(said)
    assert caplog.text == ""  # the SDK's own loggers would have written requests and answers


def test_deadline_leaves_time_for_history(server: Loopback) -> None:
    """The look-up starts a little before the row was made: clocks differ."""
    send(slack(server), notification(uncertain=True))
    asked = float(server.requests(HISTORY)[0].json["oldest"])
    assert asked == (NOW - timedelta(minutes=5)).timestamp()


TICKET, PUT, SHOW = (
    "/api/files.getUploadURLExternal",
    "/upload/v1/F0000000001",
    "/api/files.completeUploadExternal",
)
PNG = b"\x89PNG\r\n\x1a\n and what follows"
PICTURE = notification(action=Action.PICTURE, root=ROOT, facts=facts(DISTANCE))


def show(channel: SlackChannel) -> Receipt:
    return channel.send(PICTURE, replace(word(PICTURE, NOW), picture=PNG))


def unseen(channel: SlackChannel) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        show(channel)
    return caught.value


def test_a_picture_goes_into_the_thread_in_three_steps(server: Loopback) -> None:
    """With words for who cannot see it; the token goes to slack's API and not to where the file goes."""
    assert show(slack(server)).reference == {"channel": "C0LOOPBACK", "file": "F0000000001"}
    ticket, put, done = server.seen
    assert [ticket.path, put.path, done.path] == [TICKET, PUT, SHOW]
    assert ticket.json["length"] == str(len(PNG))
    assert ticket.json["alt_txt"].startswith("delays: distance looks like ×1.609")
    assert put.body == PNG
    assert "authorization" not in put.headers
    (shown,) = server.pictures
    assert (shown["channel_id"], shown["thread_ts"], shown["bytes"]) == (ROOT["channel"], ROOT["ts"], PNG)
    assert server.accepted() == []


@pytest.mark.parametrize("path", [TICKET, SHOW])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, B) for code in ("missing_scope", "invalid_auth", "channel_not_found", "not_in_channel")),
        *((code, P) for code in ("file_uploads_disabled", "storage_limit_reached", "file_not_found")),
        *((code, P) for code in ("invalid_channel", "posting_to_channel_denied", "malware_detected")),
        *((code, R) for code in ("ratelimited",)),
        *((code, L) for code in ("thread_not_found",)),
        *((code, T) for code in ("service_unavailable", "some_code_of_tomorrow")),
    ],
)
def test_every_code_of_an_upload_has_its_class(
    path: str, code: str, expected: Failure, server: Loopback
) -> None:
    """T7: of the first step and of the last; the scope that is missing is the one that uploads need."""
    server.script(path, [error(code)])
    failed = unseen(slack(server))
    assert failed.failure is expected
    assert ("files:write" in failed.reason) is (code == "missing_scope")
    assert server.pictures == []


@pytest.mark.parametrize(
    ("path", "reply", "expected"),
    [
        (TICKET, Reply(end="reset"), T),
        (TICKET, error("internal_error"), T),
        (PUT, Reply(end="reset"), T),
        (PUT, Reply(status=500, accept=False), T),
        (PUT, Reply(status=403, accept=False), B),
        (SHOW, Reply(end="reset"), A),
        (SHOW, error("internal_error"), A),
        (SHOW, Reply(body=b'{"ok": "yes"}'), A),
    ],
)
def test_only_the_last_step_can_be_seen(path: str, reply: Reply, expected: Failure, server: Loopback) -> None:
    """Until then nobody has a picture, whatever slack did: it may be tried again."""
    server.script(path, [reply])
    assert unseen(slack(server)).failure is expected


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example.com/upload/v1/F1",
        "http://127.0.0.1.example.com/upload",
        "ftp://127.0.0.1/upload",
        "http://user:word@127.0.0.1/upload",
        "http://[::1",
        "",
        5,
        None,
    ],
)
def test_an_address_that_is_not_slacks_gets_nothing(url: object, server: Loopback) -> None:
    """A picture shows what a model saw: it goes to the house that the token is of, and nowhere else."""
    body = json.dumps({"ok": True, "upload_url": url, "file_id": "F1"}).encode()
    server.script(TICKET, [Reply(body=body)])
    failed = unseen(slack(server))
    assert failed.failure is P
    assert str(url) not in failed.reason or not url
    assert [seen.path for seen in server.seen] == [TICKET]


def test_an_address_of_slacks_that_is_not_on_the_list_gets_nothing(server: Loopback) -> None:
    """allowed_hosts is about the file, too: `slack.com` alone is not files.slack.com."""
    url = f"http://files.localhost:{server.port}/upload/v1/F1"
    body = json.dumps({"ok": True, "upload_url": url, "file_id": "F1"}).encode()
    server.script(TICKET, [Reply(body=body)])
    here = {"base_url": f"http://localhost:{server.port}/api/", "allowed_hosts": ("localhost",)}
    assert "files.localhost is not among the allowed_hosts" in unseen(replace(slack(server), **here)).reason


def test_slacks_own_house_is_known_by_its_name() -> None:
    """files.slack.com for slack.com, files.slack-gov.com for slack-gov.com; not what merely ends alike."""
    real = SlackChannel(token=TOKEN, channel="C0LOOPBACK")
    assert real._is_of_slack("https://files.slack.com/upload/v1/x")
    assert not real._is_of_slack("https://files.notslack.com/upload/v1/x")
    assert not real._is_of_slack("http://files.slack.com/upload/v1/x")
    gov = SlackChannel(token=TOKEN, channel="C0LOOPBACK", base_url="https://slack-gov.com/api/")
    assert gov._is_of_slack("https://files.slack-gov.com/upload/v1/x")


def test_a_redirected_upload_is_not_followed(server: Loopback, tmp_path: Path) -> None:
    """T10: the second server gets no byte of the picture."""
    with Loopback(tmp_path / "other.jsonl") as other:
        away = Reply(status=302, headers={"Location": f"{other.url}/upload"}, accept=False)
        server.script(PUT, [away])
        assert unseen(slack(server)).failure is B
        assert other.seen == []


def test_who_takes_pictures() -> None:
    """A bot token, unless told not to; a webhook has no threads to put them into."""
    assert takes_pictures(SlackChannel(token=TOKEN, channel="C0LOOPBACK"))
    assert not takes_pictures(SlackChannel(token=TOKEN, channel="C0LOOPBACK", pictures=False))
    assert not takes_pictures(SlackChannel(webhook_url="https://hooks.slack.com/services/x"))
