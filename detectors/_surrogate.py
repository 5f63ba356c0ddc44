"""Does the model answer the same inputs as it used to?

A small surrogate of the model, additive over bins of its features (`_additive`), says which mean score the
mix of a window's inputs alone would give. What the score does beyond that, the inputs do not explain.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._additive import AdditiveModel
from detectors._additive_fit import fit_additive
from detectors._column import Columns, NumericColumn, Role
from detectors._column_profile import NumericProfile
from detectors._derived import MAX_PROBABILITY, derive
from detectors._encoding import pack, unpack
from detectors._evidence import JSON
from detectors._measurement import Component
from detectors._profile import Profile
from detectors._summary import NumericSummary, WindowSummary

PART = "surrogate"
_MOST_CLASSES = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surrogate:
    """The additive twin of a model; one target a row of `columns`."""

    names: tuple[str, ...]  # of the components: score, confidence, score:<class>
    columns: tuple[str, ...]  # the column each of them is the mean of
    units: tuple[float, ...]  # of the components: 1 for probabilities, the reference's sd of a regression
    model: AdditiveModel

    def to_bytes(self) -> bytes:
        head, arrays = self.model.parts()
        return pack({**head, "names": self.names, "targets": self.columns, "units": self.units}, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Surrogate":
        head, arrays = unpack(data)
        return cls(
            names=tuple(head["names"]),
            columns=tuple(head["targets"]),
            units=tuple(head["units"]),
            model=AdditiveModel.of_parts(head, arrays),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """One target of one window, in the score's own unit."""

    name: str
    column: str
    mean: float  # of the window
    expected: float  # by the surrogate, from the window's own inputs
    unit: float  # of the component: 1 for a probability, the reference's sd of a regression's score
    row_variance: float  # of one row's score − expectation
    error2: float  # variance of `expected`: this mix of inputs may be little known
    n: int  # rows with a score


def fit_surrogate(
    profile: Profile, columns: Columns, rows: int, window_of_row: NDArray[np.int64] | None
) -> bytes | None:
    """The surrogate of the reference's rows, in time order; None without a score or without features.

    `window_of_row`: reference window of each row, −1 outside; None where the reference has no windows.
    """
    batch = {**columns, **derive(columns, profile.score)}
    wanted = [
        (name, column)
        for name, column in _targets(profile)
        if isinstance(batch.get(column), NumericColumn) and _sd(profile, column) > 0.0
    ]
    if not wanted or rows == 0:
        return None
    targets = np.vstack([_finite(batch[column]) for _, column in wanted])
    features = [name for name, column in profile.columns.items() if column.role is Role.FEATURE]
    model = fit_additive(profile, features, columns, targets, window_of_row)
    if model is None:
        return None
    return Surrogate(
        names=tuple(name for name, _ in wanted),
        columns=tuple(column for _, column in wanted),
        units=tuple(_unit(profile, column) for _, column in wanted),
        model=model,
    ).to_bytes()


def surrogate_of(profile: Profile) -> Surrogate | None:
    """The profile's surrogate, decoded once."""
    found: Surrogate | None = profile.memo.get(PART)
    if found is None and PART in profile.parts:
        found = profile.memo[PART] = Surrogate.from_bytes(profile.parts[PART])
    return found


def residuals(profile: Profile, summary: WindowSummary, at: float | None = None) -> tuple[Residual, ...]:
    """Mean and expectation of each target that the window holds.

    `at`: for a window of the reference itself, the share of its rows before the window's middle; the answer
    is then of a surrogate that has not seen that part of the reference.
    """
    surrogate = surrogate_of(profile)
    if surrogate is None or summary.rows == 0:
        return ()
    mix = surrogate.model.marginals(profile, summary)
    expected, error2 = surrogate.model.expected(mix, at), surrogate.model.error2(mix)
    found = []
    for position, (name, column) in enumerate(zip(surrogate.names, surrogate.columns, strict=True)):
        reference, counted = profile.columns.get(column), summary.columns.get(column)
        if not isinstance(reference, NumericProfile) or not isinstance(counted, NumericSummary):
            continue
        if counted.finite == 0:
            continue
        found.append(
            Residual(
                name=name,
                column=column,
                mean=counted.mean(reference),
                expected=float(expected[position]),
                unit=surrogate.units[position],
                row_variance=float(surrogate.model.variance[position]),
                error2=float(error2[position]),
                n=counted.finite,
            )
        )
    return tuple(found)


def behaviour_components(
    profile: Profile, summary: WindowSummary, at: float | None = None
) -> tuple[Component, ...]:
    """Mean score beyond what the inputs explain, as a probability or in sd of a regression's score.

    `n` is the rows that it is worth: where the mix of inputs is little known, fewer than there are.
    """
    return tuple(
        Component(
            name=each.name,
            y=(each.mean - each.expected) / each.unit,
            n=_worth(each),
            variance=each.row_variance / each.unit**2,
            share=False,
        )
        for each in residuals(profile, summary, at)
    )


def behaviour_evidence(profile: Profile, summary: WindowSummary) -> dict[str, JSON]:
    """Mean and expectation of each target in its own unit, [expected, window]."""
    return {
        each.name: {
            "column": each.column,
            "mean": [each.expected, each.mean],
            "unit": each.unit,
            "rows": each.n,
        }
        for each in residuals(profile, summary)
    }


def _worth(each: Residual) -> int:
    """Rows n' with σ²/n' = σ²/n + variance of the expectation."""
    if each.row_variance <= 0.0:
        return each.n
    return max(1, round(each.n / (1.0 + each.n * each.error2 / each.row_variance)))


def _targets(profile: Profile) -> list[tuple[str, str]]:
    """(component, column): the score, or that of each frequent class, and the largest probability."""
    score = profile.score
    if score is None:
        return []
    if score.task == "regression":
        (column,) = score.columns.values()
        return [("score", column)]
    confidence = ("confidence", MAX_PROBABILITY)
    if score.task == "binary":
        by_class = score.columns
        column = by_class["1"] if "1" in by_class else next(iter(by_class.values()))
        return [("score", column), confidence]
    frequent = sorted(score.columns.items(), key=lambda item: (-_mean(profile, item[1]), item[0]))
    return [(f"score:{label}", column) for label, column in frequent[:_MOST_CLASSES]] + [confidence]


def _mean(profile: Profile, column: str) -> float:
    reference = profile.columns.get(column)
    mean = reference.mean if isinstance(reference, NumericProfile) else math.nan
    return mean if math.isfinite(mean) else -math.inf


def _unit(profile: Profile, column: str) -> float:
    regression = profile.score is not None and profile.score.task == "regression"
    return _sd(profile, column) if regression else 1.0


def _sd(profile: Profile, column: str) -> float:
    reference = profile.columns.get(column)
    sd = reference.sd if isinstance(reference, NumericProfile) else math.nan
    return sd if math.isfinite(sd) else 0.0


def _finite(column: object) -> NDArray[np.float64]:
    values = np.asarray(column.values if isinstance(column, NumericColumn) else (), dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)
