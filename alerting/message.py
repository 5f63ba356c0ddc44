"""Which words does a person read, given the facts of a notification?

A message answers, in this order: what is wrong and since when; how bad it is for the model; what probably
happened; what to look at next; who has it (alerting/answers.py). Every string from the facts goes through
`sanitise.clean`; escaping is the channel's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from alerting import answers, phrases, retraining_words, toll
from alerting.notification import Action, Notification
from alerting.sanitise import clean

MAX_LINES = 10  # rows of the table; the others are counted
LATE = timedelta(minutes=5)  # told later than this after it was decided, the message says so

_URL = 300  # characters of a link: one that is cut short is worthless
_REPEAT = "(possible repeat) "


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One worded notification, all of it plain text: no mark-up, data cleaned, nothing escaped yet."""

    text: str  # fallback and notification line, never empty
    heading: str  # one line
    lines: tuple[str, ...] = ()  # "Label: sentence", in the order of the five questions
    table: tuple[tuple[str, ...], ...] = ()  # rows of equal length; the first is the header
    more: int = 0  # lines left out of the table
    next_steps: tuple[str, ...] = ()  # sentences; those that begin with "leeway " are commands
    links: tuple[tuple[str, str], ...] = ()  # (label, http or https URL from the config)
    footer: str = ""  # who has it
    picture: bytes = field(default=b"", repr=False)  # a PNG; only that of a `picture` has one
    at: datetime  # the `now` it was worded with, aware UTC

    def as_possible_repeat(self) -> "Message":
        """The same, marked: an earlier attempt may have been accepted."""
        return replace(self, text=_REPEAT + self.text, heading=_REPEAT + self.heading)


def word(notification: Notification, now: datetime) -> Message:
    """The message for these facts at this moment."""
    if notification.action is Action.TEST:
        message = _test(notification, now)
    elif notification.action is Action.PICTURE:
        return _caption(notification, now)
    elif notification.action is Action.REQUEST or notification.reason == "retraining":
        message = _retraining(notification, now)
    elif notification.facts.get("kind") == "digest":
        message = _digest(notification, now)
    else:
        message = _incident(notification, now)
    if notification.facts.get("drill"):
        message = _as_drill(message, notification.facts["drill"])
    late = now - notification.created
    if late <= LATE or notification.action is Action.TEST:
        return message
    said = answers.lateness(
        [] if notification.facts.get("kind") == "digest" else answers.rows(notification.facts),
        phrases.how_long(late),
        clean(notification.last_failure, 120) if notification.last_failure else "",
        now=now,
        zone=phrases.zone(notification.facts.get("zone")),
    )
    return replace(message, lines=(*message.lines, said))


def bare(notification: Notification, now: datetime) -> Message:
    """The least that can be said, for facts that `word` fails on: a page is told all the same."""
    model = phrases.text(notification.facts.get("model")) or "unknown model"
    heading = f"🔴 {model}: {clean(notification.reason)}; no words for it, see leeway status"
    return Message(text=heading, heading=heading, at=now)


def _incident(notification: Notification, now: datetime) -> Message:
    facts, reason = notification.facts, notification.reason
    zone = phrases.zone(facts.get("zone"))
    lines = answers.rows(facts)
    shown = lines[:MAX_LINES]
    more = max(0, int(phrases.number(facts.get("more")) or 0)) + len(lines) - len(shown)
    over = answers.is_over(facts, shown)
    standing = [] if over else [line for line in shown if line.get("state") != "resolved"]
    # An edit shows how things stand; where there are no threads, a post of its own says what changed.
    news = notification.action is not Action.EDIT and reason != "first"
    heading = answers.heading(
        facts, shown, reason=answers.word_of(shown, reason), news=news, more=more, now=now
    )
    said = (
        answers.what(facts, shown, now=now, zone=zone),
        toll.how_bad(facts, standing, now=now, zone=zone),
        answers.probably(standing),
        answers.escalated(facts),
        answers.retraining(facts),
        *(answers.unsteadiness(shown, word) for word in ("flapping", "steady") if news),
        answers.meanwhile(facts, now=now, zone=zone),
        answers.meant_for(facts),
    )
    return Message(
        text=heading,
        heading=heading,
        lines=tuple(line for line in said if line),
        table=answers.table(facts, shown, news=news, now=now, zone=zone),
        more=more,
        next_steps=() if over else answers.next_steps(facts, standing),
        links=_links(facts),
        footer=answers.who(facts, shown, now=now, zone=zone),
        at=now,
    )


def _digest(notification: Notification, now: datetime) -> Message:
    """Many groups in one post: more than one message each would be noise."""
    facts = notification.facts
    zone, lines = phrases.zone(facts.get("zone")), answers.rows(facts)
    shown = lines[:MAX_LINES]
    more = max(0, int(phrases.number(facts.get("more")) or 0)) + len(lines) - len(shown)
    counts = facts.get("counts")
    counts = counts if isinstance(counts, Mapping) else {}
    pages, tickets, resolved, models = (
        int(phrases.number(counts.get(name)) or 0) for name in ("pages", "tickets", "resolved", "models")
    )
    tally = [(pages, "page"), (tickets, "ticket")]
    parts = [phrases.count(n, noun) for n, noun in tally if n]
    parts += [f"{resolved} resolved"] if resolved else []
    dot = "🔴" if pages else "🟡" if tickets else "🟢"
    on = f" on {phrases.count(models, 'model')}"
    heading = f"{dot} digest: {', '.join(parts) or 'news'}{on}"
    since = phrases.moment(facts.get("broken_since"))
    why = phrases.text(facts.get("why"), 160)
    if since is not None:
        why = f"this channel took nothing since {phrases.when(since, now, zone)}{f' ({why})' if why else ''}"
    rows = tuple(
        (
            "over" if line.get("state") == "resolved" else phrases.text(line.get("severity")),
            phrases.text(line.get("model"), 60),
            answers.subject(line),
            answers.diagnosis(line),
            phrases.when(at, now, zone) if (at := phrases.moment(line.get("since"))) else "",
        )
        for line in shown
    )
    return Message(
        text=heading,
        heading=heading,
        lines=(f"What: one post for many, as {why or 'there were too many'}.",),
        table=(("level", "model", "column", "what", "since"), *rows) if rows else (),
        more=more,
        next_steps=("leeway incidents list", "leeway status"),
        at=now,
    )


def _as_drill(message: Message, drill: object) -> Message:
    """The same, marked wherever it is read: a drill that wakes somebody for real is a lie.

    `drill`: {fault, by}, who planted what; True where nobody says.
    """
    told = drill if isinstance(drill, Mapping) else {}
    fault, by = phrases.text(told.get("fault"), 60), phrases.text(told.get("by"), 40)
    planted = f"{fault or 'a fault'} was planted in a copy of the latest window{f' by {by}' if by else ''}"
    heading = clean(f"🧪 DRILL, nothing is wrong: {message.heading}", answers.HEADING)
    return replace(
        message,
        text=heading,
        heading=heading,
        lines=(f"Drill: {planted}; what follows is what a real one would say.", *message.lines),
        footer="Who: nobody needs to take it, it is a drill.",
    )


def _caption(notification: Notification, now: datetime) -> Message:
    """What stands under a picture, and is read out where nobody sees it."""
    facts = notification.facts
    lines = answers.rows(facts)
    what = answers.headline(lines[0]) if lines else "what was measured"
    heading = clean(f"{answers.name_of(facts, lines)}: {what}", answers.HEADING)
    return Message(text=heading, heading=heading, at=now)


def _retraining(notification: Notification, now: datetime) -> Message:
    """A request on its way, the note of one that only would have been sent, or what became of one."""
    facts = notification.facts
    told = facts.get("retraining")
    told = told if isinstance(told, Mapping) else facts
    model = phrases.text(facts.get("model"), 60) or "unknown model"
    said = retraining_words.words(model, told, now, phrases.zone(facts.get("zone")))
    return Message(
        text=said.heading,
        heading=said.heading,
        lines=tuple(line for line in said.lines if line),
        table=said.table,
        next_steps=said.next_steps,
        links=_links(facts),
        at=now,
    )


def _test(notification: Notification, now: datetime) -> Message:
    heading = f"✅ Leeway test: channel {clean(notification.channel)} works"
    line = "What: a test message, sent by hand with leeway channels test. Nothing is wrong."
    return Message(text=heading, heading=heading, lines=(line,), at=now)


def _links(facts: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Those of the config, the runbook last: each only if it is a plain web address, as it becomes a link."""
    named = facts.get("links")
    found = {clean(name, 20): url for name, url in named.items()} if isinstance(named, Mapping) else {}
    every = [*found.items(), ("Runbook", facts.get("runbook"))]
    return tuple((name, url) for name, url in every[:4] if name and isinstance(url, str) and _is_plain(url))


def _is_plain(url: str) -> bool:
    if len(url) > _URL or not url.isascii() or not url.isprintable():
        return False
    if any(c in url for c in '<>|`"\\ ') or not url.startswith(("https://", "http://")):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False
