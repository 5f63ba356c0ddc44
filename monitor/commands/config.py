"""`leeway config`: is the config right, and what may stand in it?"""

from typing import Annotated

import typer

app = typer.Typer(help="Check the config; print its JSON schema.", no_args_is_help=True)


@app.command()
def check(
    context: typer.Context,
    without_secrets: Annotated[
        bool,
        typer.Option(
            "--without-secrets", help="Do not look for secrets, as where they are not at hand (CI)."
        ),
    ] = False,
) -> None:
    """All errors at once, each with line, path, expectation, value and hint. Reads every secret."""
    from monitor import build
    from monitor.config_file import load, located
    from monitor.config_problem import ConfigError, Problem
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    config = load(terminal.settings.config, members=build.check)
    problems: list[Problem] = []
    for make in () if without_secrets else (build.build_models, build.build_channels):
        try:
            make(config)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise located(ConfigError(problems), terminal.settings.config)
    payload = {
        "config": str(terminal.settings.config),
        "models": sorted(config.models),
        "channels": sorted(config.channels),
        "notes": list(build.notes(config)),
    }

    def draw() -> None:
        typer.echo(
            f"{terminal.settings.config}: fine ({len(config.models)} models, {len(config.channels)} channels)"
        )
        for note in build.notes(config):
            typer.echo(f"  note: {note}")

    terminal.result(payload, draw)


@app.command()
def schema() -> None:
    """The JSON schema, for editors: begin the file with `#:schema ./leeway.schema.json`."""
    import json

    from monitor.config_schema import schema as config_schema

    typer.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))
