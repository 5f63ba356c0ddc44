"""`leeway status`: how does every model stand?"""

import typer


def status(context: typer.Context) -> None:
    """Every model: last window, what is overdue, open incidents, whether it knows what is normal.

    Beside what the sensitivity promises stands how many pages people marked as false ones.
    """
    from datetime import UTC, datetime

    from monitor.session import reading_session
    from monitor.size_text import size_facts, size_line
    from monitor.standing import line, standing
    from monitor.terminal import Terminal, printable
    from storage import leadership, silences
    from storage.dialect import database_time
    from storage.history import Filter, incident_list
    from storage.overview import overview
    from storage.size import size

    terminal: Terminal = context.obj
    now = datetime.now(UTC)
    with reading_session(terminal) as session, session.store.read() as conn:
        found = {each.model: each for each in overview(conn, now)}
        names = sorted({*session.config.models, *found})
        quiet = silences.active(conn, now)
        payload = [
            standing(
                name,
                session.config,
                found.get(name),
                [each for each in quiet if each.concerns(name)],
            )
            for name in names
        ]
        troubles = incident_list(conn, Filter(model=""), open_only=True)
        kept = size_facts(size(conn))
        shared = session.store.shared
        term = leadership.current(conn) if shared else None
        leads = term is not None and term.lease_until > database_time(conn)

    def draw() -> None:
        for each in payload:
            for text in line(each):
                typer.echo(text)
        for each in troubles:
            name = f"channel {printable(each['column_name'])} {printable(each['title'])}"
            typer.echo(f"leeway: {name}; see `leeway outbox list`")
        typer.echo(f"database: {size_line(kept)}")
        if shared and not leads:
            typer.echo(
                "no daemon leads: nothing is planned, judged or told until `leeway run` runs somewhere"
            )
        elif term is not None:
            typer.echo(f"led by {printable(term.owner)} since {term.since:%Y-%m-%d %H:%M} UTC")
        if not payload:
            typer.echo("no models in the config; see config.example.toml")

    terminal.result(payload, draw)
