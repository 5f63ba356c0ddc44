"""How are records of history written as Parquet? polars lives in this folder alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl


def write_parquet(records: Sequence[Mapping[str, Any]], columns: Sequence[str], path: Path) -> None:
    """Times stay ISO-8601 text, as in the views; objects are JSON text."""
    plain = [
        {
            name: json.dumps(value) if isinstance(value := record[name], (dict, list)) else value
            for name in columns
        }
        for record in records
    ]
    pl.DataFrame(plain, schema=list(columns), infer_schema_length=None).write_parquet(path)
