"""Where does a component stay when nothing has changed, in its own unit and in the column's?"""

from collections.abc import Mapping
from math import sqrt

from detectors._noise import score_component
from detectors._special import special
from monitor.component_judgement import ComponentJudgement
from monitor.policy import is_smooth

# 99 windows in 100 lie inside. For words only: what breaches is decided by p values.
_OUTSIDE = 0.01


def normal_range(part: ComponentJudgement) -> tuple[float, float]:
    """[low, high] of y. A share's ends are whole numbers of rows."""
    score, noise = part.score, part.noise
    if not is_smooth(part.name) and noise.share:
        return _count_range(part)
    reach = -float(special.stdtrit(score.nu, _OUTSIDE / 2.0)) * sqrt((score.nu - 2.0) / score.nu)
    unit = score.se / score.side
    return score.mu - reach * unit * noise.scale_down, score.mu + reach * unit * noise.scale_up


def in_column_unit(part: ComponentJudgement, quantiles: Mapping[str, list[float]]) -> tuple[float, float]:
    """Of a location component: the range of the window's typical value.

    c1 = √3·(2ū − 1), so y is a mean rank ū in the reference, and ū a value of the column.
    """
    low, high = normal_range(part)
    return _value(low, quantiles), _value(high, quantiles)


def usual_value(part: ComponentJudgement, quantiles: Mapping[str, list[float]]) -> float:
    """Of a location component: the typical value of a window of its slot."""
    return _value(part.score.mu, quantiles)


def typical_value(part: ComponentJudgement, quantiles: Mapping[str, list[float]]) -> float:
    """Of a location component: the typical value of this very window, comparable with its range."""
    return _value(part.score.y, quantiles)


def _value(c1: float, quantiles: Mapping[str, list[float]]) -> float:
    """The reference's quantile at the rank that c1 stands for, linear between the stored levels."""
    levels, values = quantiles["levels"], quantiles["reference"]
    rank = 0.5 + c1 / (2.0 * sqrt(3.0))
    if rank <= levels[0]:
        return values[0]
    for index in range(1, len(levels)):
        if rank <= levels[index]:
            share = (rank - levels[index - 1]) / (levels[index] - levels[index - 1])
            return values[index - 1] + share * (values[index] - values[index - 1])
    return values[-1]


def _count_range(part: ComponentJudgement) -> tuple[float, float]:
    n, mu = part.score.n, min(1.0, max(0.0, part.score.mu))

    def usual(k: int) -> bool:
        return score_component(part.noise, k / n, n, part.score.slot).p_law > _OUTSIDE

    middle = round(mu * n)
    low, high = middle, middle
    step = n
    while step:
        if low - step >= 0 and usual(low - step):
            low -= step
        if high + step <= n and usual(high + step):
            high += step
        step //= 2
    return low / n, high / n
