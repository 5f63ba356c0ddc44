"""The flights of 2013 as a world: whole weeks permuted, or in their natural order; days, or three hours.

Permuted, no order is left between weeks, so nothing drifts by construction, while season, weather and
customers stay real and dependent within a week. The clocks of New York are written as UTC, so that a permuted
week never falls into a change of clocks. A fault in a feature goes through the demo's real model again.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from benchmarks.quality.drawn import Drawn, Fault, Floats, part_of, values
from detectors import CategoryColumn, Column, NumericColumn, Role, ScoreSpec
from monitor.flights import (
    CATEGORICAL,
    FEATURES,
    LATE_AFTER_MIN,
    NUMERIC,
    ZONE,
    Classifier,
    scored_year,
    train,
)
from monitor.windows import WindowSpec
from storage.span import Span

WEEKS = 52  # of seven days from 1 January; 31 December is left over
ARRIVAL = "__arr_delay__"  # minutes; in no window's columns
_START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
_HOUR = 3_600_000_000  # µs


@dataclass(frozen=True, slots=True, kw_only=True)
class Flights:
    """One order of the weeks, cut into windows of so many hours."""

    folder: Path  # keeps the scored flights and the model
    seed: int | None  # None: natural order
    hours: int = 24
    reference_weeks: int = 24
    weeks: int = 28  # judged
    segments: tuple[str, ...] = ()
    sampled: bool = False
    score: ScoreSpec | None = field(default_factory=lambda: ScoreSpec(task="binary", columns={"": "score"}))

    @property
    def spec(self) -> WindowSpec:
        return WindowSpec.parse("1d" if self.hours == 24 else f"{self.hours}h")

    @property
    def roles(self) -> Mapping[str, Role]:
        return dict.fromkeys(FEATURES, Role.FEATURE) | {"score": Role.SCORE, "pred": Role.PREDICTION}

    @property
    def reference(self) -> int:
        return self.reference_weeks * 7 * (24 // self.hours)

    @property
    def judged(self) -> int:
        return min(self.weeks, WEEKS - self.reference_weeks) * 7 * (24 // self.hours)

    def span(self, index: int) -> Span:
        length = timedelta(hours=self.hours)
        return Span(start=_START + index * length, end=_START + (index + 1) * length)

    def draw(self, index: int, change: Fault | None = None) -> Drawn:
        fault = change or Fault()
        position, part = divmod(index, 24 // self.hours)
        order = _order(self.seed)
        day = _days(self.folder)[7 * order[position // 7] + position % 7]
        start = part * self.hours * _HOUR
        rows = np.flatnonzero((day.times >= start) & (day.times < start + self.hours * _HOUR))
        columns = {name: part_of(column, rows) for name, column in day.columns.items()}
        late_after = LATE_AFTER_MIN if fault.relabelled is None else fault.relabelled
        arrival = columns.pop(ARRIVAL)
        assert isinstance(arrival, NumericColumn)
        outcome = np.where(np.isnan(arrival.values), np.nan, arrival.values > late_after)
        chance = np.random.default_rng((self.seed or 0, index, 1))
        for step in (fault.nature, fault.feed):
            if step and len(rows):
                columns = {**columns, **_scored(step(columns, chance), self.folder)}
        if fault.answer:
            columns |= _answered(fault.answer(_numbers(columns["score"]), chance))
        return Drawn(columns=columns, rows=len(rows), times=day.times[rows] - start, outcome=outcome)


@cache
def _order(seed: int | None) -> tuple[int, ...]:
    if seed is None:
        return tuple(range(WEEKS))
    return tuple(int(week) for week in np.random.default_rng(seed).permutation(WEEKS))


def prepare(folder: Path) -> None:
    """Score the year and keep the model, before several processes would all do it."""
    _model(folder)
    scored_year(folder)


@cache
def _days(folder: Path) -> list[Drawn]:
    """364 days in natural order."""
    frame = scored_year(folder).join(_arrivals(), on="row_id", how="left", maintain_order="left")
    local = frame["ts"].dt.convert_time_zone(ZONE)
    first = datetime(2013, 1, 1, tzinfo=ZoneInfo(ZONE))
    number = (local.dt.date() - first.date()).dt.total_days().to_numpy()
    whole: dict[str, Column] = {}
    for name in (*CATEGORICAL, "pred"):
        text = frame[name].cast(pl.String)
        labels = tuple(sorted(text.drop_nulls().unique().to_list()))
        codes = text.replace_strict(
            list(labels), list(range(len(labels))), return_dtype=pl.Int32, default=None
        )
        whole[name] = CategoryColumn(codes=codes.fill_null(-1).to_numpy().astype(np.int32), labels=labels)
    for name in (*NUMERIC, "score", ARRIVAL):
        whole[name] = NumericColumn(values=frame[name].fill_null(float("nan")).to_numpy().astype(np.float64))
    # What the clock on the wall shows, as µs from midnight.
    clock = frame.select(
        (local.dt.hour().cast(pl.Int64) * 60 + local.dt.minute().cast(pl.Int64)) * 60_000_000
    ).to_series()
    found = []
    for day in range(7 * WEEKS):
        rows = np.flatnonzero(number == day)
        times = clock.to_numpy()[rows]
        rows, times = rows[np.argsort(times, kind="stable")], np.sort(times)
        columns = {name: part_of(column, rows) for name, column in whole.items()}
        found.append(Drawn(columns=columns, rows=len(rows), times=times))
    return found


def _arrivals() -> pl.DataFrame:
    """row_id and the delay on arrival in minutes; the demo's data keep only whether it is late."""
    import io
    import zipfile

    from monitor.flights import _folder

    with zipfile.ZipFile(_folder() / "flights.csv.zip") as archive:
        text = io.BytesIO(archive.read("flights.csv"))
    delay = pl.read_csv(
        text, columns=["arr_delay"], null_values=["", "NA"], schema_overrides={"arr_delay": pl.Float64}
    )
    return delay.with_row_index("row_id", offset=1).select(
        pl.col("row_id").cast(pl.Int64), pl.col("arr_delay").alias(ARRIVAL)
    )


@cache
def _model(folder: Path) -> Classifier:
    """The demo's classifier, trained once a folder."""
    path = folder / "classifier.pickle"
    if path.exists():
        found = pickle.loads(path.read_bytes())
    else:
        found = train(scored_year(folder))
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(found))
    assert isinstance(found, Classifier)
    return found


def _scored(columns: Mapping[str, Column], folder: Path) -> dict[str, Column]:
    """The columns with what the model says of them now."""
    frame = {}
    for name in FEATURES:
        column = columns[name]
        if isinstance(column, NumericColumn):
            frame[name] = pl.Series(name, column.values).fill_nan(None)
        else:
            labels = np.array([*column.labels, None], dtype=object)
            frame[name] = pl.Series(name, labels[column.codes].tolist(), dtype=pl.String)
    score = _model(folder).score(pl.DataFrame(frame))["score"].to_numpy()
    return {**columns, **_answered(score)}


def _answered(score: Floats) -> dict[str, Column]:
    return {
        "score": NumericColumn(values=score),
        "pred": CategoryColumn(codes=(score >= 0.5).astype(np.int32), labels=("false", "true")),
    }


def _numbers(column: Column) -> Floats:
    assert isinstance(column, NumericColumn)
    return column.values


__all__ = ["Flights", "prepare", "values"]
