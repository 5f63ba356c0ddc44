"""Small models in a world that is known: reference, outcomes, and windows with another mix of inputs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors._calibration import PART as CALIBRATION
from detectors._calibration import fit_calibration
from detectors._column import CategoryColumn, Column, Columns, NumericColumn, Role
from detectors._profile import Profile, ScoreSpec, build_profile
from detectors._surrogate import PART as SURROGATE
from detectors._surrogate import fit_surrogate

Floats = NDArray[np.float64]
CLASSES = ("a", "b", "c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows of a world: its columns, the score in them too, and what happened."""

    columns: Columns
    outcome: Floats | CategoryColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A model's score is `slope` times the true log odds; 1 is calibrated. `blind`: it does not see x1.

    Three features decide: x0, x1 and the label k; x2 does not matter. Inputs of a window may be shifted.
    """

    task: Literal["binary", "multiclass", "regression"] = "binary"
    slope: float = 1.0
    blind: bool = False

    def draw(self, rng: np.random.Generator, rows: int, shift: float = 0.0, shift1: float = 0.0) -> Sample:
        x = rng.standard_normal((rows, 3)) + np.array([shift, shift1, 0.0])
        k = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
        seen = x[:, 0] + 0.8 * (k == 1)
        odds = seen + x[:, 1] - 0.3
        known = seen if self.blind else odds
        columns: dict[str, Column] = {f"x{j}": NumericColumn(values=x[:, j]) for j in range(3)}
        columns["k"] = CategoryColumn(codes=k.astype(np.int32), labels=("p", "q", "r"))
        if self.task == "regression":
            columns["score"] = NumericColumn(values=2.0 * known)
            noise = rng.standard_normal(rows) * (0.5 + np.abs(x[:, 1]))
            return Sample(columns=columns, outcome=2.0 * known + noise)
        if self.task == "binary":
            columns["score"] = NumericColumn(values=logistic(self.slope * known))
            return Sample(columns=columns, outcome=(rng.random(rows) < logistic(odds)).astype(np.float64))
        logits = np.column_stack([odds, -0.5 * odds, 0.2 + x[:, 1]])
        chances, said = softmax(logits), softmax(self.slope * logits)
        truth = (chances.cumsum(axis=1) > rng.random((rows, 1))).argmax(axis=1)
        for position, label in enumerate(CLASSES):
            columns[f"p_{label}"] = NumericColumn(values=said[:, position])
        return Sample(columns=columns, outcome=CategoryColumn(codes=truth.astype(np.int32), labels=CLASSES))

    def spec(self) -> ScoreSpec:
        if self.task == "multiclass":
            return ScoreSpec(task="multiclass", columns={label: f"p_{label}" for label in CLASSES})
        return ScoreSpec(task=self.task, columns={"": "score"})

    def profile(self, sample: Sample, windows: NDArray[np.int64] | None = None) -> Profile:
        """The reference of these rows, surrogate and calibration learnt."""
        roles = dict.fromkeys(self.spec().columns.values(), Role.SCORE)
        rows = len(sample.columns["x0"])
        profile = build_profile(
            sample.columns, roles=roles, score=self.spec(), outcome=sample.outcome, knots=512
        )
        learnt = {
            SURROGATE: fit_surrogate(profile, sample.columns, rows, windows),
            CALIBRATION: fit_calibration(profile, sample.columns, sample.outcome, rows, windows),
        }
        return profile.with_parts({name: part for name, part in learnt.items() if part is not None})


def logistic(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def values(columns: Columns, name: str) -> Floats:
    column = columns[name]
    assert isinstance(column, NumericColumn)
    return column.values


def with_score(sample: Sample, score: Floats) -> Columns:
    """The same inputs, another answer."""
    return {**sample.columns, "score": NumericColumn(values=score)}
