"""A model whose rows are in a table of PostgreSQL: from its reference to a told incident, with late rows."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.acceptance.fast import DAY, Past, learn, live, reconfigure
from tests.acceptance.world import REFERENCE_DAYS, Shop, build_shop, day
from tests.monitor.shelves import PostgresTables, Table
from tests.postgres import Server

DAYS = 9
LATE = 2  # the day of which more than half comes two days later
CHANNEL = '[channels.file]\nkind = "log"\npath = "said.jsonl"\n\n[[routes]]\nchannels = ["file"]\n'
SOURCE = """
[models.shop.source]
kind = "sql"
url_env = "LEEWAY_TEST_ROWS"
table = "{orders}"
timestamp = "ts"
filter = {{ model = "shop" }}
"""


@pytest.fixture
def rows(postgres: Server) -> Iterator[str]:
    """A database that is not the history's."""
    name = postgres.database()
    yield name
    postgres.drop(name)


def in_files(folder: Path) -> Past:
    """The same days from Parquet, every row in time."""
    shop = build_shop(folder, days=DAYS, broken=range(4, 7), channels=CHANNEL)
    learn(shop)
    return live(shop, DAYS)


def verdicts(past: Past) -> list[tuple[str, str, str, str]]:
    """What stands in the end, of each column and window."""
    found = past.rows(
        "SELECT v.window_start, v.column_name, v.verdict, v.severity FROM v_verdicts v "
        "JOIN v_windows USING (window_id) WHERE superseded_by IS NULL ORDER BY 1, 2"
    )
    return [tuple(row.values()) for row in found]  # type: ignore[misc]  # four texts


def moved_to(server: Server, database: str, shop: Shop) -> Table:
    """The reference and, day by day, production in tables; a role that may read them and nothing else."""
    shelf = PostgresTables(server.url(database))
    learnt = pl.read_parquet(shop.folder / "data/reference.parquet")
    reference = shelf.write("reference", learnt)
    orders = shelf.write(
        "orders", day(shop.start, 0).drop("label").with_columns(pl.lit("shop").alias("model"))[:0]
    )
    server.sql(
        "CREATE ROLE reads_orders LOGIN",
        f'GRANT SELECT ON "{orders.name}", "{reference.name}" TO reads_orders',
        database=database,
    )
    reconfigure(
        shop,
        {
            '\n[models.shop.source]\nkind = "parquet"\npath = "data/orders-*.parquet"\ntimestamp = "ts"\n': (
                SOURCE.format(orders=orders.name)
            ),
            'source = { kind = "parquet", path = "data/reference.parquet" }': (
                f'source = {{ kind = "sql", url_env = "LEEWAY_TEST_ROWS", table = "{reference.name}" }}'
            ),
            'every = "1d"': 'every = "1d"\nlateness = "60h"',
        },
    )
    return orders


def test_from_reference_to_a_told_incident(
    tmp_path: Path, postgres: Server, rows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said in the end is what files would have said; the rows of another model are in no window."""
    shop = build_shop(tmp_path / "table", days=0, channels=CHANNEL)
    orders = moved_to(postgres, rows, shop)
    shelf = PostgresTables(postgres.url(rows))
    monkeypatch.setenv("LEEWAY_TEST_ROWS", postgres.url(rows, "reads_orders"))
    first = shop.start - REFERENCE_DAYS * DAY

    def arrive(at: datetime) -> None:
        number = (at - shop.start) // DAY - 1
        frame = day(first, REFERENCE_DAYS + number, broken=number in range(4, 7)).drop("label")
        beside = frame.with_columns(pl.col("amount") * 1_000)
        position = pl.int_range(pl.len()) % 100
        early = frame.filter(position < 40) if number == LATE else frame
        shelf.add(orders, early.with_columns(pl.lit("shop").alias("model")))
        shelf.add(orders, beside.with_columns(pl.lit("another").alias("model")))
        if number == LATE + 2:
            late = day(first, REFERENCE_DAYS + LATE).drop("label").filter(position >= 40)
            shelf.add(orders, late.with_columns(pl.lit("shop").alias("model")))

    try:
        learn(shop)
        past = live(shop, DAYS, each=arrive)
        windows = past.rows("SELECT window_start, revision, state, reason, rows FROM v_windows ORDER BY 1, 2")
        again = [(row["revision"], row["state"], row["rows"]) for row in windows]
        assert again.count((1, "done", 160)) == 1, windows
        assert verdicts(past) == verdicts(in_files(tmp_path / "files"))
        incidents = past.incidents()
        assert ("amount", "drift", "page") in incidents, incidents
        said = [json.loads(line) for line in (shop.folder / "said.jsonl").read_text().splitlines()]
        assert any("amount" in each["heading"] for each in said)
    finally:
        postgres.sql("DROP OWNED BY reads_orders", "DROP ROLE reads_orders", database=rows)


def test_a_table_that_is_gone_is_said(
    tmp_path: Path, postgres: Server, rows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its windows wait for it and then fail, by name; the daemon goes on."""
    shop = build_shop(tmp_path / "table", days=0, channels=CHANNEL)
    orders = moved_to(postgres, rows, shop)
    monkeypatch.setenv("LEEWAY_TEST_ROWS", postgres.url(rows))
    try:
        learn(shop)
        postgres.sql(f'ALTER TABLE "{orders.name}" RENAME TO elsewhere', database=rows)
        past = live(shop, 3, every=timedelta(hours=12))
        state, reason = past.windows()[0]
        assert (state, f"table {orders.name}: no such table" in reason) == ("failed", True), (state, reason)
    finally:
        postgres.sql("DROP OWNED BY reads_orders", "DROP ROLE reads_orders", database=rows)
