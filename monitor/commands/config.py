"""`leeway config`: is the config right, and what may stand in it?"""

import typer

app = typer.Typer(help="Check the config; print its JSON schema.", no_args_is_help=True)


@app.command()
def check(context: typer.Context) -> None:
    """All errors at once, each with line, path, expectation, value and hint."""
    from monitor.build import build_models
    from monitor.config_file import load
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    config = load(terminal.settings.config)
    notes = build_models(config).notes
    payload = {
        "config": str(terminal.settings.config),
        "models": sorted(config.models),
        "channels": sorted(config.channels),
        "notes": list(notes),
    }

    def draw() -> None:
        typer.echo(
            f"{terminal.settings.config}: fine ({len(config.models)} models, {len(config.channels)} channels)"
        )
        for note in notes:
            typer.echo(f"  note: {note}")

    terminal.result(payload, draw)


@app.command()
def schema() -> None:
    """The JSON schema, for editors: begin the file with `#:schema ./leeway.schema.json`."""
    import json

    from monitor.config_schema import schema as config_schema

    typer.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))
