"""Laws of the demo's world: where the faults begin, what production may know, and whose folder it is."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from monitor import demo, flights
from monitor.exits import CommandError
from storage.errors import OwnedElsewhere
from storage.lock import OwnerLock


@pytest.fixture(scope="module")
def heard() -> list[str]:
    """The steps of the first preparation."""
    return []


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, heard: list[str]) -> demo.World:
    return demo.prepare(tmp_path_factory.mktemp("demo"), step=heard.append)


@pytest.fixture(scope="module")
def again(world: demo.World, tmp_path_factory: pytest.TempPathFactory) -> demo.World:
    """A second preparation, in a copy of the first one's folder with which somebody has worked."""
    folder = _copy(world, tmp_path_factory.mktemp("again"))
    for path in (folder / "data").iterdir():
        path.write_text("old")
    (folder / "leeway.db").write_text("old")
    (folder / "leeway.db-wal").write_text("old")
    (folder / "leeway.toml").write_text("# mine\n")
    return demo.prepare(folder)


def _copy(world: demo.World, into: Path) -> Path:
    return Path(shutil.copytree(world.config.parent, into / "demo"))


@pytest.fixture(scope="module")
def production(world: demo.World) -> pl.DataFrame:
    return pl.read_parquet(world.config.parent / "data" / "departures-*.parquet")


def local_day(frame: pl.DataFrame) -> pl.Series:
    return frame["ts"].dt.convert_time_zone(flights.ZONE).dt.date()


def test_one_file_a_local_day(world: demo.World, production: pl.DataFrame) -> None:
    """42 files, each holding the departures of its own day in New York, none of them twice."""
    files = sorted((world.config.parent / "data").glob("departures-*.parquet"))
    assert len(files) == world.days == 42
    for file in (files[0], files[-1]):
        days = local_day(pl.read_parquet(file)).unique().to_list()
        assert [f"departures-{day}.parquet" for day in days] == [file.name]
    assert production.height == world.production_rows == production["row_id"].n_unique()
    assert production["ts"].is_between(world.production.start, world.production.end, closed="left").all()


def test_the_reference_ends_where_production_begins(world: demo.World) -> None:
    """Eight whole weeks with labels; no row of production is in them."""
    rows = pl.read_parquet(world.config.parent / "data" / "reference.parquet")
    assert world.reference.end == world.production.start
    assert rows["ts"].is_between(world.reference.start, world.reference.end, closed="left").all()
    assert local_day(rows).n_unique() == 56
    assert "label" in rows.columns


def test_production_does_not_know_the_label(world: demo.World, production: pl.DataFrame) -> None:
    """Labels are in a file of their own, each available after its flight, at most once a row."""
    labels = pl.read_parquet(world.config.parent / "data" / "labels.parquet")
    assert "label" not in production.columns
    joined = labels.join(production.select("row_id", "ts"), on="row_id", how="inner")
    assert joined.height == labels.height == labels["row_id"].n_unique()
    assert (joined["available_at"] > joined["ts"]).all()


@pytest.mark.parametrize("fault", demo.FAULTS, ids=lambda f: f.column)
def test_a_fault_begins_on_its_day(fault: demo.Fault, production: pl.DataFrame) -> None:
    """The day before it the column is what the airline reported; from its first day on it is not."""
    original = flights.load().select("row_id", pl.col(fault.column).alias("was"))
    joined = production.join(original, on="row_id", how="left", maintain_order="left")
    there = local_day(joined) >= fault.since
    same = joined[fault.column] == joined["was"]
    assert same.filter(~there).all()
    assert not same.filter(there).all()
    assert fault.start == datetime(fault.since.year, fault.since.month, fault.since.day, 4, tzinfo=UTC)


def test_the_unseen_carrier_takes_four_percent(production: pl.DataFrame) -> None:
    """Between 3 and 5 % of each day's rows; none before."""
    day = local_day(production).alias("day")
    share = production.group_by(day).agg((pl.col("carrier") == demo.UNSEEN_CARRIER).mean().alias("share"))
    begun = share["day"] >= date(2013, 5, 13)
    assert (share.filter(~begun)["share"] == 0).all()
    assert share.filter(begun)["share"].is_between(0.03, 0.05).all()


def test_the_model_scored_what_it_was_fed(production: pl.DataFrame) -> None:
    """Scores are those of the spoilt rows: planting comes before scoring, as in life."""
    classifier = flights.train(flights.load())
    last = production.filter(local_day(production) == date(2013, 6, 9))
    assert_frame_equal(classifier.score(last.drop("score", "pred")), last, check_column_order=False)


def test_the_same_world_every_time(world: demo.World, again: demo.World) -> None:
    """A second preparation writes the same rows and the same config."""
    for name in ("reference.parquet", "labels.parquet", "departures-2013-05-27.parquet"):
        first = pl.read_parquet(world.config.parent / "data" / name)
        assert_frame_equal(pl.read_parquet(again.config.parent / "data" / name), first, check_exact=True)
    assert again.config.read_bytes() == world.config.read_bytes()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """A folder that holds anything and was not made by the demo is refused, and nothing in it changes."""
    (tmp_path / "leeway.db").write_text("precious")
    with pytest.raises(CommandError, match="not empty"):
        demo.prepare(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["leeway.db"]


def test_a_second_demo_starts_anew(again: demo.World) -> None:
    """The old database goes; a config that a person changed is kept beside the new one."""
    folder = again.config.parent
    assert not list(folder.glob("leeway.db-*"))
    assert not (folder / "leeway.db").exists()
    assert (folder / "leeway.toml.before").read_text() == "# mine\n"
    assert again.config.read_text() != "# mine\n"


def test_a_running_daemon_keeps_its_database(world: demo.World, tmp_path: Path) -> None:
    """While somebody owns the folder's database a second demo is refused, and nothing is deleted."""
    folder = _copy(world, tmp_path)
    database = folder / "leeway.db"
    database.write_bytes(b"history")
    with OwnerLock(database), pytest.raises(OwnedElsewhere):
        demo.prepare(folder)
    assert database.read_bytes() == b"history"
    assert list((folder / "data").glob("*.parquet"))
    assert (folder / "leeway.toml").exists()


def test_steps_are_told(world: demo.World, heard: list[str]) -> None:
    """Whoever waits hears what goes on, in order and before it is done."""
    assert [line.split()[0] for line in heard] == ["reading", "training", "scoring", "writing"]


def test_weeks_are_whole() -> None:
    """Reference and production begin on a Monday and last whole weeks, so that each weekday counts alike."""
    for start, end in (demo.REFERENCE, demo.PRODUCTION):
        assert start.weekday() == 0
        assert (end - start) % timedelta(weeks=1) == timedelta(0)
