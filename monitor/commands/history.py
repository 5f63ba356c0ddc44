"""`leeway history`: what happened, from the database alone. Starts without compiler, polars or sources."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class About(StrEnum):
    """A view of docs/history-schema.md."""

    WINDOWS = "windows"
    MEASUREMENTS = "measurements"
    VERDICTS = "verdicts"
    INCIDENTS = "incidents"


class Stream(StrEnum):
    """Of the ledger."""

    INPUTS = "inputs"
    LABELS = "labels"


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def history(
    context: typer.Context,
    about: Annotated[About, typer.Argument(help="What to list.", show_default=False)],
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    column: Annotated[str | None, typer.Option(help="Of measurements, verdicts and incidents.")] = None,
    metric: Annotated[str | None, typer.Option(help="Of measurements: psi, ks, missing, …")] = None,
    segment: Annotated[str | None, typer.Option(help='For example "origin=JFK"; empty is the whole.')] = None,
    stream: Annotated[
        Stream | None, typer.Option(help="What was looked at: the inputs, or the labels that came later.")
    ] = None,
    severity: Annotated[str | None, typer.Option(help="At least: ticket or page.")] = None,
    since: Annotated[str | None, typer.Option(help="2013-05-13, an ISO time, or an age such as 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="Like --since; exclusive.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="The latest N windows (or incidents).")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="What was known then, before late rows changed it: a time, or an age such as 2h."),
    ] = None,
    revisions: Annotated[
        bool, typer.Option("--revisions", help="Also windows that a later revision replaced.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help="Into this file instead of the screen.")] = None,
) -> None:
    """List windows, measurements, verdicts or incidents."""
    from datetime import UTC, datetime

    from monitor.exits import CommandError
    from monitor.moments import moment
    from monitor.session import reading_session
    from monitor.severities import severity_of
    from monitor.terminal import Terminal
    from monitor.views import columns_of, records, shorter, shown_of, sparks, write
    from storage.history import Filter

    terminal: Terminal = context.obj
    now = datetime.now(UTC)
    with reading_session(terminal) as session, session.store.read() as conn:
        chosen = Filter(
            model=model,
            column=column,
            metric=metric,
            segment=segment,
            stream=None if stream is None else stream.value,
            severity=severity_of(severity),
            since=moment(since, now, session.config, model),
            until=moment(until, now, session.config, model),
            last=last,
            revisions=revisions,
            as_of=moment(as_of, now, session.config, model),
        )
        found = records(conn, about.value, chosen)
    form = Format.JSON if terminal.settings.json and form is Format.TABLE else form
    if form is Format.PARQUET and output is None:
        raise CommandError("history: --format parquet needs --output FILE")
    if form is not Format.TABLE or output is not None:
        write(found, columns_of(about.value), form.value if form is not Format.TABLE else "csv", output)
        if output is not None:
            terminal.notice(f"{len(found)} rows written to {output}")
        return
    shown = shown_of(about.value, found, revisions=revisions)
    short = sys.stdout.isatty()
    terminal.table(
        shown,
        [[shorter(name, record[name]) if short else record[name] for name in shown] for record in found],
    )
    for line in sparks(about.value, found):
        terminal.notice(line)
    if not found:
        terminal.notice("nothing found; `leeway status` says what there is")
