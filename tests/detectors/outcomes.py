"""Models with known outcomes for the tests of performance: a binary, a three-class and a regression one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import CategoryColumn, Column, Columns, NumericColumn, Profile, Role, ScoreSpec, build_profile
from detectors._performance import count_performance, fit_performance
from detectors._performance_profile import PART
from detectors._performance_summary import PerformanceSummary

Outcome = NDArray[np.float64] | CategoryColumn
CLASSES = ("ant", "bee", "cat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one model, joined with what became of them."""

    columns: Columns
    outcome: Outcome

    @property
    def rows(self) -> int:
        return len(self.outcome)

    def take(self, rows: NDArray[np.int64]) -> "Batch":
        columns: dict[str, Column] = {}
        for name, column in self.columns.items():
            assert isinstance(column, NumericColumn)
            columns[name] = NumericColumn(values=column.values[rows])
        if isinstance(self.outcome, CategoryColumn):
            codes = self.outcome.codes[rows]
            return Batch(columns=columns, outcome=CategoryColumn(codes=codes, labels=self.outcome.labels))
        return Batch(columns=columns, outcome=self.outcome[rows])


def binary(
    rng: np.random.Generator, rows: int, *, power: float = 1.0, steps: int | None = None, unknown: float = 0.0
) -> Batch:
    """Calibrated where `power` is 1; `steps`: the score takes so many values only."""
    score = rng.beta(2.0, 5.0, rows)
    if steps is not None:
        score = np.rint(score * steps) / steps
    y = (rng.random(rows) < score**power).astype(np.float64)
    y[rng.random(rows) < unknown] = np.nan
    return Batch(columns={"score": NumericColumn(values=score)}, outcome=y)


def three(rng: np.random.Generator, rows: int, *, unknown: float = 0.0, steps: int | None = None) -> Batch:
    """Three classes, calibrated."""
    logits = rng.standard_normal((rows, 3)) * 1.3 + np.array([0.6, 0.0, -0.6])
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if steps is not None:
        p = np.rint(p * steps)
        p = p / p.sum(axis=1, keepdims=True)
    codes = (rng.random(rows)[:, None] > np.cumsum(p, axis=1)).sum(axis=1).clip(0, 2).astype(np.int32)
    codes[rng.random(rows) < unknown] = -1
    columns = {f"p_{name}": NumericColumn(values=p[:, i].copy()) for i, name in enumerate(CLASSES)}
    return Batch(columns=columns, outcome=CategoryColumn(codes=codes, labels=CLASSES))


def regression(
    rng: np.random.Generator, rows: int, *, offset: float = 0.0, noise: float = 3.0, unknown: float = 0.0
) -> Batch:
    """Prediction plus noise."""
    prediction = rng.normal(40.0, 9.0, rows)
    y = prediction + offset + noise * rng.standard_t(8, rows)
    y[rng.random(rows) < unknown] = np.nan
    return Batch(columns={"score": NumericColumn(values=prediction)}, outcome=y)


def spec(batch: Batch, task: str) -> ScoreSpec:
    if task == "multiclass":
        return ScoreSpec(task="multiclass", columns={name: f"p_{name}" for name in CLASSES})
    columns = {"": next(iter(batch.columns))}
    return ScoreSpec(task="regression" if task == "regression" else "binary", columns=columns)


def profiled(batch: Batch, task: str, *, known: bool = True) -> Profile:
    """A profile of these rows with its performance part; `known`: with their outcomes."""
    outcome = batch.outcome if known else None
    score = spec(batch, task)
    roles = dict.fromkeys(batch.columns, Role.SCORE)
    profile = build_profile(batch.columns, roles=roles, score=score, outcome=outcome)
    part = fit_performance(profile, batch.columns, outcome, batch.rows)
    assert part is not None
    return profile.with_parts({PART: part})


def counted(profile: Profile, batch: Batch) -> PerformanceSummary:
    return count_performance(profile, batch.columns, batch.outcome, batch.rows)
