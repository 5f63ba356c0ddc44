"""What do the components of one model tell about each other's noise?

Each component's tail, memory and variance are estimated from its own few windows, and each estimate strays:
of sixty windows of a normal law one in ten has a kurtosis of a t law with ten degrees of freedom. Where the
components of a model differ no more than estimates do by chance, they are all drawn towards their mean;
where they differ more, each keeps what it has (empirical Bayes: Efron & Morris, JASA 68, 1973).
No estimate is moved by more than one standard error, so that a single column unlike all others keeps its
storms (limited translation: Efron & Morris, JASA 67, 1972; one standard error keeps most of
the gain).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST = 8  # estimates; the spread of fewer says little about their family
_MOST_SE = 1.0
_ALONE_SE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Estimates of one kind after a look at their family."""

    values: Floats  # f8[components]
    weight: Floats  # f8[components] of each component's own estimate, in (0, 1]


def pool(values: Floats, error: Floats) -> Pooled:
    """`values`: f8[components] of one kind; `error`: f8[components] their standard errors."""
    size = len(values)
    own = Pooled(values=values, weight=np.ones(size))
    if size < LEAST or not float(error.min(initial=np.inf)) > 0.0:
        return own
    precision = 1.0 / error**2
    middle = float(np.sum(precision * values) / precision.sum())
    # How much further apart they lie than by chance: the spread of the true ones (DerSimonian & Laird,
    # Controlled Clinical Trials 7, 1986).
    excess = float(np.sum(precision * (values - middle) ** 2)) - (size - 1.0)
    scale = float(precision.sum() - np.sum(precision**2) / precision.sum())
    between = max(0.0, excess / scale)
    weight = np.maximum(between / (between + error**2), 1.0 / size)
    moved = (1.0 - weight) * (middle - values)
    limited = np.clip(moved, -_MOST_SE * error, _MOST_SE * error)
    # What lies further from its family than one member in twenty does is no ordinary one, and answers for
    # itself.
    return Pooled(values=values + limited, weight=np.where(np.abs(moved) > _ALONE_SE * error, 1.0, weight))
