"""Laws of telling: each thing is told once, in its time, and no group holds up another."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alerting.grouping import Group, Told
from alerting.retraining import Outcome, RetrainingDecision
from alerting.retraining_facts import Mode
from alerting.verdict import Severity
from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.opening import open_runtime, own
from monitor.runtime import Runtime
from monitor.telling import flush
from storage import groups, history, outbox, retraining
from tests.acceptance.world import Shop, build_shop
from tests.storage.samples import message

DAY = timedelta(days=1)
CHANNEL = '[channels.{0}]\nkind = "log"\npath = "{0}.jsonl"\n\n[[routes]]\nchannels = ["{0}"]\n'


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    logs.configure(quiet=True)
    return build_shop(tmp_path / "shop", days=1, broken=range(0), channels=CHANNEL.format("file"))


@pytest.fixture
def runtime(shop: Shop) -> Iterator[Runtime]:
    with open_runtime(load(shop.config, members=build.check), SteppedClock(shop.start)) as opened:
        yield opened


def later(runtime: Runtime, wait: timedelta) -> None:
    assert isinstance(runtime.clock, SteppedClock)
    runtime.clock.advance_to(runtime.clock.now() + wait)


def open_thread(runtime: Runtime) -> Group:
    told = {"i": Told(firing=True, severity=Severity.PAGE)}
    group = Group(key="file&model=shop", channel="file", labels={"model": "shop"}, root_key="root", told=told)
    with runtime.store.write() as conn:
        groups.save(conn, group)
    return group


def dry_run(runtime: Runtime) -> None:
    decision = RetrainingDecision(
        outcome=Outcome.DRY_RUN,
        mode=Mode.DRY_RUN,
        target="t",
        request_id="r1",
        gates=(),
        request={"id": "r1"},
    )
    with runtime.store.write() as conn:
        retraining.save_decision(conn, "shop", decision, now=runtime.clock.now())


def told(runtime: Runtime) -> list[str]:
    with runtime.store.read() as conn:
        return [str(row["reason"]) for row in history.notifications(conn)]


def test_a_retraining_decision_is_told_in_its_thread_once(runtime: Runtime) -> None:
    """Whoever follows the incident hears what Leeway did about it."""
    open_thread(runtime)
    dry_run(runtime)
    assert [flush(runtime), flush(runtime)] == [1, 0]
    assert told(runtime) == ["retraining"]


def test_an_old_retraining_decision_is_no_news_in_a_new_thread(runtime: Runtime) -> None:
    """A thread, or a channel, that came later has another cause."""
    dry_run(runtime)
    later(runtime, 2 * DAY)
    open_thread(runtime)
    assert flush(runtime) == 0
    assert told(runtime) == []


def test_what_waits_for_a_channel_that_left_the_config_is_buried_in_its_time(shop: Shop) -> None:
    """Its rows do not stay open for ever: they die at their deadline, and the daemon says so."""
    clock = SteppedClock(shop.start)
    with open_runtime(load(shop.config, members=build.check), clock) as runtime:
        with runtime.store.write() as conn:
            outbox.enqueue(conn, [message("a", "gone/shop")], clock.now())
        with own(runtime) as couriers:
            for courier in couriers:
                courier.step(clock.now())
        with runtime.store.read() as conn:
            kinds = [event["kind"] for event in history.daemon_events(conn)]
            assert [kind for kind in kinds if kind != "rules.in_force"] == ["outbox.dead"]
