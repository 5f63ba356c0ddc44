"""Which instant does a person mean? A date, a time, or an age."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from monitor.config import Config
from monitor.duration import parse_duration
from monitor.exits import CommandError


def moment(text: str | None, now: datetime, config: Config, model: str | None) -> datetime | None:
    """2013-05-13 and 2013-05-13T06:00 are wall-clock time in the model's window zone, 7d is that long ago.

    Without a model, or with an offset in the text, UTC and the offset. None for None.
    """
    if text is None:
        return None
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f'must be a date (2013-05-13), a time (2013-05-13T06:00Z) or an age (7d), got "{text}"'
        ) from error
    if read.tzinfo is not None:
        return read.astimezone(UTC)
    return read.replace(tzinfo=ZoneInfo(zone_of(config, model))).astimezone(UTC)


def ahead(text: str, now: datetime, config: Config, model: str | None = None) -> datetime:
    """The same for what is to come: 2h and 3d are that long from now."""
    try:
        return now + parse_duration(text)
    except ValueError:
        pass
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f'must be a duration (2h, 3d), a date (2013-05-13) or a time (2013-05-13T06:00Z), got "{text}"'
        ) from error
    if read.tzinfo is not None:
        return read.astimezone(UTC)
    return read.replace(tzinfo=ZoneInfo(zone_of(config, model))).astimezone(UTC)


def zone_of(config: Config, model: str | None) -> str:
    """The zone a person thinks in: the model's window zone; the only zone of the config; else UTC."""
    if model is not None and model in config.models:
        return config.models[model].window.zone
    zones = {each.window.zone for each in config.models.values()}
    return zones.pop() if len(zones) == 1 else "UTC"
