"""Do psi, jensen_shannon, hellinger and wasserstein agree with Evidently where the definitions meet?

Evidently runs in a child process, as everywhere: it takes seconds to import and warns while it does.
"""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from detectors.hellinger import Hellinger
from detectors.jensen_shannon import JensenShannon
from detectors.psi import PopulationStabilityIndex
from detectors.wasserstein import Wasserstein
from tests.detectors.samples import only, reference, window

CHILD = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift

data = json.load(sys.stdin)
definition = DataDefinition(numerical_columns=["x"], categorical_columns=["k"])
sides = [
    Dataset.from_pandas(pd.DataFrame(data[side]), data_definition=definition)
    for side in ("window", "reference")
]
wanted = [("psi", "k"), ("jensenshannon", "k"), ("hellinger", "k"), ("wasserstein", "x")]
report = Report([ValueDrift(column=column, method=method) for method, column in wanted])
found = report.run(*sides).dict()["metrics"]
json.dump({method: float(metric["value"]) for (method, _), metric in zip(wanted, found)}, sys.stdout)
"""


@pytest.fixture(scope="module")
def sides() -> dict[str, dict[str, list[object]]]:
    """20,000 reference and 8,000 window rows, shifted: six labels, and numbers within one range."""
    rng = np.random.default_rng(12)
    before, after = [0.3, 0.25, 0.2, 0.15, 0.05, 0.05], [0.2, 0.2, 0.25, 0.2, 0.1, 0.05]
    return {
        "reference": {
            "x": rng.beta(2.0, 5.0, 20_000).tolist(),
            "k": rng.choice(list("abcdef"), 20_000, p=before).tolist(),
        },
        "window": {
            "x": rng.beta(2.4, 5.0, 8_000).tolist(),
            "k": rng.choice(list("abcdef"), 8_000, p=after).tolist(),
        },
    }


@pytest.fixture(scope="module")
def evidently(sides: dict[str, dict[str, list[object]]]) -> dict[str, float]:
    """What Evidently says of both columns."""
    run = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(sides), capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, float] = json.loads(run.stdout)
    return found


def test_parity(sides: dict[str, dict[str, list[object]]], evidently: dict[str, float]) -> None:
    """Within half a percent: we smooth by half a row, clip x to q.001 … q.999, take logarithms to base 2."""
    profile = reference(**sides["reference"])  # type: ignore[arg-type]
    batch = window(profile, **sides["window"])  # type: ignore[arg-type]

    def ours(detector: object, metric: str, column: str) -> float:
        found = [each for each in detector.measure(profile, batch) if each.column == column]  # type: ignore[attr-defined]
        return only(found, metric).value

    assert ours(PopulationStabilityIndex(), "psi", "k") == pytest.approx(evidently["psi"], rel=0.005)
    nats = ours(JensenShannon(), "jensen_shannon", "k") * math.sqrt(math.log(2.0))
    assert nats == pytest.approx(evidently["jensenshannon"], rel=0.005)
    assert ours(Hellinger(), "hellinger", "k") == pytest.approx(evidently["hellinger"], rel=0.005)
    assert ours(Wasserstein(), "wasserstein", "x") == pytest.approx(evidently["wasserstein"], rel=0.005)
