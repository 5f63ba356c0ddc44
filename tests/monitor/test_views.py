"""Laws of how history is printed."""

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest

from monitor.views import columns_of, shorter, sparks, write

RECORD = {"model": "m", "facts": {"a": 1}, "title": '=cmd|" /C calc"', "z": -1.5, "p": None}
COLUMNS = tuple(RECORD)


def printed(form: str, capsys: pytest.CaptureFixture[str]) -> str:
    write([RECORD], COLUMNS, form, None)
    return capsys.readouterr().out


def test_csv_has_a_header_and_one_line_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is an empty cell; what has parts is JSON; numbers stay numbers."""
    rows = list(csv.DictReader(io.StringIO(printed("csv", capsys))))
    assert len(rows) == 1
    assert json.loads(rows[0]["facts"]) == {"a": 1}
    assert (rows[0]["z"], rows[0]["p"]) == ("-1.5", "")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(first: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name out of the data that a spreadsheet would run gets a quote in front."""
    write([{"title": f"{first}1+1"}], ("title",), "csv", None)
    text = capsys.readouterr().out
    assert list(csv.reader(io.StringIO(text)))[1] == [f"'{first}1+1".replace("\r", "\n")]


def test_json_is_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    """As they are, formulas and all."""
    assert json.loads(printed("json", capsys)) == [RECORD]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_file_holds_what_the_screen_would(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Byte for byte."""
    write([RECORD], COLUMNS, form, tmp_path / "out")
    assert (tmp_path / "out").read_text("utf-8") == printed(form, capsys)


def test_parquet_keeps_every_record(tmp_path: Path) -> None:
    """One row a record, the view's columns in order."""
    write([{"model": "m", "z": 1.5}, {"model": "n", "z": None}], ("model", "z"), "parquet", tmp_path / "out")
    frame = pl.read_parquet(tmp_path / "out")
    assert frame.columns == ["model", "z"]
    assert frame["z"].to_list() == [1.5, None]


@pytest.mark.parametrize("about", ["windows", "measurements", "verdicts", "incidents"])
def test_what_fits_a_screen_is_part_of_the_view(about: str) -> None:
    """No brief column without a column of the view."""
    assert set(columns_of(about, brief=True)) <= set(columns_of(about))


def test_few_series_get_a_line_each() -> None:
    """One a series, none of a single point, none at all of many series or of windows."""
    few = [{"model": "m", "column_name": name, "z": z} for name in ("a", "b") for z in (0.0, 1.0)]
    assert sparks("verdicts", few) == ["m a z: ▁█", "m b z: ▁█"]
    assert sparks("verdicts", few[:1]) == []
    many = [{"model": "m", "column_name": str(i), "z": 0.0} for i in range(6)]
    assert sparks("verdicts", many) == []
    assert sparks("windows", few) == []


def test_cells_are_cut_for_the_screen_only_where_nothing_is_lost() -> None:
    """An id as far as people type it, a time to the minute; anything else stays."""
    assert shorter("incident_id", "27520eb5e6b43327ff3ac464d544f742") == "27520eb5e6b4"
    assert shorter("window_start", "2013-05-27T04:00:00.000000Z") == "2013-05-27T04:00Z"
    assert shorter("title", "2013-05-27T04:00:00.000000Z and more") == "2013-05-27T04:00:00.000000Z and more"
    assert shorter("resolved", None) is None
