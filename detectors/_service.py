"""Which rows are answers that went wrong, and what share of them did the reference have?"""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column import CategoryColumn, Column, Columns
from detectors._profile import Profile

PART = "errors"
# What a column of errors says where nothing went wrong; in lower case. An empty text, no value and 0 as well.
_FINE = frozenset({"", "0", "0.0", "false", "f", "no", "n", "none", "null", "nan", "ok", "success"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorShare:
    """What the reference says of its error column."""

    column: str
    rows: int
    errors: int


def error_rows(column: Column) -> NDArray[np.bool_]:
    """Whether each row is an error: a number other than 0, or a text that says anything but "fine"."""
    if isinstance(column, CategoryColumn):
        wrong = [label.strip().lower() not in _FINE for label in column.labels]
        found: NDArray[np.bool_] = np.array([*wrong, False], dtype=np.bool_)[column.codes]
        return found
    wrong_rows: NDArray[np.bool_] = np.isfinite(column.values) & (column.values != 0.0)
    return wrong_rows


def fit_errors(columns: Columns, rows: int, name: str | None) -> dict[str, bytes]:
    """The part of the profile; of a reference without the column it rests on no rows."""
    if name is None:
        return {}
    column = columns.get(name)
    errors = 0 if column is None else int(error_rows(column).sum())
    return errors_part(name, 0 if column is None else rows, errors)


def errors_part(name: str | None, rows: int, errors: int) -> dict[str, bytes]:
    """The same from counts."""
    return {PART: json.dumps({"column": name, "rows": rows, "errors": errors}, sort_keys=True).encode()}


def errors_of(profile: Profile) -> ErrorShare | None:
    """What `fit_errors` kept."""
    part = profile.parts.get(PART)
    return None if part is None else ErrorShare(**json.loads(part))
