"""One number of a column comes back from the database as it was, written now or before revision 0013."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from detectors import Measurement
from storage import history, measurements
from storage.encoding import dumps, loads
from storage.engine import Store
from storage.fields import fields_of, kept, measurement_of, read
from storage.roll_up import roll_up
from storage.tables.views import v_measurements
from storage.unfolded import unfolded
from tests.storage.samples import done, result

NUMBERS = st.floats(allow_nan=False) | st.none()
MEASURED = st.builds(
    Measurement,
    column=st.just("temp"),
    metric=st.sampled_from(["psi", "ks", "q05", "rows", "a]b", 'say "x"', "ä\n"]),
    value=st.floats(),
    noise_limit=NUMBERS,
    p=NUMBERS,
    bound=NUMBERS,
    direction=st.sampled_from([-1, 0, 1]),
    n_reference=st.integers(0, 2**53),
    n=st.integers(0, 2**53),
)


def as_before(m: Measurement) -> dict[str, Any]:
    """As revision 0012 wrote it."""
    return {**fields_of(kept(m))._asdict(), "direction": m.direction, "contributions": [0.5, 0.5]}


@given(measured=st.lists(MEASURED, max_size=6))
def test_what_is_kept_is_what_was_measured(measured: list[Measurement]) -> None:
    """To the bit, whichever way it was written; of one metric as of all."""
    for written in ([kept(m) for m in measured], [as_before(m) for m in measured]):
        stored = dumps(written)
        found = [measurement_of("temp", one) for one in read(stored)]
        assert repr(found) == repr(measured)
        for metric in {"psi", "a]b", 'say "x"', "ä\n", "k", *(m.metric for m in measured)}:
            mine = [measurement_of("temp", one) for one in read(stored, metric)]
            assert repr(mine) == repr([m for m in measured if m.metric == metric])


@given(days=st.lists(st.lists(MEASURED, max_size=3, unique_by=lambda m: m.metric), max_size=4))
def test_a_day_is_the_same_of_both(days: list[list[Measurement]]) -> None:
    """Rows from before the upgrade and after it are rolled up together, in any part."""
    counts = {"rows": 100, "missing_rows": 10, "harm": -0.5, "pull": None}
    new, old = (
        [{**counts, "measurements": [write(m) for m in measured]} for measured in days]
        for write in (kept, as_before)
    )
    half = len(days) // 2
    assert repr(roll_up(new)) == repr(roll_up(old)) == repr(roll_up(new[half:], roll_up(old[:half])))


def test_nothing_is_kept_that_is_not_there() -> None:
    """A mean of a text column is a name, a value and two counts; their names are in no row."""
    plain = Measurement(column="temp", metric="mean", value=0.5, n_reference=1_000, n=90)
    assert dumps([kept(plain)]) == '[["mean",0.5,"ok",null,90,1000]]'


def test_the_view_reads_both(store: Store) -> None:
    """Rows from before the upgrade say the same in the view, in the history and to the fold."""
    one = replace(
        result(),
        measurements=(
            *result().measurements,
            *(
                Measurement(column="temp", metric=f"m{n}", value=value, direction=-1, n_reference=1, n=2)
                for n, value in enumerate((math.nan, math.inf, -math.inf))
            ),
        ),
    )
    with store.write() as conn:
        (window,) = done(conn, results=(one,))
        views, rows = conn.execute(select(v_measurements)).all(), unfolded(conn, [window.id])
        before = json.dumps([as_before(m) for m in one.measurements], default=list)
        assert "NaN" not in before
        conn.execute(text("UPDATE column_result SET measurements = :before"), {"before": before})
        assert sorted(conn.execute(select(v_measurements)).all(), key=repr) == sorted(views, key=repr)
        assert sorted(unfolded(conn, [window.id]), key=repr) == sorted(rows, key=repr)
        assert repr(measurements.load(conn, window.id)) == repr([one])
        assert history.measurements(conn, history.Filter(model="m", metric="m0"))[0]["status"] == "undefined"


@pytest.mark.parametrize("stored", ["[]", '[{"metric":"psi"}]'])
def test_of_another_metric_there_is_nothing(stored: str) -> None:
    """No row, and no error."""
    assert read(stored, "ks") == []
    assert read(stored) == loads(stored)
