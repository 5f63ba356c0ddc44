"""`leeway retraining`: what was asked of trainers, what waits for a yes, and who has switched it off?"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from alerting.gates import Gate
    from monitor.config import Config
    from monitor.terminal import Terminal

app = typer.Typer(help="Requests for retraining: look, approve, reject, report, stop.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Its id, or the first digits of it.")]
Model = Annotated[str | None, typer.Option("--model", "-m", help="Of this model only.")]
Reason = Annotated[str, typer.Option(help="Why, for the record. Required.")]
By = Annotated[str | None, typer.Option(help="Who says so. Default: you.")]


@app.command("list")
def list_(
    context: typer.Context,
    model: Model = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only what is not over.")] = False,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Every decision instead, refusals too, with the gates shut.")
    ] = False,
    last: Annotated[int | None, typer.Option(min=1, help="The latest N.")] = None,
) -> None:
    """Requests and proposals, oldest first, and what came of them."""
    from monitor.session import reading_session
    from monitor.terminal import Terminal
    from storage import history

    terminal: Terminal = context.obj
    with reading_session(terminal) as session, session.store.read() as conn:
        if decisions:
            found = history.retraining_decisions(conn, model, last)
        else:
            chosen = history.Filter(model=model, last=last)
            found = history.retraining_list(conn, chosen, open_only=open_only)
        notices = _standing(conn, session.config, model)

    def draw() -> None:
        if decisions:
            heads = ("at", "model", "outcome", "target", "request", "refused by")
            terminal.table(heads, [_decision(each) for each in found], spare=("target", "request"))
        else:
            columns = (
                "retraining",
                "model",
                "state",
                "requested",
                "target",
                "new version",
                "helped",
                "detail",
            )
            rows = [_row(each) for each in found]
            terminal.table(columns, rows, spare=("target", "new version", "detail"))
        if not found:
            terminal.notice("none; `leeway retraining explain --model NAME` says which gates are shut")
        for notice in notices:
            terminal.notice(notice)

    terminal.result(found, draw)


@app.command()
def show(context: typer.Context, retraining: Id) -> None:
    """One request: what was asked, by which gates, and all that happened to it."""
    from monitor.approving import the_one
    from monitor.session import reading_session
    from monitor.terminal import Terminal
    from storage import history, retraining_past

    terminal: Terminal = context.obj
    with reading_session(terminal) as session, session.store.read() as conn:
        found = the_one(conn, retraining)
        record = history.retraining_request(conn, found.id) or {}
        decision = retraining_past.decision_of(conn, found.id)
    gates = list(decision["gates"]) if decision is not None else []

    def draw() -> None:
        plain = ("request", "history")
        terminal.pairs(
            {name: value for name, value in record.items() if name not in plain and value is not None}
        )
        typer.echo("")
        _draw_gates(terminal, gates)
        typer.echo("")
        terminal.table(
            ("at", "what", "who", "said"),
            [
                (_short(each["at"]), each["kind"], each["actor"], _payload(each["payload"]))
                for each in record["history"]
            ],
        )

    terminal.result({**record, "gates": gates}, draw)


@app.command()
def explain(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", "-m", help="A model of the config.")],
) -> None:
    """What stands between a model and its retraining at this moment, gate by gate. Nothing is written."""
    from alerting.gates import gates
    from monitor.exits import CommandError
    from monitor.gathering import gather
    from monitor.retraining_policy import policy_of
    from monitor.session import reading_session
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    with reading_session(terminal) as session, session.store.read() as conn:
        if model not in session.config.models:
            known = ", ".join(sorted(session.config.models)) or "none"
            raise CommandError(f"no model {model!r} in the config; there is {known}")
        policy, now = policy_of(session.config.models[model].retraining), _now()
        looked_at = gates(policy, gather(conn, session.config, model, policy, now), now)
    plain = _plain(looked_at)
    payload = {
        "model": model,
        "mode": policy.mode.value,
        "target": policy.target,
        "open": all(gate.passed for gate in looked_at),
        "gates": plain,
    }

    def draw() -> None:
        _draw_gates(terminal, plain)
        shut = [gate.name for gate in looked_at if not gate.passed]
        said = (
            f"shut: {', '.join(shut)}" if shut else f"every gate is open: {policy.mode} after the next window"
        )
        typer.echo(f"{model}: {said}")

    terminal.result(payload, draw)


@app.command()
def approve(context: typer.Context, retraining: Id, by: By = None) -> None:
    """Say yes to a proposal. Its gates are looked at anew; it is sent only if all are open."""
    from monitor import approving
    from monitor.exits import CommandError, Exit
    from monitor.session import person
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    who = by or person()
    with _changing(terminal) as (config, conn):
        one = approving.the_one(conn, retraining)
        request, looked_at = approving.approve(conn, config, one.id, _now(), by=who)
    shut = [gate for gate in looked_at if not gate.passed]
    payload = {
        "retraining_id": request.id,
        "state": request.state.value,
        "approved": not shut,
        "by": who,
        "gates": _plain(looked_at),
    }

    def draw() -> None:
        if shut:
            _draw_gates(terminal, _plain(shut))
        else:
            typer.echo(f"{request.id[:12]}: approved by {who}; {request.target} is asked at the next look")

    terminal.result(payload, draw)
    if shut:
        names = ", ".join(gate.name for gate in shut)
        raise CommandError(f"{request.id[:12]}: not approved, shut by now: {names}", code=Exit.FOUND)


@app.command()
def reject(context: typer.Context, retraining: Id, reason: Reason = "", by: By = None) -> None:
    """Say no to a proposal. The cool-down goes on as if it had been sent."""
    from monitor import approving
    from monitor.session import person
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    who = by or person()
    with _changing(terminal) as (config, conn):
        one = approving.the_one(conn, retraining)
        request = approving.reject(conn, config, one.id, _now(), by=who, reason=reason)
    payload = {"retraining_id": request.id, "state": request.state.value, "by": who, "reason": reason}
    terminal.result(payload, lambda: typer.echo(f"{request.id[:12]}: rejected by {who}"))


@app.command()
def report(
    context: typer.Context,
    retraining: Id,
    state: Annotated[str, typer.Argument(help="running, succeeded or failed.")],
    model_version: Annotated[str, typer.Option("--model-version", help="Of the new model.")] = "",
    detail: Annotated[str, typer.Option(help="For people: why it failed, where the run is.")] = "",
    by: By = None,
) -> None:
    """Say what became of a request, in the place of a trainer that cannot reach Leeway over HTTP."""
    from alerting.call_back import Heard, parse_report
    from monitor import approving, reporting
    from monitor.exits import CommandError, Exit
    from monitor.session import person
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    try:
        said = parse_report({"state": state, "model_version": model_version, "detail": detail})
    except ValueError as error:
        raise CommandError(f"retraining report: {error}") from error
    with _changing(terminal) as (config, conn):
        one = approving.the_one(conn, retraining)
        reply = reporting.report(conn, config, one.id, said, _now(), by=by or person())
    if reply is None:
        raise CommandError(f"retraining {retraining!r}: not known; see `leeway retraining list`")
    terminal.result(dict(reply.to_json()), lambda: typer.echo(f"{one.id[:12]}: {reply.says}"))
    if reply.heard not in (Heard.TAKEN, Heard.AGAIN):
        raise CommandError(f"{one.id[:12]}: {reply.says}", code=Exit.FOUND)


@app.command()
def pause(context: typer.Context, model: Model = None, reason: Reason = "", by: By = None) -> None:
    """Ask for nothing, and send nothing that waits, until somebody resumes: the kill switch."""
    from monitor.session import person
    from monitor.terminal import Terminal
    from storage import switch

    terminal: Terminal = context.obj
    who, whom = by or person(), model or switch.ALL
    with _changing(terminal) as (config, conn), _usage():
        _known(terminal, config, model)
        switch.pause(conn, whom, _now(), by=who, reason=reason)
    payload = {"model": model, "paused": True, "by": who, "reason": reason}
    terminal.result(payload, lambda: typer.echo(f"retraining of {model or 'all models'}: paused by {who}"))


@app.command()
def resume(context: typer.Context, model: Model = None, reason: Reason = "", by: By = None) -> None:
    """End a pause. What the pause held back is not made up for: the next decision begins anew."""
    from monitor.exits import CommandError
    from monitor.kill_switch import switched_off
    from monitor.session import person
    from monitor.terminal import Terminal
    from storage import switch

    terminal: Terminal = context.obj
    who, whom = by or person(), model or switch.ALL
    with _changing(terminal) as (config, conn), _usage():
        if not switch.resume(conn, whom, _now(), by=who, reason=reason):
            raise CommandError(f"retraining of {model or 'all models'}: is not paused")
        still = switched_off(conn, config, whom)
    payload = {"model": model, "paused": False, "by": who, "reason": reason, "still": still or None}

    def draw() -> None:
        typer.echo(f"retraining of {model or 'all models'}: resumed by {who}")
        if still:
            terminal.notice(f"but it is still {still}")

    terminal.result(payload, draw)


@app.command("close-breaker")
def close_breaker(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", "-m", help="The model.")],
    reason: Reason = "",
    by: By = None,
) -> None:
    """Let requests go out again after several did not help. Only a person closes it."""
    from monitor.exits import CommandError
    from monitor.session import person
    from monitor.terminal import Terminal
    from storage import retraining_past, switch

    terminal: Terminal = context.obj
    who = by or person()
    with _changing(terminal) as (config, conn), _usage():
        _known(terminal, config, model)
        standing = retraining_past.breaker_of(conn, model)
        if not standing.is_open:
            raise CommandError(f"{model}: the breaker is {standing.why}")
        switch.close_breaker(conn, model, _now(), by=who, reason=reason)
    payload = {"model": model, "was": standing.why, "by": who, "reason": reason}
    terminal.result(payload, lambda: typer.echo(f"{model}: breaker closed by {who}"))


@contextmanager
def _changing(terminal: "Terminal") -> "Iterator[tuple[Config, Connection]]":
    """One short transaction of a person, beside the daemon."""
    from monitor.config_file import load
    from monitor.session import changing_session

    config = load(terminal.settings.config)
    with changing_session(terminal) as store, store.write() as conn:
        yield config, conn


@contextmanager
def _usage() -> Iterator[None]:
    from monitor.exits import CommandError

    try:
        yield
    except ValueError as error:
        raise CommandError(str(error)) from error


def _known(terminal: "Terminal", config: "Config", model: str | None) -> None:
    if model is not None and model not in config.models:
        known = ", ".join(sorted(config.models)) or "none"
        terminal.notice(f"no model {model!r} in the config ({known}): misspelt, or yet to come?")


def _standing(conn: "Connection", config: "Config", model: str | None) -> list[str]:
    """What holds everything up: a switch, or a breaker."""
    from monitor.kill_switch import switched_off
    from storage import retraining_past

    said: list[str] = []
    for name in config.models if model is None else [model]:
        off = switched_off(conn, config, name)
        said += [f"{name}: {off}"] if off else []
        breaker = retraining_past.breaker_of(conn, name)
        if breaker.is_open:
            said.append(f"{name}: breaker {breaker.why} (`leeway retraining close-breaker --model {name}`)")
    return said


def _row(each: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        each["retraining_id"][:12],
        each["model"],
        each["state"],
        _short(each["requested"]),
        each["target"],
        each["model_version"],
        each["answer"],
        each["detail"],
    )


def _decision(each: Mapping[str, Any]) -> tuple[object, ...]:
    shut = ", ".join(gate["name"] for gate in each["gates"] if not gate["passed"])
    return (_short(each["at"]), each["model"], each["outcome"], each["target"], each["request_id"][:12], shut)


def _draw_gates(terminal: "Terminal", gates: Sequence[Mapping[str, Any]]) -> None:
    rows = [(each["name"], "open" if each["passed"] else "SHUT", each["why"]) for each in gates]
    terminal.table(("gate", "", "because"), rows)


def _plain(gates: "Sequence[Gate]") -> list[dict[str, object]]:
    return [{"name": gate.name, "passed": gate.passed, "why": gate.why} for gate in gates]


def _payload(payload: Mapping[str, object]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in payload.items() if value not in ("", None))


def _short(at: str | None) -> str:
    return at[:16].replace("T", " ") if at else ""


def _now() -> "datetime":
    from datetime import UTC, datetime

    return datetime.now(UTC)
