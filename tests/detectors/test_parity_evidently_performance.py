"""Do the metrics of performance agree with Evidently where it defines them the same way?

Evidently runs in a child process, as everywhere. Its MAPE is in percent, ours a share of the outcome; its
mean error is prediction − outcome, our bias the other way round. Average precision, Brier score, bias of a
score and calibration error it does not have.
"""

import json
import subprocess
import sys

import numpy as np
import pytest

from detectors._performance import performance_measurements
from tests.detectors.outcomes import CLASSES, Batch, binary, counted, profiled, regression, three
from tests.detectors.test_performance import truth, values

CHILD = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from evidently import BinaryClassification, MulticlassClassification, Regression
from evidently import DataDefinition, Dataset, Report, metrics

data = json.load(sys.stdin)
wanted = {
    "binary": ["Accuracy", "Precision", "Recall", "F1Score", "RocAuc", "LogLoss"],
    "multiclass": ["Accuracy", "Precision", "Recall", "F1Score", "RocAuc", "LogLoss"],
    "regression": ["MAE", "RMSE", "MAPE", "R2Score", "MeanError"],
}
definitions = {
    "binary": dict(classification=[BinaryClassification(
        target="y", prediction_probas="p", prediction_labels="guess", pos_label=1)]),
    "multiclass": dict(classification=[MulticlassClassification(
        target="y", prediction_labels="guess", prediction_probas=["ant", "bee", "cat"])]),
    "regression": dict(regression=[Regression(target="y", prediction="p")]),
}
found = {}
for task, names in wanted.items():
    frame = pd.DataFrame(data[task])
    numerical = [name for name in frame.columns if name not in ("y", "guess")]
    if task == "regression":
        definition = DataDefinition(numerical_columns=["y", "p"], **definitions[task])
    else:
        definition = DataDefinition(
            numerical_columns=numerical, categorical_columns=["y", "guess"], **definitions[task])
    dataset = Dataset.from_pandas(frame, data_definition=definition)
    run = Report([getattr(metrics, name)() for name in names]).run(dataset, None).dict()["metrics"]
    found[task] = {}
    for name in names:
        for metric in run:
            if metric["metric_name"].split("(")[0] == name:
                value = metric["value"]
                found[task][name] = float(value["mean"] if isinstance(value, dict) else value)
json.dump(found, sys.stdout)
"""
OURS = {
    "Accuracy": "accuracy",
    "Precision": "precision",
    "Recall": "recall",
    "F1Score": "f1",
    "RocAuc": "roc_auc",
    "LogLoss": "log_loss",
    "MAE": "mae",
    "RMSE": "rmse",
    "MAPE": "mape",
    "R2Score": "r2",
    "MeanError": "bias",
}
UNITS = {"MAPE": 100.0, "MeanError": -1.0}  # theirs = ours times this


@pytest.fixture(scope="module")
def batches() -> dict[str, Batch]:
    """The same rows for both."""
    rng = np.random.default_rng(21)
    return {
        "binary": binary(rng, 4_000, power=0.8),
        "multiclass": three(rng, 4_000),
        "regression": regression(rng, 4_000, offset=0.7),
    }


@pytest.fixture(scope="module")
def evidently(batches: dict[str, Batch]) -> dict[str, dict[str, float]]:
    """What Evidently says of them."""
    p = np.stack([values(batches["multiclass"], f"p_{name}") for name in CLASSES], axis=1)
    frames = {
        "binary": {
            "y": truth(batches["binary"]).astype(int).tolist(),
            "p": values(batches["binary"]).tolist(),
            "guess": (values(batches["binary"]) >= 0.5).astype(int).tolist(),
        },
        "multiclass": {
            "y": [CLASSES[code] for code in truth(batches["multiclass"])],
            "guess": [CLASSES[code] for code in p.argmax(axis=1)],
            **{name: p[:, i].tolist() for i, name in enumerate(CLASSES)},
        },
        "regression": {
            "y": truth(batches["regression"]).tolist(),
            "p": values(batches["regression"]).tolist(),
        },
    }
    run = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(frames), capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, dict[str, float]] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_parity(task: str, batches: dict[str, Batch], evidently: dict[str, dict[str, float]]) -> None:
    """To a ten-thousandth: the area under the curve is known to the reference's cells."""
    batch = batches[task]
    profile = profiled(batch, task)
    ours = {m.metric: m.value for m in performance_measurements(profile, counted(profile, batch))}
    assert len(evidently[task]) >= 5
    for name, theirs in evidently[task].items():
        assert UNITS.get(name, 1.0) * ours[OURS[name]] == pytest.approx(theirs, abs=1e-4, rel=1e-4), name
