"""How many rows of each slice fall in each cell? One pass over the cells that the whole's count found.

The twin of `_counting` for slices: it sees values only for their extremes and moments. Loads numba.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors._cells import tail_codes
from detectors._column import CategoryColumn, Columns, NumericColumn
from detectors._column_profile import CategoryProfile, NumericProfile
from detectors._jit import kernel
from detectors._profile import Profile
from detectors._slices import Segment, Slices, coarse_cells
from detectors._summary import (
    MOMENT_BITS,
    MOMENT_CLIP,
    CategorySummary,
    ColumnSummary,
    NumericSummary,
    WindowSummary,
    moment_scale,
    smallest,
)

_BLOCK = 1024  # as in `_counting`
_UNIT = float(1 << MOMENT_BITS)
_CLIP = MOMENT_CLIP
Cells = Mapping[str, NDArray[np.uint32]]


def count_slices(
    profile: Profile, slices: Slices, columns: Columns, cells: Cells
) -> dict[str, WindowSummary]:
    """Every slice of the batch; none of a segment column that the batch lacks.

    `cells`: of each numeric column's rows in the whole.
    """
    found: dict[str, WindowSummary] = {}
    for segment in slices.segments:
        column = columns.get(segment.column)
        if column is None:
            continue
        codes = segment.codes(column)
        held = np.bincount(codes, minlength=len(segment.labels) + 1)
        counted = _columns(profile, slices, segment, columns, codes, cells)
        for code, name in enumerate(segment.names):
            found[name] = WindowSummary(
                rows=int(held[code]),
                columns={name: by_slice[code] for name, by_slice in counted.items()},
                profile_digest=slices.profiles[name].digest,
            )
    return found


def _columns(
    profile: Profile,
    slices: Slices,
    segment: Segment,
    columns: Columns,
    codes: NDArray[np.int32],
    cells: Cells,
) -> dict[str, list[ColumnSummary]]:
    """Summaries of each watched column, one a slice."""
    found: dict[str, list[ColumnSummary]] = {}
    watched = [slices.profiles[name] for name in segment.names]
    order = np.argsort(codes.astype(np.int16), kind="stable")  # int16: a radix sort
    starts = np.append(0, np.cumsum(np.bincount(codes, minlength=len(watched))[: len(watched)]))
    for name in watched[0].columns:
        whole, column = profile.columns[name], columns.get(name)
        sliced = [each.columns[name] for each in watched]
        if isinstance(whole, NumericProfile) and isinstance(column, NumericColumn):
            numeric = [each for each in sliced if isinstance(each, NumericProfile)]
            found[name] = [*_numbers(whole, numeric, column.values, codes, order, starts, cells[name])]
        elif isinstance(whole, CategoryProfile) and isinstance(column, CategoryColumn):
            found[name] = [*_labels(whole, column, codes, len(sliced))]
    return found


def _numbers(
    whole: NumericProfile,
    sliced: list[NumericProfile],
    values: NDArray[np.float64],
    codes: NDArray[np.int32],
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    cells: NDArray[np.uint32],
) -> list[NumericSummary]:
    x = np.ascontiguousarray(values, dtype=np.float64)
    knots, coarse = coarse_cells(whole)
    many = len(sliced)
    counts = np.zeros((many, 2 * knots.size + 1), dtype=np.int64)
    scalars = np.zeros((many, 7), dtype=np.int64)
    extremes = np.empty((many, 2))
    extremes[:, 0], extremes[:, 1] = np.inf, -np.inf
    scale = np.array([moment_scale(each) for each in sliced])
    with np.errstate(over="ignore"):  # of a scale below what has an inverse, as of the smallest numbers
        inverse = np.minimum(1.0 / scale[:, 1], 1e300)
    _tally_slices(
        x,
        order,
        starts,
        cells,
        coarse,
        whole.edges,
        scale[:, 0],
        inverse,
        counts,
        scalars,
        extremes,
        np.empty(_BLOCK),  # made out here, as in `_number_counting`
    )
    tails = _tails(whole, x, codes, cells, counts)
    found = []
    for code in range(many):
        missing, infinite, below, above, moment1, high2, low2 = (int(s) for s in scalars[code])
        found.append(
            NumericSummary(
                counts=counts[code],
                missing=missing,
                below_edge=below,
                above_edge=above,
                infinite=infinite,
                minimum=float(extremes[code, 0]) + 0.0,
                maximum=float(extremes[code, 1]) + 0.0,
                moment1=moment1,
                moment2=(high2 << 32) + low2,
                tails=tails.get(code, ()),
            )
        )
    return found


def _tails(
    whole: NumericProfile,
    x: NDArray[np.float64],
    codes: NDArray[np.int32],
    cells: NDArray[np.uint32],
    counts: NDArray[np.int64],
) -> dict[int, tuple[tuple[int, int], ...]]:
    """Rows beyond the reference's range, by slice and log-grid code; rare, so looked at one by one."""
    if not whole.knots.size or not (counts[:, 0].any() or counts[:, -1].any()):
        return {}
    last = 2 * whole.knots.size
    beyond = np.flatnonzero(((cells == 0) | (cells == last)) & np.isfinite(x))
    grid, of_slice = tail_codes(x[beyond], cells[beyond] == last), codes[beyond]
    found = {}
    for code in np.unique(of_slice).tolist():
        values, rows = np.unique(grid[of_slice == code], return_counts=True)
        found[code] = tuple(zip(values.tolist(), rows.tolist(), strict=True))
    return found


def _labels(
    whole: CategoryProfile, column: CategoryColumn, codes: NDArray[np.int32], many: int
) -> list[CategorySummary]:
    """One table of slices by (levels, other known labels, unseen ones, missing)."""
    index, levels = whole.index, len(whole.levels)
    position = {label: at for at, label in enumerate(whole.levels)}
    rest, new, missing = levels, levels + 1, levels + 2
    strangers = [label for label in column.labels if label not in index]
    seen = dict(zip(strangers, whole.seen(strangers).tolist(), strict=True))
    state = [position.get(label, rest if seen.get(label, True) else new) for label in column.labels]
    state_of = np.array([*state, missing], dtype=np.int64)
    width = levels + 3
    table = np.bincount(codes * width + state_of[column.codes], minlength=(many + 1) * width)
    table = table.reshape(many + 1, width)
    strange = np.flatnonzero(state_of[column.codes] == new) if new in state else np.empty(0, dtype=np.int64)
    found = []
    for code in range(many):
        unseen: dict[str, int] = {}
        if table[code, new]:
            tally = np.bincount(column.codes[strange[codes[strange] == code]])
            unseen = {column.labels[i]: int(tally[i]) for i in np.flatnonzero(tally)}
        found.append(
            CategorySummary(
                counts=table[code, :levels].astype(np.int64),
                rest=int(table[code, rest]),
                missing=int(table[code, missing]),
                unseen=int(table[code, new]),
                unseen_labels=smallest(unseen),
            )
        )
    return found


@kernel
def _tally_slices(
    x: NDArray[np.float64],
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    cells: NDArray[np.uint32],
    coarse: NDArray[np.uint32],
    edges: tuple[float, float],
    centre: NDArray[np.float64],
    inverse: NDArray[np.float64],
    counts: NDArray[np.int64],
    scalars: NDArray[np.int64],
    extremes: NDArray[np.float64],
    block: NDArray[np.float64],
) -> None:
    """Slice by slice, a block of its rows at a time, so that sums stay in registers."""
    for code in range(starts.size - 1):
        mean, scale, mine = centre[code], inverse[code], counts[code]
        for start in range(starts[code], starts[code + 1], _BLOCK):
            size = min(_BLOCK, starts[code + 1] - start)
            for i in range(size):
                row = order[start + i]
                block[i] = x[row]
                mine[np.int64(coarse[np.int64(cells[row])])] += 1
            sum1 = sum2 = missing = rare = 0
            low, high = extremes[code, 0], extremes[code, 1]
            for i in range(size):
                z = (block[i] - mean) * scale
                z = z if z < _CLIP else _CLIP
                z = z if z > -_CLIP else -_CLIP
                z = z if abs(block[i]) < np.inf else 0.0
                sum1 += int(np.rint(z * _UNIT))
                sum2 += int(np.rint(z * z * _UNIT))
            for i in range(size):
                missing += int(np.isnan(block[i]))
                rare += int(block[i] < low) | int(block[i] > high)
            if rare or low < edges[0] or high > edges[1]:
                _extremes(block[:size], edges, scalars[code], extremes[code])
            mine[0] -= missing  # the whole's count puts NaN below everything
            scalars[code, 0] += missing
            scalars[code, 4] += sum1
            scalars[code, 5] += sum2 >> 32
            scalars[code, 6] += sum2 & 0xFFFF_FFFF


@kernel
def _extremes(
    block: NDArray[np.float64],
    edges: tuple[float, float],
    scalars: NDArray[np.int64],
    extremes: NDArray[np.float64],
) -> None:
    """The rare path: a block with a new extreme; and every block once a value lay beyond the edges."""
    least, most = extremes[0], extremes[1]
    infinite = below = above = 0
    for i in range(block.size):
        value = block[i]
        below += int(value < edges[0])
        above += int(value > edges[1])
        if abs(value) < np.inf:
            least, most = min(least, value), max(most, value)
        elif not np.isnan(value):
            infinite += 1
    extremes[0], extremes[1] = least, most
    scalars[1] += infinite
    scalars[2] += below
    scalars[3] += above
