"""Columns that relations look at are read one after the other, and add up to what whole rows give."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from detectors import Kind, Profile, Role, ScoreSpec, build_profile
from detectors import _apart as apart
from detectors._apart import LookedAt, reading
from detectors._count import NO_EXTRAS, Extras
from detectors._relation_fit import _plain
from detectors._relations import PART, relations_of
from monitor.sources.parquet import ParquetSource
from storage.span import Span
from tests.monitor.test_counting_parity import columns_of
from tests.monitor.test_stripes import DAY, KINDS, rows, same, scored, small_parts

RELATED = ("f", "h", "i", "b", "m", "took", "score")
EVERY = {**KINDS, "score": Kind.NUMERIC}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch, 10_000)


def related(sparsity: int, keys: tuple[str, ...] = ("f", "i"), *, score: bool = True) -> Profile:
    """A profile whose relations look at one row in 2**sparsity."""
    kinds = EVERY
    built = build_profile(
        columns_of(scored(600, 5).select(*kinds).to_dict(as_series=True), kinds),  # type: ignore[arg-type]
        roles={"score": Role.SCORE},
        score=ScoreSpec(task="binary", columns={"": "score"}) if score else None,
        knots=64,
        include=tuple(kinds),
    )
    return built.with_parts({PART: _plain(RELATED, keys, sparsity).to_bytes()})


def written(tmp_path: Path, frame: pl.DataFrame) -> ParquetSource:
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=90)
    return ParquetSource(path=str(tmp_path), timestamp="ts")


@pytest.mark.parametrize("error", [None, "error"])
@pytest.mark.parametrize("sparsity", [0, 1, 3, 12])
def test_the_same_sums(tmp_path: Path, sparsity: int, error: str | None) -> None:
    """Of all rows, of some, and of none of a row group; what else is looked at a row at a time beside it."""
    on = related(sparsity)
    how = reading(on)
    assert how.relations is not None
    assert set(how.late) == set(RELATED) - {"score"} - ({"f", "i"} if sparsity else set())
    source = written(tmp_path, scored(400, 6))
    extras = Extras(error=error)
    assert same(source, on, extras=extras) == 400
    found = source.count(on, DAY, extras)
    assert found is not None
    assert found.summary.joint is not None
    assert (found.summary.joint.rows == 400) == (sparsity == 0)


@pytest.mark.parametrize("sparsity", [0, 2])
@pytest.mark.parametrize("lost", [("f",), ("f", "i"), ("h", "took"), RELATED], ids="+".join)
def test_columns_that_the_window_lacks(tmp_path: Path, sparsity: int, lost: tuple[str, ...]) -> None:
    """They are missing in all rows; without keys all rows hash alike: all are looked at or none."""
    source = written(tmp_path, scored(300, 7).drop(*lost))
    assert same(source, related(sparsity)) == 300


def test_a_key_that_is_one_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows may be chosen where few were foretold: no scores are kept, and they are looked at again."""
    again: list[object] = []
    taken = LookedAt.take

    def noted(self: LookedAt, *args: object) -> None:
        again.append(self.too_many)
        taken(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(apart, "MOST_ROWS", 20)
    monkeypatch.setattr(LookedAt, "take", noted)
    on = related(2, ("f",))
    # A value whose hash says yes, found by asking.
    for value in range(100):
        frame = scored(300, 8).with_columns(pl.lit(float(value)).alias("f"))
        looked = LookedAt(on, relations_of(on))  # type: ignore[arg-type]
        looked.choose(columns_of({"f": [float(value)] * 30}, {"f": Kind.NUMERIC}), {}, 30)
        if looked.too_many:
            break
    assert looked.too_many
    assert not looked._chosen  # nor places of rows
    assert same(written(tmp_path, frame), on) == 300
    assert all(again)
    assert again


def test_columns_wait_for_those_that_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread is free long before the first stripe has said which rows are looked at."""
    asked = threading.Event()
    early: list[bool] = []
    settled, taken = LookedAt.settle, LookedAt.take

    def late(self: LookedAt) -> None:
        early.append(asked.wait(0.3))
        settled(self)

    def noted(self: LookedAt, *args: object) -> None:
        asked.set()
        taken(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(LookedAt, "settle", late)
    monkeypatch.setattr(LookedAt, "take", noted)
    scored(80, 14).write_parquet(tmp_path / "a.parquet")
    assert same(ParquetSource(path=str(tmp_path), timestamp="ts"), related(1)) == 80
    assert asked.is_set()
    assert early == [False]


def test_more_rows_than_scores_are_kept_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a row group of very many rows the columns are read side by side, as if nothing were known better."""
    monkeypatch.setattr(apart, "MOST_ROWS", 89)  # fewer than a row group has
    on = related(0)
    assert reading(on).of_rows(90).late == ()
    assert reading(on).of_rows(89).late != ()
    assert same(written(tmp_path, scored(400, 9)), on) == 400


def test_part_of_each_row_group(tmp_path: Path) -> None:
    """Rows of a span that lie here and there in a file: places are counted among those that are chosen."""
    source = written(tmp_path, scored(400, 10))
    noon = Span(start=DAY.start + timedelta(hours=7), end=DAY.start + timedelta(hours=19))
    for sparsity in (0, 2):
        assert 0 < same(source, related(sparsity), noon) < 400


def test_who_looks_at_all_columns_of_a_row(tmp_path: Path) -> None:
    """A second score, or rows by version: relations' columns are not read apart then."""
    on = related(2)
    assert reading(on, Extras(shadow={"": "second"})).late == ()
    assert reading(on, Extras(version="version")).together is None
    assert reading(replace(on, parts={}), NO_EXTRAS).late == ()
    source = written(tmp_path, scored(300, 11))
    assert same(source, on, extras=Extras(shadow={"": "second"}, error="error")) == 300
    assert same(source, on, extras=Extras(version="version")) == 300


def test_without_a_score_nothing_comes_first(tmp_path: Path) -> None:
    """The first stripe has no column, and still says how many rows there are."""
    on = related(0, score=False)
    assert reading(on).together == frozenset()
    assert same(written(tmp_path, scored(200, 12)), on) == 200
    assert same(written(tmp_path, rows(200, 13)), on) == 200


def test_scores_of_cells_are_those_of_values() -> None:
    """What a cell says is what the cuts say, of every value, ties and both infinities among them."""
    from detectors._joint_counting import _score, normal_scores, score
    from detectors._number_counting import count_numbers

    rng = np.random.default_rng(3)
    profile = related(0)
    for name in ("f", "took", "i", "b"):
        column = profile.columns[name]
        knots = column.knots  # type: ignore[union-attr]
        values = np.concatenate([knots, np.nextafter(knots, np.inf), rng.normal(size=500) * 3e18])
        values = np.concatenate([values, rng.normal(size=500), [np.nan, np.inf, -np.inf, 0.0, -0.0]])
        cells = np.empty(values.size, dtype=np.uint32)
        count_numbers(column, values, cells)  # type: ignore[arg-type]
        by_cell, by_value = np.empty((2, values.size), dtype=np.int8)
        score(column, values, cells, by_cell)
        _score(values, *normal_scores(column), by_value)
        np.testing.assert_array_equal(by_cell, by_value)
