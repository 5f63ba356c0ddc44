"""`leeway check`: would these rows alert? One file against the reference, nothing written."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from alerting.health import Folded
    from monitor.checking import Checked, CheckedWindow


def check(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", "-m", help="The model's name in the config.")],
    data: Annotated[Path, typer.Option("--data", help="A Parquet or CSV file, a folder or a glob of them.")],
    fail_on: Annotated[
        str | None, typer.Option(help="Exit 1 when it reaches this severity: ticket or page.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="When rows without times are of: 2013-05-13, an ISO time, an age. Default: now."),
    ] = None,
) -> None:
    """Hold a file against the reference in force and say what the daemon would. For pipelines: --fail-on.

    Its rows are cut into the model's windows and judged in their order, as the first ever seen. Nothing is
    written and nobody is told.
    """
    from datetime import UTC, datetime

    from monitor import build, logs
    from monitor.checking import check_file
    from monitor.config_file import load
    from monitor.exits import CommandError, Exit
    from monitor.memory import few_arenas
    from monitor.moments import moment
    from monitor.secret import storage_url
    from monitor.severities import severity_of
    from monitor.terminal import Terminal
    from storage.engine import open_store

    few_arenas()
    terminal: Terminal = context.obj
    logs.configure(verbose=terminal.settings.verbose, quiet=not terminal.settings.verbose)
    limit = severity_of(fail_on)
    config = load(terminal.settings.config, members=build.check)
    watched = build.build_models(config).models.get(model)
    if watched is None:
        known = ", ".join(sorted(config.models)) or "none"
        raise CommandError(f"no model {model!r} in the config; there is {known}")
    now = datetime.now(UTC)
    with open_store(storage_url(config), read_only=True) as store, terminal.progress() as progress:
        found = check_file(store, watched, data, at=moment(at, now, config, model) or now, progress=progress)
    for notice in found.notices:
        terminal.notice(f"note: {notice}")

    def draw() -> None:
        columns = ("window_start", "rows", "severity", "column", "verdict", "z", "what")
        terminal.table(columns, [row for each in found.windows for row in _rows(each)])
        terminal.notice(_last_words(model, data, found))

    terminal.result(_payload(model, data, found), draw)
    if limit is not None and found.severity.level >= limit.level:
        raise typer.Exit(Exit.FOUND)


def _rows(window: "CheckedWindow") -> list[list[object]]:
    """A line for each column that would be told; one for a window without any."""
    start = f"{window.span.start:%Y-%m-%dT%H:%MZ}"
    if not window.told:
        return [[start, window.rows, "none", "", "", None, ""]]
    return [
        [
            start,
            window.rows,
            item.severity.value,
            _place(item),
            item.verdict.kind.value,
            _z(item),
            item.verdict.title,
        ]
        for item in window.told
    ]


def _last_words(model: str, data: Path, found: "Checked") -> str:
    windows, rows = len(found.windows), sum(each.rows for each in found.windows)
    against = f"{model}, reference v{found.reference.version}: {rows:,} rows of {data} in {windows:,} window"
    said = "nothing to tell" if found.severity.level == 0 else f"the worst is a {found.severity.value}"
    learning = "; still learning what is normal: columns make tickets only" if found.learning else ""
    return f"{against}{'s' if windows != 1 else ''}, {found.columns} columns judged: {said}{learning}"


def _payload(model: str, data: Path, found: "Checked") -> dict[str, object]:
    return {
        "model": model,
        "data": str(data),
        "reference": found.reference.version,
        "severity": found.severity.value,
        "learning": found.learning,
        "notices": list(found.notices),
        "windows": [
            {
                "window_start": each.span.start.isoformat(),
                "window_end": each.span.end.isoformat(),
                "rows": each.rows,
                "severity": each.severity.value,
                "verdicts": [_verdict(item) for item in each.verdicts],
            }
            for each in found.windows
        ],
    }


def _verdict(item: "Folded") -> dict[str, object]:
    said = item.verdict
    numbers = {name: said.facts.get(name) for name in ("value", "z", "p", "harm")}
    return {
        "column_name": said.series.column,
        "segment": said.series.segment,
        "version": said.series.version,
        "verdict": said.kind.value,
        "severity": item.severity.value,
        "rank": said.rank,
        **numbers,
        "change": said.change,
        "title": said.title,
    }


def _place(item: "Folded") -> str:
    series = item.verdict.series
    return ", ".join(part for part in (series.column or "the rows", series.segment, series.version) if part)


def _z(item: "Folded") -> object:
    return item.verdict.facts.get("z")
