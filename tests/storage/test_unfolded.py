"""What is unfolded here is what the view says, row for row, on both databases."""

from dataclasses import replace
from math import inf, nan
from typing import Any

from sqlalchemy import Connection, insert, select

from storage import measurements
from storage.engine import Store
from storage.roll_up import roll_up
from storage.tables import column_result, daily_result
from storage.tables.views import v_measurements
from storage.unfolded import unfolded
from tests.storage.samples import DAY, T0, done, result


def of_view(conn: Connection) -> list[dict[str, Any]]:
    """Integers are numbers, too."""
    found = [dict(row) for row in conn.execute(select(v_measurements)).mappings()]
    for each in found:
        for name in ("value", "value_min", "value_max"):
            each[name] = None if each[name] is None else float(each[name])
    return sorted(found, key=repr)


def filled(conn: Connection) -> list[int]:
    """Three windows in full, with values that are no numbers, and one day of the first two rolled up."""
    windows = done(conn, 3)
    odd = [
        replace(each, value=value, p=p)
        for each, value, p in zip(result().measurements, (nan, inf, -inf), (None, 0.25, 5e-324), strict=True)
    ]
    for number, window in enumerate(windows):
        results = [
            result(value=0.1 * number),
            replace(result("hour", missing=1 / 3), segment="origin=JFK"),
            replace(result("odd"), measurements=tuple(odd), version="v2"),
        ]
        measurements.save(conn, window.id, results)
    rows = conn.execute(select(column_result).where(column_result.c.ledger_id == windows[0].id)).all()
    for row in rows:
        conn.execute(
            insert(daily_result).values(
                ledger_id=windows[0].id,
                start=T0,
                end=T0 + DAY,
                segment=row.segment,
                column_name=row.column_name,
                version=row.version,
                windows=24,
                rows=row.rows,
                measurements=roll_up([dict(row._mapping)] * 2),
            )
        )
    return [window.id for window in windows]


def test_as_the_view_unfolds(store: Store) -> None:
    """Every record and every key, in the view's order of columns; windows left out are left out."""
    with store.write() as conn:
        ids = filled(conn)
        said = of_view(conn)
        made = unfolded(conn, ids)
        assert sorted(made, key=repr) == said
        assert all(list(each) == [column.name for column in v_measurements.c] for each in made)
        some = [each for each in said if each["window_id"] == ids[1]]
        assert sorted(unfolded(conn, ids[1:2]), key=repr) == some


def test_what_is_asked_for(store: Store) -> None:
    """A column, a segment (the whole is one, too) and a metric."""
    with store.write() as conn:
        ids = filled(conn)
        for asked in (
            {"column_name": "temp"},
            {"segment": ""},
            {"segment": "origin=JFK"},
            {"metric": "psi"},
            {"metric": "rows", "column_name": "odd"},
        ):
            expected = [
                each for each in of_view(conn) if all(each[name] == is_ for name, is_ in asked.items())
            ]
            made = unfolded(
                conn,
                ids,
                column=asked.get("column_name"),
                segment=asked.get("segment"),
                metric=asked.get("metric"),
            )
            assert expected
            assert sorted(made, key=repr) == expected
