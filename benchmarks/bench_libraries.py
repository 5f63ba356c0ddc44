"""What do others take for a drift report of the same rows? Each in a process of its own.

They do not do the same: SciPy gives one statistic a column, Evidently a report with a verdict a column,
Leeway PSI, KS, Jensen-Shannon, Hellinger, Wasserstein and the components, from a profile built in the same
process. Making the rows is in none of the numbers.
"""

import json
import sys
from collections.abc import Iterator

from benchmarks.rows import Row, process

_ROWS = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
columns, rows = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(0)
reference = {f"x{i}": rng.normal(size=rows) for i in range(columns)}
window = {f"x{i}": rng.normal(0.01 * i, 1.0, rows) for i in range(columns)}
made = time.process_time()
"""
# VmHWM, not ru_maxrss: that one still knows the parent's memory from before the exec.
_END = """
work = time.process_time() - imported
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"imports": imported - made, "work": work, "peak": int(peak) / 1024}))
"""
_WAYS = {
    "Leeway: profile, count, five statistics": """
from detectors import NumericColumn, build_profile, count
from detectors._components import components
from detectors.hellinger import Hellinger
from detectors.jensen_shannon import JensenShannon
from detectors.ks import KolmogorovSmirnov
from detectors.psi import PopulationStabilityIndex
from detectors.wasserstein import Wasserstein
import detectors._counting
imported = time.process_time()
profile = build_profile({name: NumericColumn(values=x) for name, x in reference.items()}, roles={})
summary = count(profile, {name: NumericColumn(values=x) for name, x in window.items()}, rows)
members = (KolmogorovSmirnov(), PopulationStabilityIndex(), JensenShannon(), Hellinger(), Wasserstein())
found = [member.measure(profile, summary) for member in members]
found += [components(profile.columns[name], summary.columns[name], rows) for name in window]
""",
    "SciPy: ks_2samp a column": """
from scipy.stats import ks_2samp
imported = time.process_time()
found = [ks_2samp(reference[name], window[name], method="asymp") for name in window]
""",
    "Evidently: DataDriftPreset": """
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
imported = time.process_time()
definition = DataDefinition(numerical_columns=list(window))
sides = [Dataset.from_pandas(pd.DataFrame(side), data_definition=definition) for side in (window, reference)]
found = Report([DataDriftPreset()]).run(*sides).dict()
""",
}


def libraries(columns: int = 20, rows: int = 100_000) -> Iterator[Row]:
    """CPU seconds of the work alone, and of the imports before it."""
    spent = {}
    for name, body in _WAYS.items():
        command = [sys.executable, "-c", _ROWS + body + _END, str(columns), str(rows)]
        process(command)  # bytecode and kernels are cached from here on
        spent[name] = json.loads(process(command).output.splitlines()[-1])
    ours = next(iter(spent.values()))["work"]
    for name, one in spent.items():
        times = f"{one['work'] / ours:.1f} × Leeway, " if one["work"] != ours else ""
        yield Row(
            what=name,
            measured=one["work"],
            unit="s of CPU",
            note=f"{times}imports {one['imports']:.1f} s, {one['peak']:.0f} MiB",
        )
