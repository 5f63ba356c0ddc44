"""NannyML: UnivariateDriftCalculator with its default methods, fitted on the reference beforehand and stored.

`prepare` fits, which is in none of the numbers. The window is one chunk, which costs
less than the ten it would take.
"""

import json
import pickle
import sys
import time

import nannyml
import pandas as pd

imported = time.process_time()
way, reference, window, state = sys.argv[1:]
if way == "prepare":
    before = pd.read_parquet(reference).drop(columns="ts")
    texts = [name for name in before if name.startswith("s")]
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=list(before), treat_as_categorical=texts, chunk_number=1
    )
    calculator.fit(before)
    with open(state, "wb") as file:
        pickle.dump(calculator, file)
    sys.exit()
with open(state, "rb") as file:
    calculator = pickle.load(file)
now = pd.read_parquet(window).drop(columns="ts")
found = calculator.calculate(now)
print(
    json.dumps(
        {
            "version": nannyml.__version__,
            "reference": "fitted beforehand, unpickled",
            "did": "UnivariateDriftCalculator, defaults (Jensen-Shannon), one chunk",
            "rows": len(now),
            "results": len(found.column_names),
            "work_cpu_s": time.process_time() - imported,
        }
    )
)
