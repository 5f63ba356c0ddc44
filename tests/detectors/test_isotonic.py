"""Is the curve the one of scikit-learn, cell by cell?"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from detectors._isotonic import fit_curve

CELLS = st.lists(st.tuples(st.integers(0, 30), st.floats(0.0, 1.0)), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(CELLS)
def test_equals_scikit_learn(cells: list[tuple[int, float]]) -> None:
    """On cells with rows the curve is scikit-learn's isotonic regression of hits / rows, weighted by rows."""
    rows = np.array([float(n) for n, _ in cells])
    hits = np.array([float(round(n * share)) for n, share in cells])
    held = np.flatnonzero(rows)
    found = fit_curve(rows, hits)
    if not held.size:
        assert found is None
        return
    assert found is not None
    oracle = IsotonicRegression().fit_transform(held, hits[held] / rows[held], sample_weight=rows[held])
    np.testing.assert_allclose(found.by_cell(rows.size)[held], oracle, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(CELLS)
def test_never_falls(cells: list[tuple[int, float]]) -> None:
    """The curve is ascending over all cells, and within the shares it was fitted to."""
    rows = np.array([float(n) for n, _ in cells]) + 1.0
    hits = rows * np.array([share for _, share in cells])
    found = fit_curve(rows, hits)
    assert found is not None
    curve = found.by_cell(rows.size + 3)
    assert (np.diff(curve) >= 0.0).all()
    assert (hits / rows).min() - 1e-12 <= curve[0]
    assert curve[-1] <= (hits / rows).max() + 1e-12


def test_by_hand() -> None:
    """Shares 0, 1, ½ of 2, 2, 4 rows: the last two pool to 4/6; an empty cell has what follows it."""
    found = fit_curve(np.array([2.0, 0.0, 2.0, 4.0, 0.0]), np.array([0.0, 0.0, 2.0, 2.0, 0.0]))
    assert found is not None
    np.testing.assert_allclose(found.by_cell(5), [0.0, 4 / 6, 4 / 6, 4 / 6, 4 / 6])
    assert found.ends.tolist() == [0, 3]
