"""How good was the model on the rows whose outcome has come?

Classification, of the positive class or, of several classes, the mean over those that occur (macro):
accuracy; precision; recall; f1; roc_auc (Mann–Whitney, one class against the others); average_precision
Σ (R_j − R_j₋₁)·P_j; log_loss −mean ln p(true class), p clipped by 2.2e-16; brier mean (y − score)², of
several classes Σ over them; bias mean(y − score), of several mean(correct − largest probability); ece, the
expected calibration error in ten bins of equal count, chance taken off (`_reliability`).
Regression, e = y − prediction: mae mean |e|; rmse √mean e²; mape mean |e|/|y|; r2 1 − Σe²/Σ(y − ȳ)²; bias
mean e; error_q05 error_q25 error_median error_q75 error_q95, quantiles of e.

Units: shares in [0, 1]; log_loss nats ≥ 0; brier [0, 1], of several classes [0, 2]; bias [−1, 1]; mae, rmse,
bias and quantiles of a regression in the outcome's unit; mape a share of the outcome; r2 (−∞, 1].
`bound` is twice the standard error for independent rows. The variance between windows, which the calibrated
score knows, is not in it.

Zero bins: precision of a class never predicted is 0; a metric of classes that do not occur, of a single class
(roc_auc, average_precision) or of a constant outcome (r2) is NaN; rows with y = 0 are left out of mape. Ties
of the score count half in roc_auc and are one threshold in average_precision; so do scores in one cell of the
reference's (1/4,096 of its rows, with several classes coarser; roc_auc's bound includes it for two). NaN and
±inf, outcomes and scores alike, are unlabelled rows. A label that is no class is a wrong prediction.

Source: Hanley & McNeil 1982; DeLong et al. 1988; Boyd et al. 2013; Brier 1950; Guo et al. 2017,
arXiv:1706.04599 (calibration of the largest probability); Kumar, Liang & Ma 2019.
"""

from dataclasses import dataclass

from detectors._measurement import Measurement
from detectors._performance import (
    count_performance,
    fit_performance,
    no_performance,
    performance_components,
    performance_evidence,
    performance_measurements,
    performance_priors,
)
from detectors._performance_summary import PerformanceSummary
from detectors._profile import Profile

__all__ = [
    "Performance",
    "count_performance",
    "fit_performance",
    "no_performance",
    "performance_components",
    "performance_evidence",
    "performance_measurements",
    "performance_priors",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """No options."""

    def measure_performance(self, profile: Profile, window: PerformanceSummary) -> list[Measurement]:
        """Every metric of the rows with outcome and score."""
        return performance_measurements(profile, window)
