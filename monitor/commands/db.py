"""`leeway db`: the database itself."""

import typer

app = typer.Typer(help="Upgrade the database; check that it is sound.", no_args_is_help=True)


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
    """Is the file sound? Reads all of it, changes nothing. Exit 69 when it is damaged."""
    from monitor.config_file import load
    from monitor.exits import Exit
    from monitor.secret import storage_url
    from monitor.terminal import Terminal
    from storage.engine import open_store

    terminal: Terminal = context.obj
    with open_store(storage_url(load(terminal.settings.config)), read_only=True) as store:
        problems = store.damage()
        payload = {"database": store.name, "revision": store.revision(), "problems": problems}

    def draw() -> None:
        if not problems:
            typer.echo(f"{payload['database']}: sound, at revision {payload['revision']}")
            return
        typer.echo(f"{payload['database']}: damaged; stop the daemon and restore a backup")
        for problem in problems:
            typer.echo(f"  {problem}")

    terminal.result(payload, draw)
    if problems:
        raise typer.Exit(Exit.UNAVAILABLE)
