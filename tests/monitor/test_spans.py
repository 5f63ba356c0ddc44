"""Laws of evaluating on demand: what was asked for is answered, whoever did the work."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerting.channels.log import LogChannel
from alerting.retraining_facts import Mode, RetrainingPolicy
from alerting.verdict import Severity
from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.config_types import MemberConfig
from monitor.evaluation import evaluate_next
from monitor.folding import fold_ready
from monitor.opening import open_runtime
from monitor.referencing import build_reference
from monitor.runtime import LEASE, Runtime
from monitor.spans import Evaluation, evaluate_spans
from storage import history, ledger
from tests.acceptance.world import build_shop

DAY = timedelta(days=1)
START = datetime(2026, 3, 31, tzinfo=UTC)  # of production


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """The shop with its reference; two days of production have passed, the second is broken."""
    logs.configure(quiet=True)
    shop = build_shop(tmp_path / "shop", days=2, broken=range(1, 2))
    clock = SteppedClock(shop.start)
    with open_runtime(load(shop.config, members=build.check), clock) as opened:
        build_reference(opened, opened.models["shop"])
        clock.advance_to(shop.start + 2 * DAY)
        yield opened


def evaluate(runtime: Runtime, beside: str = "") -> Evaluation:
    """`beside`: what a daemon does between the plan and our first window."""

    def progress(_what: str, _done: int, _of: int) -> None:
        if beside == "claims":
            with runtime.store.write() as conn:
                ledger.claim(conn, runtime.clock.now(), "daemon", LEASE)
        elif beside == "folds":
            while evaluate_next(runtime):
                fold_ready(runtime)

    shop = runtime.models["shop"]
    end = runtime.clock.now()
    return evaluate_spans(runtime, shop, start=START, end=end, notify=False, progress=progress)


def settle(runtime: Runtime) -> None:
    assert isinstance(runtime.clock, SteppedClock)
    runtime.clock.advance_to(runtime.clock.now() + runtime.models["shop"].config.window.settle)


def test_what_a_daemon_folded_first_counts_too(runtime: Runtime) -> None:
    """`--fail-on page` must not miss a page because somebody else was faster."""
    settle(runtime)
    found = evaluate(runtime, beside="folds")
    assert [each.window.span.start for each in found.folded] == [START, START + DAY]
    assert found.folded[1].severity is Severity.PAGE
    assert found.left == []


def test_what_a_daemon_holds_is_left_and_overdue(runtime: Runtime) -> None:
    """Nothing can be said of it yet, and that is said."""
    settle(runtime)
    found = evaluate(runtime, beside="claims")
    assert found.folded == []
    assert [window.span.start for window in found.overdue(runtime.clock.now())] == [START, START + DAY]


def test_what_is_not_due_is_left_and_not_overdue(runtime: Runtime) -> None:
    """Its last rows may still arrive."""
    found = evaluate(runtime)
    assert [each.window.span.start for each in found.folded] == [START]
    assert [window.span.start for window in found.left] == [START + DAY]
    assert found.overdue(runtime.clock.now()) == []


def test_looking_starts_no_training_run(runtime: Runtime) -> None:
    """Without --notify a request that would have gone out is recorded as a dry run."""
    policy = RetrainingPolicy(mode=Mode.AUTO, target="trainer", breached=1, within=1, min_rows=1)
    asking = replace(runtime.models["shop"], retraining=policy)
    trainer = LogChannel(path="/dev/null")
    taking = MemberConfig.model_validate({"kind": "webhook"})
    config = runtime.config.model_copy(update={"channels": {"trainer": taking}})
    daemon_like = replace(runtime, config=config, models={"shop": asking}, channels={"trainer": trainer})
    settle(daemon_like)
    evaluate(daemon_like)
    with runtime.store.read() as conn:
        decided = history.retraining_decisions(conn, "shop")
        assert decided[-1]["outcome"] == "dry_run"
        assert history.notifications(conn) == []
