"""Which small models are learnt from a reference beside its columns? Each is a part of the profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors import CategoryColumn, Column, NumericColumn, Profile
from detectors._calibration import PART as CALIBRATION
from detectors._calibration import fit_calibration
from detectors._performance import fit_performance
from detectors._performance_profile import PART as PERFORMANCE
from detectors._relation_fit import fit_relations
from detectors._relations import PART as RELATIONS
from detectors._service import fit_errors
from detectors._slices import fit_slices
from detectors._surrogate import PART as SURROGATE
from detectors._surrogate import fit_surrogate
from monitor.reference_rows import Rows, place
from monitor.source import Grain
from monitor.window_components import SHADOW_PART, VOLUME_PART, Volume
from storage.span import Span

Outcome = NDArray[np.float64] | CategoryColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the config asks for beside columns and score."""

    segments: Sequence[str] = ()
    shadow: Mapping[str, str] = field(default_factory=dict)  # {class: column}
    error: str | None = None
    volume: bool = True  # False: the reference's windows hold a sample of the rows
    grain: Grain | None = None  # of the place that will count the windows; None: as fine as rows allow


def outcome_of(column: Column | None) -> Outcome | None:
    """A column of outcomes as the detectors take it."""
    return column.values if isinstance(column, NumericColumn) else column


def fit_parts(
    profile: Profile,
    rows: Rows,
    outcome: Outcome | None,
    windows: Sequence[Span],
    asked: Asked,
    *,
    window_rows: int | None = None,
    sizes: Sequence[int] | None = None,
) -> dict[str, bytes]:
    """By name. `windows`: those with enough rows to learn from, in time order.

    `window_rows`: of a usual window of production; None: as many as the reference's have, or all of it.
    `sizes`: rows of the windows where `rows` are a sample of all that the profile is of; None: they are all.
    """
    if sizes is None:
        sizes = [stop - start for start, stop in (place(rows, span) for span in windows)]
    usual = float(np.median(sizes)) if sizes else 0.0
    window_of_row = _windows_of_rows(rows, windows)
    fitted = {
        RELATIONS: None
        if asked.grain
        else fit_relations(
            profile,
            rows.columns,
            rows.count,
            window_rows or int(usual) or profile.rows,
            window_of_row,
            share=rows.count / max(profile.rows, 1),
        ),
        SURROGATE: fit_surrogate(profile, rows.columns, rows.count, window_of_row),
        CALIBRATION: fit_calibration(profile, rows.columns, outcome, rows.count, window_of_row),
        PERFORMANCE: fit_performance(profile, rows.columns, outcome, rows.count),
    }
    parts = {name: part for name, part in fitted.items() if part is not None}
    parts |= fit_slices(profile, rows.columns, rows.count, asked.segments)
    parts |= fit_errors(rows.columns, rows.count, asked.error)
    if asked.shadow and all(name in rows.columns for name in asked.shadow.values()):
        parts[SHADOW_PART] = b"1"
    if asked.volume and len(windows) > 1:
        parts[VOLUME_PART] = Volume(rows=usual, windows=len(windows)).to_bytes()
    return parts


def _windows_of_rows(rows: Rows, windows: Sequence[Span]) -> NDArray[np.int64] | None:
    """int64[rows]: reference window of each row, −1 outside; None without windows."""
    if not windows:
        return None
    found = np.full(rows.count, -1, dtype=np.int64)
    for index, span in enumerate(windows):
        start, stop = place(rows, span)
        found[start:stop] = index
    return found
