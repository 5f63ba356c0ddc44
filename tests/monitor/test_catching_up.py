"""Laws of what waits while a model is behind, and of what is of the past."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from monitor import build, logs
from monitor.build import build_models
from monitor.catching_up import is_behind, is_historical
from monitor.config_file import load
from monitor.runtime import Watched
from storage import fold_order, ledger
from storage.engine import Store, open_store
from storage.ledger import DueWindow, Stream, WindowState
from storage.span import Span
from storage.tables import ledger as table
from tests.acceptance.labelled import build_labelled_shop

DAY = timedelta(days=1)
START = datetime(2026, 4, 1, tzinfo=UTC)
NOW = START + 10 * DAY
LEASE = timedelta(minutes=1)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    logs.configure(quiet=True)
    shop = build_labelled_shop(tmp_path / "shop", days=0)
    return build_models(load(shop.config, members=build.check)).models["shop"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'leeway.db'}") as opened:
        opened.upgrade()
        yield opened


def planned(store: Store, days: int, stream: Stream = Stream.INPUTS) -> None:
    """A window of a day, `days` before now."""
    span = Span(start=NOW - (days + 1) * DAY, end=NOW - days * DAY)
    minute = timedelta(minutes=10)
    with store.write() as conn:
        ledger.plan(conn, "shop", stream, [span], now=NOW, settle=minute, lateness=DAY, give_up=DAY)


def held(store: Store, watched: Watched) -> bool:
    with store.read() as conn:
        return is_behind(conn, watched, NOW)


def test_an_old_window_that_is_about_to_be_evaluated_holds_back(store: Store, watched: Watched) -> None:
    """Yesterday's does not, nor one of the labels, nor nothing at all."""
    assert not held(store, watched)
    planned(store, 1)
    planned(store, 5, Stream.LABELS)
    assert not held(store, watched)
    planned(store, 5)
    assert held(store, watched)


def test_a_window_that_waits_for_its_rows_holds_up_nobody(store: Store, watched: Watched) -> None:
    """It was looked at and put off: nobody knows for how long."""
    planned(store, 5)
    with store.write() as conn:
        window = ledger.claim(conn, NOW, "host 1", LEASE)
        assert window is not None
    assert held(store, watched)
    with store.write() as conn:
        ledger.defer(conn, window.id, window.fence, NOW, "the source is not complete")
    assert not held(store, watched)


def test_what_is_measured_and_can_be_judged_holds_back_till_it_is(store: Store, watched: Watched) -> None:
    """The fold is a step or two away."""
    planned(store, 5)
    with store.write() as conn:
        window = ledger.claim(conn, NOW, "host 1", LEASE)
        assert window is not None
        ledger.finish(conn, window.id, window.fence, now=NOW, state=WindowState.DONE, rows=9)
    assert held(store, watched)
    with store.write() as conn:
        fold_order.mark_folded(conn, window.id, NOW)
    assert not held(store, watched)


@pytest.mark.parametrize(
    ("stream", "late", "expected"),
    [
        (Stream.INPUTS, timedelta(days=2, minutes=10), False),
        (Stream.INPUTS, timedelta(days=2, minutes=11), True),
        (Stream.LABELS, timedelta(days=6, minutes=10), False),  # four days are waited for them
        (Stream.LABELS, timedelta(days=6, minutes=11), True),
    ],
)
def test_historical_is_two_intervals_later_than_it_could_have_been(
    store: Store, watched: Watched, stream: Stream, late: timedelta, expected: bool
) -> None:
    """Labels come late by nature."""
    planned(store, 0, stream)
    with store.write() as conn:
        conn.execute(update(table).values(next_try=NOW, due=NOW))
        window: DueWindow | None = ledger.claim(conn, NOW, "host 1", LEASE)
    assert window is not None
    assert is_historical(watched, window, window.span.end + late) is expected
