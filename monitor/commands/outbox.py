"""`leeway outbox`: what is waiting to be told, what was given up, and what should become of it?"""

from typing import Annotated

import typer

app = typer.Typer(help="List messages; send one again; cancel one.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="Its number, as `leeway outbox list` prints it.")]
By = Annotated[str | None, typer.Option(help="Who says so. Default: you.")]


@app.command("list")
def list_(
    context: typer.Context,
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    channel: Annotated[str | None, typer.Option(help="Of this channel only.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Sent, cancelled and dead ones too.")] = False,
    last: Annotated[int | None, typer.Option(min=1, help="The latest N.")] = None,
) -> None:
    """Messages and requests that wait, oldest first, and the channels that take nothing."""
    from monitor.session import reading_session
    from monitor.terminal import Terminal
    from storage.history import Filter, channel_states, notifications

    terminal: Terminal = context.obj
    with reading_session(terminal) as session, session.store.read() as conn:
        found = notifications(conn, Filter(model=model), open_only=not everything)
        states = channel_states(conn)
    found = [each for each in found if channel in (None, each["channel"])]
    found = found if last is None else found[-last:]
    names = ("notification_id", "channel", "action", "reason", "model", "severity", "state", "tries")
    columns = (*names, "created", "next_try", "error")

    def draw() -> None:
        rows = [[_short(name, record[name]) for name in columns] for record in found]
        terminal.table(columns, rows, spare=("model", "reason", "created", "tries", "action", "next_try"))
        if not found:
            terminal.notice("no messages" if everything else "nothing waits; --all shows what was sent")
        for state in states:
            if state["state"] != "ok" and channel in (None, state["channel"]):
                since = f" since {state['broken_since'][:16]}" if state["broken_since"] else ""
                terminal.notice(f"channel {state['channel']} is {state['state']}{since}: {state['reason']}")

    terminal.result(found, draw)


@app.command()
def retry(
    context: typer.Context,
    number: Number,
    yes: Annotated[
        bool, typer.Option("--yes", help="A retraining request that may have arrived: send it again.")
    ] = False,
    by: By = None,
) -> None:
    """Send a message that waits, or was given up, now. One that may have arrived is marked as a repeat."""
    from datetime import UTC, datetime

    from monitor.exits import CommandError
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal
    from storage import outbox

    terminal: Terminal = context.obj
    who = by or person()
    try:
        with changing_session(terminal) as store, store.write() as conn:
            outbox.retry(conn, number, datetime.now(UTC), by=who, sure=yes)
    except ValueError as error:
        raise CommandError(str(error)) from error
    payload = {"notification_id": number, "state": "queued", "by": who}
    terminal.result(payload, lambda: typer.echo(f"{number}: queued; the daemon sends it at its next look"))


@app.command()
def cancel(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    by: By = None,
) -> None:
    """Do not send a message that waits. It counts as told: whoever cancels it has read it."""
    from datetime import UTC, datetime

    from monitor.exits import CommandError
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal
    from storage import outbox

    terminal: Terminal = context.obj
    who = by or person()
    try:
        with changing_session(terminal) as store, store.write() as conn:
            outbox.cancel(conn, number, datetime.now(UTC), by=who, reason=reason)
    except ValueError as error:
        raise CommandError(str(error)) from error
    payload = {"notification_id": number, "state": "cancelled", "by": who}
    terminal.result(payload, lambda: typer.echo(f"{number}: cancelled by {who}"))


def _short(name: str, value: object) -> object:
    return str(value)[:16] if name in ("created", "next_try") and value else value
