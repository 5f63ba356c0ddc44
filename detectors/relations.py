"""Do columns still go together as they did, though each looks the same by itself?

joint_change = |r − r₀| of the pair of numeric columns that changed most, r Pearson's correlation of the
window's normal scores: Φ⁻¹ of each value's mid-rank in the reference, rounded to sixteenths and held to ±3.9.
r₀ is that of the reference, within one of its windows where it has windows: season moves two columns together
over a year that have nothing to do with each other in a day.

Range [0, 2], no unit. direction: 1 where r is higher, −1 where it is lower. Up to 40 numeric columns: what
the model says first, then those with the strongest relation. Pairs of 100 rows and more with both values;
without such a pair there is no measurement. Of large windows about 20,000 to 40,000 rows are looked at,
chosen by a hash of their own values. No zero bins. Ties share their mid-rank. NaN: the row is left out of
that column's pairs alone; ±inf has the last score on its side. A column that does not vary has no pair.

Noise limit: the smallest t with Σ_pairs P(|r − r₀| > t) ≤ 0.001, each normal with sd (1 − r₀²)·√(v/N + v/n),
v from the influence of a row on r (1 under a normal law): a union bound over the pairs, rows independent.

Source: Fisher 1921, "On the probable error of a coefficient of correlation", Metron 1; Conover 1999,
"Practical Nonparametric Statistics", section 5.10 (van der Waerden's scores); Devlin, Gnanadesikan &
Kettenring 1975, Biometrika 62 (influence).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column import JOINT
from detectors._joint import JointSummary, pairs
from detectors._joint_components import largest_change
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._relations import Relations, relations_of
from detectors._sampling import EXCEEDANCE
from detectors._special import special
from detectors._summary import WindowSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationChange:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `joint_change` of the column `__joint__`, where the profile knows relations."""
        relations, joint = relations_of(profile), window.joint
        if relations is None or joint is None:
            return []
        found = largest_change(relations, joint)
        if found is None:
            return []
        pair, change, n = found
        return [
            Measurement(
                column=JOINT,
                metric="joint_change",
                value=abs(change),
                noise_limit=_limit(relations, joint),
                direction=int(np.sign(change)),
                n_reference=int(relations.rows[pair]),
                n=n,
            )
        ]


def _limit(relations: Relations, joint: JointSummary) -> float:
    i, j = pairs(len(relations.columns))
    n: NDArray[np.int64] = joint.both[i, j]
    usable = (n >= relations.least) & np.isfinite(relations.usual)
    spread = 1.0 / n[usable] + 1.0 / np.maximum(relations.rows[usable], 1)
    sd = np.sqrt(relations.row_variance[usable] * spread) / np.cosh(relations.usual[usable]) ** 2
    low, high = 0.0, 2.0
    for _ in range(40):
        t = 0.5 * (low + high)
        if float(2.0 * special.ndtr(-t / sd).sum()) <= EXCEEDANCE:
            high = t
        else:
            low = t
    return high
