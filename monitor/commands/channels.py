"""`leeway channels`: does a message really arrive?"""

from typing import Annotated

import typer

app = typer.Typer(help="Send a test message for real.", no_args_is_help=True)


@app.command("test")
def send_test(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A channel of the config. Default: every one.")] = None,
) -> None:
    """Send a test message and say what the other side answered. Exit 69 when one did not take it."""
    from datetime import UTC, datetime

    from monitor import build
    from monitor.channel_trial import try_channel
    from monitor.config_file import load
    from monitor.exits import CommandError, Exit
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    config = load(terminal.settings.config, members=build.check)
    channels = build.build_channels(config)
    if name is not None and name not in channels:
        known = ", ".join(sorted(channels)) or "none"
        raise CommandError(f"no channel {name!r} in the config; there is {known}")
    chosen = [name] if name is not None else sorted(channels)
    results = [try_channel(each, channels[each], datetime.now(UTC)) for each in chosen]

    def draw() -> None:
        for result in results:
            answer = "took the test message" if result["ok"] else f"did not: {result['reason']}"
            typer.echo(f"{result['channel']}: {answer}")
        if not results:
            typer.echo("no channels in the config: alerts are kept in history, and told to nobody")

    terminal.result(results, draw)
    if not all(result["ok"] for result in results):
        raise typer.Exit(Exit.UNAVAILABLE)
