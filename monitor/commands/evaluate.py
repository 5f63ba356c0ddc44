"""`leeway evaluate`: windows now, rather than when the daemon comes to them."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storage.ledger import DueWindow


def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", "-m", help="The model's name in the config.")],
    start: Annotated[
        str | None, typer.Option("--from", help="First window starts here. Default: where the ledger ends.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last window ends here. Default: now.")] = None,
    notify: Annotated[
        bool, typer.Option("--notify", help="Also queue messages, for the daemon to deliver.")
    ] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(
            help="Exit 1 when a window reaches this severity: ticket or page; 69 when not all are judged."
        ),
    ] = None,
) -> None:
    """Evaluate whole windows, record and fold them like the daemon. Tells nobody without --notify."""
    from datetime import UTC, datetime

    from monitor.exits import Exit
    from monitor.moments import moment
    from monitor.session import writing_session
    from monitor.severities import severity_of
    from monitor.spans import evaluate_spans
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    limit = severity_of(fail_on)
    now = datetime.now(UTC)
    with writing_session(terminal) as session, terminal.progress() as progress:
        watched = session.model(model)
        found = evaluate_spans(
            session.runtime,
            watched,
            start=moment(start, now, session.config, model),
            end=moment(end, now, session.config, model) or now,
            notify=notify,
            progress=progress,
        )
    rows = [
        _record(
            each.window,
            each.severity.value,
            [v.verdict.title for v in each.verdicts if v.verdict.rank is not None],
        )
        for each in found.folded
    ]
    rows += [_record(window, None, []) for window in found.left]

    def draw() -> None:
        columns = ("window_start", "stream", "state", "rows", "severity", "breaches")
        terminal.table(columns, [[_shown(row[name]) for name in columns] for row in rows])
        terminal.notice(f"{len(found.folded)} windows evaluated and folded")
        for window in found.awaited:
            why = window.reason or f"they are due at {window.due:%Y-%m-%d %H:%M} UTC"
            terminal.notice(f"labels still to come: {window.span.start:%Y-%m-%d %H:%M} UTC; {why}")
        for window in found.left:
            why = window.reason or f"it is due at {window.due:%Y-%m-%d %H:%M} UTC"
            terminal.notice(
                f"not judged yet: {window.span.start:%Y-%m-%d %H:%M} UTC is {window.state}; {why}"
            )

    terminal.result(rows, draw)
    if limit is not None and any(each.severity.level >= limit.level for each in found.folded):
        raise typer.Exit(Exit.FOUND)
    if limit is not None and found.overdue(now):
        raise typer.Exit(Exit.UNAVAILABLE)  # "nothing found" cannot be said yet


def _record(window: "DueWindow", severity: str | None, breaches: list[str]) -> dict[str, object]:
    return {
        "window_start": window.span.start.isoformat(),
        "window_end": window.span.end.isoformat(),
        "stream": window.stream.value,
        "state": window.state.value,
        "reason": window.reason,
        "rows": window.rows,
        "severity": severity,
        "breaches": breaches,
    }


def _shown(value: object) -> object:
    return "; ".join(value) if isinstance(value, list) else value
