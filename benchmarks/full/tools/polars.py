"""The floor: polars reads the window's file, all columns of it, and does nothing else."""

import json
import sys
import time

import polars as pl

imported = time.process_time()
_, _, window, _ = sys.argv[1:]
frame = pl.read_parquet(window)
print(
    json.dumps(
        {
            "version": pl.__version__,
            "reference": "none",
            "did": "pl.read_parquet of the window",
            "rows": frame.height,
            "results": frame.width - 1,  # the rows' times are no column of the comparison
            "work_cpu_s": time.process_time() - imported,
        }
    )
)
