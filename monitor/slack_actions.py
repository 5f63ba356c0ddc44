"""What does a button in Slack do? The same as the command that a person would type, in one transaction.

With it goes a line of the audit that names the envelope: what comes a second time, also to another daemon or
after a restart, finds that line and does nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from alerting.grouping import Group
from alerting.incident import Incident
from alerting.series import PLAIN
from alerting.silence import Matcher, Operator, Silence
from alerting.slack_buttons import LASTING, Button
from alerting.slack_requests import Press
from alerting.verdict import Severity
from monitor.leading import led
from monitor.logs import logger
from monitor.runtime import Runtime
from storage import audit, groups, incidents, lanes, silences

MOST_SILENCES = 20  # of one press: whoever wants more silences the model, and says so by hand
_NAMED = 5  # columns in an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pressed:
    """One press, within its transaction."""

    conn: Connection
    runtime: Runtime
    press: Press
    group: Group
    told: Sequence[Incident]  # what the thread told of and is still open
    by: str
    now: datetime

    @property
    def until(self) -> datetime:
        return self.now + LASTING

    @property
    def end(self) -> str:
        return f"until {self.until:%H:%M} UTC"


def act(runtime: Runtime, press: Press, envelope: str, by: str) -> str:
    """Do it. Returns what the person is told. FenceLost: another daemon leads by now."""
    with led(runtime).store.write() as conn:
        if audit.lines(conn, envelope):
            return "that was done already"
        group = groups.get(conn, press.page.group)
        if group is None or lanes.root_of(conn, press.page.lane) != {
            "channel": press.channel,
            "ts": press.ts,
        }:
            return "that page is over: a newer message tells how things are now; nothing was done"
        told = [each for each in incidents.by_ids(conn, tuple(group.told)) if each.is_open]
        if not told:
            return "all of that is over already; nothing was done"
        now = runtime.clock.now()
        pressed = _Pressed(conn=conn, runtime=runtime, press=press, group=group, told=told, by=by, now=now)
        verb, do = _ACTS[press.button]
        answer = do(pressed)
        facts = {"group": group.key, "incidents": [each.id for each in told], "told": answer}
        audit.add(conn, verb, envelope, actor=by, now=now, facts=facts)
    model = group.labels.get("model", "")
    logger().info("slack.acted", kind=verb, by=by, model=model, incidents=len(told))
    return answer


def _acknowledge(pressed: _Pressed) -> str:
    conn, now = pressed.conn, pressed.now
    others = {each.acknowledged_by for each in pressed.told if each.is_acknowledged(now)} - {pressed.by}
    after = [
        incidents.acknowledge(conn, each.id, by=pressed.by, now=now, until=pressed.until)
        for each in pressed.told
    ]
    instead = f", instead of {', '.join(sorted(others))}" if others else ""
    return f"{pressed.by} has it {pressed.end}: {_names(after)}{instead}"


def _silence(pressed: _Pressed) -> str:
    matchers = dict.fromkeys(_matchers(each) for each in pressed.told)
    if len(matchers) > MOST_SILENCES:
        return (
            f"that would be {len(matchers)} silences; silence the model by hand: "
            'leeway silence add model=NAME --for 4h --comment "why"; nothing was done'
        )
    for each in matchers:
        made = Silence.make(
            each, until=pressed.until, author=pressed.by, comment="the button in Slack", now=pressed.now
        )
        silences.add(pressed.conn, made)
    return f"quiet {pressed.end} about {_names(pressed.told)}, says {pressed.by}; history goes on"


def _mark(pressed: _Pressed) -> str:
    pages = [each for each in pressed.told if each.severity is Severity.PAGE]
    for each in pages:
        incidents.mark_false_page(pressed.conn, each.id, by=pressed.by, now=pressed.now)
    if not pages:
        return "none of that is a page any more; nothing was done"
    return f"a false page, says {pressed.by}: {_names(pages)}; what fires goes on firing"


_ACTS: dict[Button, tuple[str, Callable[[_Pressed], str]]] = {
    Button.ACKNOWLEDGE: ("slack.acknowledged", _acknowledge),
    Button.SILENCE: ("slack.silenced", _silence),
    Button.FALSE_PAGE: ("slack.marked", _mark),
}


def _matchers(of: Incident) -> tuple[Matcher, ...]:
    """This series and no other: what the page told of, and nothing it did not."""
    labels = (
        ("model", of.series.model),
        ("column", of.series.column),
        ("segment", of.series.segment),
        ("version", of.series.version),
    )
    return tuple(Matcher(label=label, operator=Operator.IS, value=value) for label, value in labels)


def _names(of: Sequence[Incident]) -> str:
    names = sorted({PLAIN.get(each.series.column, each.series.column) or "the feed" for each in of})
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
