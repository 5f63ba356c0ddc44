"""Which spellings does the config understand?"""

import difflib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from monitor.duration import EXPECTED, parse_duration
from monitor.windows import Unit, WindowSpec
from monitor.zones import zones


class Room(BaseModel):
    """A table of the config: no unknown keys, no number read out of a text, never changed after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, hide_input_in_errors=True
    )


class MemberConfig(BaseModel):
    """A member of a plural folder: `kind` is its file name, the other keys are its options.

    The options are checked by monitor/build.py against the member itself, not here.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, hide_input_in_errors=True)

    kind: str = Field(min_length=1)

    @property
    def options(self) -> Mapping[str, Any]:
        return self.model_extra or {}


_LONGEST = timedelta(days=36_500)  # beside any window of our days it stays within what a date can say


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"must be {EXPECTED}, got {value!r}")  # noqa: TRY004 pydantic collects ValueErrors
    duration = parse_duration(value)
    if duration > _LONGEST:
        raise ValueError(f'must be 100 years (36500d) at most, got "{value}"')
    return duration


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


def _zone(value: str) -> str:
    # Through the list, not by trial: ZoneInfo("") and directory names raise errors of their own kinds.
    if value not in zones():
        close = difflib.get_close_matches(value, zones(), n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        raise ValueError(f'must be a time zone such as "UTC" or "America/New_York", got "{value}"{hint}')
    ZoneInfo(value)
    return value


def _every(value: str) -> str:
    spec = WindowSpec.parse(value)
    return f"{spec.count}{Unit(spec.unit)}"


def _moment(value: object) -> object:
    """TOML dates and times, or ISO-8601 text; without an offset they are wall-clock time, bound later."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f'must be a date or time such as 2013-03-04, got "{value}"') from error
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 wall clock of the window's zone
    raise ValueError(f"must be a date or time such as 2013-03-04, got {value!r}")


def in_zone(moment: datetime, zone: str) -> datetime:
    """Aware UTC, reading wall-clock time in `zone`."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))
    return aware.astimezone(UTC)


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*(s|m|h|d|w)$"})
_MOMENT_SCHEMA = WithJsonSchema(
    {"type": "string", "description": "a date or a time; without an offset in window.zone"}
)

Duration = Annotated[timedelta, BeforeValidator(_duration), _DURATION_SCHEMA]
PositiveDuration = Annotated[
    timedelta, BeforeValidator(_duration), AfterValidator(_positive), _DURATION_SCHEMA
]
Every = Annotated[str, AfterValidator(_every), Field(json_schema_extra={"examples": ["1h", "1d", "1w"]})]
Moment = Annotated[datetime, BeforeValidator(_moment), _MOMENT_SCHEMA]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Zone = Annotated[str, AfterValidator(_zone)]

Sensitivity = Literal["low", "default", "high"]
Task = Literal["binary", "multiclass", "regression"]
