"""`leeway silence`: what do people want to hear nothing of, until when, and why?"""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from alerting.silence import Matcher, Silence
    from monitor.terminal import Terminal

app = typer.Typer(help="Keep alerts quiet for a while; history goes on.", no_args_is_help=True)

Matchers = Annotated[
    list[str] | None,
    typer.Argument(
        help="label=VALUE, label!=VALUE or label~GLOB (* and ?); all must agree. Labels: model, column, "
        "segment, version, kind, severity, rule."
    ),
]
Id = Annotated[str, typer.Argument(help="Its id, or the first digits of it.")]
For = Annotated[str | None, typer.Option("--for", help="How long, for example 2h or 3d; at most 30 days.")]
Until = Annotated[str | None, typer.Option(help="Until when, instead: a date or a time.")]
By = Annotated[str | None, typer.Option(help="Who asks for it. Default: you.")]


@app.command()
def add(
    context: typer.Context,
    matchers: Matchers = None,
    lasting: For = None,
    until: Until = None,
    comment: Annotated[str | None, typer.Option("--comment", "-c", help="Why. Required.")] = None,
    by: By = None,
) -> None:
    """Tell nobody of what matches, until the time is over. It is still judged and kept.

    What still fires then, and was never told, is told then.
    """
    from alerting.silence import Silence, parse_matcher
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal
    from storage import silences

    terminal: Terminal = context.obj
    now = _now()
    with _refused():
        end = _end(terminal, lasting, until, now)
        if end is None:
            raise ValueError("silence add: say how long (--for 2h) or until when (--until 2013-05-13T06:00)")
        parsed = [parse_matcher(each) for each in matchers or ()]
        made = Silence.make(parsed, until=end, author=by or person(), comment=comment or "", now=now)
        with changing_session(terminal) as store, store.write() as conn:
            silences.add(conn, made)
            _print(terminal, conn, made, now)
        _warn_of_unknown_models(terminal, made)


@app.command("list")
def list_(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
) -> None:
    """Silences that hold, with what each keeps quiet right now."""
    from monitor.moments import zone_of
    from monitor.session import reading_session
    from monitor.terminal import Terminal
    from storage import history, incidents, silences

    terminal: Terminal = context.obj
    now = _now()
    with reading_session(terminal) as session, session.store.read() as conn:
        records = history.silences(conn, now, everything=everything)
        held = {each.id: each for each in silences.active(conn, now)}
        open_now = incidents.open_incidents(conn)
        zone = zone_of(session.config, None)
    for record in records:
        mine = held.get(record["silence_id"])
        record["state"] = "active" if mine else "pending" if record["starts"] > _iso(now) else "over"
        record["incidents"] = [each.id for each in open_now if mine is not None and mine.covers(each)]

    def draw() -> None:
        rows = [
            (
                each["silence_id"],
                each["state"],
                " ".join(each["matchers"]),
                _local(each["over_at"], zone),
                each["author"],
                each["comment"],
                len(each["incidents"]),
            )
            for each in records
        ]
        terminal.table(("silence", "state", "matchers", "until", "by", "comment", "quiet now"), rows)
        if not rows:
            terminal.notice("none" if everything else "none active; --all shows those that are over")

    terminal.result(records, draw)


@app.command()
def expire(context: typer.Context, silence: Id, by: By = None) -> None:
    """End one now. What it kept quiet and still fires is told."""
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal
    from storage import silences

    terminal: Terminal = context.obj
    now = _now()
    with _refused(), changing_session(terminal) as store, store.write() as conn:
        after = silences.expire(conn, _the_one(conn, silence).id, by=by or person(), now=now)
    payload = {"silence_id": after.id, "expired": _iso(now), "expired_by": after.expired_by}
    terminal.result(payload, lambda: typer.echo(f"{after.id}: ended by {after.expired_by}"))


@app.command()
def edit(
    context: typer.Context,
    silence: Id,
    matchers: Matchers = None,
    lasting: For = None,
    until: Until = None,
    comment: Annotated[str | None, typer.Option("--comment", "-c", help="Why. Default: as it was.")] = None,
    by: By = None,
) -> None:
    """Change one: it ends, and another begins that names it. What is not given stays as it was."""
    from alerting.silence import Silence, parse_matcher
    from monitor.exits import CommandError
    from monitor.session import changing_session, person
    from monitor.terminal import Terminal
    from storage import silences

    terminal: Terminal = context.obj
    now = _now()
    if not (matchers or lasting or until or comment):
        raise CommandError("silence edit: nothing to change; give matchers, --for, --until or --comment")
    with _refused():
        end = _end(terminal, lasting, until, now)
        parsed: list[Matcher] = [parse_matcher(each) for each in matchers or ()]
        with changing_session(terminal) as store, store.write() as conn:
            before = _the_one(conn, silence)
            made = Silence.make(
                parsed or before.matchers,
                until=end or before.ends,
                author=by or person(),
                comment=comment or before.comment,
                now=now,
                starts=before.starts,
                replaces=before.id,
            )
            silences.replace(conn, before.id, made)
            _print(terminal, conn, made, now)
        _warn_of_unknown_models(terminal, made)


def _warn_of_unknown_models(terminal: "Terminal", made: "Silence") -> None:
    """A name that is misspelt silences nothing. It may be a model that is yet to come, so it is no error."""
    from alerting.silence import Operator
    from monitor.config_file import load
    from monitor.terminal import printable

    known = load(terminal.settings.config).models
    for each in made.matchers:
        if each.label == "model" and each.operator is Operator.IS and each.value not in known:
            there = ", ".join(sorted(known)) or "none"
            warning = f'warning: no model "{each.value}" in the config; there is {there}'
            typer.echo(printable(warning), err=True)


def _print(terminal: "Terminal", conn: "Connection", made: "Silence", now: "datetime") -> None:
    """The silence, and what it keeps quiet right now."""
    from alerting.series import PLAIN
    from monitor.terminal import printable
    from storage import incidents

    covered = [each for each in incidents.open_incidents(conn) if made.is_active(now) and made.covers(each)]
    payload = {
        "silence_id": made.id,
        "matchers": [str(each) for each in made.matchers],
        "starts": _iso(made.starts),
        "ends": _iso(made.ends),
        "author": made.author,
        "comment": made.comment,
        "replaces": made.replaces,
        "incidents": [each.id for each in covered],
    }

    def draw() -> None:
        until = made.ends.isoformat(timespec="minutes")
        what = " ".join(printable(str(each)) for each in made.matchers)
        typer.echo(f"{made.id}: quiet until {until} about {what}")
        typer.echo(f"  {printable(made.comment)} ({printable(made.author)})")
        if made.replaces:
            typer.echo(f"  instead of {made.replaces}, which ended now")
        if not covered:
            typer.echo("  nothing open matches it now")
        for each in covered:
            name = PLAIN.get(each.series.column, each.series.column)
            said = f"{each.id[:12]}  {each.severity}  {each.series.model}  {name}  {each.title}"
            typer.echo(f"  matches {printable(said)}")

    terminal.result(payload, draw)


def _end(terminal: "Terminal", lasting: str | None, until: str | None, now: "datetime") -> "datetime | None":
    from monitor.config_file import load
    from monitor.duration import parse_duration
    from monitor.moments import ahead

    if lasting is not None and until is not None:
        raise ValueError("silence: --for and --until say the same; give one of them")
    if lasting is not None:
        return now + parse_duration(lasting)
    return None if until is None else ahead(until, now, load(terminal.settings.config))


def _the_one(conn: "Connection", prefix: str) -> "Silence":
    from monitor.exits import CommandError
    from storage import silences

    found = silences.by_prefix(conn, prefix)
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(f"no silence {prefix!r}; see `leeway silence list --all`")
    raise CommandError(f"{prefix!r} begins several ids: {', '.join(each.id for each in found)}")


def _refused() -> "_Refused":
    return _Refused()


class _Refused:
    """A ValueError of the rooms below is what the person did wrong."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from monitor.exits import CommandError

        if isinstance(error, ValueError):
            raise CommandError(str(error)) from error


def _now() -> "datetime":
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _iso(at: "datetime") -> str:
    from storage.encoding import iso

    return iso(at)


def _local(text: str, zone: str) -> str:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
