"""SciPy: ks_2samp a column of numbers, chi2_contingency a column of text, on the rows of both sides."""

import json
import sys
import time

import numpy as np
import polars as pl
import scipy
from scipy.stats import chi2_contingency, ks_2samp

imported = time.process_time()
_, reference, window, _ = sys.argv[1:]
before, now = pl.read_parquet(reference), pl.read_parquet(window)
results = 0
for name, dtype in now.schema.items():
    if dtype == pl.Float64:
        ks_2samp(before[name].drop_nulls().to_numpy(), now[name].drop_nulls().to_numpy(), method="asymp")
    elif dtype == pl.String:
        sides = [side[name].drop_nulls().value_counts() for side in (before, now)]
        both = sides[0].join(sides[1], on=name, how="full", coalesce=True).fill_null(0)
        chi2_contingency(np.array([both["count"], both["count_right"]]))
    else:
        continue
    results += 1
print(
    json.dumps(
        {
            "version": scipy.__version__,
            "reference": "all its rows, read again",
            "did": "ks_2samp, chi2_contingency",
            "rows": now.height,
            "results": results,
            "work_cpu_s": time.process_time() - imported,
        }
    )
)
