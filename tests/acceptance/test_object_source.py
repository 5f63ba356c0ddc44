"""A model whose rows are objects of a store: what is said in the end is what files would have said."""

import io
import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from tests.acceptance.fast import DAY, learn, live, reconfigure
from tests.acceptance.test_table_source import CHANNEL, DAYS, in_files, verdicts
from tests.acceptance.world import REFERENCE_DAYS, build_shop, day
from tests.object_store import Bucket, ObjectStore

STORE = """endpoint = "{endpoint}"
region = "us-east-1"
access_key_id = "leeway"
secret_access_key_env = "LEEWAY_TEST_ROWS_KEY"
allow_http = true
allow_private = true
"""
SOURCE = """
[models.shop.source]
kind = "parquet"
path = "{path}"
timestamp = "ts"
{store}"""


def put(bucket: Bucket, key: str, frame: pl.DataFrame) -> None:
    written = io.BytesIO()
    frame.write_parquet(written)
    bucket.put(key, written.getvalue())


def test_from_reference_to_a_told_incident(
    tmp_path: Path, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is in no row of the history, and a window knows which objects it was read from."""
    shop = build_shop(tmp_path / "objects", days=0, channels=CHANNEL)
    bucket = object_store.bucket()
    monkeypatch.setenv("LEEWAY_TEST_ROWS_KEY", "CANARY-secret")
    put(bucket, "reference.parquet", pl.read_parquet(shop.folder / "data/reference.parquet"))
    store = STORE.format(endpoint=object_store.endpoint)
    inline = ", ".join(line for line in store.strip().splitlines())
    old = '\n[models.shop.source]\nkind = "parquet"\npath = "data/orders-*.parquet"\ntimestamp = "ts"\n'
    reconfigure(
        shop,
        {
            old: SOURCE.format(path=bucket.url("orders/day=*/part.parquet"), store=store),
            'source = { kind = "parquet", path = "data/reference.parquet" }': (
                f'source = {{ kind = "parquet", path = "{bucket.url("reference.parquet")}", {inline} }}'
            ),
        },
    )
    first = shop.start - REFERENCE_DAYS * DAY

    def arrive(at: datetime) -> None:
        number = (at - shop.start) // DAY - 1
        frame = day(first, REFERENCE_DAYS + number, broken=number in range(4, 7)).drop("label")
        put(bucket, f"orders/day={number}/part.parquet", frame)

    learn(shop)
    past = live(shop, DAYS, each=arrive)
    assert verdicts(past) == verdicts(in_files(tmp_path / "files"))
    assert ("amount", "drift", "page") in past.incidents()
    said = [json.loads(line) for line in (shop.folder / "said.jsonl").read_text().splitlines()]
    assert any("amount" in each["heading"] for each in said)
    versions = {row["data_version"] for row in past.rows("SELECT DISTINCT data_version FROM v_verdicts")}
    assert len(versions) == DAYS
    assert all("1 file, " in version and "ETag" in version for version in versions)
    (reference,) = past.rows("SELECT lineage FROM reference")
    assert "by name, size, rows and ETag" in reference["lineage"]
    assert not any(b"CANARY" in path.read_bytes() for path in shop.folder.rglob("*") if path.is_file())
