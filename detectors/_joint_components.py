"""Which pairs of columns go together otherwise than in the reference, and which of two columns moved?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._joint import JointSummary, correlations, pairs
from detectors._measurement import Component
from detectors._relations import Relations, atanh

JSON = Any
Floats = NDArray[np.float64]

_TOP = 10
# The other pairs of a column say that it moved: where their mean square is this many times that of the other
# column's, and one of them strays by as many sd as hardly any does by chance among 39.
_MOVED_RATIO = 3.0
_MOVED_Z = 4.0


def joint_components(relations: Relations, joint: JointSummary, rows: int) -> tuple[Component, ...]:
    """atanh r, one a pair with rows enough; its variance is that of one row."""
    if rows == 0:
        return ()
    r, n = correlations(joint)
    usable, names = np.flatnonzero(_usable(relations, r, n)), relations.components
    # Plain lists: hundreds of pairs a window, and NumPy takes its time over single numbers.
    found = zip(
        usable.tolist(),
        atanh(r[usable]).tolist(),
        n[usable].tolist(),
        relations.row_variance[usable].tolist(),
        strict=True,
    )
    return tuple(
        Component(name=names[pair], y=y, n=rows_of_both, variance=variance, share=False)
        for pair, y, rows_of_both, variance in found
    )


def joint_evidence(relations: Relations, joint: JointSummary, rows: int) -> dict[str, JSON]:
    """Facts that name a broken relation later. `r` is [reference, window]; z is in the sd of the reference's
    own windows; `moved` names the one of the two whose other relations changed as well, None if neither."""
    r, n = correlations(joint)
    usable = _usable(relations, r, n)
    z = _deviation(relations, r, n, usable)
    matrix = _square(len(relations.columns), z)
    usual = np.tanh(relations.usual)
    places = np.flatnonzero(usable)
    order = places[np.argsort(-np.abs(z[places]), kind="stable")[:_TOP]]
    change = np.abs(r[places] - usual[places])
    largest = int(places[np.argmax(change)]) if places.size else None
    first, second = pairs(len(relations.columns))

    def fact(pair: int) -> dict[str, JSON]:
        i, j = int(first[pair]), int(second[pair])
        return {
            "columns": [relations.columns[i], relations.columns[j]],
            "component": relations.components[pair],
            "r": [float(usual[pair]), float(r[pair])],
            "rows": [int(relations.rows[pair]), int(n[pair])],
            "z": float(z[pair]),
            "moved": _moved(relations, matrix, i, j),
        }

    return {
        "columns": len(relations.columns),
        "pairs_compared": int(usable.sum()),
        "rows": [rows, joint.rows],
        "pairs": [fact(pair) for pair in order.tolist()],
        "largest": None if largest is None else fact(largest),
    }


def largest_change(relations: Relations, joint: JointSummary) -> tuple[int, float, int] | None:
    """(pair, r − its usual r, rows) of the pair that changed most; None where none can be compared."""
    r, n = correlations(joint)
    usable = np.flatnonzero(_usable(relations, r, n))
    if not usable.size:
        return None
    change = r[usable] - np.tanh(relations.usual[usable])
    at = int(np.argmax(np.abs(change)))
    return int(usable[at]), float(change[at]), int(n[usable[at]])


def _usable(relations: Relations, r: Floats, n: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (n >= relations.least) & np.isfinite(r) & np.isfinite(relations.usual)


def _deviation(relations: Relations, r: Floats, n: NDArray[np.int64], usable: NDArray[np.bool_]) -> Floats:
    """float64[pairs]: change of atanh r in sd of a reference window with as many rows; 0 where unknown."""
    variance = relations.row_variance / np.maximum(n, 1) + relations.window_variance
    return np.where(usable, (atanh(r) - relations.usual) / np.sqrt(variance), 0.0)


def _square(columns: int, values: Floats) -> Floats:
    matrix = np.zeros((columns, columns))
    i, j = pairs(columns)
    matrix[i, j] = matrix[j, i] = values
    return matrix


def _moved(relations: Relations, z: Floats, i: int, j: int) -> str | None:
    """Whose pairs with third columns strayed: values exchanged between rows break all of a column's
    relations, and one each of the others."""
    others = [place for place in range(len(relations.columns)) if place not in (i, j)]
    if not others:
        return None
    strayed = {place: z[place, others] ** 2 for place in (i, j)}
    for place, other in ((i, j), (j, i)):
        clearly = strayed[place].sum() >= _MOVED_RATIO * strayed[other].sum()
        if clearly and strayed[place].max() >= _MOVED_Z**2:
            return relations.columns[place]
    return None
