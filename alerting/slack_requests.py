"""What does a person ask of Leeway in Slack? One envelope of Socket Mode, read.

Nothing is taken on trust: what is missing, of another type or unknown is refused in words. Slack names the
person; who that is and what they may do is for the config to say (docs.slack.dev, "Socket Mode",
"block_actions payload" and "Slash commands").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from alerting.exchange import check_url
from alerting.slack_buttons import Button, Page, page_of
from alerting.slack_command import arguments

_ENVELOPE = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,30}")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,8}")
_COMMAND = re.compile(r"/leeway[a-z0-9_-]{0,24}")  # a second Leeway of one workspace needs another name


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A button under a page's root."""

    button: Button
    page: Page
    channel: str  # where the message stands that was pressed …
    ts: str  # … and which one it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A slash command. `arguments` of `leeway`; empty: what can be asked."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Nothing that Leeway knows."""

    why: str  # in words for the person; cleaned where it is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks for what, and where the answer goes."""

    envelope: str  # its id: the same one twice is one request
    user: str  # Slack's id; "" where it names none that could be one
    app: str  # the id of the app it was meant for; "" where it is not said
    reply_to: str  # response_url, not yet checked; "" none
    what: Press | Ask | Refusal


def envelope_id(message: Mapping[str, object]) -> str:
    """What is to be acknowledged; "" where a message is no envelope."""
    found = message.get("envelope_id")
    return found if isinstance(found, str) and _ENVELOPE.fullmatch(found) else ""


def read(message: Mapping[str, object]) -> Request | None:
    """The request of an envelope; None: it is none that a person made."""
    envelope, payload = envelope_id(message), message.get("payload")
    if not envelope or not isinstance(payload, Mapping):
        return None
    what: Press | Ask | Refusal
    if message.get("type") == "slash_commands":
        user, what = payload.get("user_id"), _asked(payload)
    elif message.get("type") == "interactive":
        named = payload.get("user")
        user, what = (named.get("id") if isinstance(named, Mapping) else None), _pressed(payload)
    else:
        return None
    return Request(
        envelope=envelope,
        user=user if isinstance(user, str) and _USER.fullmatch(user) else "",
        app=_text(payload.get("api_app_id")),
        reply_to=_text(payload.get("response_url")),
        what=what,
    )


def is_of_slack(url: str, base_url: str) -> bool:
    """Whether an address lies in the house that the tokens belong to: hooks.slack.com for slack.com.

    Plain http only where the base is (tests play Slack on the loopback address).
    """
    own = urlsplit(base_url)
    try:
        parts = check_url(url, allow_http=own.scheme == "http")
    except ValueError:
        return False
    host, base = parts.hostname or "", own.hostname or ""
    return bool(base) and (host == base or host.endswith(f".{base}"))


def _asked(payload: Mapping[str, object]) -> Ask | Refusal:
    if not _COMMAND.fullmatch(_text(payload.get("command"))):
        return Refusal(why="Leeway knows no such command; there is /leeway help")
    try:
        return Ask(arguments=arguments(_text(payload.get("text"))))
    except ValueError as error:
        return Refusal(why=f"{error}; /leeway help says what can be asked")


def _pressed(payload: Mapping[str, object]) -> Press | Refusal:
    actions = payload.get("actions")
    (action,) = actions if isinstance(actions, list) and len(actions) == 1 else (None,)
    if payload.get("type") != "block_actions" or not isinstance(action, Mapping):
        return Refusal(why="Leeway does not know what was pressed there, and did nothing")
    name = _text(action.get("action_id"))
    if name not in set(Button):
        return Refusal(why="Leeway knows no such button, and did nothing")
    page, container = page_of(action.get("value")), payload.get("container")
    channel, ts = (
        _text(container.get(name)) if isinstance(container, Mapping) else ""
        for name in ("channel_id", "message_ts")
    )
    if page is None or not _CHANNEL.fullmatch(channel) or not _TS.fullmatch(ts):
        return Refusal(why="that button does not say which page it belongs to; nothing was done")
    return Press(button=Button(name), page=page, channel=channel, ts=ts)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
