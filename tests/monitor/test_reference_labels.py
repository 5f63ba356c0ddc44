"""Laws of a reference's outcomes: known no better than a window of production would have known them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from detectors import CategoryColumn, Kind, NumericColumn
from monitor.build import build_label_source
from monitor.config_model import ModelConfig
from monitor.reference_labels import LabelColumns, label_columns, with_outcomes
from monitor.reference_rows import Rows
from monitor.source import ColumnKind
from storage.span import Span

T0 = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR_US = 3_600_000_000
ROWS = 48  # one an hour, two windows
WINDOWS = [Span(start=T0, end=T0 + DAY), Span(start=T0 + DAY, end=T0 + 2 * DAY)]
LATER = T0 + 30 * DAY  # every label has come that ever will
START_US = int(T0.timestamp()) * 1_000_000


def config(tmp_path: Path, *, source: bool, dated: bool = True) -> ModelConfig:
    labels: dict[str, object] = {"column": "label", "max_delay": "3d", "min_share": 0.5}
    if source:
        labels |= {"source": {"kind": "parquet", "path": str(tmp_path / "labels.parquet")}, "key": "id"}
    if dated:
        labels["available_at"] = "known"
    return ModelConfig.model_validate(
        {
            "task": "binary",
            "source": {"kind": "parquet", "path": "x.parquet", "timestamp": "ts"},
            "labels": labels,
            "reference": {"source": {"kind": "parquet", "path": "x.parquet"}},
        }
    )


def reference(delay_h: list[float], *, key: bool) -> Rows:
    """Hourly rows; each label is known so many hours after its row (NaN: never), and is the row's parity."""
    times = START_US + np.arange(ROWS) * HOUR_US
    known = times + np.array(delay_h) * HOUR_US
    parity = (np.arange(ROWS) % 2).astype(float)
    if key:
        codes = np.arange(ROWS, dtype=np.int32)
        return Rows(
            columns={"id": CategoryColumn(codes=codes, labels=tuple(str(n) for n in range(ROWS)))},
            count=ROWS,
            times=times,
        )
    return Rows(
        columns={"label": NumericColumn(values=parity), "known": NumericColumn(values=known)},
        count=ROWS,
        times=times,
    )


def write_labels(path: Path, delay_h: list[float]) -> None:
    frame = pl.DataFrame(
        {
            "id": range(ROWS),
            "label": [float(n % 2) for n in range(ROWS)],
            "known": [None if np.isnan(d) else T0 + timedelta(hours=n + d) for n, d in enumerate(delay_h)],
        }
    )
    frame.filter(pl.col("known").is_not_null()).write_parquet(path)


def slow(delay_h: list[float]) -> list[float]:
    """Window by window: the first half that came, or what came within three days of its end."""
    found = [float("nan")] * ROWS
    for start in (0, 24):
        known = sorted((n + delay_h[n], n) for n in range(start, start + 24) if not np.isnan(delay_h[n]))
        cutoff = known[11][0] if len(known) >= 12 else float("inf")
        for at, n in known:
            if at <= min(cutoff, start + 24 + 72):
                found[n] = float(n % 2)
    return found


DELAYS = {
    "alike": [30.0] * ROWS,
    "mixed": [float((n * 7) % 40) for n in range(ROWS)],
    "late": [200.0 if n < 24 else 5.0 for n in range(ROWS)],
    "some never": [float("nan") if n % 3 else 2.0 for n in range(ROWS)],
}


@pytest.mark.parametrize("delays", DELAYS.values(), ids=DELAYS)
@pytest.mark.parametrize("joined", [True, False], ids=["by key", "in the rows"])
def test_a_reference_window_knows_what_one_of_production_would(
    tmp_path: Path, delays: list[float], joined: bool
) -> None:
    """Labels after the cutoff of their own window are as if they had not come."""
    model = config(tmp_path, source=joined)
    write_labels(tmp_path / "labels.parquet", delays)
    rows = reference(delays, key=joined)
    schema = dict.fromkeys(rows.columns, ColumnKind.NUMERIC)
    columns = label_columns(model, schema)
    found = with_outcomes(model, columns, rows, WINDOWS, build_label_source(model), LATER)
    assert set(found.columns) == {"label"}
    label = found.columns["label"]
    assert isinstance(label, NumericColumn)
    assert np.array_equal(label.values, slow(delays), equal_nan=True)


@pytest.mark.parametrize(
    ("joined", "dated"),
    [(True, True), (True, False), (False, True)],
    ids=["by key", "undated", "in the rows"],
)
def test_a_window_whose_labels_are_awaited_teaches_nothing(tmp_path: Path, joined: bool, dated: bool) -> None:
    """Those that come first are not like all: a reference built meanwhile does without them."""
    delays = [2.0] * 24 + [2.0 if n % 3 == 0 else float("nan") for n in range(24)]
    model = config(tmp_path, source=joined, dated=dated)
    write_labels(tmp_path / "labels.parquet", delays)
    rows = reference(delays, key=joined)
    columns = label_columns(model, dict.fromkeys(rows.columns, ColumnKind.NUMERIC))
    for now, known in ((T0 + 3 * DAY, 0), (T0 + 5 * DAY, 8)):
        label = with_outcomes(model, columns, rows, WINDOWS, build_label_source(model), now).columns["label"]
        assert isinstance(label, NumericColumn)
        there = ~np.isnan(label.values)
        assert there[:24].sum() >= 12
        assert there[24:].sum() == known


def test_rows_outside_any_window_know_all_there_is(tmp_path: Path) -> None:
    """An excluded day teaches nothing; its outcomes still weigh a column's harm."""
    model = config(tmp_path, source=False)
    rows = reference([500.0] * ROWS, key=False)
    columns = LabelColumns(label="label", kind=Kind.NUMERIC, available_at="known")
    label = with_outcomes(model, columns, rows, WINDOWS[1:], None, LATER).columns["label"]
    assert isinstance(label, NumericColumn)
    assert not np.isnan(label.values[:24]).any()
    assert np.isnan(label.values[24:]).all()


def test_which_columns_say_what_was_true(tmp_path: Path) -> None:
    """The reference's own column, else a join by key, else nothing."""
    model = config(tmp_path, source=True)
    number = ColumnKind.NUMERIC
    own = label_columns(model, {"label": number, "known": number, "id": number})
    assert own.wanted == {"label": Kind.NUMERIC, "known": Kind.NUMERIC}
    assert own.moments == {"known"}
    joined = label_columns(model, {"id": number, "a": number})
    assert (joined.label, joined.joined, joined.wanted) == ("label", True, {"id": Kind.CATEGORY})
    assert label_columns(model, {"a": number}).label is None
    assert label_columns(config(tmp_path, source=False), {"id": number}).label is None


def test_labels_without_time_stay_as_they_are(tmp_path: Path) -> None:
    """Nothing can be said about when they were known."""
    model = config(tmp_path, source=False, dated=False)
    rows = reference([9.0] * ROWS, key=False)
    columns = label_columns(model, {"label": ColumnKind.NUMERIC})
    assert with_outcomes(model, columns, rows, WINDOWS, None, LATER) is rows
