"""`leeway db`: the database itself."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Upgrade, check, back up and restore the database.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Run the migrations that are missing. `leeway run` does it by itself; readers do not.

    Beside a daemon that owns the database it exits 75: stop that one first.
    """
    from monitor.config_file import load
    from monitor.secret import storage_url
    from monitor.terminal import Terminal
    from storage.engine import open_store
    from storage.upgrading import upgrade_unowned

    terminal: Terminal = context.obj
    with open_store(storage_url(load(terminal.settings.config))) as store:
        changed = upgrade_unowned(store)
        payload = {"database": store.name, "revision": store.revision(), "changed": changed}
    done = "upgraded to" if changed else "is at"
    terminal.result(
        payload, lambda: typer.echo(f"{payload['database']} {done} revision {payload['revision']}")
    )


@app.command()
def check(context: typer.Context) -> None:
    """Is the file sound, how large is it, and how far back does it go? Reads all of it, changes nothing.

    Exit 69 when it is damaged.
    """
    from monitor.config_file import load
    from monitor.exits import Exit
    from monitor.secret import storage_url
    from monitor.size_text import size_facts, size_line
    from monitor.terminal import Terminal
    from storage.engine import SqliteStore, open_store
    from storage.house import findings
    from storage.size import size

    terminal: Terminal = context.obj
    with open_store(storage_url(load(terminal.settings.config)), read_only=True) as store:
        problems = store.damage()
        payload: dict[str, Any] = {
            "database": store.name,
            "revision": store.revision(),
            "problems": problems,
        }
        payload["findings"] = findings(store.path) if isinstance(store, SqliteStore) else []
        if not problems:
            with store.read() as conn:
                payload |= size_facts(size(conn))

    def draw() -> None:
        if not problems:
            typer.echo(f"{payload['database']}: sound, at revision {payload['revision']}")
            typer.echo(f"  {size_line(payload)}")
            for finding in payload["findings"]:
                typer.echo(f"  note: {finding}")
            return
        typer.echo(f"{payload['database']}: damaged; stop the daemon and restore a backup")
        for problem in problems:
            typer.echo(f"  {problem}")

    terminal.result(payload, draw)
    if problems:
        raise typer.Exit(Exit.UNAVAILABLE)


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where the copy goes; it takes this name when it is whole.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
) -> None:
    """Copy the database while it is in use, and check the copy. The daemon may go on beside it."""
    from monitor.config_file import load
    from monitor.secret import storage_url
    from monitor.terminal import Terminal
    from storage.backup import back_up, database_file

    terminal: Terminal = context.obj
    database = database_file(storage_url(load(terminal.settings.config)))
    with terminal.progress() as progress:
        copied = back_up(database, file.resolve(), replace=force, progress=progress)
    payload = {
        "database": str(database),
        "backup": str(copied.file),
        "bytes": copied.size,
        "revision": copied.revision,
    }
    terminal.result(
        payload,
        lambda: typer.echo(f"{copied.file}: {copied.size:,} bytes, sound, at revision {copied.revision}"),
    )


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A backup.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Put a backup in the database's place. Refused (exit 75) while a daemon owns the database.

    The replaced file is kept. What happened since the backup is evaluated again by the next `leeway run`, up
    to catch_up back; what still holds is told in one message, and no retraining is asked for before its
    cooldown has passed anew.
    """
    from monitor.clock import SystemClock
    from monitor.config_file import load
    from monitor.exits import CommandError
    from monitor.secret import storage_url
    from monitor.terminal import Terminal
    from storage.backup import database_file, put_back
    from storage.lock import OwnerLock

    terminal: Terminal = context.obj
    database = database_file(storage_url(load(terminal.settings.config)))
    with OwnerLock(database):
        if not yes:
            terminal.notice(
                f"{file} will be the database {database}. The present one is kept beside it. Messages that "
                "wait in the backup are not sent; what happened since it was taken is evaluated again."
            )
            if not sys.stdin.isatty():
                raise CommandError("restore: nobody can be asked here; say --yes")
            typer.confirm("Go on?", abort=True)
        with terminal.progress() as progress:
            done = put_back(file.resolve(), database, now=SystemClock().now(), progress=progress)
    payload = {
        "database": str(done.database),
        "kept": None if done.kept is None else str(done.kept),
        "revision": done.revision,
        "cancelled": done.cancelled,
    }

    def draw() -> None:
        typer.echo(f"{done.database}: restored from {file}, at revision {done.revision}")
        if done.kept is not None:
            typer.echo(f"  the database before is kept as {done.kept}")
        if done.cancelled:
            typer.echo(f"  {done.cancelled} waiting messages were cancelled: they may have been sent")
        typer.echo("  next: leeway run")

    terminal.result(payload, draw)
