"""whylogs: the window is logged and held against the reference's stored profile, column by column.

`prepare` logs the reference and writes its profile, which is in none of the numbers.
"""

import json
import sys
import time

import pandas as pd
import whylogs as why
from whylogs.core import DatasetProfileView
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

imported = time.process_time()
way, reference, window, state = sys.argv[1:]
if way == "prepare":
    why.log(pd.read_parquet(reference).drop(columns="ts")).view().write(state)
    sys.exit()
now = pd.read_parquet(window).drop(columns="ts")
before = DatasetProfileView.read(state)
found = calculate_drift_scores(target_view=why.log(now).view(), reference_view=before, with_thresholds=True)
print(
    json.dumps(
        {
            "version": why.__version__ if hasattr(why, "__version__") else "",
            "reference": "a stored profile",
            "did": "why.log, calculate_drift_scores",
            "rows": len(now),
            "results": sum(score is not None for score in found.values()),
            "work_cpu_s": time.process_time() - imported,
        }
    )
)
