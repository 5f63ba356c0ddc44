"""`leeway incidents`: which problems are open, what happened to each, and who has it?"""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = typer.Typer(help="List, show, acknowledge and mark incidents.", no_args_is_help=True)

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
    with reading_session(terminal) as session, session.store.read() as conn:
        chosen = Filter(model=model, severity=severity_of(severity), last=last)
        found = incident_list(conn, chosen, open_only=not everything)
    columns = columns_of("incidents", brief=True)

    def draw() -> None:
        rows = [[_short(record, name) for name in columns] for record in found]
        terminal.table(columns, rows)
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

    def draw() -> None:
        for text in incident_lines(record, session.config):
            typer.echo(text)

    terminal.result(record, draw)


@app.command()
def ack(
    context: typer.Context,
    incident: Incident,
    by: Annotated[str | None, typer.Option(help="Who has it. Default: you.")] = None,
    until: Annotated[str | None, typer.Option(help="How long, for example 8h. Default: 24h.")] = None,
) -> None:
    """Say that somebody has it: repeats stop until the time is over or it gets worse."""
    from datetime import UTC, datetime

    from monitor.duration import parse_duration
    from monitor.exits import CommandError
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal
    from storage import incidents

    terminal: Terminal = context.obj
    now = datetime.now(UTC)
    try:
        end = now + parse_duration(until) if until else None
        with changing_session(terminal) as store, store.write() as conn:
            after = incidents.acknowledge(
                conn, the_one(conn, incident), by=by or person(), now=now, until=end
            )
    except ValueError as error:
        raise CommandError(str(error)) from error
    limit = after.acknowledged_until.isoformat(timespec="minutes") if after.acknowledged_until else None
    payload = {"incident_id": after.id, "acknowledged_by": after.acknowledged_by, "until": limit}
    terminal.result(
        payload, lambda: typer.echo(f"{after.id[:12]}: {after.acknowledged_by} has it until {limit}")
    )


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
    if name == "incident_id":
        return str(value)[:12]
    return str(value)[:16] if name in ("opened", "resolved") and value else value
