"""What can be said about who is told: channels, their hours and limits, routes, escalation?"""

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from alerting.grouping import ROOTS_AN_HOUR
from monitor.config_types import MemberConfig, Names, PositiveDuration, Room, Zone

_DAY_S = 24 * 3600
_WEEK_S = 7 * _DAY_S
_CLOCK = 'a time of the day such as "22:00"'


def _clock(value: object) -> object:
    """TOML has local times (22:00:00); people write "22:00"."""
    if isinstance(value, str):
        try:
            value = time.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f'must be {_CLOCK}, got "{value}"') from error
    if not isinstance(value, time):
        raise ValueError(f"must be {_CLOCK}, got {value!r}")  # noqa: TRY004 pydantic collects ValueErrors
    if value.tzinfo is not None:
        raise ValueError(f'must be {_CLOCK} without an offset; name a zone with `zone`, got "{value}"')
    return value


def _several(value: object) -> object:
    """One where an array of them may stand."""
    return value if isinstance(value, list | tuple) else [value]


Clock = Annotated[
    time, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]"})
]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
Kind = Literal["drift", "performance", "confidence", "data", "service", "daemon"]  # IncidentKind


class QuietConfig(Room):
    """Hours in which tickets wait, and pages if asked. Start and end alike are the whole day."""

    from_: Clock = Field(default=time(0), alias="from")
    to: Clock = time(0)
    zone: Zone | None = None  # None: the channel's zone, else the model's
    days: Annotated[tuple[Day, ...], Field(strict=False, min_length=1)] = DAYS  # on which it begins
    pages: bool = False  # pages wait too

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.from_ == self.to and self.pages and len(set(self.days)) == len(DAYS):
            raise ValueError("must leave a time of the week at which somebody is told")
        return self


def _awake(hours: tuple[QuietConfig, ...]) -> tuple[QuietConfig, ...]:
    """Together they must not be quiet all week: what waits for their end would never be told."""
    for zone in {each.zone for each in hours}:
        spans = sorted(span for each in hours if each.pages and each.zone == zone for span in _of_week(each))
        reached = 0
        for start, end in spans:
            if start > reached:
                break
            reached = max(reached, end)
        if reached >= _WEEK_S:
            raise ValueError("must leave a time of the week at which somebody is told")
    return hours


def _of_week(hours: QuietConfig) -> Iterator[tuple[int, int]]:
    """[start, end) in seconds of the week, from Monday on; what reaches into the next week in two."""
    first, last = (each.hour * 3600 + each.minute * 60 + each.second for each in (hours.from_, hours.to))
    for day in hours.days:
        start = DAYS.index(day) * _DAY_S + first
        end = start + (last - first if hours.to > hours.from_ else last - first + _DAY_S)
        yield start, min(end, _WEEK_S)
        if end > _WEEK_S:
            yield 0, end - _WEEK_S


Quiet = Annotated[
    tuple[QuietConfig, ...], BeforeValidator(_several), AfterValidator(_awake), Field(strict=False)
]


class ChannelConfig(MemberConfig):
    """A channel: these keys are about any, the others are the options of its kind."""

    posts_an_hour: int = Field(default=ROOTS_AN_HOUR, ge=1)  # replies aside; beyond it one digest
    digest_hour: int = Field(default=9, ge=0, le=23)  # when tickets are told
    zone: Zone | None = None  # of digest_hour and of quiet hours; None: the model's
    quiet: Quiet = ()


class MatchConfig(Room):
    """Which incidents a route takes: every given key must agree. Globs know `*` and `?`."""

    model: str = "*"
    severity: Literal["ticket", "page"] | None = None  # None: pages
    kind: Annotated[tuple[Kind, ...], BeforeValidator(_several), Field(strict=False)] = ()  # none given: any
    column: str = "*"  # "" is the data feed
    segment: str = "*"  # "" is all rows
    version: str = "*"  # of the model


class StepConfig(Room):
    """Whom to tell of a page that nobody acknowledged for so long."""

    after: PositiveDuration
    channel: str


class RouteConfig(Room):
    """Who is told. Without any route nobody is, and history still holds everything."""

    match: MatchConfig = MatchConfig()
    channels: Names = Field(min_length=1)
    quiet: Quiet = ()
    escalation: Annotated[tuple[StepConfig, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.escalation and self.match.severity == "ticket":
            raise ValueError("escalation: must not stand in a route of tickets: a ticket wakes nobody")
        before = timedelta(0)
        for step in self.escalation:
            if step.channel in self.channels:
                raise ValueError(
                    f'escalation: must lead to another channel, "{step.channel}" is told by the route itself '
                    "and reminded every four hours"
                )
            if step.after < before:
                raise ValueError("escalation: must name its steps in the order of `after`")
            before = step.after
        return self


CHANNEL_KEYS = frozenset(ChannelConfig.model_fields)
