"""Values survive the database to the bit."""

import math
import sqlite3
import zlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.encoding import dumps, from_micros, iso, loads, packed, to_micros, unpacked
from storage.shared_words import FIRST

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: key != "$float"), inner),
    max_leaves=12,
)


def same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@given(json_values)
def test_json_round_trip(value: object) -> None:
    """Any JSON value, NaN and infinities included, is read back as it was, keys in order."""
    assert same(loads(dumps(value)), value)


@given(json_values, st.lists(st.text(max_size=3), max_size=3))
def test_packed_round_trip(value: object, clear: list[str]) -> None:
    """Packed or not, whatever stays in plain sight, a value is read back as it was, keys in order."""
    for each in (value, {"a": value, "b": [0.1] * 400, **dict.fromkeys(clear, value), "": 1}):
        assert same(unpacked(packed(each, clear)), each)
        assert same(unpacked(dumps(each)), each)


def test_what_does_not_shrink_stays_as_it_is() -> None:
    """Float64 in base64 is kept plain: unpacking it takes longer than all else. Both forms are read."""
    numbers = b64encode(np.random.default_rng(5).normal(size=5_000).tobytes()).decode()
    assert packed({"components": numbers}) == dumps({"components": numbers})
    assert len(packed({"components": "0" * 5_000})) < 200
    assert unpacked(packed({"components": numbers})) == {"components": numbers}


def test_packed_is_smaller_and_queried() -> None:
    """Long JSON takes a fraction of its room and is JSON still; what SQL asks for is where it was."""
    value = {
        "rules": [1.5, None],
        "components": [[f"r:a{i}~b{i}", i / 7, 1000, 1.0, False] for i in range(780)],
        "noise": math.nan,
    }
    text = packed(value, ("rules", "noise"))
    assert len(text) < 0.5 * len(dumps(value))
    with sqlite3.connect(":memory:") as conn:
        (found,) = conn.execute("SELECT json_extract(?, '$.rules')", (text,)).fetchone()
    assert found == "[1.5,null]"
    assert packed({"rules": [1]}) == '{"rules":[1]}'


def test_what_was_packed_before_is_read() -> None:
    """Rows written before there were shared words, and with the first of them: no word may ever change."""
    facts = {"components": {"c1": {"y": 0.25, "n": 500, "slot": ["none", 0], "law": [0, 0, 0], "z": 0.7}}}
    alone = b64encode(zlib.compress(dumps(facts).encode())).decode()
    assert unpacked(dumps({"rules": [1], "$packed": alone})) == {**facts, "rules": [1]}
    shared = "eLu9wco7q0YrdZHKSaBpeKIQEpoG0EIIHGTmQPMAwywW4w=="
    assert unpacked(dumps({"$packed1": shared})) == facts
    assert sha256(FIRST).hexdigest() == "579697559cd60ab9fd537dc5ddc338043fbae2d2608f7969d53c7790b6b49fde"


def test_numpy_scalars_and_times() -> None:
    """What detectors and judges put into facts becomes plain JSON."""
    value = {"a": np.float64(0.1), "b": np.int64(3), "c": (1, 2), "d": datetime(2013, 1, 1, tzinfo=UTC)}
    assert dumps(value) == '{"a":0.1,"b":3,"c":[1,2],"d":"2013-01-01T00:00:00.000000Z"}'
    assert dumps({"a": np.float64("nan"), "b": np.bool_(True)}) == '{"a":{"$float":"nan"},"b":true}'


def test_neither_writer_shows() -> None:
    """What one of the two writers of JSON does not know is written as beside it by the other."""
    moment = datetime(2013, 1, 1, tzinfo=UTC)
    told = '"at":"2013-01-01T00:00:00.000000Z","of":["a","b"]'
    each = {"at": moment, "of": frozenset("ba")}
    assert dumps(each) == "{" + told + "}"
    assert dumps({**each, "x": math.inf}) == "{" + told + ',"x":{"$float":"inf"}}'
    assert dumps({**each, "x": 2**70}) == "{" + told + f',"x":{2**70}}}'
    assert dumps({1: each}) == '{"1":{' + told + "}}"
    for unknown in (moment.date(), object()):
        with pytest.raises(TypeError, match="is not a JSON value"):
            dumps({"x": unknown})


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_exact(time: datetime) -> None:
    """Microseconds since 1970 and back."""
    assert from_micros(to_micros(time)) == time


def test_times_of_other_zones_are_the_same_instant() -> None:
    """A zone changes the spelling, not the number; the text is UTC."""
    there = datetime(2013, 5, 1, 20, tzinfo=timezone(timedelta(hours=-4)))
    assert to_micros(there) == to_micros(datetime(2013, 5, 2, tzinfo=UTC))
    assert iso(there) == "2013-05-02T00:00:00.000000Z"


def test_naive_times_are_refused() -> None:
    """A time without zone never reaches the database."""
    with pytest.raises(ValueError, match="aware"):
        to_micros(datetime(2013, 5, 1))  # noqa: DTZ001 (the case)
