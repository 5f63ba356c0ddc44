"""What world does the demo live in? Real flights on disk, two planted faults, and a config to watch them.

The faults are planted before the model scores the rows, as in life: what the service was fed wrongly it also
scored. Everything else on the way is real weather, real schedules and real delays.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from monitor import flights
from monitor.exits import CommandError
from storage.lock import OwnerLock
from storage.span import Span

ZONE = ZoneInfo(flights.ZONE)
MODEL = "delays"
REFERENCE = (date(2013, 3, 4), date(2013, 4, 29))  # eight whole weeks; the end is exclusive
PRODUCTION = (date(2013, 4, 29), date(2013, 6, 10))  # six whole weeks
MARKER = ".leeway-demo"  # in a folder that the demo made and may make again
KM_PER_MILE = 1.609344  # exact: the international yard and pound agreement of 1959
UNSEEN_CARRIER = "ZZ"  # no airline has it
UNSEEN_SHARE = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One planted fault, from the local day `since` to the end of the replay."""

    column: str
    since: date
    what: str  # for a person
    change: str  # the named change that an alert on it should give
    spoil: Callable[[], pl.Expr]  # the column's values once it is there

    @property
    def start(self) -> datetime:
        return midnight(self.since)


def _unseen_carrier() -> pl.Expr:
    # Knuth's multiplicative hash of the row number (TAOCP 3, section 6.4): the same 4 % of rows everywhere.
    drawn = (pl.col("row_id") * 2_654_435_761) % 2**32 < int(UNSEEN_SHARE * 2**32)
    return pl.when(drawn).then(pl.lit(UNSEEN_CARRIER)).otherwise(pl.col("carrier"))


def _kilometres() -> pl.Expr:
    return pl.col("distance") * KM_PER_MILE


FAULTS = (
    Fault(
        column="carrier",
        since=date(2013, 5, 13),
        what=f"4 % of rows carry {UNSEEN_CARRIER!r}, a carrier code nobody has seen before",
        change="new_category",
        spoil=_unseen_carrier,
    ),
    Fault(
        column="distance",
        since=date(2013, 5, 27),
        what="distance arrives in kilometres instead of miles",
        change="unit",
        spoil=_kilometres,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What `prepare` left on disk."""

    config: Path
    reference: Span
    production: Span
    reference_rows: int
    production_rows: int
    days: int  # daily windows of production
    faults: tuple[Fault, ...] = FAULTS


def prepare(directory: Path, step: Callable[[str], None] = lambda _: None) -> World:
    """Write DIR/leeway.toml and DIR/data/*.parquet, and forget an earlier demo. `step` hears what goes on."""
    _make_room(directory)
    step("reading the departures of 2013 and their weather")
    departures = flights.load()
    step("training a classifier on January and February: arrives more than 15 minutes late?")
    classifier = flights.train(departures)
    step("scoring 4 March to 9 June as production would have, with two planted faults")
    reference = classifier.score(departures.filter(_within(*REFERENCE)))
    production = classifier.score(plant(departures.filter(_within(*PRODUCTION))))
    step("writing data files and a config")
    data = directory / "data"
    flights.write(reference, data / "reference.parquet")
    days = production.drop("label").group_by(_local_day().alias("day"), maintain_order=True)
    written = 0
    for (day,), rows in days:
        flights.write(rows, data / f"departures-{day}.parquet")
        written += 1
    flights.write(_labels(production), data / "labels.parquet")
    config = directory / "leeway.toml"
    config.write_text(_config_text(), encoding="utf-8")
    return World(
        config=config,
        reference=Span(start=midnight(REFERENCE[0]), end=midnight(REFERENCE[1])),
        production=Span(start=midnight(PRODUCTION[0]), end=midnight(PRODUCTION[1])),
        reference_rows=reference.height,
        production_rows=production.height,
        days=written,
    )


def plant(frame: pl.DataFrame, faults: tuple[Fault, ...] = FAULTS) -> pl.DataFrame:
    """The frame with each fault from its first day on; rows before it are untouched."""
    for fault in faults:
        there = _local_day() >= fault.since
        frame = frame.with_columns(
            pl.when(there).then(fault.spoil()).otherwise(pl.col(fault.column)).alias(fault.column)
        )
    return frame


def midnight(day: date) -> datetime:
    """The instant the local day begins, aware UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def _config_text() -> str:
    return (files("monitor") / "demo.toml").read_text(encoding="utf-8")


def _local_day() -> pl.Expr:
    return pl.col("ts").dt.convert_time_zone(flights.ZONE).dt.date()


def _within(start: date, end: date) -> pl.Expr:
    return _local_day().is_between(start, end, closed="left")


def _labels(production: pl.DataFrame) -> pl.DataFrame:
    """Known later: a day after the scheduled departure every flight has landed and is reported."""
    known = production.filter(pl.col("label").is_not_null())
    return known.select("row_id", "label", (pl.col("ts") + timedelta(days=1)).alias("available_at"))


def _make_room(directory: Path) -> None:
    """An empty folder, or an earlier demo without its data and database; any other is left alone."""
    if directory.exists() and any(directory.iterdir()) and not (directory / MARKER).exists():
        raise CommandError(
            f"demo: {directory} is not empty and was not made by the demo: give another folder with --dir"
        )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARKER).write_text("made by leeway demo, which may replace what is in this folder\n")
    database = directory / "leeway.db"
    if database.exists():
        with OwnerLock(database):  # a daemon that runs on it keeps it
            for pattern in ("leeway.db", "leeway.db-*", "leeway.db.lock", "leeway.log", "*.jsonl"):
                for written in directory.glob(pattern):
                    written.unlink()
    shutil.rmtree(directory / "data", ignore_errors=True)
    config = directory / "leeway.toml"
    if config.exists() and config.read_text(encoding="utf-8") != _config_text():
        config.replace(directory / "leeway.toml.before")  # a person's changes
