"""Bad rows and bad files, one a test: which stated end does the window reach, and does the rest go on?

Six quiet days of production; one of them, number 2, is broken. A day is one window.
"""

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.acceptance.fast import DAY, Past, learn, live, reconfigure, rewrite
from tests.acceptance.world import ROWS, Shop, build_shop

BAD = 2  # the broken day
DAYS = 6
GOOD = ["done"] * DAYS
Change = Callable[[pl.DataFrame], pl.DataFrame]

FIRST_ROWS = pl.int_range(pl.len()) < 40


TO_A_FILE = """
[channels.file]
kind = "log"
path = "alerts.jsonl"

[[routes]]
match = { model = "*", severity = "page" }
channels = ["file"]
"""


@pytest.fixture(scope="module")
def quiet_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Six quiet days, the reference built once for all tests here."""
    made = build_shop(
        tmp_path_factory.mktemp("quiet") / "shop", days=DAYS, broken=range(0), channels=TO_A_FILE
    )
    learn(made)
    return made


@pytest.fixture
def shop(quiet_shop: Shop, tmp_path: Path) -> Shop:
    """A copy of the quiet shop, its reference built."""
    folder = tmp_path / "shop"
    shutil.copytree(quiet_shop.folder, folder)
    return Shop(config=folder / "leeway.toml", start=quiet_shop.start)


def broken(shop: Shop, change: Change) -> Past:
    """The six days with one of them changed."""
    rewrite(shop, BAD, change)
    return live(shop, DAYS)


def others_go_on(past: Past, column: str) -> None:
    """Every other column was judged in every window, and none of them alerts."""
    for other in {"amount", "items", "country", "score"} - {column}:
        assert past.verdicts(other) == ["clear"] * DAYS, other
    assert {name for name, _, _ in past.incidents()} <= {column}


COLUMN_CASES: dict[str, tuple[str, Change, str, str]] = {
    # name: (column, what goes in, its verdict, a word of the incident's title)
    "missing column": ("items", lambda day: day.drop("items"), "error", "orders-002.parquet; bring it back"),
    "renamed column": ("items", lambda day: day.rename({"items": "item"}), "error", "nearest is 'item'"),
    "text for numbers": (
        "items",
        lambda day: day.with_columns(items=pl.lit("many")),
        "error",
        "found String",
    ),
    "lists for numbers": ("items", lambda day: day.with_columns(items=pl.lit([1.0])), "error", "found List"),
    "all null": (
        "items",
        lambda day: day.with_columns(items=pl.lit(None, dtype=pl.Float64)),
        "breach",
        "missing 0 % → 100 %",
    ),
    "all null without a type": ("country", lambda day: day.with_columns(country=None), "breach", "100 %"),
    "all NaN": ("items", lambda day: day.with_columns(items=pl.lit(np.nan)), "breach", "missing 0 % → 100 %"),
    "a quarter NaN": (
        "amount",
        lambda day: day.with_columns(amount=pl.when(FIRST_ROWS).then(np.nan).otherwise(pl.col("amount"))),
        "breach",
        "missing 0 % → 25",
    ),
    "constant": ("amount", lambda day: day.with_columns(amount=pl.lit(12.5)), "breach", "12.5 in 100 %"),
    "all infinite": ("amount", lambda day: day.with_columns(amount=pl.lit(np.inf)), "breach", "infinite"),
    "at the edge of float64": (
        "amount",
        lambda day: day.with_columns(amount=pl.lit(1.7e308)),
        "breach",
        "in 100 % of rows",
    ),
    "unseen category": (
        "country",
        lambda day: day.with_columns(
            country=pl.when(FIRST_ROWS).then(pl.lit("DK")).otherwise(pl.col("country"))
        ),
        "breach",
        "new value DK",
    ),
    "numbers for text": ("country", lambda day: day.with_columns(country=pl.lit(3)), "breach", "new value 3"),
}

# Values of another kind may be a new market: a model can be retrained on them, unlike on holes.
DRIFT = {"all infinite", "unseen category", "numbers for text"}


@pytest.mark.parametrize("name", COLUMN_CASES)
def test_a_broken_column_pages_at_once_and_alone(shop: Shop, name: str) -> None:
    """The window ends done; the column has its verdict and its incident in that very window."""
    column, change, verdict, words = COLUMN_CASES[name]
    past = broken(shop, change)
    assert past.states() == GOOD
    assert past.verdicts(column)[BAD] == verdict
    assert past.incidents() == [(column, "drift" if name in DRIFT else "data", "page")]
    assert words in past.titles()
    opened = past.rows("SELECT opened, resolved_reason FROM v_incidents")
    assert opened[0]["opened"].startswith(f"{shop.start + BAD * DAY:%Y-%m-%d}")
    assert opened[0]["resolved_reason"] == "recovered"
    others_go_on(past, column)


HARMLESS: dict[str, Change] = {
    "integers for floats": lambda day: day.with_columns(pl.col("items").cast(pl.Int16)),
    "decimals for floats": lambda day: day.with_columns(pl.col("items").cast(pl.Decimal(10, 2))),
    "categorical for text": lambda day: day.with_columns(pl.col("country").cast(pl.Categorical)),
    "a new column": lambda day: day.with_columns(extra=pl.lit(1)),
    "the same instant for all": lambda day: day.with_columns(ts=pl.col("ts").first()),
    "rows out of order": lambda day: day.sample(fraction=1.0, shuffle=True, seed=1),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_fault_alerts_nobody(shop: Shop, name: str) -> None:
    """The same numbers written another way are the same numbers."""
    past = broken(shop, HARMLESS[name])
    assert past.states() == GOOD
    assert past.incidents() == []


VOLUME: dict[str, tuple[Change, str]] = {
    "fewer than 50 rows": (lambda day: day.sample(30, seed=1), "page"),
    "every row twice": (lambda day: pl.concat([day, day]), "ticket"),
}


@pytest.mark.parametrize("name", VOLUME)
def test_rows_lost_or_doubled_are_told_as_such_and_alone(shop: Shop, name: str) -> None:
    """Half a load, or one that ran twice: no column of it has drifted."""
    change, severity = VOLUME[name]
    past = broken(shop, change)
    assert past.states() == GOOD
    assert past.incidents() == [("__volume__", "data", severity)]


def test_infinities_in_part_of_a_column_persist_before_they_page(shop: Shop) -> None:
    """Out of range never pages at once; the second such window does. Neither is ever clear."""
    for number in (BAD, BAD + 1):
        rewrite(
            shop,
            number,
            lambda day: day.with_columns(
                amount=pl.when(FIRST_ROWS).then(-np.inf).otherwise(pl.col("amount"))
            ),
        )
    past = live(shop, DAYS)
    assert past.verdicts("amount")[BAD : BAD + 2] == ["breach", "breach"]
    assert past.incidents() == [("amount", "drift", "page")]
    assert "40 infinite" in past.titles()


def test_a_score_that_is_gone_is_one_incident(shop: Shop) -> None:
    """What is derived from it has nothing of its own to say, and nothing stays open afterwards."""
    past = broken(shop, lambda day: day.drop("score"))
    assert past.states() == GOOD
    assert past.incidents() == [("score", "data", "page")]
    assert past.rows("SELECT 1 FROM v_incidents WHERE status <> 'resolved'") == []


def test_a_score_of_nothing_is_one_incident(shop: Shop) -> None:
    """All NaN: the score's verdict says so once."""
    past = broken(shop, lambda day: day.with_columns(score=pl.lit(np.nan)))
    assert past.incidents() == [("score", "data", "page")]


def test_every_column_gone_fails_the_window(shop: Shop) -> None:
    """Nothing to measure is no measurement: failed at once, a page for the feed; the next one is fine."""
    past = broken(shop, lambda day: day.select("ts"))
    assert past.states() == [*GOOD[:BAD], "failed", *GOOD[BAD + 1 :]]
    assert "check source.path" in past.windows()[BAD][1]
    assert past.incidents() == [("", "data", "page")]


EMPTY: dict[str, tuple[Change, str, str]] = {
    "no rows": (lambda day: day.head(0), "no_data", "no rows in this window"),
    "times of another year": (
        lambda day: day.with_columns(ts=pl.col("ts") - timedelta(days=400)),
        "no_data",
        "no rows in this window",
    ),
    "no times": (
        lambda day: day.with_columns(ts=pl.lit(None, dtype=pl.Datetime("us", "UTC"))),
        "no_data",
        "no rows in this window",
    ),
    "one row": (lambda day: day.head(1), "low_volume", "1 row, fewer than window.min_rows = 5"),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_window_without_enough_rows_is_the_feeds_incident(shop: Shop, name: str) -> None:
    """One incident for the feed, none for its columns; nothing is judged; a good day ends it."""
    change, state, words = EMPTY[name]
    past = broken(shop, change)
    assert past.states() == [*GOOD[:BAD], state, *GOOD[BAD + 1 :]]
    assert words in past.windows()[BAD][1]
    assert past.incidents() == [("", "data", "page")]
    assert past.verdicts("amount")[BAD] == state
    assert past.rows("SELECT resolved_reason FROM v_incidents") == [{"resolved_reason": "recovered"}]


def test_an_empty_window_neither_fires_nor_resolves(shop: Shop) -> None:
    """A drift incident stays as it was while its data is away."""
    for number in (1, 2, 4):
        rewrite(shop, number, lambda day: day.with_columns(pl.col("amount") * 1.4 + 8))
    rewrite(shop, 3, lambda day: day.head(0))
    past = live(shop, 5)
    assert past.states()[3] == "no_data"
    assert past.rows("SELECT reopens, relapses, resolved FROM v_incidents WHERE column_name = 'amount'") == [
        {"reopens": 0, "relapses": 0, "resolved": None}
    ]


def test_a_category_of_a_hundred_thousand_levels(shop: Shop) -> None:
    """Counted in bounded room, named by a few of them, and the rest goes on."""
    rows = 100_000
    past = broken(
        shop,
        lambda day: day.sample(rows, with_replacement=True, seed=1).with_columns(
            country=pl.int_range(rows).cast(pl.String)
        ),
    )
    assert past.states() == GOOD
    assert ("country", "drift", "page") in past.incidents()
    assert "new values 0, 1, 10 and others in 100 %" in past.titles()
    assert (shop.folder / "leeway.db").stat().st_size < 4_000_000


def test_hostile_labels_are_one_printable_line(shop: Shop) -> None:
    """Whatever a value holds, what is sent to people is cut and cleaned, and the window ends done."""
    past = broken(shop, lambda day: day.with_columns(country=pl.lit("\x1b[2J\0<!channel>\n" + "x" * 5000)))
    assert past.states() == GOOD
    assert past.incidents() == [("country", "drift", "page")]
    sent = [json.loads(line) for line in (shop.folder / "alerts.jsonl").read_text().splitlines()]
    told = [text for line in sent for text in (line["heading"], *line["lines"])]
    assert any("country" in text for text in told)
    assert all(text.isprintable() and "x" * 500 not in text for text in told)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-100]), "cannot be read"),
    "zero bytes": (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
    "not Parquet": (lambda path: path.write_text("ts,amount\n"), "cannot be read"),
    "without the time column": (
        lambda path: pl.read_parquet(path).drop("ts").write_parquet(path),
        "no column 'ts', which `timestamp` names",
    ),
    "times nobody can read": (
        lambda path: (
            pl.read_parquet(path).with_columns(pl.col("ts").dt.strftime("%d/%m %H:%M")).write_parquet(path)
        ),
        "set timestamp_format",
    ),
    "times without a zone": (
        lambda path: (
            pl.read_parquet(path).with_columns(pl.col("ts").dt.replace_time_zone(None)).write_parquet(path)
        ),
        "set timestamp_zone",
    ),
}


def written(shop: Shop, number: int) -> None:
    """Give a day's file the time stamp it would have: just after midnight of the next day."""
    at = (shop.start + (number + 1) * DAY + timedelta(minutes=1)).timestamp()
    os.utime(shop.folder / f"data/orders-{number:03d}.parquet", (at, at))


def arriving(shop: Shop) -> Callable[[datetime], None]:
    """Day by day the files come, each in its night."""
    store = shop.folder / "later"
    store.mkdir()
    for path in (shop.folder / "data").glob("orders-*.parquet"):
        path.rename(store / path.name)

    def arrive(at: datetime) -> None:
        for path in sorted(store.glob("orders-*.parquet")):
            number = int(path.stem.rpartition("-")[2])
            if shop.start + (number + 1) * DAY < at:
                path.rename(shop.folder / "data" / path.name)
                written(shop, number)

    return arrive


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("ready", ["clock", "watermark"])
def test_a_broken_file_costs_its_days_and_no_more(shop: Shop, name: str, ready: str) -> None:
    """Windows that may have rows in it fail with what to do; the feed pages; later days go on without it."""
    reconfigure(shop, {'ready = "clock"': f'ready = "{ready}"'})
    damage, words = FILES[name]
    damage(shop.folder / f"data/orders-{BAD:03d}.parquet")
    past = live(shop, DAYS, each=arriving(shop))
    states = past.states()
    # Until a row of the next day is seen, a day may be incomplete: the broken file may hold its last.
    before = BAD if ready == "clock" else BAD - 1
    assert states[:before] == ["done"] * before
    assert states[BAD] == "failed"
    assert words in past.windows()[BAD][1]
    assert states[-1] in ("done", "planned")
    assert "done" in states[BAD + 1 :]
    assert ("", "data", "page") in past.incidents()
    assert past.rows("SELECT 1 FROM ledger WHERE state = 'claimed'") == []


def test_a_file_that_is_mended_in_time_loses_nothing(shop: Shop) -> None:
    """Truncated at noon, whole by the evening: the window waited for it and ends done."""
    path = shop.folder / f"data/orders-{BAD:03d}.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    arrive = arriving(shop)

    def mend(at: datetime) -> None:
        arrive(at)
        if at > shop.start + (BAD + 1) * DAY + timedelta(hours=18):
            path.write_bytes(whole)
            written(shop, BAD)

    past = live(shop, DAYS, each=mend, every=timedelta(hours=3))
    assert past.states() == GOOD
    assert past.rows("SELECT rows FROM ledger") == [{"rows": ROWS}] * DAYS
    assert past.incidents() == []


@pytest.mark.parametrize("ready", ["clock", "watermark"])
def test_a_glob_that_matches_nothing(shop: Shop, ready: str) -> None:
    """Every window ends as no_data and names the path; one incident, and the reason says what to check."""
    reconfigure(shop, {"data/orders-*.parquet": "data/none-*.parquet", '"clock"': f'"{ready}"'})
    past = live(shop, DAYS)
    ended = [each for each in past.windows() if each[0] != "planned"]
    assert len(ended) >= DAYS - 1
    for state, reason in ended:
        assert state == "no_data"
        assert "none-*.parquet: check that its writer runs, source.path" in reason
    assert past.incidents() == [("", "data", "page")]


def test_a_feed_that_stops_says_since_when(shop: Shop) -> None:
    """The last row's time is in the reason."""
    for number in range(3, DAYS):
        (shop.folder / f"data/orders-{number:03d}.parquet").unlink()
    past = live(shop, DAYS)
    assert past.states() == ["done"] * 3 + ["no_data"] * 3
    assert past.windows()[3][1].startswith(f"no rows since {shop.start + 2 * DAY:%Y-%m-%d} 2")


def test_windows_over_daylight_saving(shop: Shop) -> None:
    """The days of New York: the one of 23 hours is a window like any other, none is missing or doubled."""
    reconfigure(shop, {'zone = "UTC"': 'zone = "America/New_York"'})
    frame = pl.concat([pl.read_parquet(path) for path in sorted((shop.folder / "data").glob("orders-*"))])
    shift = datetime(2026, 3, 6, tzinfo=UTC) - shop.start
    frame.with_columns(pl.col("ts") + shift).write_parquet(shop.folder / "data/spring-000.parquet")
    reconfigure(shop, {"data/orders-*": "data/spring-*"})
    with_spring = Shop(config=shop.config, start=datetime(2026, 3, 6, tzinfo=UTC))
    reference = pl.read_parquet(shop.folder / "data/reference.parquet")
    reference.with_columns(pl.col("ts") - timedelta(days=25)).write_parquet(
        shop.folder / "data/reference.parquet"
    )
    (shop.folder / "leeway.db").unlink()
    learn(with_spring)
    past = live(with_spring, DAYS)
    spans = past.rows("SELECT start, end FROM ledger WHERE rows > 0 ORDER BY start")
    hours = [(row["end"] - row["start"]) // 3_600_000_000 for row in spans]
    assert 23 in hours
    assert set(hours) == {23, 24}
    assert all(one["end"] == two["start"] for one, two in pairwise(spans))
