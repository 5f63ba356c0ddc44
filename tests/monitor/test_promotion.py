"""Laws of promotion: what is judged after it is judged against the reference in force, and nothing else."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from detectors import Kind
from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.evaluation import evaluate_next
from monitor.folding import fold_model
from monitor.opening import open_runtime
from monitor.planning import plan
from monitor.referencing import build_reference
from monitor.runtime import Runtime
from monitor.source import Source, Window
from storage import ledger, measurements, profiles
from storage.ledger import Stream, WindowState
from storage.span import Span
from tests.acceptance.world import Shop, build_shop

DAY = timedelta(days=1)
START = datetime(2026, 3, 31, tzinfo=UTC)  # of production


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """A source beside which something happens while it is read."""

    inner: Source
    does: Callable[[], None]

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        self.does()
        return self.inner.pull(span, wanted)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    logs.configure(quiet=True)
    return build_shop(tmp_path / "shop", days=2, broken=range(2))


@pytest.fixture
def runtime(shop: Shop) -> Iterator[Runtime]:
    """The shop with its reference; two broken days are planned."""
    clock = SteppedClock(shop.start)
    with open_runtime(load(shop.config, members=build.check), clock) as opened:
        build_reference(opened, opened.models["shop"])
        clock.advance_to(shop.start + 2 * DAY + DAY / 2)
        plan(opened)
        yield opened


def promote_another(runtime: Runtime, shop: Shop) -> None:
    """Somebody says that this is what orders look like now."""
    path = shop.folder / "data/reference.parquet"
    pl.read_parquet(path).with_columns(pl.col("amount") * 2.25).write_parquet(path)
    build_reference(runtime, runtime.models["shop"], promote=True)


def windows(runtime: Runtime) -> list[ledger.DueWindow]:
    with runtime.store.read() as conn:
        return ledger.find(conn, "shop", Stream.INPUTS, Span(start=START, end=START + 9 * DAY))


def test_what_is_measured_but_not_judged_is_measured_again(runtime: Runtime, shop: Shop) -> None:
    """Else an incident would open against a reference that somebody has just replaced."""
    while evaluate_next(runtime):
        pass
    promote_another(runtime, shop)
    assert [window.state for window in windows(runtime)] == [WindowState.PLANNED] * 2
    while evaluate_next(runtime):
        pass
    assert len(fold_model(runtime, runtime.models["shop"])) == 2
    with runtime.store.read() as conn:
        active = profiles.active(conn, "shop")
        assert active is not None
        assert active.version == 2
        assert [window.reference_id for window in windows(runtime)] == [active.id] * 2
        kept = [result.column for result in measurements.load(conn, windows(runtime)[0].id)]
        assert kept[: len(active.columns)] == list(active.columns)


def test_what_was_judged_before_stays(runtime: Runtime, shop: Shop) -> None:
    """History is not rewritten."""
    while evaluate_next(runtime):
        pass
    fold_model(runtime, runtime.models["shop"])
    before = windows(runtime)
    promote_another(runtime, shop)
    assert windows(runtime) == before


def test_a_window_that_is_being_measured_meanwhile_is_measured_again(runtime: Runtime, shop: Shop) -> None:
    """The worker finds out when it comes to write."""
    watched = runtime.models["shop"]
    done: list[bool] = []

    def once() -> None:
        if not done:
            done.append(True)
            promote_another(runtime, shop)

    source: Source = Meanwhile(watched.source, once)  # type: ignore[assignment]  # the rest is the inner one's
    while evaluate_next(replace(runtime, models={"shop": replace(watched, source=source)})):
        pass
    with runtime.store.read() as conn:
        active = profiles.active(conn, "shop")
    assert active is not None
    assert [window.reference_id for window in windows(runtime)] == [active.id] * 2
