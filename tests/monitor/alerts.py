"""Alerts without models: verdicts spelled as letters go through fold, grouping, outbox and courier for real.

A day is a moment and a test is about alerting alone: what is measured and judged is proven elsewhere. The
database, the channels and the loopback server are real; only the clock is moved by hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alerting.alert_state import AlertState
from alerting.channel import Channel, Receipt
from alerting.courier import Courier
from alerting.fold import FoldPolicy
from alerting.health import fold_window
from alerting.incident import Incident
from alerting.message import Message
from alerting.notification import Action, Notification
from alerting.series import Series
from alerting.silence import Silence, parse_matcher
from alerting.verdict import IncidentKind, Verdict, VerdictKind
from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import deliver
from monitor.fold_output import mark_groups
from monitor.opening import open_runtime, own
from monitor.runtime import Runtime
from monitor.telling import flush
from storage import history, incidents, silences
from tests.acceptance.world import build_shop
from tests.alerting.verdicts import START, verdict

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(kw_only=True)
class Reader:
    """A channel of our own port: takes everything, or raises what it is told to."""

    threads: bool = True
    edits: bool = True
    idempotent: bool = True
    fails: Exception | None = None
    taken: list[tuple[Notification, Message]] = field(default_factory=list)

    def send(self, notification: Notification, message: Message) -> Receipt:
        if self.fails is not None:
            raise self.fails
        self.taken.append((notification, message))
        return Receipt(reference={"channel": "C1", "ts": str(len(self.taken))})

    def posts(self) -> list[str]:
        """The headings of what makes a phone ring: edits do not."""
        return [message.heading for row, message in self.taken if row.action is not Action.EDIT]

    def reasons(self) -> list[str]:
        return [row.reason for row, _ in self.taken if row.action is not Action.EDIT]


@dataclass(kw_only=True)
class Alerts:
    """One life of some series."""

    runtime: Runtime
    couriers: Sequence[Courier]
    states: dict[str, AlertState] = field(default_factory=dict)
    index: int = 0

    @property
    def now(self) -> datetime:
        return self.runtime.clock.now()

    def wait(self, time: timedelta) -> None:
        assert isinstance(self.runtime.clock, SteppedClock)
        self.runtime.clock.advance_to(self.now + time)

    def window(
        self, letters: Mapping[str, str], *, model: str = "shop", past: bool = False, at: int | None = None
    ) -> list[Incident]:
        """One hourly window of the model: a letter a column, as in tests/alerting/verdicts.py."""
        index = self.index if at is None else at
        said = [
            verdict(letter, index, series=Series(model=model, column=column), rank=None)
            for column, letter in letters.items()
        ]
        said.append(replace(_well(index), series=Series(model=model, column="")))
        mine = {key: state for key, state in self.states.items() if state.series.model == model}
        folded = fold_window(mine, said, FoldPolicy())
        self.states |= folded.states
        with self.runtime.store.write() as conn:
            touched = incidents.apply(conn, folded.transitions, self.now)
            eventful = {each.incident_id for each in folded.transitions if each.is_event}
            history = folded.transitions if past else ()
            mark_groups(conn, self.runtime.config, touched, eventful, self.now, past=history)
        self.index = max(self.index, index + 1)
        return touched

    def look(self) -> int:
        """What the daemon does every few seconds: tell, and deliver."""
        told = flush(self.runtime)
        deliver(self.runtime, self.couriers)
        return told

    def live(self, column: str, letters: str) -> None:
        """One window an hour, with a look after each."""
        for letter in letters:
            self.window({column: letter})
            self.look()
            self.wait(HOUR)

    def silence(self, *matchers: str, lasting: timedelta = HOUR) -> Silence:
        made = Silence.make(
            [parse_matcher(each) for each in matchers],
            until=self.now + lasting,
            author="ada",
            comment="a migration",
            now=self.now,
        )
        with self.runtime.store.write() as conn:
            silences.add(conn, made)
        return made

    def expire(self, made: Silence) -> None:
        with self.runtime.store.write() as conn:
            silences.expire(conn, made.id, by="bob", now=self.now)

    def open(self, model: str | None = "shop") -> list[Incident]:
        with self.runtime.store.read() as conn:
            return incidents.open_incidents(conn, model)

    def rows(self) -> list[dict[str, Any]]:
        """The outbox."""
        with self.runtime.store.read() as conn:
            return history.notifications(conn)


def _well(index: int) -> Verdict:
    """A feed that is well."""
    made = verdict("c", index)
    return replace(made, kind=VerdictKind.CLEAR, incident_kind=IncidentKind.DATA)


ROUTES = """
[channels.oncall]
kind = "log"
path = "oncall.jsonl"

[channels.mail]
kind = "log"
path = "mail.jsonl"

[daemon]
fallback = "mail"

[[routes]]
channels = ["oncall"]
"""


@contextmanager
def alerts(
    folder: Path, channels: Mapping[str, Channel], *, config: str = ROUTES, start: datetime = START
) -> Iterator[Alerts]:
    """Everything open, with these channels in the place of the config's."""
    logs.configure(quiet=True)
    shop = build_shop(folder / "shop", days=1, broken=range(0), channels=config)
    clock = SteppedClock(start + HOUR)
    with open_runtime(load(shop.config, members=build.check), clock) as opened:
        runtime = replace(opened, channels=dict(channels))
        with own(runtime) as couriers:
            yield Alerts(
                runtime=runtime, couriers=[replace(each, monotonic=lambda: 0.0) for each in couriers]
            )
