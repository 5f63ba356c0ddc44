"""Which effects of bins explain a target best, in windows that were not looked at?

Ridge regression (Hoerl & Kennard, Technometrics 12, 1970) on one indicator a bin. Rows of one window share
what no column says, so a window is weighted as a random effect (Fuller & Battese, J. Econometrics 2, 1974):
without it, a daily weather column with more values than there are days would explain each day by itself. The
ridge is the one with the least error of window means in folds that were left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._additive import FOLDS, AdditiveModel, Floats, fine_bins, fold_of
from detectors._cells import cells_of
from detectors._column import Column, Columns, NumericColumn
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile, wrong_kind
from detectors._profile import Profile

Codes = NDArray[np.int64]

MOST_COLUMNS = 30  # the most useful; each costs a dot product a window
LEAST_ROWS = 200
_MOST_ROWS = 200_000  # evenly spaced ones of a longer reference: the effects are known to a fraction of a sd
_BLOCKS = 50  # stand in for windows where the reference has none
_RIDGES = tuple(10.0**power for power in np.arange(0.0, 6.5, 0.5))  # pseudo-rows a bin


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """The rows that teach."""

    codes: Sequence[Codes]  # by column
    bins: NDArray[np.int64]
    targets: Floats  # [targets, n], each scaled to variance 1
    scale: Floats
    window: Codes  # 0 … R − 1
    fold: Codes  # by window


def fit_additive(
    profile: Profile,
    candidates: Sequence[str],
    columns: Columns,
    targets: Floats,
    window_of_row: Codes | None,
) -> AdditiveModel | None:
    """The model of all targets (float64[targets, rows], NaN unknown); None with too few rows or columns.

    `columns`: of the reference, in time order. `window_of_row`: reference window of each row, −1 for none.
    """
    rows = targets.shape[1]
    window, fold = _windows(window_of_row, rows)
    known = np.flatnonzero(np.isfinite(targets).all(axis=0) & (window >= 0))
    if known.size < LEAST_ROWS:
        return None
    if known.size > _MOST_ROWS:
        known = known[np.arange(_MOST_ROWS, dtype=np.int64) * known.size // _MOST_ROWS]
    chosen = _most_useful(profile, candidates, columns, targets[:, known], known)
    if not chosen:
        return None
    y = targets[:, known]
    scale = y.std(axis=1)
    scale[scale <= 0.0] = 1.0
    names = tuple(name for name, _ in chosen)
    data = _Rows(
        codes=[codes for _, codes in chosen],
        bins=np.array([len(fine_bins(profile.columns[name]).labels) for name in names], dtype=np.int64),
        targets=y / scale[:, None],
        scale=scale,
        window=window[known],
        fold=fold,
    )
    return _fitted(names, data)


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
        useful = float(np.max((between - (used - 1) * within) / np.maximum(total, 1e-300)))
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """Sums over rows by fold and by window; index 0 of the p indicators is the intercept."""

    gram: Floats  # [FOLDS, p, p]
    moment: Floats  # [FOLDS, p, targets]
    held: Floats  # [R, p]: Σ of the indicators by window
    total: Floats  # [R, targets]
    square: Floats  # [targets]: Σ y²


def _sums(data: _Rows) -> _Sums:
    starts = 1 + np.append(0, np.cumsum(data.bins))
    p, windows = int(starts[-1]), int(data.fold.size)
    fold = data.fold[data.window]
    gram = np.zeros((FOLDS, p, p))
    held = np.zeros((windows, p))
    held[:, 0] = np.bincount(data.window, minlength=windows)
    for i, (a, wide) in enumerate(zip(data.codes, data.bins.tolist(), strict=True)):
        at = slice(starts[i], starts[i + 1])
        held[:, at] = np.bincount(data.window * wide + a, minlength=windows * wide).reshape(windows, wide)
        folded = fold * wide + a
        for j in range(i):
            other, across = data.codes[j], int(data.bins[j])
            both = np.bincount(folded * across + other, minlength=FOLDS * wide * across)
            block = both.reshape(FOLDS, wide, across).astype(np.float64)
            gram[:, at, starts[j] : starts[j + 1]] = block
            gram[:, starts[j] : starts[j + 1], at] = block.transpose(0, 2, 1)
    moment = np.zeros((FOLDS, p, len(data.targets)))
    total = np.empty((windows, len(data.targets)))
    for t, y in enumerate(data.targets):
        total[:, t] = np.bincount(data.window, weights=y, minlength=windows)
        moment[:, 0, t] = np.bincount(fold, weights=y, minlength=FOLDS)
        for i, (a, wide) in enumerate(zip(data.codes, data.bins.tolist(), strict=True)):
            by_bin = np.bincount(fold * wide + a, weights=y, minlength=FOLDS * wide)
            moment[:, starts[i] : starts[i + 1], t] = by_bin.reshape(FOLDS, wide)
    for k in range(FOLDS):
        by_fold = held[data.fold == k].sum(axis=0)
        gram[k, 0], gram[k, :, 0] = by_fold, by_fold
        np.fill_diagonal(gram[k], by_fold)
    return _Sums(gram=gram, moment=moment, held=held, total=total, square=np.sum(data.targets**2, axis=1))


def _fitted(names: tuple[str, ...], data: _Rows) -> AdditiveModel:
    sums = _sums(data)
    n = sums.held[:, 0]
    # First as if rows were independent, to see how much windows differ beyond what the columns say.
    plain = _all_folds(sums, data.fold, np.ones_like(n), 10.0)
    residual = _left_out(sums, data.fold, plain)
    within = _row_variance(data, plain[0])
    tau2 = np.maximum(0.0, np.sum(n[:, None] * residual**2 - within, axis=0) / n.sum())
    ratio = float(np.mean(tau2) / max(float(np.mean(within)), 1e-12))
    weight = 1.0 / (1.0 + n * ratio)  # of a window's mean beside its rows' differences
    best: list[tuple[float, Floats]] = [(np.inf, plain[..., t]) for t in range(len(data.targets))]
    for ridge in _RIDGES:
        solved = _all_folds(sums, data.fold, weight, ridge)
        error = np.sum((n * weight)[:, None] * _left_out(sums, data.fold, solved) ** 2, axis=0)
        best = [
            (float(error[t]), solved[..., t]) if error[t] < best[t][0] else best[t] for t in range(len(best))
        ]
    solved = np.stack([each for _, each in best], axis=-1)  # [1 + FOLDS, p, targets]
    variance = _row_variance(data, solved[0]) * data.scale**2
    constants, effects = _centred(solved, sums.held.sum(axis=0), data.bins)
    return AdditiveModel(
        columns=names,
        bins=data.bins,
        constants=constants * data.scale,
        effects=effects * data.scale[:, None],
        variance=variance,
    )


def _all_folds(sums: _Sums, fold: Codes, weight: Floats, ridge: float) -> Floats:
    """[1 + FOLDS, p, targets]: solved from everything, and without each fold."""
    n = sums.held[:, 0]
    # Σ over windows of X'X − (1 − weight)·n·x̄x̄': a random effect takes that much off a window's mean.
    root = np.sqrt((1.0 - weight) / np.maximum(n, 1.0))
    found = []
    for left_out in range(-1, FOLDS):
        kept = [k for k in range(FOLDS) if k != left_out]
        in_fold = fold != left_out
        means = sums.held[in_fold] * root[in_fold, None]
        a = sums.gram[kept].sum(axis=0) - means.T @ means
        b = sums.moment[kept].sum(axis=0) - means.T @ (sums.total[in_fold] * root[in_fold, None])
        a[np.arange(1, a.shape[0]), np.arange(1, a.shape[0])] += ridge
        a[0, 0] += 1e-9
        found.append(np.linalg.solve(a, b))
    return np.stack(found)


def _left_out(sums: _Sums, fold: Codes, solved: Floats) -> Floats:
    """[R, targets]: mean of y − ŷ of each window, ŷ of the model that has not seen it."""
    n = np.maximum(sums.held[:, 0], 1.0)
    expected = np.einsum("rp,rpt->rt", sums.held, solved[1 + fold])
    found: Floats = (sums.total - expected) / n[:, None]
    return found


def _row_variance(data: _Rows, solved: Floats) -> Floats:
    """[targets]: pooled variance of y − ŷ within windows."""
    starts = 1 + np.append(0, np.cumsum(data.bins))
    windows = int(data.fold.size)
    n = np.bincount(data.window, minlength=windows)
    found = []
    for t, y in enumerate(data.targets):
        rest = y - solved[0, t]
        for i, codes in enumerate(data.codes):
            rest -= solved[starts[i] : starts[i + 1], t][codes]
        mean = np.bincount(data.window, weights=rest, minlength=windows) / np.maximum(n, 1)
        found.append(
            float(np.sum((rest - mean[data.window]) ** 2)) / max(float(np.sum(np.maximum(n - 1, 0))), 1.0)
        )
    return np.array(found)


def _centred(solved: Floats, held: Floats, bins: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Effects that average to 0 over the reference, column by column; 0 in bins without a row."""
    constants = solved[:, 0, :].copy()
    effects = solved[:, 1:, :].transpose(0, 2, 1).copy()
    start = 0
    for wide in bins.tolist():
        share = held[1 + start : 1 + start + wide] / max(float(held[0]), 1.0)
        part = effects[..., start : start + wide]
        mean = part @ share
        part -= mean[..., None]
        part[..., share <= 0.0] = 0.0
        constants += mean
        start += wide
    return constants, effects
