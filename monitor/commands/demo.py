"""`leeway demo`: what does Leeway do, shown on six weeks of real flights?"""

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from monitor.demo import World
    from monitor.story import Replay, Score
    from monitor.terminal import Terminal


def demo(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Option("--dir", help="Where data, config and database go; made if missing.")
    ] = Path("demo"),
) -> None:
    """Real flights of 2013 through the whole daemon: reference, six weeks, two planted faults."""
    from monitor.demo import prepare
    from monitor.replay import replay

    terminal: Terminal = context.obj
    terminal.notice(
        "A model says at push-back whether a flight out of New York will be more than 15 minutes late.\n"
        "Leeway watches what goes in and what comes out, one day at a time.\n"
    )
    world = prepare(directory, step=lambda text: terminal.notice(f"· {text}"))
    with _log_to(directory / "leeway.log", verbose=terminal.settings.verbose):
        score = tell(terminal, world, replay)
    steps = next_steps(world.config)
    found = [
        {
            "column": f.fault.column,
            "planted": f.fault.since,
            "window": f.window,
            "change": f.change,
            "rank": f.rank,
        }
        for f in score.outcome()
    ]
    payload = {"config": str(world.config), "faults": found, "messages": score.messages, "next": steps}
    terminal.result(payload, lambda: _last_words(terminal, world, score, steps))


def tell(terminal: "Terminal", world: "World", replay: "Replay") -> "Score":
    """Draw the replay as it happens and return what it came to."""
    from monitor.demo import ZONE
    from monitor.drawing import Stage
    from monitor.story import Score

    score = Score(faults=world.faults)
    silent = terminal.settings.json or terminal.settings.quiet
    if silent:
        for event in replay(world.config, world.production):
            score.note(event)
        return score
    terminal.notice(
        f"\nreference {world.reference_rows:,} flights of 4 March to 28 April; then "
        f"{world.production_rows:,} flights, 29 April to 9 June, through the daemon's own path.\n"
        "A page wakes somebody, a ticket waits in `leeway status`. "
        "PLANTED: the demo did it. REAL: the weather, the schedule or the airlines did.\n"
    )
    with Stage(terminal.console, score=score, days=world.days, zone=ZONE) as stage:
        for event in replay(world.config, world.production):
            stage.show(event)
    return score


def next_steps(config: Path, program: str = sys.argv[0]) -> list[str]:
    """The commands to try next, as they have to be typed here."""
    start = shlex.join([_typed(program), "--config", str(config)])
    return [
        f"{start} status",
        f"{start} incidents list",
        f"{start} heatmap --model delays",
        f"{start} history verdicts --model delays --column distance --last 20",
        f"{start} explain --model delays --column distance --window 2013-05-27",
        f"{start} reference show --model delays",
    ]


@contextmanager
def _log_to(path: Path, *, verbose: bool) -> Iterator[None]:
    """The daemon's log into a file: the terminal belongs to the story."""
    from monitor import logs

    with path.open("a", encoding="utf-8") as file:
        with redirect_stderr(file):
            logs.configure(verbose=verbose)
        try:
            yield
        finally:
            logs.configure(verbose=verbose)


def _typed(program: str) -> str:
    """`leeway` where the shell finds this very program under that name, else as it was called."""
    if Path(program).name != "leeway":
        return "leeway"
    found = shutil.which("leeway")
    return "leeway" if found is not None and Path(found).samefile(program) else program


def _last_words(terminal: "Terminal", world: "World", score: "Score", steps: list[str]) -> None:
    from monitor.drawing import outcome
    from monitor.story import Origin

    typer.echo("\nThe planted faults:")
    outcome(terminal.console, score.outcome())
    real = len(score.opened.get(Origin.REAL, set()))
    woken = len(score.paged.get(Origin.REAL, set()))
    typer.echo(
        f"\nReal changes met on the way: {real} incidents, {woken} of them pages.\n"
        f"Messages sent: {score.messages}, {score.reminders} of them reminders as nobody acknowledged.\n"
        f"Retraining requests that would have gone out: {score.requests}.\n"
        f"All of it is in {world.config.parent}/: config, data, the history (leeway.db), the daemon's log "
        "(leeway.log), the messages (notifications.jsonl).\n\n"
        "Try next:"
    )
    for step in steps:
        typer.echo(f"  {step}")
