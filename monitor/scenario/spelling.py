"""The notation of scenarios (notation.py) as types of a TOML key."""

from typing import Annotated

from pydantic import PlainValidator

from monitor.scenario.notation import (
    CONDITIONS,
    ENDINGS,
    FEEDS,
    SAID,
    VERDICTS,
    Moment,
    moment,
    numbers,
    series,
    words,
)

Words = tuple[str | None, ...]
Numbers = tuple[float | None, ...]


def _moment(value: object) -> Moment:
    if isinstance(value, Moment):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f'must be a window\'s number, or a text such as "7 + 10m", got {value!r}')  # noqa: TRY004 pydantic collects ValueErrors
    return moment(value)


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f'must be a text such as "clear x5 breach x3", got {value!r}')  # noqa: TRY004 pydantic collects ValueErrors
    return value


def _of(*known: str) -> PlainValidator:
    return PlainValidator(lambda value: series(str(_text(value)), words(known)))


At = Annotated[Moment, PlainValidator(_moment)]
Verdicts = Annotated[Words, _of(*VERDICTS)]
Feed = Annotated[Words, _of(*FEEDS)]
Conditions = Annotated[Words, _of(*CONDITIONS)]
Endings = Annotated[Words, _of(*ENDINGS)]
Said = Annotated[Words, _of(*SAID)]
Values = Annotated[Numbers, PlainValidator(lambda value: series(str(_text(value)), numbers))]
