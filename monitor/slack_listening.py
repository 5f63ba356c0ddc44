"""Is Leeway within call of Slack? A loop that connects, acknowledges at once, and hands on what people ask.

An envelope is acknowledged before anything is done about it: Slack waits three seconds, a database may take
longer. So what is lost between the two is lost, and the person, who hears nothing, presses again. What comes
twice is acknowledged twice and handed on once; what one daemon did not see is known to the database
(monitor/slack_actions.py). With no room to wait there is no acknowledgement: Slack says so to the person.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import Full, Queue

from alerting import ladder
from alerting.channel import DeliveryError, Failure
from alerting.slack_requests import envelope_id
from monitor.logs import logger
from monitor.slack_link import Link, LinkLost

LOOK_EVERY_S = 1.0  # how soon a stop, or another leader, is noticed
WAITING = 32  # requests at most that nobody has answered yet
STEADY_S = 30.0  # a connection that lasted so long was a good one: the next is tried at once

_REMEMBERED = 1_000  # envelopes
_STEPS_S = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
_OFF_S = 300.0  # a person has to act; Slack is asked as often as a broken channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An envelope that was acknowledged, and to which app it was said."""

    message: Mapping[str, object]
    app: str  # as Slack's hello named it; "" where it did not


@dataclass(slots=True, kw_only=True)
class Listener:
    """One a token. `leads`: whether this daemon is the one to listen."""

    name: str
    connect: Callable[[], Link]
    leads: Callable[[], bool]
    over: threading.Event
    heard: "Queue[Heard]" = field(default_factory=lambda: Queue(maxsize=WAITING))
    monotonic: Callable[[], float] = time.monotonic
    failures: int = 0  # in a row
    _seen: "OrderedDict[str, None]" = field(default_factory=OrderedDict)

    def live(self) -> None:
        """Until it is over."""
        while not self.over.is_set():
            if self.leads():
                self.over.wait(self.once())
            else:
                self.over.wait(LOOK_EVERY_S)

    def once(self) -> float:
        """One connection, from its opening to its end. Returns how long to wait, in seconds."""
        began = self.monotonic()
        try:
            reason = self._listen()
        except DeliveryError as error:
            self.failures += 1
            wait_s = wait_after(self.failures, error)
            person = error.failure is Failure.CHANNEL_BROKEN
            say = logger().error if person else logger().warning
            say("slack.disconnected", channel=self.name, reason=error.reason, again_in_s=round(wait_s))
            return wait_s
        if self.over.is_set():
            return 0.0
        self.failures = 0 if self.monotonic() - began >= STEADY_S else self.failures + 1
        wait_s = _OFF_S if reason == "link_disabled" else wait_after(self.failures)
        logger().info("slack.disconnected", channel=self.name, reason=reason, again_in_s=round(wait_s))
        return wait_s

    def _listen(self) -> str:
        """Why it ended."""
        link = self.connect()
        app = ""
        try:
            while not self.over.is_set():
                if not self.leads():
                    return "another daemon leads"
                message = link.next(LOOK_EVERY_S)
                if message is None:
                    continue
                if message.get("type") == "disconnect":
                    return _reason(message)
                if message.get("type") == "hello":
                    app = _app(message)
                    logger().info("slack.connected", channel=self.name)
                    continue
                self._take(link, message, app)
        except LinkLost as lost:
            return str(lost)
        finally:
            link.close()
        return "stopping"

    def _take(self, link: Link, message: Mapping[str, object], app: str) -> None:
        envelope = envelope_id(message)
        if not envelope:
            return
        if envelope in self._seen:
            link.acknowledge(envelope)
            return
        if self.heard.full():  # nobody else fills it
            logger().warning("slack.refused", channel=self.name, reason="too much is asked at once")
            return
        link.acknowledge(envelope)
        self._seen[envelope] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        try:
            self.heard.put_nowait(Heard(message=message, app=app))
        except Full:  # pragma: no cover - there was room a moment ago
            logger().warning("slack.refused", channel=self.name, reason="too much is asked at once")


def wait_after(failures: int, error: DeliveryError | None = None) -> float:
    """Seconds until the next try, after so many in a row that came to nothing; 0: it had been a good one."""
    if error is not None and error.failure is Failure.RATE:
        return ladder.rate_wait(error.retry_after_s).total_seconds()
    if error is not None and error.failure is Failure.CHANNEL_BROKEN:
        return _OFF_S
    return _STEPS_S[min(failures, len(_STEPS_S)) - 1] if failures else 0.0


def _reason(message: Mapping[str, object]) -> str:
    """Of Slack's own: warning, refresh_requested, link_disabled. Another word is not repeated."""
    reason = message.get("reason")
    known = ("warning", "refresh_requested", "link_disabled")
    return reason if isinstance(reason, str) and reason in known else "slack asked for another connection"


def _app(message: Mapping[str, object]) -> str:
    info = message.get("connection_info")
    found = info.get("app_id") if isinstance(info, Mapping) else None
    return found if isinstance(found, str) else ""
