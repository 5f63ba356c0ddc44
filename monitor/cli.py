"""What can a person type? One file a command in monitor/commands; this one finds them and sets the rules.

Exit codes: 0 fine, 1 found what you asked to be told about, 2 wrong usage or config, 69 a needed service is
unavailable, 70 internal, 75 another daemon owns the database.

Nothing heavy is imported before a command runs: `--help` and `history` start without numba, polars or pandas.
"""

import importlib
import os
import pkgutil
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

import monitor.commands
from monitor.memory import seldom_collected
from monitor.terminal import Settings, Terminal

INTERNAL = 70  # as monitor.exits.Exit, which a start without errors need not load
VALUE_FLAGS = ("--config",)
FLAGS = ("--json", "--quiet", "--verbose")  # --version means another thing after `reference`

app = typer.Typer(
    name="leeway",
    help="Watches machine-learning models in production and tells you once when one drifts.",
    epilog="--config FILE, --json, --quiet and --verbose may stand before or after the command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("leeway-monitor"))
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    config: Annotated[
        Path,
        # readable=False: monitor/config_file.py says it better when the file cannot be read.
        typer.Option(help="The config file.", envvar="LEEWAY_CONFIG", show_default=True, readable=False),
    ] = Path("leeway.toml"),
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print results and warnings only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log at debug level.")] = False,
    show_version: Annotated[  # noqa: ARG001  its callback has ended the process when it is set
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    settings = Settings(config=config, json=json, quiet=quiet, verbose=verbose)
    context.obj = Terminal(settings)


def commands() -> list[str]:
    """The members of monitor/commands, in the order of their names."""
    return sorted(m.name for m in pkgutil.iter_modules(monitor.commands.__path__) if m.name[0] != "_")


def build_app() -> typer.Typer:
    """Each member has either `app` (a group of commands) or a function of its own name."""
    if not app.registered_commands and not app.registered_groups:
        for name in commands():
            module = importlib.import_module(f"monitor.commands.{name}")
            if hasattr(module, "app"):
                app.add_typer(module.app, name=name)
            else:
                app.command(name)(getattr(module, name))
    return app


def hoisted(arguments: list[str]) -> list[str]:
    """The global flags first, wherever they were typed; what follows `--` is left alone."""
    front: list[str] = []
    rest: list[str] = []
    pending = iter(arguments)
    for argument in pending:
        if argument == "--":
            rest += [argument, *pending]
        elif argument in FLAGS or argument.startswith(tuple(f"{flag}=" for flag in VALUE_FLAGS)):
            front.append(argument)
        elif argument in VALUE_FLAGS:
            front += [argument, *([value] if (value := next(pending, None)) is not None else [])]
        else:
            rest.append(argument)
    return front + rest


def main(arguments: list[str] | None = None) -> None:
    """Run `leeway` and leave with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    # Before numpy loads. Its matrices are small here, and threads that wait for each other by spinning cost a
    # busy machine, the watched service's, several times the work; sums no longer hang on the number of cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    seldom_collected()
    try:
        build_app()(hoisted(given), standalone_mode=True)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:  # noqa: BLE001  edge: every error leaves with its exit code
        from monitor.exits import exit_code
        from storage.errors import StorageLost

        code = exit_code(error)
        if code is None or "--verbose" in given:
            traceback.print_exception(error)
        if code is None:
            typer.echo("leeway: this looks like a bug; please report it with the lines above", err=True)
            raise SystemExit(INTERNAL) from None
        typer.echo(f"leeway: {error}", err=True)
        if isinstance(error, StorageLost):  # no tidy exit: closing the last connection would write
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        raise SystemExit(code) from None
