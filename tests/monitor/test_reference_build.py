"""Laws of a reference build: which rows and windows count, and what is said of odd columns."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import CategoryColumn, Column, NumericColumn, Role
from monitor.reference_build import Built, Rows, build, read_rows, reference_windows
from monitor.source import Batch, SourceError, Window
from monitor.windows import WindowSpec
from storage.span import Span

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
SPEC = WindowSpec.parse("1d")


def micros(moments: Sequence[datetime]) -> NDArray[np.int64]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return np.array([(moment - epoch) // timedelta(microseconds=1) for moment in moments], dtype=np.int64)


def evenly(days: int, rows: int = 24, *, first: datetime = START) -> list[datetime]:
    """So many rows a day, evenly."""
    return [first + day * DAY + row * DAY / rows for day in range(days) for row in range(rows)]


def batch(moments: Sequence[datetime] | None, **columns: Column) -> Batch:
    count = len(next(iter(columns.values())))
    return Batch(rows=count, columns=columns, times=None if moments is None else micros(moments))


def numbers(values: Sequence[float] | NDArray[np.float64]) -> NumericColumn:
    return NumericColumn(values=np.asarray(values, dtype=np.float64))


def read(*batches: Batch, excluded: Sequence[Span] = ()) -> Rows:
    return read_rows(Window(span=None, batches=iter(batches), problems=()), excluded)


def rows_at(moments: Sequence[datetime]) -> Rows:
    return read(batch(moments, x=numbers(np.arange(len(moments), dtype=float))))


def built(rows: Rows, **roles: Role) -> Built:
    return build(
        rows,
        roles=roles or dict.fromkeys(rows.columns, Role.FEATURE),
        score=None,
        label=None,
        include=(),
        spec=SPEC,
        excluded=(),
        min_rows=5,
    )


def test_rows_come_into_time_order() -> None:
    """Whatever order the files had; rows of one instant keep theirs."""
    later, sooner = START + DAY, START
    rows = read(batch([later, later], x=numbers([1, 2])), batch([sooner], x=numbers([3])))
    column = rows.columns["x"]
    assert isinstance(column, NumericColumn)
    assert column.values.tolist() == [3, 1, 2]


def test_labels_of_several_batches_are_one_table() -> None:
    """Each batch numbers them by itself; missing stays missing."""
    one = CategoryColumn(codes=np.array([0, 1, -1], dtype=np.int32), labels=("a", "b"))
    two = CategoryColumn(codes=np.array([0, 1], dtype=np.int32), labels=("b", "c"))
    joined = read(batch(None, x=one), batch(None, x=two)).columns["x"]
    assert isinstance(joined, CategoryColumn)
    labels = [joined.labels[code] if code >= 0 else None for code in joined.codes]
    assert labels == ["a", "b", None, "b", "c"]


def test_excluded_spans_are_left_out() -> None:
    """Half-open: the first instant is out, the last is in."""
    moments = [START, START + DAY, START + 2 * DAY]
    rows = read(batch(moments, x=numbers([1, 2, 3])), excluded=[Span(start=START + DAY, end=START + 2 * DAY)])
    column = rows.columns["x"]
    assert isinstance(column, NumericColumn)
    assert column.values.tolist() == [1, 3]


def test_no_rows_is_an_error_with_its_remedy() -> None:
    """Not transient: waiting does not help."""
    with pytest.raises(SourceError, match="check its path") as caught:
        read()
    assert not caught.value.transient


def test_only_whole_windows_count() -> None:
    """A file that ends at two in the morning does not have that day; half a day is enough."""
    moments = [*evenly(3), *evenly(1, first=START + 3 * DAY)[:2]]
    assert [span.start for span in reference_windows(rows_at(moments), SPEC, [])] == [
        START + n * DAY for n in range(3)
    ]
    assert len(reference_windows(rows_at(evenly(3)[12:]), SPEC, [])) == 3
    assert len(reference_windows(rows_at(evenly(3)[14:]), SPEC, [])) == 2


def test_a_window_that_an_excluded_span_touches_does_not_count() -> None:
    """Half a day is not what a day is like."""
    hour = Span(start=START + DAY + DAY / 2, end=START + DAY + DAY / 2 + timedelta(hours=1))
    found = reference_windows(rows_at(evenly(3)), SPEC, [hour])
    assert [span.start for span in found] == [START, START + 2 * DAY]


def test_a_file_without_time_has_no_windows() -> None:
    """It has a profile, and its noise model is learning."""
    outcome = built(read(batch(None, x=numbers(range(100)))))
    assert (outcome.windows, outcome.span, outcome.noise.learning) == (0, None, True)
    assert outcome.profile.columns["x"].rows == 100


def test_windows_with_few_rows_teach_nothing() -> None:
    """Under min_rows a window is not judged, so it is not learnt from."""
    moments = [*evenly(3), *evenly(2, rows=4, first=START + 3 * DAY), *evenly(1, first=START + 5 * DAY)]
    assert built(rows_at(moments)).windows == 4


def test_enough_windows_end_the_learning() -> None:
    """Twenty."""
    random = np.random.default_rng(1)

    def learnt(days: int) -> bool:
        moments = evenly(days)
        return not built(read(batch(moments, x=numbers(random.normal(size=len(moments)))))).noise.learning

    assert [learnt(19), learnt(20)] == [False, True]


def test_the_same_rows_give_the_same_reference() -> None:
    """In any batches: the digest and the noise, bit for bit."""
    random = np.random.default_rng(2)
    moments, values = evenly(21), random.normal(size=21 * 24)
    whole = built(read(batch(moments, x=numbers(values))))
    parts = built(
        read(batch(moments[300:], x=numbers(values[300:])), batch(moments[:300], x=numbers(values[:300])))
    )
    assert whole.profile.digest == parts.profile.digest
    assert whole.noise.to_json() == parts.noise.to_json()


def test_a_column_that_says_nothing_is_noticed() -> None:
    """Whoever built the reference from the wrong rows sees it at once."""
    flat = read(
        batch(
            None,
            void=numbers([np.nan] * 10),
            flat=numbers([3.0] * 10),
            endless=numbers([np.inf] * 10),
            fine=numbers(range(10)),
        )
    )
    notices = built(flat).notices
    assert [notice.partition(":")[0] for notice in notices] == ["void", "flat", "endless"]
