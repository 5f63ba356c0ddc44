"""Which rows, columns and bins of the reference teach an additive model?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._additive import FOLDS, Floats, fine_bins, fold_of
from detectors._cells import cells_of
from detectors._column import Column, Columns, NumericColumn
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile, wrong_kind
from detectors._profile import Profile

Codes = NDArray[np.int64]

MOST_COLUMNS = 30  # the most useful; each costs a dot product a window
LEAST_ROWS = 200
_MOST_ROWS = 200_000  # evenly spaced ones of a longer reference: effects are then known to 1/80 of a row's sd
_SURPRISING = 3.09  # sd of chi-square with B − 1 degrees: chance gives one useless column in 1,000 or so
_BLOCKS = 50  # stand in for windows where the reference has none


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TeachingRows:
    """The rows that teach, as the bin of each column."""

    columns: tuple[str, ...]
    ordered: tuple[bool, ...]  # whether neighbouring bins of the column are alike: those of numbers are
    codes: Sequence[Codes]  # by column
    bins: NDArray[np.int64]
    targets: Floats  # [targets, n], each scaled to variance 1
    scale: Floats  # [targets]: what they were divided by
    window: Codes  # 0 … R − 1, each with a row that teaches
    fold: Codes  # by window


def teaching_rows(
    profile: Profile,
    candidates: Sequence[str],
    columns: Columns,
    targets: Floats,
    window_of_row: Codes | None,
) -> TeachingRows | None:
    """As `fit_additive`; None with too few rows or columns."""
    window, fold = _windows(window_of_row, targets.shape[1])
    known = np.flatnonzero(np.isfinite(targets).all(axis=0) & (window >= 0))
    if known.size < LEAST_ROWS:
        return None
    if known.size > _MOST_ROWS:
        known = known[np.arange(_MOST_ROWS, dtype=np.int64) * known.size // _MOST_ROWS]
    y = targets[:, known]
    chosen = _most_useful(profile, candidates, columns, y, known)
    if not chosen:
        return None
    scale = y.std(axis=1)
    scale[scale <= 0.0] = 1.0
    held, window = np.unique(window[known], return_inverse=True)  # a window without a known row says nothing
    reference = [profile.columns[name] for name, _ in chosen]
    return TeachingRows(
        columns=tuple(name for name, _ in chosen),
        ordered=tuple(isinstance(column, NumericProfile) for column in reference),
        codes=[codes for _, codes in chosen],
        bins=np.array([len(fine_bins(column).labels) for column in reference], dtype=np.int64),
        targets=y / scale[:, None],
        scale=scale,
        window=window.astype(np.int64),
        fold=fold[held],
    )


def _windows(window_of_row: Codes | None, rows: int) -> tuple[Codes, Codes]:
    """Window of each row and fold of each window: by the place of its middle row among all rows."""
    window = window_of_row
    if window is not None:
        held = np.unique(window[window >= 0])
        enough = held.size >= 2 * FOLDS
        window = np.where(window >= 0, np.searchsorted(held, window), -1) if enough else None
    if window is None:
        window = np.arange(rows, dtype=np.int64) * _BLOCKS // max(rows, 1)
    inside = np.flatnonzero(window >= 0)
    first = np.full(int(window.max(initial=0)) + 1, rows, dtype=np.int64)
    last = np.zeros_like(first)
    np.minimum.at(first, window[inside], inside)
    np.maximum.at(last, window[inside], inside)
    middle = (first + last + 1) / (2.0 * max(rows, 1))
    return window, np.array([fold_of(float(at)) for at in middle], dtype=np.int64)


def _most_useful(
    profile: Profile, candidates: Sequence[str], columns: Columns, y: Floats, rows: Codes
) -> list[tuple[str, Codes]]:
    """By variance between bins beyond what chance gives, as a share of the target's."""
    total = y.var(axis=1) * y.shape[1]
    found: list[tuple[float, str, Codes]] = []
    for name in candidates:
        if name not in columns:
            continue
        reference = profile.columns[name]
        bins = len(fine_bins(reference).labels)
        codes = codes_of(reference, columns[name], rows)
        held = np.bincount(codes, minlength=bins)
        used = int((held > 0).sum())
        if used < 2 or rows.size <= used:
            continue
        between = np.array(
            [
                float(np.sum(np.bincount(codes, weights=each, minlength=bins) ** 2 / np.maximum(held, 1)))
                - float(each.sum()) ** 2 / rows.size
                for each in y
            ]
        )
        within = np.maximum(total - between, 0.0) / (rows.size - used)
        excess = between - (used - 1) * within
        surprising = excess > _SURPRISING * np.sqrt(2.0 * (used - 1)) * within
        useful = float(np.max(np.where(surprising, excess, 0.0) / np.maximum(total, 1e-300)))
        if useful > 0.0:
            found.append((useful, name, codes))
    found.sort(key=lambda each: (-each[0], each[1]))
    return [(name, codes) for _, name, codes in found[:MOST_COLUMNS]]


def codes_of(profile: ColumnProfile, column: Column, rows: Codes) -> Codes:
    """Fine bin of each of these rows."""
    bins = fine_bins(profile)
    if isinstance(profile, NumericProfile) and isinstance(column, NumericColumn):
        cells = cells_of(profile.knots, np.asarray(column.values[rows], dtype=np.float64))
        return np.where(cells < 0, bins.missing, bins.bin_of[cells])
    if isinstance(profile, CategoryProfile) and not isinstance(column, NumericColumn):
        # Position of each code among the kept labels; L is rest; the last entry is for −1, missing.
        kept = len(profile.labels)
        position = [profile.index.get(label, kept) for label in column.labels]
        table = np.append(bins.bin_of[np.array(position, dtype=np.int64)], bins.missing)
        return table[column.codes[rows]]
    raise wrong_kind(profile)
