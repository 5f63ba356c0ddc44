"""Does the model answer the same inputs as it used to?

behaviour_residual = |mean score − mean score expected from the window's own inputs|, confidence_residual the
same of the largest probability, behaviour_residual:<class> of each class of a multiclass model. What is
expected comes from an additive surrogate over the profile's bins, learnt on the reference (`_surrogate`).

Unit: that of the score; ≥ 0. direction: 1 where the model answers higher than it used to. No zero bins: the
surrogate has an effect a bin, 0 for bins without a reference row, so labels never seen and a column that is
not there count as average. Ties belong to one bin. Missing inputs are a bin, missing scores (NaN) and ±inf
are left out. Without a score in the window, nothing is measured. When it fails: a surrogate knows single
columns only; where they move together in a way the reference never had, their interaction is told as
behaviour.

Noise limit: z₀.₉₉₉₅ · √(σ²/n), σ² the variance of one row's residual within reference windows; p two-sided
from the same law. Rows as if independent: what decides is the calibrated component.

Source: Hoerl & Kennard 1970, Technometrics 12 (ridge); Hastie & Tibshirani 1990, Generalized Additive Models.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors._column import BEHAVIOUR
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import EXCEEDANCE
from detectors._special import special
from detectors._summary import WindowSummary
from detectors._surrogate import Residual, residuals


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One measurement a target of the surrogate that the window holds."""
        return [_measurement(profile, each) for each in residuals(profile, window)]


def _measurement(profile: Profile, each: Residual) -> Measurement:
    difference = each.mean - each.expected
    error = math.sqrt(each.row_variance / each.n + each.error2)
    return Measurement(
        column=BEHAVIOUR,
        metric=_metric(each.name),
        value=abs(difference),
        noise_limit=-float(special.ndtri(0.5 * EXCEEDANCE)) * error,
        p=math.erfc(abs(difference) / error / math.sqrt(2.0)) if error > 0.0 else float(difference == 0.0),
        direction=int(np.sign(difference)),
        n_reference=profile.rows,
        n=each.n,
    )


def _metric(name: str) -> str:
    kind, _, label = name.partition(":")
    metric = "confidence_residual" if kind == "confidence" else "behaviour_residual"
    return f"{metric}:{label}" if label else metric
