"""Who may do what from Slack? Slack's ids of people, each with the name that history keeps."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from monitor.config_types import Room


def _readable(name: str) -> str:
    """It stands in messages and in history."""
    if not name.isprintable() or name != name.strip():
        raise ValueError(f"must be a name that can be read, got {name!r}")
    return name


def _id(text: str) -> str:
    """It begins with U, or with W in an enterprise (docs.slack.dev, "User type")."""
    if not re.fullmatch(r"[UW][A-Z0-9]{2,30}", text):
        raise ValueError('must be an id of Slack such as U0123ABCD (in a profile: "Copy member ID")')
    return text


SlackUserId = Annotated[str, AfterValidator(_id)]
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_readable)]


class SlackUserConfig(Room):
    """One person. `read` may ask, `act` may also acknowledge, silence and mark."""

    name: Name
    scope: Literal["read", "act"] = "act"


def person(known: str | SlackUserConfig) -> SlackUserConfig:
    """A name alone may act."""
    return known if isinstance(known, SlackUserConfig) else SlackUserConfig(name=known)
