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
    from monitor.terminal import Terminal
    from storage.false_pages import pages_seen
    from storage.overview import overview
    from storage.size import size

    terminal: Terminal = context.obj
    now = datetime.now(UTC)
    with reading_session(terminal) as session, session.store.read() as conn:
        found = {each.model: each for each in overview(conn, now)}
        names = sorted({*session.config.models, *found})
        kept = size_facts(size(conn))
        payload = [standing(name, session.config, found.get(name), pages_seen(conn, name)) for name in names]

    def draw() -> None:
        for each in payload:
            for text in line(each):
                typer.echo(text)
        typer.echo(f"database: {size_line(kept)}")
        if not payload:
            typer.echo("no models in the config; see config.example.toml")

    terminal.result(payload, draw)
