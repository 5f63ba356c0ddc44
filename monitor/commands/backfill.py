"""`leeway backfill`: windows of the past, into history and to nobody's ears."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.terminal import Terminal
    from storage.ledger import DueWindow


def backfill(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", "-m", help="The model's name in the config.")],
    start: Annotated[str, typer.Option("--from", help="First window starts here: a time, or an age: 90d.")],
    end: Annotated[str | None, typer.Option("--to", help="Last window ends here. Default: now.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")] = False,
) -> None:
    """Evaluate and judge past windows that history lacks. Tells nobody, opens no incident, resumes."""
    from datetime import UTC, datetime

    from monitor.backfilling import backfill as run
    from monitor.backfilling import plan_backfill
    from monitor.moments import moment
    from monitor.session import writing_session
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    now = datetime.now(UTC)
    with writing_session(terminal) as session, terminal.progress() as progress:
        watched = session.model(model)
        since = moment(start, now, session.config, model) or now
        until = moment(end, now, session.config, model) or now
        if dry_run:
            plan = plan_backfill(session.runtime, watched, since, until)
            found = None
        else:
            found = run(session.runtime, watched, since, until, progress=progress)
    if found is None:
        payload: dict[str, object] = {
            "model": model,
            "new": len(plan.new),
            "skipped": len(plan.skipped),
            "resumed": len(plan.open),
            "known": plan.known,
            "until": plan.whole.end.isoformat(),
            "left_to_the_daemon": plan.daemons,
            "first": plan.new[0].start.isoformat() if plan.new else None,
            "last": plan.new[-1].end.isoformat() if plan.new else None,
        }
    else:
        rows = [_record(window) for window in found.windows]
        payload = {"model": model, "windows": rows, "tickets": found.tickets, "pages": found.pages}
        payload |= {"until": found.until.isoformat(), "left_to_the_daemon": found.daemons}

    def draw() -> None:
        if found is None:
            terminal.pairs(payload)
            _say_whose(terminal, plan.whole.end, plan.daemons)
            terminal.notice(
                "nothing was changed; without --dry-run the new, skipped and resumed ones are evaluated"
            )
            return
        states: dict[str, int] = {}
        for window in found.windows:
            states[window.state.value] = states.get(window.state.value, 0) + 1
        terminal.table(("state", "windows"), sorted(states.items()))
        if waiting := sum(not window.state.terminal for window in found.windows):
            terminal.notice(
                f"{waiting} of them are not complete yet, or the source could not be read: run the same "
                "command again later, it takes up what is left"
            )
        terminal.notice(
            f"by today's rules {found.pages} of them would have had a page and {found.tickets} a ticket; "
            f"nobody was told. `leeway history verdicts --model {model} --since {start}` lists what was found"
        )
        _say_whose(terminal, found.until, found.daemons)

    terminal.result(payload, draw)


def _say_whose(terminal: "Terminal", until: "datetime", daemons: int) -> None:
    if daemons:
        after = f"{until:%Y-%m-%d %H:%M} UTC"
        terminal.notice(f"{daemons} windows after {after} are the daemon's: `leeway run` judges them live")


def _record(window: "DueWindow") -> dict[str, object]:
    return {
        "window_start": window.span.start.isoformat(),
        "window_end": window.span.end.isoformat(),
        "state": window.state.value,
        "reason": window.reason,
        "rows": window.rows,
    }
