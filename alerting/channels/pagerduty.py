"""Channel `pagerduty`: Events API v2. A problem is one alert there: triggered, acknowledged, resolved.

The alert is found again by its `dedup_key`, which comes from the lane (channel and group) and not from one
message: whatever was lost, merged or sent twice, what resolves the group resolves the alert. PagerDuty opens
a new alert for a trigger after a resolve, and drops an acknowledge or resolve of what is not open
(developer.pagerduty.com, "Send an Alert Event").

What asks nobody to do anything is a change event: it is shown beside alerts and rings nobody.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal
from urllib.parse import unquote

from alerting import answers
from alerting.channel import DeliveryError, Failure, Receipt
from alerting.connection import check_host
from alerting.exchange import Answer, check_url, post, refusal
from alerting.message import Message
from alerting.notification import Action, Notification
from alerting.sanitise import clean, inert, json_text

SUMMARY = 1024  # characters of payload.summary
PAYLOAD = 512 * 1024  # bytes of a request ("API Limits")
FEW_GROUPS = 10  # of a digest that is told group by group, so that each can be resolved

Severity = Literal["critical", "error", "warning", "info"]
_NOTES = ("resolved", "steady", "retraining")  # reasons that ring nobody
_KEY_TROUBLE = re.compile(rb"routing[ _]key", re.IGNORECASE)
_GOOD_KEY = 32  # characters of an integration key


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutyChannel:
    """One service. `routing_key` is the key of its "Events API v2" integration."""

    routing_key: str = field(repr=False)
    page: Severity = "critical"  # what a page is called there
    ticket: Severity = "warning"
    source: str = "leeway"  # told apart by it: two daemons on one service
    # A service in the EU has https://events.eu.pagerduty.com.
    base_url: str = "https://events.pagerduty.com"
    allow_http: bool = False  # plain http://
    allow_private: bool = False  # loopback, link-local and private addresses
    allowed_hosts: tuple[str, ...] = ()  # globs; empty: every host
    deadline_s: float = 10.0  # of one attempt, by the wall clock

    threads: ClassVar[bool] = True
    edits: ClassVar[bool] = True
    # A request means a person who is paged: the same alert twice is one alert.
    idempotent: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse at once what could never be sent. ValueError, without the key."""
        key = self.routing_key
        if len(key) != _GOOD_KEY or not key.isascii() or not key.isalnum():
            raise ValueError(
                f"routing_key: must be the {_GOOD_KEY} letters and digits of an integration key, "
                f"not {len(key)} characters"
            )
        if not self.source or len(self.source) > 100 or not self.source.isprintable():
            raise ValueError("source: must be a short name, such as the host's")
        try:
            parts = check_url(self.base_url, allow_http=self.allow_http)
            check_host(parts.hostname or "", self.allowed_hosts)
        except ValueError as error:
            raise ValueError(f"base_url: {error}") from None
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("base_url: must end with the host: the paths are PagerDuty's")

    def send(self, notification: Notification, message: Message) -> Receipt:
        """Each event in its turn; a failure of one sends all of them again, which changes nothing."""
        if notification.uncertain:
            message = message.as_possible_repeat()
        for event in self._events(notification, message):
            self._post(event, message)
        return Receipt(reference={"dedup_key": self._dedup_key(notification.lane)})

    def _events(self, notification: Notification, message: Message) -> Iterator["_Event"]:
        key, facts = self._dedup_key(notification.lane), notification.facts
        # The state of the whole group: lines of a reply are only those that changed.
        is_over = facts.get("state") == "resolved"
        trigger = _Event(action="trigger", dedup_key=key, summary=message.text, facts=facts)
        if notification.action is Action.TEST:
            # For real, and over at once: nobody shall find it open in the morning.
            yield replace(trigger, severity="info")
            yield _Event(action="resolve", dedup_key=key)
        elif notification.action is Action.REQUEST or notification.reason == "retraining":
            yield self._note(message)
        elif facts.get("kind") == "digest":
            yield from self._digest(notification, message)
        elif is_over:
            yield _Event(action="resolve", dedup_key=key)
            if notification.action is Action.ROOT:  # nothing was told before: the note says what had been
                yield self._note(message)
        elif notification.action is Action.EDIT:
            if _is_taken(facts, answers.rows(facts)):
                yield _Event(action="acknowledge", dedup_key=key)
        elif notification.reason in _NOTES:
            yield self._note(message)
        else:
            yield trigger

    def _digest(self, notification: Notification, message: Message) -> Iterator["_Event"]:
        """Group by group while they are few; else one alert, which a person closes."""
        tallies = notification.facts.get("tallies")
        groups = tallies if isinstance(tallies, Mapping) else {}
        firing = [lane for lane, tally in groups.items() if _firing(tally)]
        if 1 <= len(groups) <= FEW_GROUPS:
            for lane in groups:
                key = self._dedup_key(str(lane))
                if lane in firing:
                    facts = notification.facts
                    yield _Event(
                        action="trigger", dedup_key=key, summary=_of_group(str(lane), message), facts=facts
                    )
                else:
                    yield _Event(action="resolve", dedup_key=key)
            if not firing:
                yield self._note(message)
        elif notification.facts.get("state") == "resolved":
            yield self._note(message)
        else:
            yield _Event(
                action="trigger",
                dedup_key=self._dedup_key(notification.key),
                summary=message.text,
                facts=notification.facts,
            )

    def _note(self, message: Message) -> "_Event":
        return _Event(action="change", summary=message.text)

    def _dedup_key(self, lane: str) -> str:
        digest = hashlib.sha256(f"{self.source}\x1f{lane}".encode()).hexdigest()
        return f"leeway/{digest[:40]}"  # at most 255 characters there

    def _post(self, event: "_Event", message: Message) -> None:
        path = "/v2/change/enqueue" if event.action == "change" else "/v2/enqueue"
        if event.action == "change" and self.routing_key.startswith("R"):
            return  # the key of an event orchestration or rule set: those take no change events
        answer = post(
            self.base_url.rstrip("/") + path,
            headers={"Content-Type": "application/json", "User-Agent": "leeway"},
            body=self._body(event, message),
            deadline_s=self.deadline_s,
            allow_http=self.allow_http,
            allow_private=self.allow_private,
            allowed_hosts=self.allowed_hosts,
        )
        if answer.status != 202:
            raise _refused(answer, message)

    def _body(self, event: "_Event", message: Message) -> bytes:
        document: dict[str, object] = {"routing_key": self.routing_key}
        if event.action != "change":
            document |= {"event_action": event.action, "dedup_key": event.dedup_key, "client": "Leeway"}
        if event.action in ("trigger", "change"):
            links = [{"href": url, "text": clean(label)} for label, url in message.links]
            payload: dict[str, object] = {
                "summary": inert(clean(event.summary, SUMMARY)),
                "source": self.source,
                "timestamp": message.at.isoformat(),
                "custom_details": _details(message),
            }
            if event.action == "trigger":
                model = inert(clean(event.facts.get("model") or "", 100))
                payload |= {"severity": event.severity or self._severity(event.facts)}
                payload |= {"group": model, "class": inert(clean(event.facts.get("kind") or ""))}
            document |= {"payload": payload, "links": links}
            body = json_text(document).encode()
            if len(body) <= PAYLOAD:
                return body
            del payload["custom_details"]  # the summary is what rings
        return json_text(document).encode()

    def _severity(self, facts: Mapping[str, object]) -> Severity:
        return self.page if facts.get("severity") == "page" else self.ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """One request to PagerDuty."""

    action: Literal["trigger", "acknowledge", "resolve", "change"]
    dedup_key: str = ""
    summary: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    severity: Severity | None = None  # None: by the facts


def _is_taken(facts: Mapping[str, object], lines: Sequence[answers.Line]) -> bool:
    """Somebody has all of what fires. What is beyond the lines is not known to be anybody's."""
    firing = [line for line in lines if line.get("state") != "resolved"]
    return bool(firing) and not facts.get("more") and all(line.get("acknowledged_by") for line in firing)


def _firing(tally: object) -> bool:
    return isinstance(tally, Mapping) and bool(tally.get("firing"))


def _of_group(lane: str, message: Message) -> str:
    """`model=delays: 🔴 digest: …`: the group's labels before what is told of all."""
    labels = ", ".join(clean(unquote(part)) for part in lane.split("&")[1:])
    return f"{labels}: {message.text}" if labels else message.text


def _details(message: Message) -> dict[str, object]:
    """The answers, the table and the next steps, as PagerDuty shows them: names and texts."""
    details: dict[str, object] = {}
    for number, line in enumerate(message.lines):
        label, colon, rest = line.partition(": ")
        name = label if colon and label.isascii() and label not in details else f"line {number + 1}"
        details[inert(name)] = inert(rest if name == label else line)
    header, *rows = message.table or ((),)
    if rows:
        details["table"] = [
            {inert(name) or "-": inert(cell) for name, cell in zip(header, row, strict=True)} for row in rows
        ]
    if message.more:
        details["more"] = message.more
    if message.next_steps:
        details["next"] = [inert(step) for step in message.next_steps]
    if message.footer:
        details["who"] = inert(message.footer)
    return details


def _refused(answer: Answer, message: Message) -> DeliveryError:
    """202 is the only yes. 200 with a page is a proxy's; the text of a 400 may repeat the key."""
    if answer.status == 400 and _KEY_TROUBLE.search(answer.body):
        return DeliveryError(
            Failure.CHANNEL_BROKEN,
            "pagerduty does not know the routing_key: HTTP 400; set that of an Events API v2 integration",
        )
    if answer.status == 400:
        return DeliveryError(Failure.PAYLOAD, "pagerduty refused the event: HTTP 400")
    if 200 <= answer.status < 300:
        return DeliveryError(
            Failure.TRANSIENT,
            f"something that is not pagerduty answered: HTTP {answer.status} in place of 202",
        )
    return refusal(answer, message.at)
