"""A model whose windows are spelled as letters, and all that happens around its retraining, for real.

Ledger, fold, decision, outbox, courier and a loopback trainer are the daemon's own; only rows are not read,
and the clock is moved by hand. A window is a day; `look` is what the daemon does every few seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, update

from alerting import failpoint
from alerting.call_back import Report, RetrainingState
from alerting.courier import Courier
from alerting.fold import FoldPolicy
from alerting.health import fold_window
from alerting.incident import Incident
from alerting.retraining import RetrainingDecision
from alerting.series import Series
from alerting.verdict import Severity, Verdict, VerdictKind
from monitor import build, logs
from monitor.approving import approve, reject
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import deliver
from monitor.fold_output import mark_groups
from monitor.opening import couriers_of, open_runtime, own
from monitor.reporting import Reply, report
from monitor.retraining import decide_retraining
from monitor.runtime import Runtime, Watched
from monitor.telling import flush
from monitor.tending import tend
from storage import checkpoints, fold_order, history, incidents, ledger, retraining, verdicts
from storage.ledger import DueWindow, Stream, WindowState
from storage.retraining import Retraining
from storage.span import Span
from storage.tables import retraining as table
from tests.acceptance.world import build_shop
from tests.alerting.verdicts import verdict
from tests.loopback import Loopback
from tests.monitor.alerts import Reader

DAY = timedelta(days=1)
SECRET = "whsec_" + "Y2FuYXJ5LXRyYWluZXItc2VjcmV0LWNhbmFyeQ=="
CHANNELS = """
[channels.oncall]
kind = "log"
path = "oncall.jsonl"

[channels.trainer]
kind = "webhook"
url = "{url}/train"
secret_file = "secret"
allow_http = true
allow_private = true
idempotent = {idempotent}
deadline_s = 2.0

[[routes]]
channels = ["oncall"]
"""
POLICY = """
[models.shop.retraining]
mode = "{mode}"
target = "trainer"
breached = 2
within = 3
min_rows = 50
cooldown = "{cooldown}"
{more}
"""


@dataclass(kw_only=True)
class Life:
    """One life of a model."""

    runtime: Runtime
    couriers: Sequence[Courier]
    reader: Reader
    trainer: Loopback
    length: timedelta = DAY  # of a window
    decided: list[RetrainingDecision | None] = field(default_factory=list)

    @property
    def watched(self) -> Watched:
        return self.runtime.models["shop"]

    def wait(self, time: timedelta) -> None:
        assert isinstance(self.runtime.clock, SteppedClock)
        self.runtime.clock.advance_to(self.runtime.clock.now() + time)

    def day(self, letters: Mapping[str, str], *, rows: int = 900) -> RetrainingDecision | None:
        """One window ends and is folded: a letter a column, as in tests/alerting/verdicts.py."""
        end = self.runtime.clock.now()
        span = Span(start=end - self.length, end=end)
        with self.runtime.store.write() as conn:
            window = _ended(conn, span, rows)
            said = [_said(letter, column, span) for column, letter in letters.items()]
            folded = fold_window(checkpoints.alert_states(conn, "shop"), said, FoldPolicy())
            now = self.runtime.clock.now()
            touched = incidents.apply(conn, folded.transitions, now)
            verdicts.save(conn, window.id, folded.verdicts)
            checkpoints.save(conn, window.id, {}, [folded.states[key] for key in folded.changed])
            eventful = {each.incident_id for each in folded.transitions if each.is_event}
            mark_groups(conn, self.runtime.config, touched, eventful, now)
            fold_order.mark_folded(conn, window.id, now)
            decision = decide_retraining(self.runtime, self.watched, conn, window)
            failpoint.hit("before_fold_commit")
        failpoint.hit("after_fold_commit")
        self.decided.append(decision)
        return decision

    def look(self) -> None:
        tend(self.runtime, self.watched)
        flush(self.runtime)
        deliver(self.runtime, self.couriers)

    def live(self, letters: str, column: str = "amount") -> None:
        """A window a day, with a look after each."""
        for letter in letters:
            self.day({column: letter})
            self.look()
            self.wait(self.length)

    def drift(self) -> None:
        """Two breached days, the second of them now: asked, and not a moment later."""
        self.live("P")
        self.day({"amount": "P"})
        self.look()

    def trained_on(self, version: int) -> None:
        """The latest request was made when another reference was in force: the new model is what answers."""
        request = self.latest()
        facts = {**request.facts, "reference": {"version": version, "digest": "x"}}
        with self.runtime.store.write() as conn:
            conn.execute(update(table).where(table.c.id == request.id).values(facts=facts))

    def switch_off(self) -> None:
        """As a reload would, of a config that says so."""
        before = self.runtime.config
        off = before.model_copy(
            update={"retraining": before.retraining.model_copy(update={"enabled": False})}
        )
        assert before.path is not None
        config = off.loaded(before.path, {"shop": before.digest("shop")})
        self.runtime = replace(self.runtime, config=config)
        self.couriers = couriers_of(self.runtime)

    def requests(self) -> list[Retraining]:
        with self.runtime.store.read() as conn:
            return retraining.of_model(conn, "shop")

    def latest(self) -> Retraining:
        return self.requests()[-1]

    def kinds(self, request: Retraining | None = None) -> list[str]:
        """What happened to it."""
        with self.runtime.store.read() as conn:
            return [each.kind for each in retraining.events(conn, (request or self.latest()).id)]

    def report(self, state: str, **said: str) -> Reply:
        told = Report(state=RetrainingState(state), **said)
        with self.runtime.store.write() as conn:
            now = self.runtime.clock.now()
            reply = report(conn, self.runtime.config, self.latest().id, told, now, by="trainer")
        assert reply is not None
        return reply

    def approve(self, request: Retraining | None = None) -> list[str]:
        """The gates that were shut."""
        with self.runtime.store.write() as conn:
            now, id_ = self.runtime.clock.now(), (request or self.latest()).id
            _, looked_at = approve(conn, self.runtime.config, id_, now, by="ada")
        return [gate.name for gate in looked_at if not gate.passed]

    def reject(self, reason: str = "not now") -> None:
        with self.runtime.store.write() as conn:
            now = self.runtime.clock.now()
            reject(conn, self.runtime.config, self.latest().id, now, by="bob", reason=reason)

    def told(self) -> list[str]:
        """Headings of what was said about retraining."""
        return [message.heading for row, message in self.reader.taken if row.reason == "retraining"]

    def gates(self) -> list[list[str]]:
        """Of each decision, the gates that were shut."""
        with self.runtime.store.read() as conn:
            return [
                [gate["name"] for gate in each["gates"] if not gate["passed"]]
                for each in history.retraining_decisions(conn, "shop")
            ]

    def outbox(self) -> list[dict[str, Any]]:
        """Requests to the trainer."""
        with self.runtime.store.read() as conn:
            return [row for row in history.notifications(conn) if row["action"] == "request"]

    def open(self) -> list[Incident]:
        with self.runtime.store.read() as conn:
            return incidents.open_incidents(conn, "shop")


def _ended(conn: Connection, span: Span, rows: int) -> DueWindow:
    now = span.end
    wait = timedelta(minutes=10)
    ledger.plan(conn, "shop", Stream.INPUTS, [span], now=now, settle=-wait, lateness=DAY, give_up=DAY)
    window = ledger.claim(conn, now, "host 1", timedelta(seconds=60))
    assert window is not None
    assert ledger.finish(conn, window.id, window.fence, now=now, state=WindowState.DONE, rows=rows)
    return window


def _said(letter: str, column: str, span: Span) -> Verdict:
    made = verdict(letter, 0, series=Series(model="shop", column=column), rank=None)
    severity = made.severity if made.kind is VerdictKind.BREACH else Severity.NONE
    return replace(made, start=span.start, end=span.end, severity=severity)


@contextmanager
def life(
    folder: Path,
    *,
    mode: str = "auto",
    cooldown: str = "7d",
    more: str = "",
    idempotent: bool = True,
    config: str = "",
) -> Iterator[Life]:
    """Everything open, beside a trainer that takes what it is sent."""
    logs.configure(quiet=True)
    with Loopback(folder / "accepted.jsonl") as trainer:
        shop = build_shop(
            folder / "shop",
            days=1,
            broken=range(0),
            channels=CHANNELS.format(url=trainer.url, idempotent=str(idempotent).lower()) + config,
            extra=POLICY.format(mode=mode, cooldown=cooldown, more=more),
        )
        (shop.folder / "secret").write_text(SECRET)
        clock = SteppedClock(shop.start + 10 * DAY)
        with open_runtime(load(shop.config, members=build.check), clock) as opened:
            reader = Reader()
            runtime = replace(opened, channels={**opened.channels, "oncall": reader})
            with own(runtime) as couriers:
                yield Life(
                    runtime=runtime,
                    couriers=[replace(each, monotonic=lambda: 0.0) for each in couriers],
                    reader=reader,
                    trainer=trainer,
                )
