"""How do routes, quiet hours and who would be told read?"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from alerting.phrases import how_long
from alerting.series import PLAIN
from alerting.silence import Silence
from monitor.config import Config
from monitor.config_routes import DAYS, ChannelConfig, MatchConfig, QuietConfig
from monitor.foretelling import Supposed, Telling
from monitor.moments import zone_of
from monitor.terminal import printable


def matched(match: MatchConfig) -> str:
    """`model=churn-*, severity=ticket`: only what narrows it down, and what it is about at all."""
    parts = [f"model={match.model}", f"severity={match.severity or 'page'}"]
    parts += [f"kind={'|'.join(match.kind)}"] if match.kind else []
    parts += [
        f"{name}={value}"
        for name in ("column", "segment", "version")
        if (value := getattr(match, name)) != "*"
    ]
    return ", ".join(parts)


def spelled(quiet: QuietConfig) -> str:
    """`22:00–07:00 Europe/Helsinki, mon tue, pages too`."""
    whole = quiet.from_ == quiet.to
    hours = "all day" if whole else f"{quiet.from_:%H:%M}–{quiet.to:%H:%M}"
    days = "" if len(set(quiet.days)) == len(DAYS) else f", {' '.join(quiet.days)}"
    return f"{hours}{f' {quiet.zone}' if quiet.zone else ''}{days}{', pages too' if quiet.pages else ''}"


def channel_lines(config: Config) -> Iterator[str]:
    """The hours and limits of channels that have others than usual."""
    usual = ChannelConfig.model_fields
    for name, channel in config.channels.items():
        said = [f"quiet {spelled(each)}" for each in channel.quiet]
        if channel.posts_an_hour != usual["posts_an_hour"].default:
            said.append(f"{channel.posts_an_hour} posts an hour")
        if channel.digest_hour != usual["digest_hour"].default or channel.zone:
            said.append(f"tickets at {channel.digest_hour}:00{f' {channel.zone}' if channel.zone else ''}")
        if said:
            yield f"channel {name}: {'; '.join(said)}"


def telling_record(telling: Telling) -> dict[str, object]:
    """For --json."""
    return {
        "channel": telling.channel,
        "at": telling.at.isoformat(timespec="seconds"),
        "routes": list(telling.routes),
        "step": telling.step or None,
        "digest": telling.digest,
        "quiet": telling.quiet,
    }


def telling_lines(
    config: Config, what: Supposed, found: Sequence[Telling], now: datetime, silence: Silence | None
) -> Iterator[str]:
    """A sentence that says what is asked, then a line a channel."""
    series = what.series
    zone = ZoneInfo(zone_of(config, series.model or None))

    def clock(at: datetime) -> str:
        return f"{at.astimezone(zone):%a %d %b %H:%M}"

    place = ", ".join(
        part
        for part in (
            f"column {series.column}" if series.column else PLAIN[""],
            series.segment,
            series.version and f"version {series.version}",
        )
        if part
    )
    yield printable(
        f"a {what.severity} of kind {what.kind}, {series.model or 'leeway itself'}, {place}, opened "
        f"{clock(now)} ({zone.key}):"
    )
    if silence is not None:
        yield (
            f"  silenced until {clock(silence.over)} by {printable(silence.author)} "
            f"({printable(silence.comment)}): nobody is told before"
        )
    width = max((len(each.channel) for each in found), default=0)
    for each in found:
        yield f"  {each.channel.ljust(width)}  {_when(each, now, clock(each.at))}"
    if not found:
        yield "  nobody: no route takes it; it is kept in history (`leeway routes list`)"


def _when(telling: Telling, now: datetime, clock: str) -> str:
    number = ", ".join(map(str, telling.routes))
    route = f"route {number}" if number else "Leeway's own trouble"
    quiet = ", after quiet hours" if telling.quiet else ""
    if telling.step:
        after = how_long(telling.at - now)
        step = f"step {telling.step} of {telling.of} of {route}"
        return f"after {after}, {clock}{quiet}, if nobody acknowledges it: {step}"
    if telling.digest:
        return f"{clock}{quiet}, with the tickets of the day: {route}"
    return f"{clock}{quiet}: {route}" if telling.quiet else f"at once, within a minute: {route}"
