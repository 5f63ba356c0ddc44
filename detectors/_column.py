"""What does a detector get to see of one column of one batch of rows?

Only the counting kernels and the profile builder read these values; every detector measures counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Kind(StrEnum):
    """How a column is counted."""

    NUMERIC = "numeric"
    CATEGORY = "category"


class Role(StrEnum):
    """What a column is to the model; decides how an alert on it is judged and ranked."""

    FEATURE = "feature"
    SCORE = "score"
    PREDICTION = "prediction"
    DERIVED = "derived"  # computed per row from the score before counting: confidence
    JOINT = "joint"  # how columns go together
    BEHAVIOUR = "behaviour"  # the score given the features
    ESTIMATE = "estimate"  # performance before labels
    PERFORMANCE = "performance"  # what labels say
    SHADOW = "shadow"  # a second score beside the first, on the same rows
    SERVICE = "service"  # rows, freshness, latency, errors


# What is told like a column and is none: one line of history each.
PERFORMANCE = "__performance__"
JOINT = "__joint__"
BEHAVIOUR = "__behaviour__"
ESTIMATED = "__estimated__"
SHADOW = "__shadow__"
VOLUME = "__volume__"
FRESHNESS = "__freshness__"
PSEUDO = (PERFORMANCE, JOINT, BEHAVIOUR, ESTIMATED, SHADOW, VOLUME, FRESHNESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericColumn:
    """Numbers of one batch. `values`: float64[n]; NaN is missing; ±inf is a value out of range."""

    values: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.values.shape[0])


class SharedLabels(tuple[str, ...]):
    """Labels that several batches have in common, as the dictionary of a file's column."""

    places: tuple[object, NDArray[np.int64]] | None = None  # a profile, and where among its labels each is


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryColumn:
    """Labels of one batch. `codes`: int32[n] into `labels`, −1 is missing; `labels` are distinct."""

    codes: NDArray[np.int32]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.codes.shape[0])


Column = NumericColumn | CategoryColumn


def taken(column: Column, rows: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Column:
    """These rows of it, in this order; of a slice nothing is copied."""
    if isinstance(column, NumericColumn):
        return NumericColumn(values=column.values[rows])
    return CategoryColumn(codes=column.codes[rows], labels=column.labels)


Columns = Mapping[str, Column]
