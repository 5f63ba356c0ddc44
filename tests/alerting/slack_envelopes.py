"""Envelopes of Socket Mode as Slack sends them (docs.slack.dev, "Socket Mode", "block_actions payload")."""

import itertools
from typing import Any

from alerting.slack_buttons import Button, Page

PAGE = Page(lane="oncall&model=shop", group="oncall&model=shop")
ROOT = {"channel": "C0LOOPBACK", "ts": "1700000000.000001"}
REPLY_TO = "https://hooks.slack.com/actions/T1/2/3"

_numbers = itertools.count(1)


def envelope(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """A new one each time; Slack's ids are UUIDs."""
    return {
        "type": kind,
        "envelope_id": f"57d6a792-4d35-4d0b-b6aa-{next(_numbers):012d}",
        "accepts_response_payload": kind == "slash_commands",
        "payload": payload,
    }


def pressed(
    button: Button, *, who: str = "U0ANNA", page: Page = PAGE, reply_to: str = REPLY_TO, **changed: Any
) -> dict[str, Any]:
    payload = {
        "type": "block_actions",
        "user": {"id": who, "username": "anna", "team_id": "T1"},
        "api_app_id": "A1",
        "container": {
            "type": "message",
            "message_ts": ROOT["ts"],
            "channel_id": ROOT["channel"],
            "is_ephemeral": False,
        },
        "team": {"id": "T1", "domain": "acme"},
        "response_url": reply_to,
        "actions": [{"type": "button", "action_id": button.value, "value": page.to_value()}],
        **changed,
    }
    return envelope("interactive", payload)


def typed(
    text: str, *, who: str | None = "U0ANNA", command: str = "/leeway", reply_to: str = REPLY_TO
) -> dict[str, Any]:
    payload = {
        "command": command,
        "text": text,
        "user_id": who,
        "user_name": "anna",
        "team_id": "T1",
        "channel_id": "C0LOOPBACK",
        "api_app_id": "A1",
        "response_url": reply_to,
    }
    return envelope("slash_commands", payload)
