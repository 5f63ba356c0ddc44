"""Which products of normal scores does one batch add? Compiled loops over the rows that are looked at.

The only code of relations that sees values. Imported only where a window is counted, since it loads numba.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors._column import Columns, NumericColumn
from detectors._column_profile import ColumnProfile, NumericProfile, wrong_kind
from detectors._jit import kernel
from detectors._joint import JointSummary
from detectors._profile import Profile
from detectors._relations import SCORE_MOST, SCORE_UNIT, Relations
from detectors._special import special

Scores = NDArray[np.int8]  # normal scores in units of SCORE_UNIT, at most SCORE_MOST
Wide = NDArray[np.int16]  # the same where they are multiplied

_BLOCK = 8_192  # rows at a time: scores of 40 columns fit the second-level cache, and sums of 63² an int32
_TILE = 64  # rows at a time that are turned
_MISSING = np.int8(-128)
_STEPS = 7  # halvings that find one of the 127 scores
_CUTS = (1 << _STEPS) - 1
# Multiplicative hashing (Knuth, The Art of Computer Programming 3, section 6.4): 2⁶⁴ over the golden ratio.
_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)
_HALF = np.uint64(32)
_NAN = np.uint64(0x7FF8_0000_0000_0000)  # one missing, whatever its bits


def count_joint(profile: Profile, relations: Relations, columns: Columns, rows: int) -> JointSummary:
    """Sums over one batch. A column that the batch lacks is missing in all of its rows."""
    values = {name: _numbers(profile, columns, name, rows) for name in relations.columns}
    taken = chosen([values[name] for name in relations.keys], relations.sparsity, rows)
    found = JointSummary.empty(relations.columns)
    looked_at = rows if taken is None else taken.size
    for start in range(0, looked_at, _BLOCK):
        stop = min(start + _BLOCK, looked_at)
        scores = no_scores(relations, stop - start)
        for place, name in enumerate(relations.columns):
            column = values[name]
            if column is not None:
                part = column[start:stop] if taken is None else column[taken[start:stop]]
                _score(part, *normal_scores(profile.columns[name]), scores[place])
        _add(scores, found)
    return replace(found, rows=looked_at)


def count_scores(relations: Relations, scores: Scores) -> JointSummary:
    """Sums over rows that are looked at; int8[P, rows], of each column."""
    found = JointSummary.empty(relations.columns)
    for start in range(0, scores.shape[1], _BLOCK):
        block = np.ascontiguousarray(scores[:, start : start + _BLOCK])
        _add(block, found)
    return replace(found, rows=scores.shape[1])


def no_scores(relations: Relations, rows: int) -> Scores:
    """int8[P, rows], all missing."""
    return np.full((len(relations.columns), rows), _MISSING, dtype=np.int8)


def score(
    profile: ColumnProfile, values: NDArray[np.float64], cells: NDArray[np.uint32], into: Scores
) -> None:
    """int8[n]: the normal score of each value, whose cell is known already."""
    _score_cells(values, cells, scores_by_cell(profile), into)


def normal_scores(profile: ColumnProfile) -> tuple[NDArray[np.float64], Scores]:
    """float64[127] ascending, int8[128]: the score of x is levels[number of cuts ≤ x], x not missing.

    A value's score is that of the mid-rank of its cell in the reference, so ties share one (van der Waerden's
    scores: Conover, Practical Nonparametric Statistics, 1999, section 5.10). Beyond the reference's range it
    is that of half a row.
    """
    if not isinstance(profile, NumericProfile):
        raise wrong_kind(profile)
    found: tuple[NDArray[np.float64], Scores] | None = profile.memo.get("normal_scores")
    if found is None:
        found = profile.memo["normal_scores"] = _normal_scores(profile)
    return found


def chosen(keys: list[NDArray[np.float64] | None], sparsity: int, rows: int) -> NDArray[np.int64] | None:
    """int64[m]: the rows whose own values hash to 0; None for all of them.

    Of the values and of nothing else, so that the same rows are chosen in any order and split.
    """
    if sparsity == 0:
        return None
    hashes = key_hashes(keys, rows)
    return np.flatnonzero(hashes >> np.uint64(64 - sparsity) == 0)


def key_hashes(keys: list[NDArray[np.float64] | None], rows: int) -> NDArray[np.uint64]:
    """uint64[rows]: equal for rows that agree in every key; a key that the batch lacks counts as missing."""
    hashes = np.full(rows, _GOLDEN, dtype=np.uint64)  # not 0: of rows of zeros nothing else would come
    for start in range(0, rows, _BLOCK):  # a block at a time: its hashes stay in the first-level cache
        part = hashes[start : start + _BLOCK]
        for values in keys:
            if values is None:
                _mix_missing(part)
            else:
                block = values[start : start + _BLOCK]
                _mix(block, block.view(np.uint64), part)
    return hashes


def _numbers(profile: Profile, columns: Columns, name: str, rows: int) -> NDArray[np.float64] | None:
    column = columns.get(name)
    if column is None:
        return None
    if not isinstance(column, NumericColumn):
        raise wrong_kind(profile.columns[name])
    if len(column) != rows:
        raise ValueError(f'column "{name}": {len(column)} values in a batch of {rows} rows')
    return np.ascontiguousarray(column.values, dtype=np.float64)


def scores_by_cell(profile: ColumnProfile) -> Scores:
    """int8[2k + 1]: the score of a value in each cell."""
    if not isinstance(profile, NumericProfile):
        raise wrong_kind(profile)
    found: Scores | None = profile.memo.get("scores_by_cell")
    if found is None:
        found = profile.memo["scores_by_cell"] = _scores_by_cell(profile)
    return found


def _scores_by_cell(profile: NumericProfile) -> Scores:
    if profile.knots.size == 0:
        return np.zeros(1, dtype=np.int8)
    counts, total = profile.counts, float(profile.values)
    rank = np.clip(np.cumsum(counts) - 0.5 * counts, 0.5, total - 0.5) / total
    exact = np.rint(special.ndtri(rank) * SCORE_UNIT)
    found: Scores = np.clip(exact, -SCORE_MOST, SCORE_MOST).astype(np.int8)
    return found


def _normal_scores(profile: NumericProfile) -> tuple[NDArray[np.float64], Scores]:
    cuts, levels = np.full(_CUTS, np.inf), np.zeros(_CUTS + 1, dtype=np.int8)
    if profile.knots.size == 0:
        return cuts, levels
    by_cell = scores_by_cell(profile)
    # Cell 2j + 1 begins at knot j, cell 2j + 2 just above it.
    begins = np.empty(2 * profile.knots.size)
    begins[0::2] = profile.knots
    begins[1::2] = np.nextafter(profile.knots, np.inf)
    steps = np.flatnonzero(np.diff(by_cell))
    levels[0] = by_cell[0]
    levels[1 : steps.size + 1] = by_cell[steps + 1]
    levels[steps.size + 1 :] = by_cell[-1]
    cuts[: steps.size] = begins[steps]
    return cuts, levels


# Arrays that kernels write into are made out here: one that makes its own would load all that numba knows of
# arrays, 0.1 s at each start.
def _score(x: NDArray[np.float64], cuts: NDArray[np.float64], levels: Scores, scores: Scores) -> None:
    _score_values(x, cuts, levels, scores, np.empty(_BLOCK, dtype=np.int64))


def _add(coded: Scores, found: JointSummary) -> None:
    size, rows = coded.shape
    scores, by_row = np.empty((size, rows), dtype=np.int16), np.empty((rows, size), dtype=np.int16)
    own, without = np.empty((3, size), dtype=np.int32), np.empty((3, size, size), dtype=np.int32)
    sums = found.both, found.sums, found.squares, found.products
    _add_products(coded, *sums, scores, by_row, own, without)


@kernel
def _score_values(
    x: NDArray[np.float64],
    cuts: NDArray[np.float64],
    levels: Scores,
    scores: Scores,
    position: NDArray[np.int64],
) -> None:
    """Adds each comparison's 0 or 1: no branch to mispredict."""
    for start in range(0, x.size, _BLOCK):
        block = x[start : start + _BLOCK]
        position[: block.size] = 0
        for step in range(_STEPS - 1, -1, -1):
            stride = 1 << step
            for i in range(block.size):
                position[i] += stride * int(cuts[position[i] + stride - 1] <= block[i])
        for i in range(block.size):
            scores[start + i] = levels[position[i]] if block[i] == block[i] else _MISSING


@kernel
def _score_cells(x: NDArray[np.float64], cells: NDArray[np.uint32], by_cell: Scores, scores: Scores) -> None:
    for i in range(x.size):
        scores[i] = by_cell[cells[i]] if x[i] == x[i] else _MISSING


@kernel
def _add_products(
    coded: Scores,
    both: NDArray[np.int64],
    sums: NDArray[np.int64],
    squares: NDArray[np.int64],
    products: NDArray[np.int64],
    scores: Wide,
    by_row: Wide,
    own: NDArray[np.int32],
    without: NDArray[np.int32],
) -> None:
    """Whole numbers throughout: their sums are exact in any order, so the compiler may use vectors.

    What column i is where j has a value is what it is alone, less what it is in the rows where j has none; or
    what it is in those where it has one, whichever are fewer: one look at such a row serves every i.
    """
    size, rows = coded.shape
    without[:] = 0
    for i in range(size):
        count = total = np.int32(0)
        for k in range(rows):
            held = np.int16(coded[i, k] != _MISSING)
            x = np.int16(coded[i, k]) * held
            scores[i, k] = x
            count = np.int32(count + held)
            total = np.int32(total + x)
        own[0, i], own[1, i], own[2, i] = count, total, _product(scores[i], scores[i])
    for start in range(0, rows, _TILE):  # what is written stays in the first-level cache
        for i in range(size):
            for k in range(start, min(start + _TILE, rows)):
                by_row[k, i] = coded[i, k]
    for j in range(size):
        few_known = 2 * own[0, j] < rows
        if own[0, j] < rows:
            for k in range(rows):
                if (coded[j, k] != _MISSING) == few_known:
                    _add_row(by_row[k], without[0, j], without[1, j], without[2, j])
        if few_known:
            for i in range(size):
                for k in range(3):
                    without[k, j, i] = own[k, i] - without[k, j, i]
    for i in range(size):
        for j in range(size):
            both[i, j] += own[0, i] - without[0, j, i]
            sums[i, j] += own[1, i] - without[1, j, i]
            squares[i, j] += own[2, i] - without[2, j, i]
        for j in range(i + 1):
            product = _product(scores[i], scores[j])
            products[i, j] += product
            if i != j:
                products[j, i] += product


@kernel
def _add_row(
    row: NDArray[np.int16], count: NDArray[np.int32], sums: NDArray[np.int32], squares: NDArray[np.int32]
) -> None:
    for i in range(row.size):
        held = np.int32(row[i] != _MISSING)
        x = np.int32(row[i]) * held
        count[i] += held
        sums[i] += x
        squares[i] += x * x


@kernel
def _product(scores: Wide, others: Wide) -> int:
    product = np.int32(0)
    for k in range(scores.size):
        product = np.int32(product + np.int32(scores[k]) * np.int32(others[k]))
    return int(product)


@kernel
def _mix(x: NDArray[np.float64], bits: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> None:
    for i in range(x.size):
        word = bits[i] if x[i] == x[i] else _NAN
        word = np.uint64(0) if x[i] == 0.0 else word  # one zero
        hashes[i] = _stir(hashes[i] ^ word)


@kernel
def _mix_missing(hashes: NDArray[np.uint64]) -> None:
    for i in range(hashes.size):
        hashes[i] = _stir(hashes[i] ^ _NAN)


@kernel
def _stir(word: np.uint64) -> np.uint64:
    """Small whole numbers differ in their top bits alone: down with them before the product, up after."""
    mixed = (word ^ (word >> _HALF)) * _GOLDEN
    return mixed ^ (mixed >> _HALF)
