"""Results of one window are kept to the bit, and unfold into one row a metric."""

import math
import time
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from detectors import Measurement
from storage import history, measurements
from storage.engine import Store
from storage.history import Filter
from storage.measurements import ColumnStatus
from tests.storage.samples import done, result


def test_saved_is_loaded(store: Store, other: Store) -> None:
    """What another process loads equals what was saved, in order."""
    absent = replace(
        result("b"), status=ColumnStatus.ABSENT, reason="no such column", measurements=(), bins=None
    )
    results = (result("z"), result("a"), absent, replace(result("a"), segment="origin=JFK", version="2"))
    with store.write() as conn:
        (window,) = done(conn, results=results)
    with other.read() as conn:
        assert measurements.load(conn, window.id) == list(results)


def test_not_a_number_keeps_a_status(store: Store) -> None:
    """NaN and infinities are NULL in SQL, with a status; loading gives them back."""
    values = {"psi": math.nan, "ks": math.inf, "missing": -math.inf, "stuck": 0.5}
    strange = replace(
        result(),
        measurements=tuple(
            Measurement(column="temp", metric=metric, value=value, n_reference=1, n=0)
            for metric, value in values.items()
        ),
        evidence={"mean": [math.nan, 1.0]},
    )
    with store.write() as conn:
        (window,) = done(conn, results=(strange,))
        loaded = measurements.load(conn, window.id)[0]
        rows = {row["metric"]: row for row in history.measurements(conn)}
    assert [repr(m.value) for m in loaded.measurements] == [repr(value) for value in values.values()]
    assert math.isnan(loaded.evidence["mean"][0])  # type: ignore[index] # JSON
    assert {metric: (rows[metric]["value"], rows[metric]["status"]) for metric in values} == {
        "psi": (None, "undefined"),
        "ks": (None, "infinite"),
        "missing": (None, "minus_infinite"),
        "stuck": (0.5, "ok"),
    }


def test_view_unfolds_every_metric(store: Store) -> None:
    """One row a metric with its noise limit, and rows and harm beside them."""
    with store.write() as conn:
        done(conn, results=(result(),))
        rows = history.measurements(conn, Filter(model="m", column="temp"))
        assert [row["metric"] for row in rows] == ["cramers_v", "harm", "missing", "psi", "rows"]
        psi = rows[3]
        assert (psi["value"], psi["noise_limit"], psi["n"], psi["n_reference"]) == (0.25, 0.2, 90, 1000)
        assert psi["window_start"] == "2013-05-01T00:00:00.000000Z"
        assert conn.exec_driver_sql("SELECT psi, missing, harm FROM column_result").one() == (0.25, 0.1, -1.5)


def test_one_result_a_column(store: Store) -> None:
    """The unique key refuses a second result for the same column, segment and version."""
    with pytest.raises(IntegrityError), store.write() as conn:
        done(conn, results=(result(), result()))


def test_twenty_columns_take_five_milliseconds(store: Store) -> None:
    """Saving a window of 20 columns costs at most 5 ms of CPU, the disk's fsync aside."""
    columns = [
        replace(result(f"c{n}"), components=result().components * 12, measurements=result().measurements * 4)
        for n in range(20)
    ]
    best = math.inf
    with store.write() as conn:
        windows = done(conn, count=8)
        for window in windows:
            begun = time.process_time()
            measurements.save(conn, window.id, columns)
            best = min(best, time.process_time() - begun)
    assert best <= 0.005
