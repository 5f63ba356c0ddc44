"""Who may do what from Slack? Slack's ids of people, each with the name that history keeps."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from monitor.config_types import Room


def _readable(name: str) -> str:
    """It stands in messages and in history."""
    if not name.isprintable() or name != name.strip():
        raise ValueError(f"must be a name that can be read, got {name!r}")
    return name


# docs.slack.dev, "users": an id begins with U, or with W in an enterprise.
SlackUserId = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")]
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_readable)]


class SlackUserConfig(Room):
    """One person. `read` may ask, `act` may also acknowledge, silence and mark."""

    name: Name
    scope: Literal["read", "act"] = "act"


def person(known: str | SlackUserConfig) -> SlackUserConfig:
    """A name alone may act."""
    return known if isinstance(known, SlackUserConfig) else SlackUserConfig(name=known)
