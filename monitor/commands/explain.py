"""`leeway explain`: how did one verdict come about, step by step?"""

from typing import Annotated

import typer


def explain(
    context: typer.Context,
    verdict_id: Annotated[
        int | None, typer.Argument(help="Its number in `leeway history verdicts`.", show_default=False)
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    column: Annotated[
        str | None, typer.Option(help='With --model; also "performance", "joint", "behaviour", "estimated" …')
    ] = None,
    window: Annotated[
        str | None, typer.Option(help="A time inside the window, such as 2013-05-27. Default: the latest.")
    ] = None,
    segment: Annotated[str, typer.Option(help='For example "origin=JFK"; empty is the whole.')] = "",
    version: Annotated[str, typer.Option("--model-version", help="Where a window holds several.")] = "",
) -> None:
    """Recompute a verdict from what was stored and compare. Exit 70 when it does not come out the same."""
    from datetime import UTC, datetime

    from monitor.exits import CommandError, Exit
    from monitor.explaining import find_verdict, heading, origin
    from monitor.explanation import explain_verdict
    from monitor.lineage import lineage_lines
    from monitor.moments import moment
    from monitor.session import reading_session
    from monitor.terminal import Terminal, printable

    terminal: Terminal = context.obj
    if verdict_id is None and (model is None or column is None):
        raise CommandError("explain: give a verdict's number, or --model, --column and --window")
    with reading_session(terminal) as session, session.store.read() as conn:
        at = moment(window, datetime.now(UTC), session.config, model)
        stored = find_verdict(
            conn,
            session.config,
            verdict_id,
            model=model,
            column=column,
            segment=segment,
            version=version,
            at=at,
        )
        explanation = explain_verdict(stored.verdict.kind, stored.verdict.facts)
        first = heading(stored, session.config)
        lineage = origin(conn, stored)
    wrong = not explanation.agrees and not explanation.older
    payload = {
        "verdict_id": stored.id,
        "verdict": stored.verdict.kind.value,
        "severity": stored.severity.value,
        "recomputed": explanation.kind.value,
        "agrees": explanation.agrees,
        "older": explanation.older,
        "differences": list(explanation.differences),
        "lines": list(explanation.lines),
        "facts": dict(stored.verdict.facts),
        "lineage": lineage,
    }

    def draw() -> None:
        for line in (*first, "", *explanation.lines):
            typer.echo(line)
        for position, (what, which) in enumerate(lineage_lines(lineage)):
            typer.echo(f"{'came of' if position == 0 else '':<8} {what:<10} {printable(which)}")
        if wrong:
            typer.echo(f"RECOMPUTED DIFFERENTLY, please report it: {'; '.join(explanation.differences)}")

    terminal.result(payload, draw)
    if wrong:
        raise typer.Exit(Exit.INTERNAL)
