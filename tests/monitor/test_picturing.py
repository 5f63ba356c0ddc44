"""Laws of what a picture shows: stored numbers alone, of the window the words are about."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from alerting.incident import Incident
from alerting.series import Series
from detectors import Bins
from monitor import logs
from monitor.goodness import goodness
from monitor.picture import Picture
from monitor.picture_shares import shares_of
from monitor.picturing import picture_of
from monitor.replay import replay
from monitor.windows import WindowSpec
from storage import incidents
from storage.courses import Passed
from storage.engine import open_store
from storage.span import Span
from storage.tables import column_result
from tests.acceptance.labelled import build_labelled_shop
from tests.acceptance.world import Shop
from tests.monitor.judging import numeric

SPEC = WindowSpec.parse("1d")
DAYS = 12
LOG = '[channels.file]\nkind = "log"\npath = "alerts.jsonl"\n\n[[routes]]\nchannels = ["file"]\n'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Eight quiet days, then four on which other customers come. Labels come two days later."""
    logs.configure(quiet=True)
    folder = tmp_path_factory.mktemp("pictures") / "shop"
    made = build_labelled_shop(folder, days=DAYS, broken=range(8, DAYS), channels=LOG)
    for _ in replay(made.config, Span(start=made.start, end=made.start + timedelta(days=DAYS))):
        pass
    return made


@pytest.fixture
def conn(shop: Shop) -> Iterator[Connection]:
    with open_store(f"sqlite:///{shop.folder}/leeway.db", read_only=True) as store, store.read() as opened:
        yield opened


def about(conn: Connection, column: str, **changes: object) -> Incident:
    """The incident on a column; of one without an incident, that of `amount` in its name."""
    every = incidents.open_incidents(conn)
    found = [each for each in every if each.series.column == column and not each.series.rule]
    found = found or [
        replace(each, series=replace(each.series, column=column))
        for each in every
        if each.series.column == "amount"
    ]
    return replace(found[0], **changes)  # type: ignore[arg-type]  # any field of an incident


def picture(conn: Connection, column: str, **changes: object) -> Picture:
    made = picture_of(conn, about(conn, column, **changes), SPEC)
    assert made is not None
    return made


def test_both_sides_are_of_the_window_that_breached(shop: Shop, conn: Connection) -> None:
    """On the left its bins, on the right the course up to it, in the column's own unit."""
    made = picture(conn, "amount")
    assert made.heading == "shop: amount"
    assert made.rows == 160
    assert made.shares is not None
    assert made.course is not None
    assert sum(made.shares.window) == pytest.approx(1.0)
    assert made.course.starts[-1] == shop.start + timedelta(days=DAYS - 1)
    assert made.course.measure in ("typical amount", "median amount")
    assert 10 < made.course.values[0] < 40


def test_what_breached_is_marked_and_lies_outside_its_band(conn: Connection) -> None:
    """And the quiet days inside it."""
    course = picture(conn, "amount").course
    assert course is not None
    assert list(course.breached) == [False] * 8 + [True] * 4
    ends = zip(course.low, course.values, course.high, strict=True)
    inside = [low is not None and high is not None and low <= value <= high for low, value, high in ends]
    assert sum(inside[:8]) >= 7  # 99 of 100 are
    assert not any(inside[8:])


def test_the_grey_range_is_that_of_the_windows_before(conn: Connection) -> None:
    """Not of those that breached: what happened must not look usual."""
    shares = picture(conn, "amount").shares
    assert shares is not None
    assert shares.windows == 8
    assert all(low <= high for low, high in zip(shares.low, shares.high, strict=True))
    assert any(
        not low <= now <= high for low, now, high in zip(shares.low, shares.window, shares.high, strict=True)
    )


def test_a_range_of_too_few_windows_is_none(shop: Shop, conn: Connection) -> None:
    """Of three days nobody knows what is usual."""
    shares = picture(conn, "amount", since=shop.start + timedelta(days=3)).shares
    assert shares is not None
    assert (shares.low, shares.high, shares.windows) == ((), (), 0)


def test_a_bin_is_named_by_numbers_as_in_the_message() -> None:
    """No powers of ten where a person writes thousands."""
    bins = Bins(
        labels=("below -1.5e-05", "-1.5e-05 to 1.737e+04", "1.737e+04 to 1e+20", "missing"),
        reference=(0.1, 0.5, 0.4, 0.0),
        window=(0.2, 0.4, 0.4, 0.0),
    )
    span = Span(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
    last = Passed(span=span, reference_id=None, result=replace(numeric(c1=0.1), bins=bins), said=None)
    found = shares_of(last, [])
    assert found is not None
    assert found.labels == ("below −0.000015", "−0.000015 to 17,370", "17,370 to 1e+20")


def test_a_category_is_named_by_its_labels(conn: Connection) -> None:
    """As a message may name them."""
    made = picture(conn, "country", change="mix", facts={"component": "level:NO"})
    assert made.shares is not None
    assert made.shares.labels == ("FI", "SE", "NO")
    assert made.course is not None
    assert (made.course.measure, made.course.percent) == ("share of NO", True)


def test_labels_of_a_column_with_many_levels_stay_here(shop: Shop, tmp_path: Path) -> None:
    """alerting.md: over 200 levels they may be names or addresses; a number stands in their place."""
    copy = tmp_path / "leeway.db"
    copy.write_bytes((shop.folder / "leeway.db").read_bytes())
    with open_store(f"sqlite:///{copy}") as store:
        with store.write() as conn:
            incident = about(conn, "country", change="mix", title="", facts={"component": "level:NO"})
            for row in conn.execute(select(column_result).where(column_result.c.column_name == "country")):
                many = {**row.evidence, "distinct": [500, 3]}
                conn.execute(update(column_result).where(column_result.c.id == row.id).values(evidence=many))
        with store.read() as conn:
            made = picture_of(conn, incident, SPEC)
    assert made is not None
    assert made.shares is not None
    assert made.shares.labels == ("value 1", "value 2", "value 3")
    assert made.course is not None
    assert made.course.measure == "share of one value"
    assert not {"FI", "SE", "NO"} & set(str(made.to_json()).replace("'", " ").split())


def test_a_plain_limit_is_drawn_as_one(conn: Connection) -> None:
    """The reported metric under its limit."""
    facts = {"rule": "threshold:psi", "component": None, "normal": [None, 0.1]}
    made = picture(conn, "amount", change="limit", facts=facts)
    assert made.course is not None
    assert made.course.measure == "psi (limit 0.1)"
    assert set(made.course.high) == {0.1}
    assert set(made.course.low) == {None}


def test_what_is_no_column_has_its_course_alone(conn: Connection) -> None:
    """An estimate has no bins."""
    made = picture(conn, "__estimated__")
    assert made.shares is None
    assert made.course is not None
    assert (made.heading, made.course.measure) == ("shop: estimate", "estimated accuracy")


def test_what_is_derived_is_called_by_its_words(conn: Connection) -> None:
    """Nobody says __max_probability__."""
    assert picture(conn, "__max_probability__").heading == "shop: max probability"


@pytest.mark.parametrize("column", ["", "__labels__", "unheard-of"])
def test_without_numbers_there_is_no_picture(conn: Connection, column: str) -> None:
    """A silent feed, and what was never measured."""
    incident = about(conn, "amount", series=Series(model="shop", column=column))
    assert picture_of(conn, incident, SPEC) is None


def test_the_known_performance_is_that_of_the_window_and_of_the_latest_labels(
    shop: Shop, conn: Connection
) -> None:
    """The estimate is of this window, what labels say of one two days before."""
    known = goodness(conn, "shop", shop.start + timedelta(days=7))
    assert known is not None
    assert known["metric"] == "accuracy"
    estimated, realised = known["estimated"], known["realised"]
    assert isinstance(estimated, dict)
    assert isinstance(realised, dict)
    assert 0.5 < estimated["value"] < 1.0
    assert 0.5 < realised["value"] < 1.0
    assert realised["start"] <= (shop.start + timedelta(days=7)).isoformat()
    assert goodness(conn, "nobody", shop.start) is None
