"""What are the metrics of counted outcomes, each with its standard error for independent rows?

The mean of a row's number: sd/√n. Shares: √(p̂(1 − p̂)/n), p̂ = (k + ½)/(n + 1). Ranking: `_ranking`. Ratios by
the delta method (Lehmann, Elements of Large-Sample Theory, 1999, section 2.5), said at each.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors._cells import quantiles
from detectors._performance_profile import PerformanceProfile
from detectors._performance_summary import Classified, Regressed
from detectors._ranking import Ranked, average_precision, resolution, roc_auc, share_variance
from detectors._reliability import calibration_error
from detectors._sums import Sums

_ERROR_QUANTILES = {
    "error_q05": 0.05,
    "error_q25": 0.25,
    "error_median": 0.5,
    "error_q75": 0.75,
    "error_q95": 0.95,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """NaN where not defined."""

    value: float
    error: float  # standard error
    rows: int  # it rests on


def metrics(part: PerformanceProfile, found: Classified | Regressed) -> Mapping[str, Metric]:
    """By name, in the order of docs/detectors.md."""
    return _of_regression(part, found) if isinstance(found, Regressed) else _of_classes(part, found)


def _of_classes(part: PerformanceProfile, found: Classified) -> dict[str, Metric]:
    n = found.rows
    ece = calibration_error(found.reliability)
    ranked = list(zip(found.positives, found.negatives, strict=True))
    auc = [roc_auc(positives, negatives) for positives, negatives in ranked]
    if part.positive >= 0:  # of several classes the cells are coarse and the bound is not: see docs
        auc = [
            Ranked(value=one.value, error=one.error + 0.5 * resolution(*pair, exact=True))
            for one, pair in zip(auc, ranked, strict=True)
        ]
    classes = [part.positive] if part.positive >= 0 else list(range(len(part.classes)))
    by_class = [_precision_recall(found, code) for code in classes]
    return {
        "accuracy": _share(int(found.correct.sum()), n),
        "precision": _macro([one[0] for one in by_class], n),
        "recall": _macro([one[1] for one in by_class], n),
        "f1": _macro([one[2] for one in by_class], n),
        "roc_auc": _macro(auc, n),
        "average_precision": _macro([average_precision(*pair) for pair in ranked], n),
        "log_loss": _mean(found.log_loss),
        "brier": _mean(found.squared),
        "bias": _mean(found.residual),
        "ece": Metric(value=ece.value, error=ece.error, rows=n),
    }


def _precision_recall(found: Classified, code: int) -> tuple[Ranked, Ranked, Ranked]:
    """Precision, recall and F1 of one class; precision 0 where it was never predicted, all NaN where no row
    is of it.

    F1 = 2q/(1 + q), q = hits/(hits + both kinds of misses), a share: its error is 2/(1 + q)² times that of q.
    """
    hits, actual, predicted = (int(a[code]) for a in (found.correct, found.actual, found.predicted))
    if not actual:
        nothing = Ranked(value=math.nan, error=math.nan)
        return nothing, nothing, nothing
    precision = _ranked_share(hits, predicted) if predicted else Ranked(value=0.0, error=0.0)
    share = _ranked_share(hits, actual + predicted - hits)
    f1 = Ranked(
        value=2.0 * share.value / (1.0 + share.value), error=2.0 * share.error / (1.0 + share.value) ** 2
    )
    return precision, _ranked_share(hits, actual), f1


def _ranked_share(hits: int, rows: int) -> Ranked:
    if not rows:
        return Ranked(value=math.nan, error=math.nan)
    return Ranked(value=hits / rows, error=math.sqrt(share_variance(hits, rows)))


def _macro(found: list[Ranked], rows: int) -> Metric:
    """Mean over the classes where it is defined; their errors taken as independent of each other."""
    known = [one for one in found if math.isfinite(one.value)]
    if not known:
        return Metric(value=math.nan, error=math.nan, rows=rows)
    squares = [one.error**2 for one in known]
    return Metric(
        value=sum(one.value for one in known) / len(known),
        error=math.sqrt(sum(squares)) / len(known),
        rows=rows,
    )


def _share(hits: int, rows: int) -> Metric:
    found = _ranked_share(hits, rows)
    return Metric(value=found.value, error=found.error, rows=rows)


def _mean(sums: Sums, scale: float = 1.0) -> Metric:
    error = math.sqrt(sums.variance / sums.rows) if sums.rows else math.nan
    return Metric(value=scale * sums.mean, error=scale * error, rows=sums.rows)


def _of_regression(part: PerformanceProfile, found: Regressed) -> dict[str, Metric]:
    scales = part.scales
    return {
        "mae": _mean(found.absolute, scales.absolute),
        "rmse": _rmse(found, scales.error),
        "mape": _mean(found.relative),
        "r2": _r2(part, found),
        "bias": _mean(found.error, scales.error),
        **_error_quantiles(part, found),
    }


def _rmse(found: Regressed, scale: float) -> Metric:
    """√ of the mean square; by the delta method its error is that of the mean square over 2·RMSE."""
    n = found.rows
    if not n:
        return Metric(value=math.nan, error=math.nan, rows=0)
    value = math.sqrt(found.error.mean_square)
    error = math.sqrt(found.squared.variance / n) / (2.0 * value) if value else 0.0
    return Metric(value=scale * value, error=scale * error, rows=n)


def _r2(part: PerformanceProfile, found: Regressed) -> Metric:
    """1 − SSE/SST around the window's own mean; NaN where the outcome does not vary.

    Delta method with the errors of both sums taken as independent: too wide where large outcomes come with
    large errors.
    """
    n, scales = found.rows, part.scales
    total = found.outcome.variance * (n - 1) if n > 1 else math.nan
    if not total > 0.0:
        return Metric(value=math.nan, error=math.nan, rows=n)
    unit = (scales.error / scales.outcome) ** 2
    ratio = unit * found.error.mean_square * n / total
    mean_square = total / n
    noise = unit * unit * found.squared.variance + ratio * ratio * found.outcome_squared.variance
    return Metric(value=1.0 - ratio, error=math.sqrt(noise / n) / mean_square, rows=n)


def _error_quantiles(part: PerformanceProfile, found: Regressed) -> dict[str, Metric]:
    """Quantiles of y − prediction; error: half the distance between the quantiles one standard error of the
    level to either side (ranks are binomial: David & Nagaraja, Order Statistics, 2003, section 7.1).
    """
    n, errors = found.rows, found.errors
    if not n or part.errors is None or not errors.finite:
        return {name: Metric(value=math.nan, error=math.nan, rows=n) for name in _ERROR_QUANTILES}
    levels = np.array(list(_ERROR_QUANTILES.values()))
    off = np.sqrt(levels * (1.0 - levels) / n)
    wanted = np.concatenate((levels, np.clip(levels - off, 0.0, 1.0), np.clip(levels + off, 0.0, 1.0)))
    value, low, high = quantiles(
        part.errors.knots,
        errors.counts,
        wanted,
        tails=errors.tails,
        low=errors.minimum,
        high=errors.maximum,
    ).reshape(3, -1)
    return {
        name: Metric(value=float(value[i]), error=float(0.5 * high[i] - 0.5 * low[i]), rows=n)
        for i, name in enumerate(_ERROR_QUANTILES)
    }
