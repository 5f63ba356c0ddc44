"""Laws of keeping: how long, by which clock, and what `leeway db` says of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from alerting import failpoint
from monitor import build, logs
from monitor.config_file import load, parse
from monitor.config_problem import ConfigError
from monitor.evaluation import evaluate_next
from monitor.folding import fold_ready
from monitor.keeping import AGAIN_AFTER_S, PRUNE_AFTER_S, Keeper, day_of, full_for
from monitor.opening import open_runtime
from monitor.planning import plan
from monitor.referencing import build_reference
from monitor.runtime import InForce, Runtime
from storage.tables import column_result, daily_result
from tests.acceptance.fast import reconfigure
from tests.acceptance.world import build_shop
from tests.monitor.test_daemon import Wrong

START = datetime(2026, 3, 31, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def runtime_of(tmp_path: Path, *, every: str, more: str = "") -> Iterator[Runtime]:
    logs.configure(quiet=True)
    shop = build_shop(tmp_path / "shop", days=12, broken=range(0))
    reconfigure(
        shop,
        {
            'every = "1d"': f'every = "{every}"\nmin_rows = 1\ncatch_up = "30d"',
            "[models.shop]": more + "[models.shop]",
        },
    )
    with open_runtime(load(shop.config, members=build.check), Wrong(START)) as opened:
        build_reference(opened, opened.models["shop"])
        yield opened


@pytest.fixture
def hourly(tmp_path: Path) -> Iterator[Runtime]:
    yield from runtime_of(tmp_path, every="6h", more='[daemon.retention]\nmeasurements = "2d"\n\n')


def live(runtime: Runtime, until: datetime) -> None:
    clock: Any = runtime.clock
    clock.at = until
    plan(runtime)
    while evaluate_next(runtime):
        pass
    fold_ready(runtime)


def counts(runtime: Runtime) -> tuple[int, int]:
    with runtime.store.read() as conn:
        full = conn.execute(select(func.count(column_result.c.ledger_id.distinct()))).scalar_one()
        return full, conn.execute(select(func.count(daily_result.c.start.distinct()))).scalar_one()


def test_the_noise_of_four_hundred_windows_is_never_forgotten(hourly: Runtime) -> None:
    """Whatever is asked for; and late rows and labels lead back to a checkpoint that is there."""
    config = hourly.config
    assert full_for(config, "shop") == 400 * 6 * HOUR
    assert full_for(config, "gone") == 2 * DAY
    model = config.models["shop"]
    slow = model.window.model_copy(update={"every": "1m", "lateness": 60 * DAY})
    late = config.model_copy(update={"models": {"shop": model.model_copy(update={"window": slow})}})
    assert full_for(late, "shop") == 60 * DAY + timedelta(minutes=2)


def test_pruning_begins_a_minute_after_the_start_and_then_once_a_day(hourly: Runtime) -> None:
    """Between looks, a bounded time each; a model that left the config is pruned by the limits alone."""
    live(hourly, START + 10 * DAY + HOUR)
    gone = replace(hourly, config=hourly.config.model_copy(update={"models": {}}))
    clock: Any = hourly.clock
    keeper = Keeper(InForce(runtime=gone))
    assert counts(hourly) == (40, 0)
    assert not keeper.tidy(gone)
    assert counts(hourly) == (40, 0)
    clock.pass_s(PRUNE_AFTER_S)
    while keeper.tidy(gone):
        pass
    full, days = counts(hourly)
    assert days == 8
    assert full == 9  # two days, and the window a re-fold would begin with
    assert not keeper.tidy(gone)


def test_a_wrong_clock_prunes_nothing(hourly: Runtime) -> None:
    """Limits are counted from the latest judged window."""
    live(hourly, START + 3 * DAY + HOUR)
    clock: Any = hourly.clock
    gone = replace(hourly, config=hourly.config.model_copy(update={"models": {}}))
    keeper = Keeper(InForce(runtime=gone))
    clock.at += 3000 * DAY
    clock.elapsed_s += PRUNE_AFTER_S
    while keeper.tidy(gone):
        pass
    assert counts(hourly)[0] == 12 - 3


@pytest.mark.parametrize(
    ("every", "zone", "start", "end"),
    [
        ("1h", "UTC", "2026-03-31T00:00+00:00", "2026-04-01T00:00+00:00"),
        ("1h", "Europe/Helsinki", "2026-03-30T21:00+00:00", "2026-03-31T21:00+00:00"),
        ("1w", "UTC", "2026-03-30T00:00+00:00", "2026-04-06T00:00+00:00"),
    ],
)
def test_a_day_is_the_models_own(tmp_path: Path, every: str, zone: str, start: str, end: str) -> None:
    """In its zone; a window that is longer stands for itself."""
    shop = build_shop(tmp_path / "shop", days=0)
    reconfigure(shop, {'every = "1d"': f'every = "{every}"', 'zone = "UTC"': f'zone = "{zone}"'})
    span = day_of(load(shop.config), "shop", START + 5 * HOUR)
    assert (span.start, span.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_limits_out_of_order_are_refused() -> None:
    """A day's row cannot go before what it is made of."""
    text = '[daemon.retention]\nmeasurements = "90d"\ndaily = "30d"\n'
    with pytest.raises(ConfigError, match="daily: must be at least"):
        parse(text, path=Path("leeway.toml"))


def test_what_fails_is_taken_up_an_hour_later(hourly: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was pruned before is pruned, the rest is there."""
    live(hourly, START + 10 * DAY + HOUR)
    clock: Any = hourly.clock
    gone = replace(hourly, config=hourly.config.model_copy(update={"models": {}}))
    keeper = Keeper(InForce(runtime=gone))
    clock.pass_s(PRUNE_AFTER_S)
    monkeypatch.setattr(failpoint, "armed", failpoint.parse("mid_retention:raise:3"))

    def to_the_end() -> None:
        while keeper.tidy(gone):
            pass

    with pytest.raises(failpoint.FailpointError):
        to_the_end()
    assert counts(hourly)[0] > 9
    assert not keeper.tidy(gone)
    clock.pass_s(AGAIN_AFTER_S)
    to_the_end()
    assert counts(hourly) == (9, 8)


class Slow(Wrong):
    """Every look at the clock takes a second: a look of the daemon is one step of pruning."""

    def monotonic(self) -> float:
        self.elapsed_s += 1
        return self.elapsed_s


def test_a_reload_that_keeps_longer_ends_the_pruning_under_way(hourly: Runtime) -> None:
    """Not a row goes by the limits of before."""
    live(hourly, START + 10 * DAY + HOUR)
    config = hourly.config.model_copy(update={"models": {}})
    clock = Slow(hourly.clock.now())
    short = replace(hourly, config=config, clock=clock)
    in_force = InForce(runtime=short)
    keeper = Keeper(in_force)
    clock.pass_s(PRUNE_AFTER_S)
    assert keeper.tidy(short)
    keep = config.daemon.retention.model_copy(update={"measurements": 100 * DAY})
    daemon = config.daemon.model_copy(update={"retention": keep})
    in_force.runtime = replace(short, config=config.model_copy(update={"daemon": daemon}))
    while keeper.tidy(in_force.runtime):
        pass
    assert counts(hourly) == (40, 0)
