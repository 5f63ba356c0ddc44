"""How well did the model do on each reference row, and on the rows of each display bin?"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors._column import CategoryColumn, Columns
from detectors._column_profile import Outcomes
from detectors._derived import PREDICTED_CLASS, ScoreSpec, numbers, probabilities

_BOOLEAN = {"true": "1", "True": "1", "false": "0", "False": "0"}  # as sources spell booleans


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowOutcomes:
    """Per row, NaN where unknown. `quality`: 1 correct, 0 wrong, or the absolute error of a regression."""

    task: Literal["binary", "multiclass", "regression"]
    quality: NDArray[np.float64]
    score: NDArray[np.float64]


def row_outcomes(
    columns: Columns,
    score: ScoreSpec | None,
    outcome: NDArray[np.float64] | CategoryColumn | None,
    rows: int,
) -> RowOutcomes | None:
    """None without a score. `columns` holds the derived ones too."""
    if score is None:
        return None
    absent = [name for name in score.columns.values() if name not in columns]
    if absent:
        raise ValueError(f'score column "{absent[0]}" is not among the columns of the reference')
    if outcome is not None and len(outcome) != rows:
        raise ValueError(f"outcome has {len(outcome)} rows, the columns have {rows}")
    found = probabilities(columns, score)
    if found is None:
        return _regression(columns, score, outcome, rows)
    classes, by_class = found
    value = by_class[0]
    if score.task == "multiclass":
        value = np.maximum.reduce(by_class)  # NaN where any is
    elif len(score.columns) == 2:
        value = by_class[classes.index("1")] if "1" in classes else by_class[0]
    return RowOutcomes(task=score.task, quality=_correct(columns, classes, outcome, rows), score=value)


def sums(results: RowOutcomes, bin_of_row: NDArray[np.int64], bins: int) -> Outcomes:
    """Sums by bin over the rows where they are known."""
    known, scored = ~np.isnan(results.quality), ~np.isnan(results.score)
    quality = np.bincount(bin_of_row[known], weights=results.quality[known], minlength=bins)
    score = np.bincount(bin_of_row[scored], weights=results.score[scored], minlength=bins)
    return Outcomes(
        task=results.task,
        known=np.bincount(bin_of_row[known], minlength=bins).astype(np.int64),
        quality=quality.astype(np.float64),
        scored=np.bincount(bin_of_row[scored], minlength=bins).astype(np.int64),
        score=score.astype(np.float64),
    )


def _regression(
    columns: Columns, score: ScoreSpec, outcome: NDArray[np.float64] | CategoryColumn | None, rows: int
) -> RowOutcomes:
    (name,) = score.columns.values()
    prediction = numbers(name, columns[name])
    if outcome is None:
        error = np.full(rows, np.nan)
    elif isinstance(outcome, np.ndarray):
        with np.errstate(invalid="ignore", over="ignore"):  # ∞ − ∞ is unknown, as is what overflows
            error = np.abs(prediction - outcome)
    else:
        raise ValueError("outcome of a regression must be numbers, got labels")
    return RowOutcomes(task="regression", quality=_finite(error), score=_finite(prediction))


def _correct(
    columns: Columns,
    classes: tuple[str, ...],
    outcome: NDArray[np.float64] | CategoryColumn | None,
    rows: int,
) -> NDArray[np.float64]:
    predicted = columns[PREDICTED_CLASS]
    if outcome is None or not isinstance(predicted, CategoryColumn):
        return np.full(rows, np.nan)
    truth = truth_codes(classes, outcome)
    correct: NDArray[np.float64] = (truth == predicted.codes).astype(np.float64)
    correct[(truth == -1) | (predicted.codes == -1)] = np.nan
    return correct


def truth_codes(classes: tuple[str, ...], outcome: NDArray[np.float64] | CategoryColumn) -> NDArray[np.int64]:
    """int64[n]: position of each row's true class; −1 unknown, −2 a label that is no class: never predicted.

    true and false stand for 1 and 0 where those are the classes. Numbers are classes that spell a number;
    for the classes 0 and 1 everything from ½ on is 1.
    """
    positions = {label: position for position, label in enumerate(classes)}
    if isinstance(outcome, CategoryColumn):
        if set(classes) == {"0", "1"}:
            positions |= {label: positions[said] for label, said in _BOOLEAN.items()}
        table = np.array([positions.get(label, -2) for label in outcome.labels] + [-1], dtype=np.int64)
        return table[outcome.codes]  # −1, missing, picks the last entry
    missing = np.isnan(outcome)
    if missing.all():
        return np.full(len(outcome), -1, dtype=np.int64)
    if set(classes) == {"0", "1"}:
        # A sum, not a choice: which class a row is cannot be guessed ahead.
        truth = positions["0"] + (positions["1"] - positions["0"]) * (outcome >= 0.5).astype(np.int64)
    else:
        try:
            numbers_of = {float(label): position for label, position in positions.items()}
        except ValueError:
            raise ValueError(f"outcome must be labels among {list(classes)}, got numbers") from None
        values, inverse = np.unique(outcome, return_inverse=True)
        truth = np.array([numbers_of.get(float(v), -2) for v in values], dtype=np.int64)[inverse]
    truth[missing] = -1
    return truth


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)
