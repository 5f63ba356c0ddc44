"""`leeway test`: if this column goes wrong for three windows, who is told what, and when?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from monitor.scenario.running import Ran
    from monitor.terminal import Terminal


def test(
    context: typer.Context,
    scenarios: Annotated[
        list[Path],
        typer.Argument(metavar="SCENARIO...", help="Scenario files, or folders of them (docs/scenarios.md)."),
    ],
) -> None:
    """Play scenarios through the daemon's own path and compare: values in, incidents and messages out.

    Needs no data, no config and no network; each scenario has a database of its own that is gone afterwards.
    Exit 1 when one does not come out as expected, 2 when a file is wrong. --verbose prints every message as a
    person sees it.
    """
    from monitor.exits import Exit
    from monitor.scenario.running import load_all, run_all
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    loaded = load_all(scenarios)
    ran = []
    for each in run_all(loaded):
        ran.append(each)
        if not terminal.settings.json:
            _draw(terminal, each)
    failed = sum(not each.passed for each in ran)
    payload = {"passed": len(ran) - failed, "failed": failed, "scenarios": [each.to_json() for each in ran]}
    terminal.result(payload, lambda: _last_words(terminal, len(ran), failed))
    if failed:
        raise typer.Exit(Exit.FOUND)


def _draw(terminal: "Terminal", ran: "Ran") -> None:
    verdict = "ok  " if ran.passed else "FAIL"
    if ran.passed and terminal.settings.quiet:
        return
    typer.echo(f"{verdict}  {ran.file}: {ran.scenario.name} ({ran.summary})")
    if not ran.passed:
        for line in ran.report():
            typer.echo(f"      {line}".rstrip())
    elif terminal.settings.verbose:
        for line in ran.drawing():
            typer.echo(f"      {line}".rstrip())
    if terminal.settings.verbose:
        for line in ran.messages():
            typer.echo(f"      {line}".rstrip())


def _last_words(terminal: "Terminal", ran: int, failed: int) -> None:
    as_expected = f"{ran - failed} of {ran} scenario{'s' if ran != 1 else ''} as expected"
    terminal.notice(as_expected)
