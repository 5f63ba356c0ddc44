"""Laws of columns of many labels: a pass of their own, of what the window may hold, and the same counts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from detectors import Kind, Profile, build_profile
from detectors._count import Extras
from monitor.counting import count_span, read_window
from monitor.sources import _many_labels, _row_groups, _stripes, _values
from monitor.sources._file_rows import FileRows
from monitor.sources.parquet import ParquetSource
from storage.span import Span
from tests.monitor.test_stripes import T0, profile, rows, same, small_parts


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch, many=4)


@pytest.fixture(scope="module")
def reference() -> Profile:
    return profile(rows(500, seed=9))


def test_columns_of_many_labels_have_a_pass_of_their_own(
    tmp_path: Path, reference: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those with many in the reference, whatever the window has; not those that are looked at with others."""
    found: list[str] = []
    counted = _many_labels.count_many_labels

    def noted(groups: _row_groups.RowGroups, name: str, on: Profile) -> Any:
        found.append(name)
        return counted(groups, name, on)

    monkeypatch.setattr(_stripes, "count_many_labels", noted)
    monkeypatch.setattr(_many_labels, "MANY", 5)
    rows(200).drop("w").write_parquet(tmp_path / "a.parquet", row_group_size=90)
    rows(200, seed=2).write_parquet(tmp_path / "b.parquet", row_group_size=90)
    source = ParquetSource(path=str(tmp_path), timestamp="ts")
    assert same(source, reference) == 400
    assert found == ["k", "k", "w"]
    found.clear()
    with pytest.MonkeyPatch.context() as light:
        light.setattr(_stripes, "BYTES", 100)  # labels that would be much to hold come in batches
        assert same(source, reference) == 400
    assert found == []
    gap = Span(start=T0 + timedelta(days=2), end=T0 + timedelta(days=3))
    rows(200, seed=3, days=9.0).filter(~pl.col("ts").is_between(gap.start, gap.end)).write_parquet(
        tmp_path / "c.parquet"
    )
    assert same(source, reference, gap) == 0  # and no column either
    (tmp_path / "c.parquet").unlink()
    monkeypatch.setattr(_many_labels, "MANY", 1)
    for half in (Span(start=T0, end=T0 + timedelta(hours=12)), Span(start=T0 - timedelta(days=9), end=T0)):
        assert same(source, reference, half) in (0, 200)
        assert {"w", "c", "e"} <= set(found) or half.end == T0
        found.clear()
    assert same(source, reference, extras=Extras(version="c")) == 400
    assert found == []


@pytest.mark.parametrize(
    ("most", "size", "parts"),
    [
        (120, 1 << 20, [(50, 100), (150, 100), (250, 50)]),
        (10_000, 1 << 20, [(50, 250)]),
        (7, 1 << 20, [(start, 50) for start in range(50, 300, 50)]),
        (10_000, 7, [(start, 50) for start in range(50, 300, 50)]),
    ],
)
def test_a_pass_reads_groups_that_may_hold_rows(
    tmp_path: Path, most: int, size: int, parts: list[tuple[int, int]]
) -> None:
    """A window of a long file costs what the window is long."""
    rows(400).sort("ts").write_parquet(tmp_path / "a.parquet", row_group_size=50)
    source = ParquetSource(path=str(tmp_path), timestamp="ts")
    step = timedelta(days=1) / 400
    span = Span(start=T0 + 60 * step, end=T0 + 290 * step)
    (file,) = source._files.ask(span, {}).files
    groups = _row_groups.RowGroups(files=source._files, file=file, span=span, wanted={})
    assert [*groups.parts("w", most, size)] == parts
    before = Span(start=T0 - 2 * step, end=T0 - step)
    far = _row_groups.RowGroups(files=source._files, file=file, span=before, wanted={})
    assert [*far.parts("w", most, size)] == []


@pytest.mark.parametrize("timeless", [0, 3])
@pytest.mark.parametrize("span", [None, Span(start=T0, end=T0 + timedelta(days=1))], ids=["all", "day"])
def test_a_file_in_the_window_whole_gives_its_labels_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timeless: int, span: Span | None
) -> None:
    """No row's time is read with them, unless some row has none; whatever a column is called."""
    frame = rows(200).rename({"w": "^w$", "c": "label"}).select(pl.selectors.by_name("ts", "^w$", "label"))
    frame = frame.with_columns(ts=pl.when(pl.int_range(200) >= timeless).then("ts"))
    kinds = dict.fromkeys(("^w$", "label"), Kind.CATEGORY)
    columns = {name: _values.column(frame[name].alias("v"), kind) for name, kind in kinds.items()}
    on = build_profile(columns, roles={}, include=tuple(kinds))
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=90)
    source = ParquetSource(path=str(tmp_path), timestamp="ts")
    plain = read_window(on, source.pull(span, kinds))
    assert plain.summary.rows == 200 - timeless
    monkeypatch.setattr(_many_labels, "MANY", 1)
    cut: list[set[str]] = []
    selected = FileRows.selected

    def noted(self: FileRows, *given: Any, **options: Any) -> Any:
        cut.append({*given[3]})
        return selected(self, *given, **options)

    monkeypatch.setattr(FileRows, "selected", noted)
    assert count_span(source, on, span) == plain
    assert ({"^w$"} in cut, {"label"} in cut) == (bool(timeless), bool(timeless))
