"""`leeway run`: the daemon."""

from datetime import UTC, datetime
from typing import Annotated

import typer


def run(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Do what is due now, deliver it, and end: for cron and for tests.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option("--at", help="With --once: act as if it were this time (ISO 8601, UTC unless it says)."),
    ] = None,
) -> None:
    """Watch the models of the config until a signal comes. A second one on the same SQLite file exits 75."""
    from monitor.clock import Clock, SteppedClock, SystemClock
    from monitor.exits import CommandError
    from monitor.memory import few_arenas
    from monitor.session import daemon_session
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    clock: Clock = SystemClock()
    if at is not None:
        if not once:
            raise CommandError("run: --at needs --once; a daemon lives in the present")
        clock = SteppedClock(_instant(at))
    few_arenas()
    with daemon_session(terminal, clock, looks_through=not once) as session:
        if once:
            from monitor.daemon import one_pass
            from monitor.keeping import tidy_once

            evaluated = one_pass(session.runtime, session.couriers)
            terminal.notice(f"{evaluated} windows evaluated")
            if session.runtime.leader is not None and not session.runtime.leader.leads:
                terminal.notice("another daemon leads: planning, judging and messages are left to it")
            else:
                tidy_once(session.runtime)
            raise typer.Exit
        from monitor.daemon import Daemon

        raise typer.Exit(Daemon(session.runtime, session.couriers).run())


def _instant(text: str) -> datetime:
    from monitor.exits import CommandError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f'run: --at must be a date or a time such as 2013-05-13T06:00, got "{text}"'
        ) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
