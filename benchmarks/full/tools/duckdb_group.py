"""DuckDB: how many rows each label of each column of text has (`GROUP BY`): what a chi-square begins with."""

import json
import sys
import time

import duckdb

imported = time.process_time()
_, _, window, _ = sys.argv[1:]
described = duckdb.execute("DESCRIBE SELECT * FROM read_parquet($path)", {"path": window}).fetchall()
results = 0
for name in (row[0] for row in described if row[1] == "VARCHAR"):
    found = duckdb.execute(
        f"SELECT {name}, count(*) FROM read_parquet($path) GROUP BY {name}", {"path": window}
    )
    results += len(found.fetchall())
print(
    json.dumps(
        {
            "version": duckdb.__version__,
            "reference": "none",
            "did": "GROUP BY a column of text",
            "rows": 0,
            "results": results,
            "work_cpu_s": time.process_time() - imported,
        }
    )
)
