"""How do the facts of an incident answer the five questions, one by one?

Each function takes facts as alerting/grouping.py stored them in the outbox and gives one sentence, "" where
the facts do not say. Facts of any shape are taken: an odd one costs its sentence, no more.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from alerting import phrases
from alerting.phrases import text
from alerting.sanitise import clean
from alerting.series import AGAINST_FIXED, CREEP, PLAIN

Line = Mapping[str, object]
Facts = Mapping[str, object]

COMMAND = 240  # characters of a next step: a command that is cut short is worthless
HEADING = 130  # characters: Slack's header block takes 150, the repeat label needs some
_TITLE = 120  # of a diagnosis: our sentence around data, so longer than a data string
_DOTS = {"page": "🔴", "ticket": "🟡"}
_FATES = {
    "recovered": "back to normal for several windows in a row",
    "rebaselined": "closed because another reference was promoted: this is not a recovery",
    "paused": "closed because the model was paused: this is not a recovery",
    "removed": "closed because the model was removed: this is not a recovery",
    "gone": "closed because its slice or model version has no rows any more: this is not a recovery",
    "manual": "closed by hand: this is not a recovery",
    "revised": "rows came late, and with them it would not have fired",
}


def rows(facts: Facts) -> list[Line]:
    """The incidents told of, most probable cause first."""
    return [line for line in _sequence(facts.get("lines")) if isinstance(line, Mapping)]


def is_over(facts: Facts, lines: Sequence[Line]) -> bool:
    """Nothing told of here fires any more."""
    if facts.get("state") == "resolved":
        return True
    return bool(lines) and all(_ended(line) for line in lines)


def heading(facts: Facts, lines: Sequence[Line], *, reason: str, news: bool, more: int, now: datetime) -> str:
    """`🔴 delays: distance looks like ×1.609 (miles → kilometres), and 1 more`.

    `news`: it says what changed, as a reply in a thread does; else how things stand, as a root does.
    """
    model = name_of(facts, lines)
    dot = _DOTS.get(str(facts.get("severity")), "🔵")
    if not lines:
        return clean(f"{dot} {model}: {clean(reason).replace('_', ' ')}", HEADING)
    others = len(lines) - 1 + more
    tail = f", and {others} more" if others else ""
    if news and reason == "flapping":
        return clean(f"{dot} {model}: comes and goes: {headline(lines[0])}", HEADING - len(tail)) + tail
    if is_over(facts, lines):
        return clean(_closing(model, facts, lines), HEADING - len(tail)) + tail
    first = next((line for line in lines if line.get("news") == reason), lines[0]) if news else lines[0]
    lead = _leads(facts, first, now).get(reason, "") if news else ""
    return clean(f"{dot} {model}: {lead}{headline(first)}", HEADING - len(tail)) + tail


def _leads(facts: Facts, first: Line, now: datetime) -> Mapping[str, str]:
    since = phrases.moment(facts.get("since")) or phrases.moment(first.get("since"))
    lasting = f" after {phrases.how_long(now - since)}" if since and since < now else ""
    return {
        "escalation": f"{_unanswered(facts, first, now)}: ",
        "new_member": "also ",
        "severity_up": "now a page: ",
        "reopened": "firing again: ",
        "repeat": f"still firing{lasting}: ",
        "silence_ended": "its silence is over, it still fires: ",
        "steady": f"no longer comes and goes, fires{lasting}: ",
        "digest": "tickets of the day: ",
    }


def _unanswered(facts: Facts, first: Line, now: datetime) -> str:
    """For how long nobody has had it, where that is why it is told."""
    steps = facts.get("escalated")
    step = steps.get(first.get("incident_id")) if isinstance(steps, Mapping) else None
    since = phrases.moment(step.get("since")) if isinstance(step, Mapping) else None
    if since is None or since >= now:
        return "nobody acknowledged it"
    return f"nobody acknowledged it for {phrases.how_long(now - since)}"


def _closing(model: str, facts: Facts, lines: Sequence[Line]) -> str:
    """`🟢 delays: distance recovered after 14 d; 1 still fires`. Only a recovery is green."""
    first = lines[0]
    back = all(line.get("resolved_reason") == "revised" for line in lines)
    good = all(line.get("resolved_reason") in (None, "", "recovered") for line in lines)
    since = phrases.moment(first.get("since"))
    end = phrases.moment(first.get("resolved")) or phrases.moment(facts.get("window_end"))
    after = f" after {phrases.how_long(end - since)}" if since and end and end > since else ""
    firing = int(_count(facts, "firing"))
    rest = f"; {firing} still {'fires' if firing == 1 else 'fire'}" if firing else ""
    fate = "recovered" if good else "taken back" if back else "closed"
    return f"{'🟢' if good else '⚪'} {model}: {subject(first)} {fate}{after}{rest}"


def name_of(facts: Facts, lines: Sequence[Line]) -> str:
    """The model; Leeway itself where what is told of is its own trouble."""
    own = bool(lines) and all(line.get("kind") == "daemon" for line in lines)
    return text(facts.get("model"), 60) or ("leeway" if own else "unknown model")


def meanwhile(facts: Facts, *, now: datetime, zone: tzinfo) -> str:
    """What happened in windows that nobody looked at in their time."""
    past = facts.get("past")
    if not isinstance(past, Mapping):
        return ""
    start, end = phrases.moment(past.get("start")), phrases.moment(past.get("end"))
    if start is None or end is None or start >= end:
        return ""
    opened, resolved, firing = (
        int(phrases.number(past.get(n)) or 0) for n in ("opened", "resolved", "firing")
    )
    when = phrases.window(start, end, now, zone)
    what = "Quiet hours" if past.get("quiet") else "Looked back"
    return f"{what}: {when}: {opened} opened, {resolved} resolved, {firing} still firing."


def word_of(lines: Sequence[Line], reason: str) -> str:
    """What a digest is about where all of its lines come and go, or are steady; else its own reason."""
    said = {text(line.get("news")) for line in lines}
    only = next(iter(said)) if len(said) == 1 else ""
    return only if reason == "digest" and only in ("flapping", "steady") else reason


def unsteadiness(lines: Sequence[Line], word: str) -> str:
    """Why less is told than happens, or that this is over; "" where no line has this news."""
    mine = [line for line in lines if line.get("news") == word]
    whom = f" ({', '.join(subject(line) for line in mine)})" if 0 < len(mine) < len(lines) else ""
    if mine and word == "flapping":
        return f"Comes and goes{whom}: three turns within 48 windows; the next post comes when it is steady."
    if mine and word == "steady":
        return f"Steady{whom}: it came and went; the last 24 windows did not."
    return ""


def meant_for(facts: Facts) -> str:
    """Why this stands here and not in the channel it was for."""
    channel = text(facts.get("for_channel"))
    return f"For: channel {channel}, which did not take it." if channel else ""


def lateness(lines: Sequence[Line], late: str, why: str, *, now: datetime, zone: tzinfo) -> str:
    """`fired Thu 28 May, 02:10 UTC, resolved 02:40, told 43 min late because …`: one post for both ends."""
    because = f" because {why}" if why else ""
    for line in lines:
        since, end = phrases.moment(line.get("since")), phrases.moment(line.get("resolved"))
        unseen = line.get("news") in ("first", "new_member", "silence_ended")
        if unseen and _ended(line) and since and end:
            return (
                f"Late: fired {phrases.when(since, now, zone)}, resolved {phrases.when(end, now, zone)}, "
                f"told {late} late{because}."
            )
    return f"Late: told {late} after it was decided{f' ({why})' if why else ''}."


def subject(line: Line) -> str:
    """The column as a person calls it, with the slice or the model's version where it is of one."""
    segment, version = text(line.get("segment")), text(line.get("version"))
    where = [AGAINST_FIXED if segment.startswith(f"{CREEP}=") else segment, version and f"version {version}"]
    said = ", ".join(each for each in where if each)
    column = _name(line).removeprefix("the ")
    if line.get("kind") == "daemon":
        column = f"channel {column}"
    return f"{column} ({said})" if said else column


def _name(line: Line) -> str:
    column = text(line.get("column"))
    return PLAIN.get(column, column)


def diagnosis(line: Line) -> str:
    """Without the column's name in front: `median 54 → 63 °F (normal for a Tuesday 48–61)`."""
    title, column = text(line.get("title"), _TITLE), _name(line)
    places = (f"{column} {AGAINST_FIXED}", f"{column} in {text(line.get('segment'))}", column)
    versions = [f"{place} of version {text(line.get('version'))}" for place in places]
    for name in (*versions, *places):
        if title.startswith((f"{name} ", f"{name}:")):
            title = title[len(name) :].lstrip(" :")
            break
    return title or text(line.get("change")).replace("_", " ") or "changed"


def headline(line: Line) -> str:
    """`distance looks like ×1.609`, but `temp: median 54 → 63 °F`: a colon where no verb follows."""
    said = diagnosis(line)
    joint = " " if said.startswith(("looks ", "is ", "has ", "was ", "stuck ", "takes ", "gave ")) else ": "
    return f"{subject(line)}{joint}{said}"


def what(facts: Facts, lines: Sequence[Line], *, now: datetime, zone: tzinfo) -> str:
    """What is wrong and since when; or what ended, how, and what it had been."""
    start, end = phrases.moment(facts.get("window_start")), phrases.moment(facts.get("window_end"))
    latest = phrases.window(start, end, now, zone) if start and end and start < end else ""
    if lines and is_over(facts, lines):
        fates = sorted(
            {_FATES.get(str(line.get("resolved_reason") or "recovered"), "closed") for line in lines}
        )
        until = f" (latest window {latest})" if latest else ""
        was = f" {_was(lines[0], now=now, zone=zone)}" if len(lines) == 1 else ""
        return f"What: {'; '.join(fates)}{until}.{was}"
    parts = [_tally(facts)]
    if since := phrases.moment(facts.get("since")):
        parts.append(f"since {phrases.when(since, now, zone)}")
    if latest:
        # Of one that eases the rows are those of its last breach, not of the window that is named.
        counted = (phrases.number(line.get("rows")) for line in lines if line.get("state") != "recovering")
        n = next((n for n in counted if n), None)
        parts.append(f"latest window {latest}" + (f" ({phrases.count(int(n), 'row')})" if n else ""))
    said = ", ".join(part for part in parts if part)
    return f"What: {said}." if said else ""


def _was(line: Line, *, now: datetime, zone: tzinfo) -> str:
    """What it had been, and from when to when: who reads of the end has not always read of the beginning."""
    since, end = phrases.moment(line.get("since")), phrases.moment(line.get("resolved"))
    if since is None or end is None or since >= end:
        return f"It was: {headline(line)}."
    return f"It was, {phrases.window(since, end, now, zone)}: {headline(line)}."


def _tally(facts: Facts) -> str:
    """`1 page and 2 tickets firing`."""
    found = ((int(_count(facts, level)), level[:-1]) for level in ("pages", "tickets"))
    said = " and ".join(phrases.count(n, level) for n, level in found if n)
    return f"{said} firing" if said else ""


def _count(facts: Facts, name: str) -> float:
    counts = facts.get("counts")
    n = phrases.number(counts.get(name)) if isinstance(counts, Mapping) else None
    return max(0.0, n or 0.0)


def probably(lines: Sequence[Line]) -> str:
    """The usual cause of the first change that has a name."""
    for line in lines:
        if known := phrases.CAUSES.get(str(line.get("change"))):
            return f"Probably: {known[0]}{f' ({subject(line)})' if len(lines) > 1 else ''}."
    return ""


def table(
    facts: Facts, lines: Sequence[Line], *, news: bool, now: datetime, zone: tzinfo
) -> tuple[tuple[str, ...], ...]:
    """One row an incident under a header. A column that would be empty throughout is left out."""
    cells = []
    news = news and len(lines) > 1  # of a single line the heading says it
    for line in lines:
        since, over = phrases.moment(line.get("since")), _ended(line)
        cells.append(
            (
                "over" if over else _level(line, news=news),
                subject(line),
                diagnosis(line),
                phrases.when(since, now, zone) if since else "",
                "" if over else phrases.effect(line, facts.get("task")),
            )
        )
    header = ("level", "column", "what", "since", "effect")
    kept = [i for i in range(len(header)) if any(row[i] for row in cells)]
    return tuple(tuple(row[i] for i in kept) for row in (header, *cells)) if cells else ()


def _level(line: Line, *, news: bool) -> str:
    """`page`, `ticket`; where it is told what changed: `new page`."""
    severity = text(line.get("severity"))
    if line.get("flapping") is True:
        return f"{severity}, comes and goes"
    if line.get("state") == "recovering":
        return f"{severity}, easing"
    shape = {"first": "new {}", "new_member": "new {}", "severity_up": "now {}", "reopened": "{} again"}
    return shape.get(str(line.get("news")), "{}").format(severity) if news else severity


def next_steps(facts: Facts, lines: Sequence[Line]) -> tuple[str, ...]:
    """What a person who was just woken does first; at most four."""
    named = (phrases.CAUSES.get(str(line.get("change"))) for line in lines)
    steps = [next((known[1] for known in named if known), "")]
    given = [clean(step, COMMAND) for step in _sequence(facts.get("next")) if isinstance(step, str)]
    if not given and (incident := _first_id(lines)):
        given = [f"leeway incidents show {incident}"]
    return tuple(dict.fromkeys(step for step in (*steps, *given) if step))[:4]


def escalated(facts: Facts) -> str:
    """Why this comes here too: `facts["escalated"]` has {step, of, after_s, since} by incident."""
    steps = facts.get("escalated")
    told = next(iter(steps.values()), None) if isinstance(steps, Mapping) else None
    if not isinstance(told, Mapping):
        return ""
    step, of = phrases.number(told.get("step")), phrases.number(told.get("of"))
    after = phrases.number(told.get("after_s"))
    which = f"step {step:.0f}{f' of {of:.0f}' if of else ''}" if step else "on to the next channel"
    waited = f", {phrases.how_long(timedelta(seconds=after))} after a page that nobody took" if after else ""
    return f"Escalation: {which}{waited}."


def who(facts: Facts, lines: Sequence[Line], *, now: datetime, zone: tzinfo) -> str:
    """Who has it and until when, or how to take it. Whose time is over has it no longer."""
    open_lines = [line for line in lines if not _ended(line)]
    if is_over(facts, lines) or not open_lines:
        return ""
    owned = {id(line): owner for line in open_lines if (owner := _owner(line, now))}
    owners = ", ".join(sorted({*owned.values()}))
    free = [line for line in open_lines if id(line) not in owned]
    if not free:
        ends = [end for line in open_lines if (end := phrases.moment(line.get("acknowledged_until")))]
        until = f" until {phrases.when(min(ends), now, zone)}" if ends else ""
        return f"Who: {owners} has it{until}."
    incident = _first_id(free)
    take = f" Take it: leeway incidents ack {incident}" if incident else ""
    return f"Who: {f'{owners} has a part, nobody the rest' if owners else 'nobody has it yet'}.{take}"


def _owner(line: Line, now: datetime) -> str:
    until = phrases.moment(line.get("acknowledged_until"))
    return text(line.get("acknowledged_by")) if until is None or now < until else ""


def _first_id(lines: Sequence[Line]) -> str:
    """Enough of it for a person to type: commands take any unambiguous start of an id."""
    return text(lines[0].get("incident_id"))[:12] if lines else ""


def retraining(facts: Facts) -> str:
    """What became of the wish to train again, where the facts tell."""
    told = facts.get("retraining")
    if not isinstance(told, Mapping):
        return ""
    target = text(told.get("target"))
    to = f" to {target}" if target else ""
    match told.get("outcome"):
        case "requested":
            return f"Retraining: requested{to}."
        case "dry_run":
            return f"Retraining: a request{to} would have gone out (dry run)."
        case "refused":
            shut = "; ".join(text(gate.get("why")) for gate in gates(told) if gate.get("passed") is False)
            return f"Retraining: not requested: {clean(shut, 160) or 'a gate is shut'}."
    return ""


def gates(told: Facts) -> list[Line]:
    """The gates of a retraining decision."""
    return [gate for gate in _sequence(told.get("gates")) if isinstance(gate, Mapping)]


def _ended(line: Line) -> bool:
    return line.get("state") == "resolved"


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()
