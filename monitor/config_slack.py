"""Who may do what from Slack? Slack's ids of people, each with the name that history keeps."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from monitor.config_types import Room

# docs.slack.dev, "users": an id begins with U, or with W in an enterprise.
SlackUserId = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class SlackUserConfig(Room):
    """One person. `read` may ask, `act` may also acknowledge, silence and mark."""

    name: Name
    scope: Literal["read", "act"] = "act"

    @model_validator(mode="after")
    def _readable(self) -> Self:
        checked(self.name)
        return self


def checked(name: str) -> str:
    """It stands in messages and in history. ValueError where it could not be read there."""
    if not name.isprintable() or name != name.strip():
        raise ValueError(f"must be a name that can be read, got {name!r}")
    return name


def person(known: "Name | SlackUserConfig") -> SlackUserConfig:
    """A name alone may act."""
    return known if isinstance(known, SlackUserConfig) else SlackUserConfig(name=known)
