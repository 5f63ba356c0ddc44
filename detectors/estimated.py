"""How well is the model probably doing, before any label is known?

estimated_accuracy = Σ_s q_s·ĉ(s) + Σ_j Σ_b q_jb·γ_jb: q the window's shares, ĉ the reference's chance that
the model is right by its score (isotonic), γ what the features add to it. estimated_f1 = 2·TP / (predicted +
true) and estimated_roc_auc = P(true above false) + ½ P(ties) from the same chances; of a multiclass model the
mean over classes, each against the rest. estimated_mae: absolute error regressed on bins of features and
prediction.

Range: [0, 1]; mae in the unit of the outcome, ≥ 0. `bound`: half width of the band, 2 sd of what chance does
to the labels given the scores (accuracy: 2 √(Σ ĉ(1 − ĉ)) / n). No direction, no noise limit: a level is not a
distance. No zero bins: a score between or beyond those of the reference has the chance of its neighbour. Ties
share a chance. NaN scores are left out; without a score, or without outcomes in the reference, nothing is
measured. When it fails: it cannot see concept drift; nor what scores beyond the reference's range mean, which
it says.

Source: NannyML, "Confidence-based performance estimation" and "Direct loss estimation", 2022; isotonic:
Zadrozny & Elkan 2002, KDD.
"""

from dataclasses import dataclass

from detectors._calibration import calibration_of
from detectors._column import ESTIMATED
from detectors._estimate import Estimated as _Number
from detectors._estimate import estimate
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._summary import WindowSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One measurement a number that the task has."""
        found, calibration = estimate(profile, window), calibration_of(profile)
        if found is None or calibration is None:
            return []
        numbers = {
            "estimated_accuracy": found.accuracy,
            "estimated_f1": found.f1,
            "estimated_roc_auc": found.roc_auc,
            "estimated_mae": found.mae,
        }
        return [
            _measurement(metric, number, calibration.rows, found.n)
            for metric, number in numbers.items()
            if number is not None
        ]


def _measurement(metric: str, number: _Number, n_reference: int, n: int) -> Measurement:
    return Measurement(
        column=ESTIMATED,
        metric=metric,
        value=number.value,
        bound=number.band or None,
        n_reference=n_reference,
        n=n,
    )
