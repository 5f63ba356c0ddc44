"""What do the labels of a file cost from the source to chi-square, imports and the stored profile apart?

Run by itself, with a config and a window's file; prints its CPU seconds after the imports as JSON.
"""

import json
import sys
import time
from pathlib import Path

import pyarrow.parquet  # noqa: F401  reading loads it

from benchmarks.full.product import MODEL
from detectors._counting import ColumnCounts  # noqa: F401  loads what counting loads
from detectors.chi_square import ChiSquare
from monitor import build, logs
from monitor.build import build_file_source
from monitor.config_file import load
from monitor.counting import count_span
from storage import profiles
from storage.engine import open_store


def main(config: Path, window: Path) -> None:
    logs.configure(quiet=True)
    read = load(config, members=build.check)
    watched = build.build_models(read).models[MODEL]
    with (
        open_store(f"sqlite:///{config.parent / 'leeway.db'}", read_only=True) as store,
        store.read() as conn,
    ):
        reference = profiles.active(conn, MODEL)
        assert reference is not None
        profile = profiles.load_profile(conn, reference.id)
    imported = time.process_time()
    source = build_file_source(watched.config, window).source
    summary = count_span(source, profile, None).summary
    found = ChiSquare().measure(profile, summary)
    work_cpu_s = time.process_time() - imported
    if not found:
        raise RuntimeError(f"{config}: the reference has no column of labels, so nothing was measured")
    print(json.dumps({"work_cpu_s": work_cpu_s, "results": len(found), "rows": summary.rows}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
