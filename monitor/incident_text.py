"""How does one incident read from top to bottom, at 03:00?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from alerting.series import PLAIN
from monitor.config import Config
from monitor.lineage import lineage_lines
from monitor.moments import zone_of
from monitor.performance_lines import foretold, realised
from monitor.terminal import printable, sparkline

LATEST_VERDICTS = 12


def incident_lines(record: dict[str, Any], config: Config) -> Iterator[str]:
    """What is wrong, since when, how bad, what happened to it, who has it, what to do next."""
    zone = ZoneInfo(zone_of(config, record["model"]))

    def at(text: str | None) -> str:
        return f"{datetime.fromisoformat(text).astimezone(zone):%a %d %b %Y %H:%M}" if text else "—"

    facts = record["facts"]
    place = PLAIN.get(record["column_name"], record["column_name"])
    yield f"{record['severity']} · {record['status']} · {record['model']} · {place}"
    yield f"  {printable(record['title'] or record['change'])}"
    yield f"  incident   {record['incident_id']} ({record['kind']})"
    yield f"  since      {at(record['since'])} ({zone.key})"
    if record["resolved"]:
        yield f"  resolved   {at(record['resolved'])}: {record['resolved_reason']}"
    if record["reopens"] or record["relapses"]:
        yield f"  came back  {record['reopens']} times after a resolve, {record['relapses']} while recovering"
    if facts.get("harm") is not None:
        error = f" ± {facts['harm_error']:.1f}" if facts.get("harm_error") is not None else ""
        yield f"  harm       {facts['harm']:+.1f}{error} points expected from this column's change alone"
    performance = facts.get("performance") or {}
    for word, said in (("realised", realised(performance)), ("foretold", foretold(performance))):
        if said:
            yield f"  {word:<9}  {printable(said)}"
    if facts.get("z") is not None:
        yield f"  evidence   z {facts['z']:.1f}, adjusted p {facts['p']:.2g}, {facts.get('rows')} rows"
    until = f" until {at(record['acknowledged_until'])}" if record["acknowledged_until"] else ""
    yield f"  who        {record['acknowledged_by'] or 'nobody has it yet'}{until}"
    if record["escalation_step"]:
        told = [each["payload"] for each in record["history"] if each["kind"] == "escalated"]
        whom = ", ".join(dict.fromkeys(printable(str(each.get("channel"))) for each in told))
        yield f"  escalated  to step {record['escalation_step']}: {whom}"
    if step := record.get("next_escalation"):
        yield f"  next       {printable(step['channel'])} is told {at(step['at'])} if nobody acknowledges it"
    if record.get("silenced_by"):
        ends = at(record["silenced_until"])
        yield f"  silenced   by {printable(record['silenced_by'])} until {ends} ({record['silence_id']})"
    if record["flapping"]:
        yield "  flapping   it comes and goes; posts wait until it is steady for 24 windows"
    if record["false_page_by"]:
        yield f"  marked     as a false page by {record['false_page_by']}"
    yield ""
    yield "  what happened"
    for event in record["history"]:
        when = at(event["window_end"]) if event["window_end"] else at(event["at"])
        reason = event["payload"].get("comment") or event["payload"].get("reason")
        if event["kind"] == "escalated":
            reason = printable(f"step {event['payload'].get('step')}, {event['payload'].get('channel')}")
        yield f"    {when}  {event['kind']}{f' ({reason})' if reason else ''} by {event['actor']}"
    verdicts = record["verdicts"]
    if verdicts:
        yield ""
        yield f"  z over its windows  {sparkline([verdict['z'] for verdict in verdicts])}"
        for verdict in verdicts[-LATEST_VERDICTS:]:
            z = f"z {verdict['z']:7.1f}" if verdict["z"] is not None else " " * 9
            number = f"#{verdict['verdict_id']}"
            said = f"{verdict['verdict']:<8} {z}  {number:<7} {printable(verdict['title'])}"
            yield f"    {at(verdict['window_start'])}  {said}"
    origin = list(lineage_lines(record.get("lineage") or {}))
    if origin:
        yield ""
        yield "  came of"
        yield from (f"    {what:<10} {printable(which)}" for what, which in origin)
    yield ""
    yield "  next"
    if verdicts:
        yield f"    leeway explain {verdicts[-1]['verdict_id']}"
    if record["status"] != "resolved" and not record["acknowledged_by"]:
        yield f"    leeway incidents ack {record['incident_id'][:12]}"
    runbook = config.models[record["model"]].runbook if record["model"] in config.models else None
    if runbook:
        yield f"    runbook: {runbook}"
