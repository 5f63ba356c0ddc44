"""`leeway backtest`: what would other rules have made of the past?"""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from monitor.backtest import Backtest

MOST_LINES = 40  # incidents on a screen; --json has all


def backtest(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", "-m", help="The model's name in the config.")],
    since: Annotated[
        str | None, typer.Option(help="2013-05-13, an ISO time, or an age such as 90d. Default: all of it.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Like --since; exclusive. Default: now.")] = None,
) -> None:
    """Judge stored windows again by the rules of the config: how many tickets and pages, which, when.

    Copy the config, change its policy, and give the copy as --config: both name the same database. Replayed
    are the model's `policy` and `window.min_rows`; what was measured stays as it was. Nothing is written.
    """
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    from monitor import build
    from monitor.backtest import backtest as judge_again
    from monitor.backtest_text import incident_rows, last_words, payload, tally_rows
    from monitor.config_file import load
    from monitor.exits import CommandError
    from monitor.moments import moment, zone_of
    from monitor.secret import storage_url
    from monitor.terminal import Terminal
    from storage.engine import open_store

    terminal: Terminal = context.obj
    config = load(terminal.settings.config, members=build.check)
    watched = build.build_models(config).models.get(model)
    if watched is None:
        known = ", ".join(sorted(config.models)) or "none"
        raise CommandError(f"no model {model!r} in the config; there is {known}")
    now = datetime.now(UTC)
    first = moment(since, now, config, model) or datetime.min.replace(tzinfo=UTC)
    end = moment(until, now, config, model) or now
    with open_store(storage_url(config), read_only=True) as store, terminal.progress() as progress:
        found = judge_again(store, watched, since=first, until=end, progress=progress)
    if not found.windows:
        raise CommandError(_nothing(model, found, str(watched.spec)))
    zone, rules = ZoneInfo(zone_of(config, model)), terminal.settings.config.name

    def draw() -> None:
        terminal.table(("", "as judged", rules), tally_rows(found))
        rows = incident_rows(found, zone, most=MOST_LINES)
        if rows:
            terminal.table(("opened", "column", "as judged", rules, "what"), rows)
        for line in last_words(found, most=MOST_LINES):
            terminal.notice(line)

    terminal.notice(f"{model}: {found.windows:,} windows judged again by {rules}; nothing is written")
    terminal.result(payload(model, str(terminal.settings.config), found), draw)


def _nothing(model: str, found: "Backtest", spec: str) -> str:
    if found.left_out:
        return (
            f"{model}: its windows were not cut as {spec}, and a backtest cannot cut time anew: "
            f"leave models.{model}.window as it was"
        )
    return f"{model}: no judged window in that span; see `leeway history windows --model {model}`"
