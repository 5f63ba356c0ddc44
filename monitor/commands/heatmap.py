"""`leeway heatmap`: which columns of a model were not clear, and when? Columns beside windows."""

import sys
from typing import Annotated

import typer


def heatmap(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", "-m", help="Of the config.")],
    last: Annotated[int, typer.Option(min=1, help="The latest N windows, where there is no --since.")] = 60,
    since: Annotated[str | None, typer.Option(help="2013-05-13, an ISO time, or an age such as 90d.")] = None,
    until: Annotated[str | None, typer.Option(help="Like --since; exclusive.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="At most this many columns, the worst first.")] = 40,
) -> None:
    """Every column that was not always clear, window by window: the worst first.

    What next: `leeway explain --model M --column C --window START`, `leeway history verdicts`.
    """
    from datetime import UTC, datetime, timedelta

    from monitor.exits import CommandError
    from monitor.heat_lines import GLYPHS, STYLES, counts, footer, heat_lines, squeezed
    from monitor.moments import moment, zone_of
    from monitor.session import reading_session
    from monitor.terminal import Terminal, printable
    from storage.encoding import iso
    from storage.heat_map import heat_map, latest_start

    terminal: Terminal = context.obj
    now = datetime.now(UTC)
    with reading_session(terminal) as session, session.store.read() as conn:
        end = moment(until, now, session.config, model) or now + timedelta(days=36_500)
        begin = moment(since, now, session.config, model) or latest_start(conn, model, last, before=end)
        if begin is None and until is not None and latest_start(conn, model, 1) is not None:
            raise CommandError(f"{model}: has no window before {until}; `leeway history windows` has all")
        if begin is None:
            raise CommandError(
                f"{model}: has no judged window yet; `leeway history windows` has those of a backfill, "
                "`leeway status` says what there is"
            )
        found = heat_map(conn, model, begin, end)
        zone = zone_of(session.config, model)
    lines = heat_lines(found)
    payload = {
        "model": model,
        "windows": [
            {"window_start": iso(span.start), "window_end": iso(span.end), "state": state.value}
            for span, state in found.windows.items()
        ],
        "columns": [
            {"column_name": line.column, "heat": [heat.value for heat in line.heats]} for line in lines
        ],
    }

    def draw() -> None:
        if not found.windows:
            terminal.notice("no window in that time; `leeway history windows` says what there is")
            return
        if not lines:
            typer.echo(f"{model}: all columns were clear")
        names = [printable(line.column)[:32] for line in lines[:rows]]
        widest = max(map(len, names), default=0)
        room = max(20, (terminal.console.width if sys.stdout.isatty() else 120) - widest - 28)
        for name, line in zip(names, lines, strict=False):
            heats = squeezed(line.heats, room)
            head, tail = f"{name.rjust(widest)} ", f" {counts(line)}"
            if sys.stdout.isatty():
                from rich.text import Text

                parts = [(GLYPHS[heat], STYLES[heat]) for heat in heats]
                terminal.console.print(Text.assemble(head, *parts, tail), no_wrap=True, overflow="ellipsis")
            else:
                typer.echo(head + "".join(GLYPHS[heat] for heat in heats) + tail)
        for text in footer(found, room, zone, len(names), len(lines)):
            typer.echo(text)

    terminal.result(payload, draw)
