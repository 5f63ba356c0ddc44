"""`leeway routes`: who is told of what, and who would be told now?"""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from alerting.silence import Silence
    from monitor.foretelling import Supposed
    from monitor.terminal import Terminal

app = typer.Typer(help="List the routes; say who would be told of an incident.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context) -> None:
    """Every route of the config, with whom it leads to and who is told if nobody answers."""
    from monitor.config_file import load
    from monitor.duration import format_duration
    from monitor.routes_text import channel_lines, matched, spelled
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    config = load(terminal.settings.config)
    records = [
        {
            "route": number,
            "match": matched(route.match),
            "channels": list(route.channels),
            "escalation": [
                {"after": format_duration(step.after), "channel": step.channel} for step in route.escalation
            ],
            "quiet": [spelled(each) for each in route.quiet],
        }
        for number, route in enumerate(config.routes, start=1)
    ]

    def draw() -> None:
        rows = [
            [
                record["route"],
                record["match"],
                ", ".join(record["channels"]),  # type: ignore[arg-type]  # made above, of texts
                ", ".join(f"{step.channel} after {format_duration(step.after)}" for step in route.escalation),
                "; ".join(spelled(each) for each in route.quiet),
            ]
            for record, route in zip(records, config.routes, strict=True)
        ]
        terminal.table(("route", "match", "channels", "escalation", "quiet"), rows)
        for line in channel_lines(config):
            typer.echo(line)
        if not rows:
            terminal.notice("no routes: alerts are kept in history, and told to nobody")

    terminal.result(records, draw)


@app.command("test")
def try_(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", "-m", help="Its model; empty: Leeway itself.")],
    severity: Annotated[str, typer.Option(help="ticket or page.")] = "page",
    kind: Annotated[
        str, typer.Option(help="drift, performance, confidence, data, service or daemon.")
    ] = "drift",
    column: Annotated[
        str, typer.Option(help="Empty: the data feed. Of Leeway itself: the channel that takes nothing.")
    ] = "",
    segment: Annotated[str, typer.Option(help='For example "origin=JFK"; empty is all rows.')] = "",
    version: Annotated[
        str, typer.Option("--model-version", help="Where rows of several are told apart.")
    ] = "",
    at: Annotated[
        str | None, typer.Option(help="If it opened then: a time, or how long from now. Default: now.")
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(
            help="Channels that must be told without an escalation, with commas; exit 1 if others are."
        ),
    ] = None,
) -> None:
    """Who would be told if such an incident opened, by which route, and when; quiet hours counted in."""
    from datetime import UTC, datetime

    from alerting.fold import HEALTH_RULE
    from alerting.series import Series
    from alerting.verdict import IncidentKind
    from monitor.config_file import load
    from monitor.exits import CommandError, Exit
    from monitor.foretelling import Supposed, tellings
    from monitor.moments import ahead
    from monitor.routes_text import telling_lines, telling_record
    from monitor.severities import severity_of
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    config = load(terminal.settings.config)
    if kind not in set(IncidentKind):
        raise CommandError(f'--kind: must be one of {", ".join(IncidentKind)}, got "{kind}"')
    if model and model not in config.models:
        known = ", ".join(sorted(config.models)) or "none"
        terminal.notice(f"{model} is no model of the config (there is {known}): its zone is taken for UTC")
    rule = HEALTH_RULE if kind == IncidentKind.DATA else ""
    what = Supposed(
        series=Series(model=model, column=column, segment=segment, version=version, rule=rule),
        kind=IncidentKind(kind) if model else IncidentKind.DAEMON,
        severity=severity_of(severity) or severity_of("page"),  # type: ignore[arg-type]  # never None
    )
    now = datetime.now(UTC)
    when = now if at is None else ahead(at, now, config, model or None)
    found = tellings(config, what, when)
    silence = _silence(terminal, what, when)
    told = sorted(each.channel for each in found if not each.step)
    payload = {
        "at": when.isoformat(timespec="seconds"),
        "told": [telling_record(each) for each in found],
        "silenced_until": silence.over.isoformat(timespec="seconds") if silence else None,
    }

    def draw() -> None:
        for line in telling_lines(config, what, found, when, silence):
            typer.echo(line)

    terminal.result(payload, draw)
    if expect is None:
        return
    wanted = sorted({name.strip() for name in expect.split(",") if name.strip()})
    if wanted != told:
        terminal.notice(
            f"expected {', '.join(wanted) or 'nobody'}, told would be {', '.join(told) or 'nobody'}"
        )
        raise typer.Exit(Exit.FOUND)


def _silence(terminal: "Terminal", what: "Supposed", when: "datetime") -> "Silence | None":
    """The silence that keeps it back then; a database that cannot be opened has none to look at."""
    from monitor.foretelling import silence_over
    from monitor.session import reading_session
    from storage.errors import StorageError

    try:
        with reading_session(terminal) as session, session.store.read() as conn:
            from storage import silences

            return silence_over(silences.active(conn, when), what, when)
    except StorageError as error:
        terminal.notice(f"silences were not looked at: {error}")
        return None
