"""`leeway incidents`: which problems are open, what happened to each, and who has it?"""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from monitor.config import Config

app = typer.Typer(help="List, show, acknowledge, resolve and mark incidents.", no_args_is_help=True)

Incident = Annotated[str, typer.Argument(help="Its id, or the first digits of it.")]


@app.command("list")
def list_(
    context: typer.Context,
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    severity: Annotated[str | None, typer.Option(help="At least: ticket or page.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="The latest N.")] = None,
) -> None:
    """Open incidents, oldest first."""
    from monitor.session import reading_session
    from monitor.severities import severity_of
    from monitor.terminal import Terminal
    from monitor.views import columns_of
    from storage.history import Filter, incident_list

    terminal: Terminal = context.obj
    now = _now()
    with reading_session(terminal) as session, session.store.read() as conn:
        chosen = Filter(model=model, severity=severity_of(severity), last=last)
        found = incident_list(conn, chosen, open_only=not everything)
        quiet = _quiet(conn, now)
    found = [record | quiet.get(record["incident_id"], _NOT_QUIET) for record in found]
    columns = columns_of("incidents", brief=True)

    def draw() -> None:
        rows = [[_short(record, name) for name in columns] for record in found]
        terminal.table(columns, rows, spare=("acknowledged_by", "resolved", "kind", "opened"))
        if not found:
            terminal.notice("none" if everything else "none open; --all shows resolved ones")

    terminal.result(found, draw)


@app.command()
def show(context: typer.Context, incident: Incident) -> None:
    """One incident: what, since when, every event, the verdicts behind it, who has it."""
    from monitor.incident_text import incident_lines
    from monitor.session import reading_session
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    with reading_session(terminal) as session, session.store.read() as conn:
        from storage.history import incident as one

        record = one(conn, the_one(conn, incident))
        assert record is not None  # noqa: S101  found by its id in the same snapshot
        quiet = _quiet(conn, _now())
        record["next_escalation"] = _next_step(conn, session.config, record["incident_id"])
    record |= quiet.get(record["incident_id"], _NOT_QUIET)

    def draw() -> None:
        for text in incident_lines(record, session.config):
            typer.echo(text)

    terminal.result(record, draw)


@app.command()
def ack(
    context: typer.Context,
    incident: Incident,
    by: Annotated[str | None, typer.Option(help="Who has it. Default: you.")] = None,
    lasting: Annotated[
        str | None, typer.Option("--for", help="How long, for example 4h. Default: 24h.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Until when, instead: a time, or how long.")] = None,
) -> None:
    """Say that somebody has it: repeats stop until the time is over or it gets worse."""
    from monitor.config_file import load
    from monitor.duration import parse_duration
    from monitor.exits import CommandError
    from monitor.moments import ahead
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal
    from storage import incidents

    terminal: Terminal = context.obj
    now = _now()
    if lasting and until:
        raise CommandError("incidents ack: --for and --until say the same; give one of them")
    try:
        end = now + parse_duration(lasting) if lasting else None
        end = ahead(until, now, load(terminal.settings.config)) if until else end
        with changing_session(terminal) as store, store.write() as conn:
            (before,) = incidents.by_ids(conn, [the_one(conn, incident)])
            after = incidents.acknowledge(conn, before.id, by=by or person(), now=now, until=end)
    except ValueError as error:
        raise CommandError(str(error)) from error
    limit = after.acknowledged_until.isoformat(timespec="minutes") if after.acknowledged_until else None
    payload = {"incident_id": after.id, "acknowledged_by": after.acknowledged_by, "until": limit}
    other = before.acknowledged_by if before.is_acknowledged(now) else ""
    payload["was_acknowledged_by"] = other
    instead = f", instead of {other}" if other and other != after.acknowledged_by else ""
    terminal.result(
        payload, lambda: typer.echo(f"{after.id[:12]}: {after.acknowledged_by} has it until {limit}{instead}")
    )


@app.command()
def unack(
    context: typer.Context,
    incident: Incident,
    by: Annotated[str | None, typer.Option(help="Who gives it back. Default: you.")] = None,
) -> None:
    """Say that nobody has it any more: reminders go on."""
    from monitor.exits import CommandError
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal
    from storage import incidents

    terminal: Terminal = context.obj
    try:
        with changing_session(terminal) as store, store.write() as conn:
            after = incidents.give_back(conn, the_one(conn, incident), by=by or person(), now=_now())
    except ValueError as error:
        raise CommandError(str(error)) from error
    payload = {"incident_id": after.id, "acknowledged_by": ""}
    terminal.result(payload, lambda: typer.echo(f"{after.id[:12]}: nobody has it now"))


@app.command()
def resolve(
    context: typer.Context,
    incident: Incident,
    reason: Annotated[str | None, typer.Option(help="Why it is over. Required.")] = None,
    by: Annotated[str | None, typer.Option(help="Who closes it. Default: you.")] = None,
) -> None:
    """Close one by hand. If it fires again within six windows it is open again, in the same thread."""
    from monitor.config_file import load
    from monitor.exits import CommandError
    from monitor.promotion import resolve_by_hand
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    config = load(terminal.settings.config)
    who = by or person()
    if not reason:
        raise CommandError('incidents resolve: needs --reason, for example --reason "upstream job mended"')
    try:
        with changing_session(terminal) as store, store.write() as conn:
            after = resolve_by_hand(conn, config, the_one(conn, incident), by=who, reason=reason, now=_now())
    except ValueError as error:
        raise CommandError(str(error)) from error
    payload = {"incident_id": after.id, "status": after.status.value, "by": who, "reason": reason}
    terminal.result(payload, lambda: typer.echo(f"{after.id[:12]}: resolved by {who}: {reason}"))


@app.command()
def mark(
    context: typer.Context,
    incident: Incident,
    false_page: Annotated[
        bool, typer.Option("--false-page", help="It should not have paged: nothing was wrong.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the mark back.")] = False,
    by: Annotated[str | None, typer.Option(help="Who says so. Default: you.")] = None,
) -> None:
    """Say that a page was a false one. `leeway status` counts them beside what the sensitivity promises.

    It closes nothing: what fires goes on firing.
    """
    from datetime import UTC, datetime

    from monitor.exits import CommandError
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal
    from storage import incidents

    terminal: Terminal = context.obj
    if not false_page:
        raise CommandError("incidents mark: say as what; there is --false-page (and --undo with it)")
    change = incidents.unmark_false_page if undo else incidents.mark_false_page
    try:
        with changing_session(terminal) as store, store.write() as conn:
            after = change(conn, the_one(conn, incident), by=by or person(), now=datetime.now(UTC))
    except ValueError as error:
        raise CommandError(str(error)) from error
    payload = {"incident_id": after.id, "false_page_by": after.false_page_by}
    said = f"a false page, says {after.false_page_by}" if after.false_page_by else "not marked any more"
    terminal.result(payload, lambda: typer.echo(f"{after.id[:12]}: {said}"))


_NOT_QUIET: dict[str, object] = {"silenced_by": "", "silenced_until": None, "silence_id": ""}


def _quiet(conn: "Connection", now: "datetime") -> dict[str, dict[str, object]]:
    """Who silenced what is open, until when, by incident id."""
    from storage.encoding import iso
    from storage.silences import covering

    return {
        id_: {"silenced_by": each.author, "silenced_until": iso(each.over), "silence_id": each.id}
        for id_, each in covering(conn, now).items()
    }


def _next_step(conn: "Connection", config: "Config", incident_id: str) -> dict[str, str] | None:
    """Who is told next, and when, if nobody acknowledges it."""
    from monitor.escalating import coming
    from storage import incidents
    from storage.encoding import iso

    (known,) = incidents.by_ids(conn, [incident_id])
    found = coming(conn, config, known, _now())
    return None if found is None else {"at": iso(found[0]), "channel": found[1].channel}


def _now() -> "datetime":
    from datetime import UTC, datetime

    return datetime.now(UTC)


def the_one(conn: "Connection", prefix: str) -> str:
    """The id that begins so; CommandError when none or several do."""
    from monitor.exits import CommandError
    from storage import incidents

    found = incidents.by_prefix(conn, prefix)
    if len(found) == 1:
        return found[0].id
    if not found:
        raise CommandError(f"no incident {prefix!r}; see `leeway incidents list --all`")
    raise CommandError(f"{prefix!r} begins several ids: {', '.join(each.id[:12] for each in found)}")


def _short(record: dict[str, object], name: str) -> object:
    value = record[name]
    if name == "severity" and record["false_page_by"]:
        return f"{value} (false)"
    if name == "status":
        marks = [word for word, key in (("silenced", "silenced_by"), ("flapping", "flapping")) if record[key]]
        return f"{value} ({', '.join(marks)})" if marks else value
    if name == "incident_id":
        return str(value)[:12]
    return str(value)[:16] if name in ("opened", "resolved") and value else value
