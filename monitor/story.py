"""What happened while the replayed days passed, and was it planted or real?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from alerting.channel import Channel, Receipt
from alerting.incident import Transition, TransitionKind
from alerting.message import Message
from alerting.notification import Notification
from alerting.retraining import RetrainingDecision
from alerting.verdict import Severity
from monitor.demo import Fault
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceBuilt:
    """The first event: what "normal" was learnt from."""

    version: int
    rows: int
    columns: int
    windows: int  # reference windows the noise model learnt from
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFolded:
    """One window is through steps 4 to 7. Its transitions and what was sent come after it."""

    span: Span
    state: str  # of the ledger: done, no_data, …
    rows: int
    severity: Severity = Severity.NONE  # the worst of its verdicts after the fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A channel was given this message."""

    notification: Notification
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A retraining decision, with every gate that was looked at."""

    at: datetime
    decision: RetrainingDecision


Event = ReferenceBuilt | WindowFolded | Transition | Sent | Decided


class Replay(Protocol):
    """The daemon's own path under an injected clock, told as it happens."""

    def __call__(self, config: Path, production: Span, /) -> Iterator[Event]:
        """Build and promote the reference, then let each window of `production` end and be seen to."""


@dataclass(slots=True, kw_only=True)
class Recorder:
    """A channel that keeps what passes through it. Put around each channel of a replay."""

    inner: Channel
    sent: list[Sent] = field(default_factory=list)

    @property
    def threads(self) -> bool:
        return self.inner.threads

    @property
    def edits(self) -> bool:
        return self.inner.edits

    @property
    def idempotent(self) -> bool:
        return self.inner.idempotent

    def send(self, notification: Notification, message: Message) -> Receipt:
        receipt = self.inner.send(notification, message)
        self.sent.append(Sent(notification=notification, message=message))
        return receipt

    def drain(self) -> list[Sent]:
        """What was sent since the last call, in order."""
        sent, self.sent = self.sent, []
        return sent


class Origin(StrEnum):
    """Who did it: the demo or the world."""

    PLANTED = "planted"
    REAL = "real"


def origin(transition: Transition, faults: tuple[Fault, ...]) -> Origin:
    """Planted where the column was spoilt at the time; all else the flights did by themselves."""
    spoilt = any(f.column == transition.series.column and transition.end > f.start for f in faults)
    return Origin.PLANTED if spoilt else Origin.REAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How one planted fault was met. None: it was not."""

    fault: Fault
    window: int | None = None  # 1 = paged in its first window
    change: str = ""
    rank: int | None = None  # among the breaches of that window; 1 = named first


@dataclass(slots=True, kw_only=True)
class Score:
    """Counts along the way, for the last words."""

    faults: tuple[Fault, ...]
    windows: list[Span] = field(default_factory=list)
    found: dict[str, Found] = field(default_factory=dict)  # by column
    opened: dict[Origin, set[str]] = field(default_factory=dict)  # incident ids
    paged: dict[Origin, set[str]] = field(default_factory=dict)
    messages: int = 0
    reminders: int = 0  # of these, repeats because nobody acknowledged
    requests: int = 0

    def note(self, event: Event) -> None:
        match event:
            case WindowFolded():
                self.windows.append(event.span)
            case Transition():
                self._note_transition(event)
            case Sent():
                self.messages += 1
                self.reminders += event.notification.reason == "repeat"
            case Decided():
                self.requests += bool(event.decision.request)
            case ReferenceBuilt():
                pass

    def outcome(self) -> list[Found]:
        """One line a planted fault, in the order of the config."""
        return [self.found.get(fault.column, Found(fault=fault)) for fault in self.faults]

    def _note_transition(self, transition: Transition) -> None:
        where = origin(transition, self.faults)
        if transition.kind in (TransitionKind.OPENED, TransitionKind.REOPENED):
            self.opened.setdefault(where, set()).add(transition.incident_id)
        if transition.severity is not Severity.PAGE:
            return
        self.paged.setdefault(where, set()).add(transition.incident_id)
        column = transition.series.column
        if where is Origin.PLANTED and column not in self.found:
            fault = next(f for f in self.faults if f.column == column)
            since = [w for w in self.windows if fault.start < w.end <= transition.end]
            verdict = transition.verdict
            self.found[column] = Found(
                fault=fault,
                window=len(since),
                change="" if verdict is None else verdict.change,
                rank=None if verdict is None else verdict.rank,
            )
