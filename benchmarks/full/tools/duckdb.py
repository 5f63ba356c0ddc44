"""DuckDB: what plain SQL needs for a population stability index: the window counted in the reference's bins.

`prepare` looks up each column's nine deciles in the reference, which is in none of the numbers. The window is
counted between them (`histogram`) and by label (`histogram` of the text), with rows missing.
"""

import json
import sys
import time

import duckdb

imported = time.process_time()
way, reference, window, state = sys.argv[1:]


def columns(path: str) -> dict[str, str]:
    """Types by name, the rows' times left out."""
    found = duckdb.execute("DESCRIBE SELECT * EXCLUDE (ts) FROM read_parquet($path)", {"path": path})
    return {row[0]: row[1] for row in found.fetchall()}


numbers = [name for name, kind in columns(window).items() if kind == "DOUBLE"]
texts = [name for name, kind in columns(window).items() if kind == "VARCHAR"]
if way == "prepare":
    tenths = [tenth / 10 for tenth in range(1, 10)]
    wanted = ", ".join(f"approx_quantile({name}, {tenths})" for name in numbers)
    row = duckdb.execute(f"SELECT {wanted or 1} FROM read_parquet($path)", {"path": reference}).fetchone()
    with open(state, "w", encoding="utf-8") as file:
        json.dump(dict(zip(numbers, row, strict=False)), file)
    sys.exit()
with open(state, encoding="utf-8") as file:
    deciles = json.load(file)
wanted = [f"histogram({name}, {deciles[name]}), count({name})" for name in numbers]
wanted += [f"histogram({name}), count({name})" for name in texts]
row = duckdb.execute(
    f"SELECT {', '.join(wanted)}, count(*) FROM read_parquet($path)", {"path": window}
).fetchone()
assert row is not None
print(
    json.dumps(
        {
            "version": duckdb.__version__,
            "reference": "stored deciles",
            "did": "histogram a column in one SELECT",
            "rows": row[-1],
            "results": len(numbers) + len(texts),
            "work_cpu_s": time.process_time() - imported,
        }
    )
)
