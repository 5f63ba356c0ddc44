"""Labels and scores no sane job would write: is every case stated, and nobody woken by mistake?"""

from pathlib import Path

import polars as pl
import pytest

from monitor import build
from monitor.config_file import load
from monitor.config_problem import ConfigError
from monitor.exits import CommandError
from tests.acceptance.fast import learn, live, reconfigure
from tests.acceptance.labelled import build_labelled_shop
from tests.acceptance.world import Shop


def reference(shop: Shop, label: pl.Expr) -> None:
    """Other outcomes in the reference."""
    path = shop.folder / "data/reference.parquet"
    pl.read_parquet(path).with_columns(label.alias("label")).write_parquet(path)


@pytest.mark.parametrize("labelled", [1, 40])
def test_a_reference_with_few_labels_wakes_nobody(tmp_path: Path, labelled: int) -> None:
    """One known outcome of 4,800, and the model was right: nine in ten is no fall from perfection."""
    shop = build_labelled_shop(tmp_path / "shop", days=6)
    reference(shop, pl.when(pl.int_range(pl.len()) < labelled).then((pl.col("score") > 0.5).cast(float)))
    learn(shop)
    past = live(shop, 6)
    assert [found for found in past.incidents() if found[2] == "page"] == []


def test_a_model_that_is_better_than_its_reference_wakes_nobody(tmp_path: Path) -> None:
    """The reference holds one class throughout, so scores seem wrong there: a ticket says so."""
    shop = build_labelled_shop(tmp_path / "shop", days=6)
    reference(shop, pl.lit(1.0))
    learn(shop)
    past = live(shop, 6)
    assert past.incidents() == [("__performance__", "performance", "ticket")]


def test_scores_that_were_missing_from_the_reference_wake_nobody(tmp_path: Path) -> None:
    """They are there now: not what a pager is for."""
    shop = build_labelled_shop(tmp_path / "shop", days=4)
    path = shop.folder / "data/reference.parquet"
    pl.read_parquet(path).with_columns(pl.lit(float("nan")).alias("score")).write_parquet(path)
    learn(shop)
    past = live(shop, 4)
    assert [found for found in past.incidents() if found[2] == "page"] == []


@pytest.mark.parametrize("delay", ["36501d", "3650000d"])
def test_a_delay_longer_than_dates_reach_is_refused(tmp_path: Path, delay: str) -> None:
    """In the config, not while a reference is built."""
    shop = build_labelled_shop(tmp_path / "shop", days=1)
    reconfigure(shop, {'max_delay = "4d"': f'max_delay = "{delay}"'})
    with pytest.raises(ConfigError, match="max_delay: must be 100 years"):
        load(shop.config, members=build.check)


def test_outcomes_that_are_no_class_are_refused_in_words(tmp_path: Path) -> None:
    """Another column was named: the build says how many are none of the classes, and ends."""
    shop = build_labelled_shop(tmp_path / "shop", days=1)
    reference(shop, pl.lit("u"))
    reconfigure(
        shop,
        {'task = "binary"': 'task = "multiclass"', 'score = "score"': 'score = { a = "score", b = "items" }'},
    )
    with pytest.raises(CommandError, match="shop: 4800 of 4800 outcomes of the reference are none of"):
        learn(shop)


def test_labels_spelt_otherwise_are_no_verdict_on_the_model(tmp_path: Path) -> None:
    """None of them is a class of the score: the labels are told, not a model that is never right."""
    shop = build_labelled_shop(tmp_path / "shop", days=4)
    reference(shop, pl.when(pl.col("label") > 0.5).then(pl.lit("hit")).otherwise(pl.lit("miss")))
    for path in [shop.folder / "data/reference.parquet", *shop.folder.glob("data/orders-*.parquet")]:
        pl.read_parquet(path).with_columns((1.0 - pl.col("score")).alias("miss")).write_parquet(path)
    for path in shop.folder.glob("data/labels-*.parquet"):
        spelt = pl.when(pl.col("label") > 0.5).then(pl.lit("Hit")).otherwise(pl.lit("Miss"))
        pl.read_parquet(path).with_columns(spelt.alias("label")).write_parquet(path)
    multiclass = 'score = { hit = "score", miss = "miss" }'
    reconfigure(shop, {'task = "binary"': 'task = "multiclass"', 'score = "score"': multiclass})
    learn(shop)
    past = live(shop, 4)
    assert past.incidents() == [("__labels__", "data", "ticket")]
    assert (
        "labels cannot be compared with scores: 152 of 152 are none of the classes hit, miss, "
        "such as Hit, Miss: name the right labels.column"
    ) in past.titles()


def test_keys_that_are_spelt_in_two_ways_are_shown_side_by_side(tmp_path: Path) -> None:
    """Not one label finds its row: the reason gives a key of each, and asks for one spelling."""
    shop = build_labelled_shop(tmp_path / "shop", days=2)
    for path in shop.folder.glob("data/labels-*.parquet"):
        padded = pl.format("A{}", pl.col("order")).alias("order")
        pl.read_parquet(path).with_columns(padded).write_parquet(path)
    learn(shop)
    past = live(shop, 6)
    assert past.incidents()[0] == ("", "data", "page")  # no orders since day 2
    assert (
        "none of 160 rows has a label 4d after the window's end: 320 labels were read, none for a key of "
        "these rows (labels have order = A0, rows order = 0): check that these are written too, and "
        "keys alike"
    ) in [reason for _, reason in past.windows()]
