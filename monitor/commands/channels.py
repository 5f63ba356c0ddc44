"""`leeway channels`: does a message really arrive, and what would it say?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerting.group import GroupPolicy
    from alerting.incident import Incident
    from alerting.message import Message
    from monitor.picture import Picture
    from monitor.previewing import Variant
    from monitor.terminal import Terminal

app = typer.Typer(help="Send a test message for real, or see what would be sent.", no_args_is_help=True)


@app.command("test")
def send_test(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A channel of the config. Default: every one.")] = None,
) -> None:
    """Send a test message and say what the other side answered. Exit 69 when one did not take it."""
    from datetime import UTC, datetime

    from monitor import build
    from monitor.channel_trial import try_channel
    from monitor.config_file import load
    from monitor.exits import CommandError, Exit
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    config = load(terminal.settings.config, members=build.check)
    channels = build.build_channels(config)
    if name is not None and name not in channels:
        known = ", ".join(sorted(channels)) or "none"
        raise CommandError(f"no channel {name!r} in the config; there is {known}")
    chosen = [name] if name is not None else sorted(channels)
    results = [try_channel(each, channels[each], datetime.now(UTC)) for each in chosen]

    def draw() -> None:
        for result in results:
            answer = "took the test message" if result["ok"] else f"did not: {result['reason']}"
            typer.echo(f"{result['channel']}: {answer}")
        if not results:
            typer.echo("no channels in the config: alerts are kept in history, and told to nobody")

    terminal.result(results, draw)
    if not all(result["ok"] for result in results):
        raise typer.Exit(Exit.UNAVAILABLE)


@app.command()
def preview(
    context: typer.Context,
    variant: Annotated[
        str | None,
        typer.Option(
            help="page, digest, repeat, escalation, acknowledged, resolved, revised, drill or trouble."
        ),
    ] = None,
    incident: Annotated[
        str | None, typer.Option(help="About this one: its id, or the first digits. Default: an example.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="About its latest incident.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the picture of it to this file.")] = None,
) -> None:
    """Draw each kind of message as it would be sent. Sends nothing; the example needs no config."""
    from monitor.drawing import post, post_lines
    from monitor.exits import CommandError
    from monitor.previewing import Variant
    from monitor.terminal import Terminal

    terminal: Terminal = context.obj
    kinds = [each.value for each in Variant]
    if variant is not None and variant not in kinds:
        raise CommandError(f"no variant {variant!r}; there is {', '.join(kinds)}")
    if incident and model:
        raise CommandError("channels preview: --incident and --model both name one; give one of them")
    about = _of_history(terminal, incident, model) if incident or model else _example()
    said = {each: about.message(each) for each in Variant if variant in (None, each.value)}
    if png is not None:
        _write(terminal, about.picture, png)
    payload = [
        {
            "variant": each.value,
            "heading": message.heading,
            "lines": list(message.lines),
            "table": [list(row) for row in message.table],
            "more": message.more,
            "next": list(message.next_steps),
            "links": dict(message.links),
            "footer": message.footer,
        }
        for each, message in said.items()
    ]

    def draw() -> None:
        for each, message in said.items():
            title = f"{about.channel} · {each.value}"
            if terminal.console.is_terminal:
                terminal.console.print(post(message, channel=title))
                continue
            for line in post_lines(message, channel=title):
                typer.echo(line)
            typer.echo()
        if png is None and about.picture is not None:
            terminal.notice("a picture follows a new problem into its thread: --png FILE writes it")

    terminal.result(payload, draw)


class _About:
    """What a preview is about, and by which words and rules."""

    def __init__(
        self,
        incident: "Incident",
        policy: "GroupPolicy",
        channel: str,
        performance: "Mapping[str, object] | None",
        picture: "Picture | None",
    ) -> None:
        self.incident = incident
        self.policy = policy
        self.channel = channel
        self.performance = performance
        self.picture = picture

    def message(self, variant: "Variant") -> "Message":
        """Worded ten minutes after the window's end."""
        from datetime import timedelta

        from alerting.message import word
        from monitor.previewing import preview

        now = self.incident.window_end + timedelta(minutes=10)
        row = preview(
            self.incident,
            variant,
            now=now,
            policy=self.policy,
            channel=self.channel,
            performance=self.performance,
        )
        return word(row, now)


def _example() -> _About:
    from monitor.previewing import CHANNEL, EXAMPLE_PERFORMANCE, EXAMPLE_POLICY, example, example_picture

    return _About(example(), EXAMPLE_POLICY, CHANNEL, EXAMPLE_PERFORMANCE, example_picture())


def _of_history(terminal: "Terminal", incident: str | None, model: str | None) -> _About:
    """The one that is named, or the model's latest, by today's config."""
    from alerting.group import GroupPolicy
    from monitor.exits import CommandError
    from monitor.goodness import goodness
    from monitor.picturing import picture_of
    from monitor.previewing import CHANNEL
    from monitor.routing import group_policies
    from monitor.session import reading_session
    from storage import incidents
    from storage.history import Filter, incident_list

    with reading_session(terminal) as session, session.store.read() as conn:
        wanted = incident
        if wanted is None:
            latest = incident_list(conn, Filter(model=model, last=1))
            if not latest:
                raise CommandError(f"no incident of {model!r} yet; without --model there is an example")
            wanted = str(latest[0]["incident_id"])
        found = incidents.by_prefix(conn, wanted)
        if len(found) != 1:
            several = f"begins several ids: {', '.join(each.id[:12] for each in found)}"
            why = several if found else "is not known; see `leeway incidents list --all`"
            raise CommandError(f"incident {wanted!r} {why}")
        about = found[0]
        name = about.series.model
        routed = group_policies(session.config, name) if name in session.config.models else {}
        channel, policy = next(iter(routed.items()), (CHANNEL, GroupPolicy()))
        settings = session.config.models.get(name)
        picture = picture_of(conn, about, settings.window.spec) if settings else None
        return _About(about, policy, channel, goodness(conn, name, about.window_start), picture)


def _write(terminal: "Terminal", picture: "Picture | None", path: Path) -> None:
    from monitor.exits import CommandError, Exit
    from monitor.illustrating import PictureError, draw

    if picture is None:
        raise CommandError("channels preview: nothing was measured of this incident that could be drawn")
    try:
        path.write_bytes(draw(picture, within_s=120.0))  # a person waits
    except PictureError as error:
        raise CommandError(f"channels preview: {error}", code=Exit.UNAVAILABLE) from error
    except OSError as error:
        raise CommandError(f"channels preview: cannot write {path}: {error.strerror}") from error
    terminal.notice(f"the picture is in {path}")
