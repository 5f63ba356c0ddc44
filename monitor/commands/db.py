"""`leeway db`: the database itself."""

import typer

app = typer.Typer(help="Bring the database to this program's revision.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Run the migrations that are missing. `leeway run` does it by itself; readers do not."""
    from monitor.config_file import load
    from monitor.secret import storage_url
    from monitor.terminal import Terminal
    from storage.engine import open_store

    terminal: Terminal = context.obj
    with open_store(storage_url(load(terminal.settings.config))) as store:
        changed = store.upgrade()
        payload = {"database": str(store.path), "revision": store.revision(), "changed": changed}
    done = "upgraded to" if changed else "is at"
    terminal.result(
        payload, lambda: typer.echo(f"{payload['database']} {done} revision {payload['revision']}")
    )
