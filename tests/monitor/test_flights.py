"""Laws of the demo's data: real departures, known facts only, the same scores every time."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from monitor import flights


@pytest.fixture(scope="module")
def departures() -> pl.DataFrame:
    return flights.load()


@pytest.fixture(scope="module")
def classifier(departures: pl.DataFrame) -> flights.Classifier:
    return flights.train(departures)


def test_a_row_is_a_departure(departures: pl.DataFrame) -> None:
    """All 336,776 flights but the 8,255 cancelled ones, each once, in the order of time."""
    assert departures.height == 336_776 - 8_255
    assert departures["row_id"].n_unique() == departures.height
    assert departures["ts"].is_sorted()
    assert departures["dep_delay"].null_count() == 0


def test_ts_is_the_scheduled_instant(departures: pl.DataFrame) -> None:
    """Times are aware UTC; New York's scheduled hour follows from them on both sides of daylight saving."""
    first = departures.row(0, named=True)
    assert first["ts"] == datetime(2013, 1, 1, 5, 15, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
    local_hour = departures["ts"].dt.convert_time_zone(flights.ZONE).dt.hour()
    assert (local_hour.cast(pl.Float64) == departures["hour"]).all()


def test_no_feature_tells_what_happens_after_push_back(departures: pl.DataFrame) -> None:
    """What the service could not know (arrival, air time) and identifiers are not in the frame."""
    assert set(departures.columns) == {"ts", "row_id", "label", *flights.FEATURES}


def test_label_is_null_where_the_arrival_is_unknown(departures: pl.DataFrame) -> None:
    """0 or 1 for a known arrival; the 1,175 diverted flights stay unlabelled."""
    assert set(departures["label"].unique()) == {0, 1, None}
    assert departures["label"].null_count() == 1_175


def test_the_classifier_is_worth_watching(departures: pl.DataFrame, classifier: flights.Classifier) -> None:
    """On the reference's two months it is right clearly more often than "always on time"."""
    local = pl.col("ts").dt.convert_time_zone(flights.ZONE)
    known = classifier.score(departures.filter(local.dt.month().is_in([3, 4]), pl.col("label").is_not_null()))
    right = int((known["pred"].cast(pl.Int8) == known["label"]).sum())
    on_time = int((known["label"] == 0).sum())
    assert right - on_time > 0.1 * known.height


def test_training_twice_gives_the_same_scores(
    departures: pl.DataFrame, classifier: flights.Classifier
) -> None:
    """Seeded: the second classifier scores every row with the same bits."""
    rows = departures.tail(20_000)
    assert_frame_equal(classifier.score(rows), flights.train(departures).score(rows), check_exact=True)


def test_an_unknown_label_counts_as_missing(departures: pl.DataFrame, classifier: flights.Classifier) -> None:
    """A carrier code never trained on is scored like a null, not refused."""
    rows = departures.head(50)
    unknown = rows.with_columns(pl.lit("ZZ").alias("carrier"))
    missing = rows.with_columns(pl.lit(None, dtype=pl.String).alias("carrier"))
    assert classifier.score(unknown)["score"].equals(classifier.score(missing)["score"])


def test_scored_year_is_kept(tmp_path: Path) -> None:
    """The second call reads the kept file and gives the same frame; nothing half-written stays."""
    first = flights.scored_year(tmp_path)
    kept = list(tmp_path.iterdir())
    assert len(kept) == 1
    stamp = kept[0].stat().st_mtime_ns
    assert_frame_equal(flights.scored_year(tmp_path), first)
    assert kept[0].stat().st_mtime_ns == stamp
    assert first["score"].is_between(0.0, 1.0).all()
