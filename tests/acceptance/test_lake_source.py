"""A model whose rows are in a lake's table: late rows are another version, and make another revision."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.fast import DAY, learn, live, reconfigure
from tests.acceptance.test_table_source import CHANNEL, DAYS, in_files, verdicts
from tests.acceptance.world import REFERENCE_DAYS, build_shop, day
from tests.monitor.shelves import DeltaTables, IcebergTables, LakeTable

LATE = 2  # the day of which more than half comes two days later


@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_late_rows_are_another_version(tmp_path: Path, kind: str) -> None:
    """What is said in the end is what files would have said, and each window knows its version."""
    shop = build_shop(tmp_path / "lake", days=0, channels=CHANNEL)
    home = shop.folder / "data"
    shelf: Any = DeltaTables(home) if kind == "delta" else IcebergTables(home)
    first = shop.start - REFERENCE_DAYS * DAY
    reference = shelf.write("reference", pl.read_parquet(shop.folder / "data/reference.parquet"))
    orders, add = shelf.growing(day(first, REFERENCE_DAYS).drop("label")[:0])

    def options(place: Path | LakeTable) -> list[str]:
        given = (
            {**place.options, "table": place.name} if isinstance(place, LakeTable) else {"path": str(place)}
        )
        return [f'{name} = "{value}"' for name, value in {"kind": kind, **given}.items()]

    old = '\n[models.shop.source]\nkind = "parquet"\npath = "data/orders-*.parquet"\ntimestamp = "ts"\n'
    reconfigure(
        shop,
        {
            old: "\n".join(["", "[models.shop.source]", *options(orders), 'timestamp = "ts"', ""]),
            'source = { kind = "parquet", path = "data/reference.parquet" }': (
                f"source = {{ {', '.join(options(reference))} }}"
            ),
            'every = "1d"': 'every = "1d"\nlateness = "60h"',
        },
    )

    def arrive(at: datetime) -> None:
        number = (at - shop.start) // DAY - 1
        frame = day(first, REFERENCE_DAYS + number, broken=number in range(4, 7)).drop("label")
        position = pl.int_range(pl.len()) % 100
        add(frame.filter(position < 40) if number == LATE else frame)
        if number == LATE + 2:
            add(day(first, REFERENCE_DAYS + LATE).drop("label").filter(position >= 40))

    learn(shop)
    past = live(shop, DAYS, each=arrive)
    windows = past.rows("SELECT revision, state, rows FROM v_windows ORDER BY window_start, revision")
    assert [(row["revision"], row["state"], row["rows"]) for row in windows].count((1, "done", 160)) == 1
    assert verdicts(past) == verdicts(in_files(tmp_path / "files"))
    assert ("amount", "drift", "page") in past.incidents()
    known = past.rows("SELECT window_start, revision, data_version FROM v_windows WHERE state = 'done'")
    revised = next(row["window_start"] for row in known if row["revision"] == 1)
    versions = [row["data_version"] for row in known]
    assert len(set(versions)) == DAYS
    assert len({row["data_version"] for row in known if row["window_start"] == revised}) == 2
    word = "version" if kind == "delta" else "snapshot"
    assert all(version.startswith(f"{word} ") for version in versions)
    (found,) = past.rows("SELECT lineage FROM reference")
    assert str(json.loads(found["lineage"])["data_version"]).startswith(f"{word} ")
