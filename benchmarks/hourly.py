"""Which config has many hourly models that differ in nothing but their name?"""

from pathlib import Path


def hourly_config(folder: Path, models: int, window: str) -> Path:
    """The path of a config in `folder`, for m0, m1, …

    Each reads data/rows.parquet and learns from data/reference.parquet. `window`: one more line of its
    window.
    """
    tables = [
        f"""
[models.m{number}]
task = "binary"
[models.m{number}.source]
kind = "parquet"
path = "data/rows.parquet"
timestamp = "ts"
[models.m{number}.columns]
score = "score"
[models.m{number}.window]
every = "1h"
settle = "0s"
ready = "clock"
{window}
[models.m{number}.reference]
source = {{ kind = "parquet", path = "data/reference.parquet" }}
"""
        for number in range(models)
    ]
    config = folder / "leeway.toml"
    config.write_text('[storage]\nurl = "sqlite:///leeway.db"\n' + "".join(tables), encoding="utf-8")
    return config
