"""Which effects of bins explain a target best, in windows that were not looked at?

Ridge regression (Hoerl & Kennard, Technometrics 12, 1970) on one indicator a bin. Rows of one window share
what no column says, so a window is weighted as a random effect (Fuller & Battese, J. Econometrics 2, 1974):
without it, a daily weather column with more values than there are days would explain each day by itself. The
ridge is chosen on folds of the reference that were left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._additive import FOLDS, AdditiveModel, Floats
from detectors._additive_rows import LEAST_ROWS, Codes, TeachingRows, teaching_rows
from detectors._column import Columns
from detectors._profile import Profile

_LEVEL = 1e-3  # of a ridge, on every effect: a constant per column is the intercept's
_RIDGES = tuple(10.0**power for power in range(7))  # pseudo-rows a bin
# A bin of labels, or of missing values, with few rows is pulled to 0: so many rows say half of what is to say
# (as of a bin's harm, `_harm`).
_PSEUDO_ROWS = 50.0


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
    data = teaching_rows(profile, candidates, columns, targets, window_of_row)
    return None if data is None else _fitted(data)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """Sums over rows by fold and by window; index 0 of the p indicators is the intercept."""

    gram: Floats  # [FOLDS, p, p]
    moment: Floats  # [FOLDS, p, targets]
    held: Floats  # [R, p]: Σ of the indicators by window
    total: Floats  # [R, targets]
    square: Floats  # [targets]: Σ y²


def _sums(data: TeachingRows) -> _Sums:
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


def _fitted(data: TeachingRows) -> AdditiveModel:
    sums = _sums(data)
    n = sums.held[:, 0]
    penalty = _penalty(data, sums.held)
    # First as if rows were independent, to see how much windows differ beyond what the columns say.
    plain = _all_folds(_equations(sums, data.fold, np.ones_like(n)), 10.0 * penalty)
    within = _row_variance(data, plain[0])
    tau2 = _between(n, _left_out(sums, data.fold, plain), within)
    ratio = float(np.mean(tau2) / max(float(np.mean(within)), 1e-12))
    weight = 1.0 / (1.0 + n * ratio)  # of a window's mean beside its rows' differences
    equations = _equations(sums, data.fold, weight)
    tried = [_all_folds(equations, ridge * penalty) for ridge in _RIDGES]
    of_rows = np.stack([_error(sums, data.fold, weight, each) for each in tried])
    left_out = [_left_out(sums, data.fold, each) for each in tried]
    of_windows = np.stack([(n * weight)[:, None] * each**2 for each in left_out])
    chosen = [_choice(of_rows[:, t], of_windows[:, :, t]) for t in range(len(data.targets))]
    solved = np.stack([tried[ridge][..., t] for t, ridge in enumerate(chosen)], axis=-1)
    variance = _row_variance(data, solved[0])
    between = _between(n, _left_out(sums, data.fold, solved), variance)
    held = sums.held.sum(axis=0)
    constants, effects = _centred(solved, held, data.bins)
    effects *= data.scale[:, None]
    return AdditiveModel(
        columns=data.columns,
        bins=data.bins,
        constants=constants * data.scale,
        effects=effects,
        doubt=_doubt(data, held[1:]),
        spread=_spread(effects[0], held, data.bins),
        variance=variance * data.scale**2,
        between=between * data.scale**2,
    )


def _choice(of_rows: Floats, of_windows: Floats) -> int:
    """Of the ridges whose windows are predicted as well as the best's, the one that predicts rows best.

    Windows are what is asked for, but where their mix hardly varies they cannot tell ridges apart. As well:
    within one standard error of the differences (Breiman et al., Classification and Regression Trees, 1984).
    """
    best = int(np.argmin(of_windows.sum(axis=1)))
    worse = of_windows - of_windows[best]
    error = worse.std(axis=1) / np.sqrt(worse.shape[1])
    good = worse.mean(axis=1) <= error
    return int(np.argmin(np.where(good, of_rows, np.inf)))


def _equations(sums: _Sums, fold: Codes, weight: Floats) -> list[tuple[Floats, Floats]]:
    """X'WX and X'Wy of everything, then without each fold; without a fold that holds all known rows: of
    everything.

    No ridge in them, so they are added up once, and a fold is taken off the whole.
    """
    n = sums.held[:, 0]
    # Σ over windows of X'X − (1 − weight)·n·x̄x̄': a random effect takes that much off a window's mean.
    root = np.sqrt((1.0 - weight) / np.maximum(n, 1.0))[:, None]
    by_fold = []
    for k in range(FOLDS):
        means, totals = (each[fold == k] * root[fold == k] for each in (sums.held, sums.total))
        by_fold.append((sums.gram[k] - means.T @ means, sums.moment[k] - means.T @ totals))
    whole = (np.sum([a for a, _ in by_fold], axis=0), np.sum([b for _, b in by_fold], axis=0))
    found: list[tuple[Floats, Floats]] = [whole]
    for k, (a, b) in enumerate(by_fold):
        enough = n[fold != k].sum() >= LEAST_ROWS / 2
        found.append((whole[0] - a, whole[1] - b) if enough else whole)
    return found


def _all_folds(equations: list[tuple[Floats, Floats]], penalty: Floats) -> Floats:
    """[1 + FOLDS, p, targets]: solved from everything, and without each fold."""
    # Here, not above: whoever reads a profile would load it, and only a build needs it.
    from scipy import linalg  # noqa: PLC0415

    found = []
    for a, b in equations:
        factor = linalg.cho_factor(a + penalty, overwrite_a=True, check_finite=False)
        found.append(linalg.cho_solve(factor, b, check_finite=False))
    return np.stack(found)


def _error(sums: _Sums, fold: Codes, weight: Floats, solved: Floats) -> Floats:
    """[targets]: squared error of rows in folds left out; a window's common part as in the fit."""
    mean = _left_out(sums, fold, solved)
    found = sums.square - np.sum((sums.held[:, 0] * (1.0 - weight))[:, None] * mean**2, axis=0)
    for k in range(FOLDS):
        beta = solved[1 + k]
        found = found - 2.0 * np.sum(beta * sums.moment[k], axis=0)
        found = found + np.sum(beta * (sums.gram[k] @ beta), axis=0)
    return np.asarray(found)


def _left_out(sums: _Sums, fold: Codes, solved: Floats) -> Floats:
    """[R, targets]: mean of y − ŷ of each window, ŷ of the model that has not seen it."""
    n = np.maximum(sums.held[:, 0], 1.0)
    expected = np.einsum("rp,rpt->rt", sums.held, solved[1 + fold])
    found: Floats = (sums.total - expected) / n[:, None]
    return found


def _between(rows: Floats, residual: Floats, within: Floats) -> Floats:
    """τ² by moments, weighted by rows, as of the noise model (`_learning`)."""
    return np.asarray(np.maximum(0.0, np.sum(rows[:, None] * residual**2 - within, axis=0) / rows.sum()))


def _row_variance(data: TeachingRows, solved: Floats) -> Floats:
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


def _spread(effects: Floats, held: Floats, bins: NDArray[np.int64]) -> Floats:
    """[targets, columns]: variance of the effect of a column over the reference's rows."""
    starts = np.append(0, np.cumsum(bins)[:-1])
    return np.asarray(np.add.reduceat(effects**2 * held[1:], starts, axis=1) / max(float(held[0]), 1.0))


def _penalty(data: TeachingRows, held: Floats) -> Floats:
    """[1 + Σ bins] squared, what a ridge of 1 costs: squared differences of neighbouring bins of a numeric
    column, so that the few rows of a tail are pulled to the bin beside them (Eilers & Marx, Statist. Sci. 11,
    1996); squares of all other effects. Each times the rows of the column that count as one, see `_alike`."""
    alike = _alike(data, held)
    size = 1 + int(data.bins.sum())
    found = np.zeros((size, size))
    start = 1
    for position, (ordered, wide) in enumerate(zip(data.ordered, data.bins.tolist(), strict=True)):
        last = start + wide - 1  # missing
        if ordered:
            steps = np.diff(np.eye(wide - 1), axis=0)
            found[start:last, start:last] = steps.T @ steps
            found[last, last] = 1.0
        else:
            found[start : last + 1, start : last + 1] = np.eye(wide)
        found[start : last + 1, start : last + 1] *= alike[position]
        start += wide
    inner = np.arange(1, size)
    found[inner, inner] += _LEVEL
    return found


def _alike(data: TeachingRows, held: Floats) -> Floats:
    """[columns]: rows of a window that say as much as one: 1 where they are independent, all of them where
    the column is one number a window. The design effect of its bins' shares (Rao & Scott, JASA 76, 1981)."""
    n = held[:, :1]
    share = held.sum(axis=0) / n.sum()
    strays = np.sum(n * (held / np.maximum(n, 1.0) - share) ** 2, axis=0) / max(n.size - 1, 1)
    starts = 1 + np.append(0, np.cumsum(data.bins)[:-1])
    chance = np.add.reduceat(share * (1.0 - share), starts)
    return np.asarray(np.maximum(np.add.reduceat(strays, starts) / np.maximum(chance, 1e-12), 1.0))


def _doubt(data: TeachingRows, held: Floats) -> Floats:
    """[Σ bins]: how little the reference says of a bin that has no neighbours, 1 where it says nothing."""
    found = _PSEUDO_ROWS / (_PSEUDO_ROWS + held)
    start = 0
    for ordered, wide in zip(data.ordered, data.bins.tolist(), strict=True):
        if ordered:
            found[start : start + wide - 1] = 0.0
        start += wide
    return np.asarray(found)
