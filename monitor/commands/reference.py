"""`leeway reference`: what "normal" is, and which version of it is in force."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storage.profiles import Reference

app = typer.Typer(help="Build, list, show and promote references.", no_args_is_help=True)

Model = Annotated[str, typer.Option("--model", "-m", help="The model's name in the config.")]


@app.command()
def build(
    context: typer.Context,
    model: Model,
    promote: Annotated[
        bool | None,
        typer.Option(help="Put it in force at once. Default: only when no reference is in force yet."),
    ] = None,
    noise_only: Annotated[
        bool, typer.Option("--noise-only", help="Keep the profile; learn again what is normal for a window.")
    ] = False,
    trailing: Annotated[
        bool,
        typer.Option("--trailing", help="Of the latest windows of production, in force at once."),
    ] = False,
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run-id",
            help="The training run it was made by (MLflow, W&B). Default: reference.run of the config.",
        ),
    ] = None,
) -> None:
    """Read the model's reference data and keep its profile as the next version."""
    from monitor.exits import CommandError
    from monitor.memory import blocks_go_back, few_arenas
    from monitor.referencing import build_reference
    from monitor.session import writing_session
    from monitor.terminal import Terminal
    from monitor.trailing import refresh

    few_arenas()
    blocks_go_back()
    terminal: Terminal = context.obj
    if trailing and (noise_only or promote is False):
        raise CommandError("reference build: --trailing goes with neither --noise-only nor --no-promote")
    if run_id is not None and (trailing or noise_only or not 0 < len(run_id) <= 200):
        raise CommandError(
            "reference build: --run-id is 1 to 200 characters, and goes with neither --trailing nor "
            "--noise-only: they keep the run of the reference they go on from"
        )
    with writing_session(terminal) as session, terminal.progress() as progress:
        runtime, watched = session.runtime, session.model(model)
        if trailing:
            outcome = refresh(runtime, watched, progress=progress)
        else:
            outcome = build_reference(
                runtime, watched, promote=promote, noise_only=noise_only, progress=progress, run=run_id
            )
    reference = outcome.reference
    payload = {**_row(reference), "windows": outcome.windows, "learning": outcome.learning}
    payload |= {"resolved_incidents": outcome.resolved, "notices": list(outcome.notices)}

    def draw() -> None:
        typer.echo(
            f"{model}: reference v{reference.version} ({reference.status}) of {reference.rows:,} rows and "
            f"{len(reference.columns)} columns, digest {reference.digest[:12]}"
        )
        typer.echo(outcome.says)
        for notice in outcome.notices:
            typer.echo(f"  note: {notice}")

    terminal.result(payload, draw)


@app.command("list")
def list_(context: typer.Context, model: Annotated[str | None, typer.Option("--model", "-m")] = None) -> None:
    """Every version of every model, the newest first."""
    from monitor.session import reading_session
    from monitor.terminal import Terminal
    from storage import profiles

    terminal: Terminal = context.obj
    with reading_session(terminal) as session, session.store.read() as conn:
        found = profiles.list_(conn, model)
    rows = [_row(reference) for reference in found]
    columns = ("model", "version", "status", "rows", "columns", "from", "to", "against", "created", "digest")
    terminal.result(rows, lambda: terminal.table(columns, [[row[c] for c in columns] for row in rows]))


@app.command()
def show(
    context: typer.Context,
    model: Model,
    version: Annotated[int | None, typer.Option(help="Default: the one in force.")] = None,
) -> None:
    """One version: where it came from, and every column of it."""
    from monitor.referencing import column_facts, find_reference
    from monitor.session import reading_session
    from monitor.terminal import Terminal
    from storage import profiles

    terminal: Terminal = context.obj
    with reading_session(terminal) as session, session.store.read() as conn:
        reference = find_reference(conn, model, version)
        columns = column_facts(profiles.load_profile(conn, reference.id))
        noise = profiles.newest_noise_facts(conn, [reference.id]).get(reference.id)
    learnt = None
    if noise is not None:
        learnt = {"window": noise.window_spec, "windows": noise.windows, "learnt_from": noise.learnt_from}
    payload = {
        **_row(reference),
        "noise": learnt,
        "lineage": reference.lineage,
        "notices": reference.notices,
        "profile": columns,
    }

    def draw() -> None:
        terminal.pairs({**_row(reference), "noise": learnt, **reference.lineage})
        typer.echo("")
        head = tuple(columns[0]) if columns else ()
        terminal.table(head, [[column[name] for name in head] for column in columns])
        for notice in reference.notices:
            typer.echo(f"note: {notice}")

    terminal.result(payload, draw)


@app.command()
def promote(
    context: typer.Context,
    model: Model,
    version: Annotated[int | None, typer.Option(help="Default: the newest.")] = None,
) -> None:
    """Put a version in force. Open incidents of the model end as `rebaselined`. Undo: promote the old one."""
    from datetime import UTC, datetime

    from monitor.promotion import promote as put_in_force
    from monitor.referencing import find_reference
    from monitor.session import writing_session
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    with writing_session(terminal) as session, session.store.write() as conn:
        reference = find_reference(conn, model, version, newest=True)
        resolved = put_in_force(conn, session.config, reference, datetime.now(UTC))
    payload = {"model": model, "version": reference.version, "resolved_incidents": len(resolved)}
    terminal.result(
        payload,
        lambda: typer.echo(
            f"{model}: reference v{reference.version} is in force; "
            f"{len(resolved)} incidents ended as rebaselined"
        ),
    )


def _row(reference: "Reference") -> dict[str, object]:
    span = reference.span
    return {
        "model": reference.model,
        "version": reference.version,
        "status": reference.status.value,
        "rows": reference.rows,
        "columns": len(reference.columns),
        "from": span.start.isoformat() if span else None,
        "to": span.end.isoformat() if span else None,
        "against": reference.lineage.get("against"),
        "created": reference.created.isoformat(timespec="seconds"),
        "digest": reference.digest[:12],
    }
