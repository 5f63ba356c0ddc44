"""How sure is the model? Columns computed per row from its score, then counted like any other column.

Every result depends on its own row alone, so batches of any size give the same values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors._column import CategoryColumn, Column, Columns, NumericColumn

MAX_PROBABILITY = "__max_probability__"
ENTROPY = "__entropy__"  # nats
MARGIN = "__margin__"  # largest minus second largest probability
PREDICTED_CLASS = "__predicted_class__"
DERIVED = (MAX_PROBABILITY, ENTROPY, MARGIN, PREDICTED_CLASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSpec:
    """Which columns hold the model's score.

    `columns`: one column under any key for a regression's prediction or a binary model's P(positive); else
    {class: column of its probability}.
    """

    task: Literal["binary", "multiclass", "regression"]
    columns: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("score: needs at least one column")
        if self.task == "regression" and len(self.columns) != 1:
            raise ValueError(f"score: a regression has one column, got {sorted(self.columns.values())}")
        if self.task == "multiclass" and len(self.columns) < 2:
            raise ValueError(f"score: multiclass needs a column a class, got {sorted(self.columns.values())}")
        if self.task == "binary" and len(self.columns) > 2:
            raise ValueError(f"score: binary has one or two columns, got {sorted(self.columns.values())}")


def derive(columns: Columns, score: ScoreSpec | None) -> dict[str, Column]:
    """The derived columns of a batch; none for a regression or when a score column is absent."""
    found = probabilities(columns, score)
    if found is None:
        return {}
    # Here, not above: whoever reads a profile would load SciPy, a sixth of a second, for this one function.
    from detectors._special import special  # noqa: PLC0415

    classes, by_class = found
    missing = np.logical_or.reduce([np.isnan(p) for p in by_class])
    first = by_class[0].copy()
    second = np.full_like(first, -np.inf)
    best = np.zeros(first.shape, dtype=np.int32)
    entropy = special.entr(np.clip(by_class[0], 0.0, 1.0))
    for code, p in enumerate(by_class[1:], start=1):
        higher = p > first
        second = np.where(higher, first, np.maximum(second, p))
        first = np.where(higher, p, first)
        best[higher] = code
        entropy = entropy + special.entr(np.clip(p, 0.0, 1.0))
    best[missing] = -1
    return {
        MAX_PROBABILITY: NumericColumn(values=_known(first, missing)),
        ENTROPY: NumericColumn(values=_known(entropy, missing)),
        MARGIN: NumericColumn(values=_known(first - second, missing)),
        PREDICTED_CLASS: CategoryColumn(codes=best, labels=classes),
    }


def probabilities(
    columns: Columns, score: ScoreSpec | None
) -> tuple[tuple[str, ...], list[NDArray[np.float64]]] | None:
    """Classes and their probabilities per row; None for a regression or when a score column is absent.

    A binary score of one column is P("1"); its class "1" comes first, so that 0.5 predicts "1".
    """
    if score is None or score.task == "regression":
        return None
    values: list[NDArray[np.float64]] = []
    for name in score.columns.values():
        column = columns.get(name)
        if column is None:
            return None
        values.append(numbers(name, column))
    if len(values) == 1:
        return ("1", "0"), [values[0], 1.0 - values[0]]
    return tuple(score.columns), values


def numbers(name: str, column: Column) -> NDArray[np.float64]:
    """Values of a score column."""
    if isinstance(column, NumericColumn):
        return np.asarray(column.values, dtype=np.float64)
    raise ValueError(f'score column "{name}" must be numeric, got labels')


def _known(values: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(missing, np.nan, values)
