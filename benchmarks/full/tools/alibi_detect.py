"""alibi-detect: TabularDrift (KS for numbers, chi-square for categories) on the rows of both sides.

It takes one matrix without missing values: text becomes codes, and a missing number its column's median.
"""

import json
import sys
import time

import alibi_detect
import numpy as np
import polars as pl
from alibi_detect.cd import TabularDrift

imported = time.process_time()
_, reference, window, _ = sys.argv[1:]
before, now = (pl.read_parquet(path).drop("ts") for path in (reference, window))
texts = [name for name, dtype in now.schema.items() if dtype == pl.String]
codes = [
    pl.col(name).cast(pl.Enum(pl.concat([before[name], now[name]]).drop_nulls().unique().sort()))
    for name in texts
]
medians = dict(zip(before.columns, before.median().row(0), strict=True))


def matrix(frame: pl.DataFrame) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """float64[rows, columns]; a missing label is one more."""
    coded = frame.with_columns(codes).with_columns(pl.col(texts).to_physical().cast(pl.Float64).fill_null(-1))
    filled = coded.with_columns(
        pl.col(name).fill_null(medians[name]) for name in frame.columns if name not in texts
    )
    return filled.to_numpy()


categories = {now.columns.index(name): None for name in texts}
found = TabularDrift(matrix(before), p_val=0.05, categories_per_feature=categories).predict(matrix(now))
print(
    json.dumps(
        {
            "version": alibi_detect.__version__,
            "reference": "all its rows, read again",
            "did": "TabularDrift",
            "rows": now.height,
            "results": len(found["data"]["p_val"]),
            "work_cpu_s": time.process_time() - imported,
        }
    )
)
