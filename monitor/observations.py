"""How do the component means of many windows become what a noise model learns from?"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from detectors import Component
from detectors._learning import Observations

Key = tuple[str, str]  # column, component


def observe(windows: Sequence[Mapping[Key, Component]]) -> dict[Key, Observations]:
    """One series a component, in the order of the windows; NaN where a window did not have it."""
    keys = sorted({key for window in windows for key in window})
    return {key: _observations([window.get(key) for window in windows]) for key in keys}


def _observations(seen: Sequence[Component | None]) -> Observations:
    return Observations(
        y=np.array([math.nan if one is None else one.y for one in seen]),
        n=np.array([0 if one is None else one.n for one in seen], dtype=np.int64),
        variance=np.array([math.nan if one is None else one.variance for one in seen]),
        share=any(one is not None and one.share for one in seen),
    )
