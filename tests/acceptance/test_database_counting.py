"""A model whose windows its database counts: learnt, lived through and judged as if its rows were read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from monitor import build
from monitor.clock import SteppedClock
from monitor.columns import extras
from monitor.config_file import load
from monitor.opening import open_runtime
from storage import profiles
from storage.span import Span
from tests.acceptance.fast import DAY, Past, learn, live, reconfigure
from tests.acceptance.world import REFERENCE_DAYS, Shop, build_shop, day
from tests.monitor.shelves import PostgresTables, SqliteTables, Table
from tests.postgres import Server

DAYS = 7
SOURCE = """
[models.shop.source]
kind = "sql"
url = "{url}"
table = "{table}"
timestamp = "ts"
count = "database"
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "sqlite":
        yield SqliteTables(tmp_path / "rows.db")
        return
    server: Server = request.getfixturevalue("postgres")
    name = server.database()
    yield PostgresTables(server.url(name))
    server.drop(name)


def shop_of(folder: Path, table: Table) -> Shop:
    shop = build_shop(folder, days=0, channels="")
    source = '\n[models.shop.source]\nkind = "parquet"\npath = "data/orders-*.parquet"\ntimestamp = "ts"\n'
    sliced = {'score = "score"\n': 'score = "score"\nsegments = ["country"]\n'}
    reconfigure(shop, {source: SOURCE.format(url=table.url, table=table.name), **sliced})
    return shop


def told(past: Past) -> list[tuple[Any, ...]]:
    """Every number that was measured, and every verdict."""
    measured = past.rows(
        "SELECT window_start, column_name, segment, metric, value FROM v_measurements ORDER BY 1, 2, 3, 4"
    )
    verdicts = past.rows(
        "SELECT v.window_start, v.column_name, v.segment, v.verdict, v.severity FROM v_verdicts v "
        "JOIN v_windows USING (window_id) WHERE superseded_by IS NULL ORDER BY 1, 2, 3"
    )
    return [tuple(row.values()) for row in (*measured, *verdicts)]


def is_counted_there(shop: Shop) -> bool:
    """Whether the database counts a window on the reference in force."""
    with open_runtime(load(shop.config, members=build.check), SteppedClock(shop.start)) as runtime:
        watched = runtime.models["shop"]
        with runtime.store.read() as conn:
            reference = profiles.active(conn, "shop")
            assert reference is not None
            profile = profiles.load_profile(conn, reference.id)
        span = Span(start=shop.start, end=shop.start + DAY)
        return watched.source.count(profile, span, extras(watched.config)) is not None  # type: ignore[attr-defined]


def test_both_ways_give_the_same_verdicts(tmp_path: Path, shelf: Any) -> None:
    """On one reference, built for the database, whole and in slices; an incident is found by either."""
    first = datetime(2026, 3, 1, tzinfo=UTC)
    frames = [day(first, REFERENCE_DAYS + n, broken=n in range(2, 6)).drop("label") for n in range(DAYS)]
    table = shelf.write("orders", pl.concat(frames))
    shops = [shop_of(tmp_path / way, table) for way in ("there", "here")]
    for shop in shops:
        outcome = learn(shop)
        assert any("counted by the database" in notice for notice in outcome.notices), outcome.notices
    reconfigure(shops[1], {'count = "database"': 'count = "here"'})
    assert [is_counted_there(shop) for shop in shops] == [True, False]
    there, here = (live(shop, DAYS) for shop in shops)
    assert there.windows() == here.windows()
    assert told(there) == told(here)
    assert {"", "country=FI", "country=SE", "country=NO"} <= {line[2] for line in told(there)}
    assert any(column == "amount" for column, _, _ in there.incidents())
