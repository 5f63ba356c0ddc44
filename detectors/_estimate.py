"""How well is the model probably doing, before any label is known? From the counts of a window alone.

Every band is ±2 sd: what chance does to the labels of these rows, given what their scores promise; what
windows of the reference strayed beyond that; and how far models of parts of the reference disagree on this
mix.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._additive import AdditiveModel, Floats
from detectors._calibration import Calibration, calibration_of, correct_by_cell, predicts
from detectors._column_profile import CategoryProfile, NumericProfile
from detectors._derived import MAX_PROBABILITY, PREDICTED_CLASS
from detectors._evidence import JSON
from detectors._measurement import Component
from detectors._profile import Profile
from detectors._summary import CategorySummary, NumericSummary, WindowSummary

# Scores no reference row had are answered by the nearest curve's end. Where more rows than this have one, the
# estimate can be off by more than the two points that performance alerts from.
BEYOND = 0.02
MOSTLY = 0.5  # of the rows: an input of which nothing is known in most of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """A number and the half width of its band."""

    value: float
    band: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Performance of one window before labels; None where the task has no such number."""

    n: int  # rows with a score
    accuracy: Estimated | None = None
    f1: Estimated | None = None  # macro for multiclass
    roc_auc: Estimated | None = None  # macro, one against the rest, for multiclass
    mae: Estimated | None = None  # of a regression, in its own unit
    row_variance: float = 0.0  # of what one row adds to accuracy, or to mae / level
    level: float  # what the reference had: accuracy or mean absolute error
    trusted: bool = True
    why: str = ""  # why not to be trusted


def estimate(profile: Profile, summary: WindowSummary, at: float | None = None) -> Estimate | None:
    """None without a calibration or without a score. `at`: see `_surrogate.residuals`.

    What was asked last is kept: components, evidence and the member all ask of the same window.
    """
    last = profile.memo.get("estimate")
    if last is not None and last[0] is summary and last[1] == at:
        kept: Estimate | None = last[2]
        return kept
    found = _estimate(profile, summary, at)
    profile.memo["estimate"] = (summary, at, found)
    return found


def _estimate(profile: Profile, summary: WindowSummary, at: float | None) -> Estimate | None:
    calibration = calibration_of(profile)
    if calibration is None or profile.score is None:
        return None
    if calibration.task == "regression":
        return _regression(profile, summary, calibration, at)
    found = _correct(profile, summary, calibration)
    if found is None:
        return None
    column, chance, counts = found
    n = int(counts.sum())
    shares = counts / n
    accuracy = float(shares @ chance)
    by_chance = float(shares @ (chance * (1.0 - chance))) / n
    row_variance = max(float(shares @ chance**2) - accuracy**2, 0.0)
    more, mix = 0.0, None
    if calibration.rest is not None:
        mix = calibration.rest.marginals(profile, summary)
        accuracy += float(calibration.rest.expected(mix, at)[0])
        more = float(calibration.rest.between[0] + calibration.rest.error2(mix)[0])
    # Where the labels of a window's rows have more in common than their scores tell, all three stray as much
    # more than chance alone (the design effect: Kish, Survey Sampling, 1965).
    wider = math.sqrt((by_chance + more) / by_chance) if by_chance > 0.0 else 1.0
    f1, auc = _by_class(profile, summary, calibration)
    why = _why(_beyond(profile, summary, column), calibration.rest, mix)
    return Estimate(
        n=n,
        accuracy=Estimated(value=min(max(accuracy, 0.0), 1.0), band=2.0 * math.sqrt(by_chance + more)),
        f1=_widened(f1, wider),
        roc_auc=_widened(auc, wider),
        row_variance=row_variance,
        level=calibration.level,
        trusted=not why,
        why=why,
    )


def estimated_components(
    profile: Profile, summary: WindowSummary, at: float | None = None
) -> tuple[Component, ...]:
    """`accuracy`, or `mae` as a share of the reference's."""
    found = estimate(profile, summary, at)
    if found is None:
        return ()
    if found.accuracy is not None:
        name, y = "accuracy", found.accuracy.value
    elif found.mae is not None:
        name, y = "mae", found.mae.value / found.level
    else:
        return ()
    return (Component(name=name, y=y, n=found.n, variance=found.row_variance, share=False),)


def estimated_evidence(profile: Profile, summary: WindowSummary) -> dict[str, JSON]:
    """Whether the estimate can be trusted, and why not; each number as [value, half width]."""
    found = estimate(profile, summary)
    if found is None:
        return {}
    numbers = {"accuracy": found.accuracy, "f1": found.f1, "roc_auc": found.roc_auc, "mae": found.mae}
    return {
        "trusted": found.trusted,
        "why": found.why,
        "rows": found.n,
        "reference": found.level,
        "estimated": {name: [each.value, each.band] for name, each in numbers.items() if each is not None},
    }


def _regression(
    profile: Profile, summary: WindowSummary, calibration: Calibration, at: float | None
) -> Estimate | None:
    column = "" if profile.score is None else next(iter(profile.score.columns.values()))
    counted = summary.columns.get(column)
    if calibration.rest is None or not isinstance(counted, NumericSummary) or counted.finite == 0:
        return None
    mix = calibration.rest.marginals(profile, summary)
    expected = float(calibration.rest.expected(mix, at)[0])
    variance = float(calibration.rest.variance[0])
    strays = variance / counted.finite + float(calibration.rest.between[0] + calibration.rest.error2(mix)[0])
    why = _why(_beyond(profile, summary, column), calibration.rest, mix)
    return Estimate(
        n=counted.finite,
        mae=Estimated(
            value=calibration.level * max(expected, 0.0),
            band=2.0 * calibration.level * math.sqrt(strays),
        ),
        row_variance=variance,
        level=calibration.level,
        trusted=not why,
        why=why,
    )


def _correct(
    profile: Profile, summary: WindowSummary, calibration: Calibration
) -> tuple[str, Floats, NDArray[np.int64]] | None:
    """Column, P(correct) by its cells, and the window's rows there."""
    if calibration.task == "binary" and calibration.classes:
        positive = calibration.classes[0]
        reference, counted = profile.columns.get(positive.column), summary.columns.get(positive.column)
        if isinstance(reference, NumericProfile) and isinstance(counted, NumericSummary) and counted.values:
            return positive.column, correct_by_cell(reference, positive), counted.counts
        return None
    reference, counted = profile.columns.get(MAX_PROBABILITY), summary.columns.get(MAX_PROBABILITY)
    if (
        calibration.correct is None
        or not isinstance(reference, NumericProfile)
        or not isinstance(counted, NumericSummary)
        or not counted.values
    ):
        return None
    return MAX_PROBABILITY, calibration.correct.by_cell(reference.counts.size), counted.counts


def _by_class(
    profile: Profile, summary: WindowSummary, calibration: Calibration
) -> tuple[Estimated | None, Estimated | None]:
    """F1 and area under the ROC curve, each the mean over the classes."""
    f1, auc = [], []
    for each in calibration.classes:
        reference, counted = profile.columns.get(each.column), summary.columns.get(each.column)
        if not isinstance(reference, NumericProfile) or not isinstance(counted, NumericSummary):
            continue
        if counted.values == 0:
            continue
        rows = counted.counts.astype(np.float64)
        chance = each.true.by_cell(rows.size)
        if calibration.task == "binary":
            both = np.where(predicts(reference), chance, 0.0)
            predicted = float(rows @ predicts(reference))
        else:
            both = each.both.by_cell(rows.size)
            predicted = _predicted(profile, summary, each.label)
        f1.append(_f1(rows, chance, both, predicted))
        auc.append(_auc(rows, chance))
    return _macro(f1), _macro(auc)


def _predicted(profile: Profile, summary: WindowSummary, label: str) -> float:
    reference, counted = profile.columns.get(PREDICTED_CLASS), summary.columns.get(PREDICTED_CLASS)
    if not isinstance(reference, CategoryProfile) or not isinstance(counted, CategorySummary):
        return 0.0
    position = reference.index.get(label)
    if position is None:
        return float(counted.unseen_labels.get(label, 0))
    return float(counted.counts[position])


def _f1(rows: Floats, chance: Floats, both: Floats, predicted: float) -> Estimated | None:
    """2·TP / (predicted + true); the band by the delta method, labels independent given the scores."""
    hits, true = float(rows @ both), float(rows @ chance)
    whole = predicted + true
    if whole <= 0.0:
        return None
    value = 2.0 * hits / whole
    alone = np.maximum(chance - both, 0.0)  # true but not predicted
    variance = float(rows @ ((2.0 - value) ** 2 * both * (1.0 - both) + value**2 * alone * (1.0 - alone)))
    return Estimated(value=value, band=2.0 * math.sqrt(variance) / whole)


def _auc(rows: Floats, chance: Floats) -> Estimated | None:
    """P(a true row scores above a false one) + ½ P(as high); the band by the delta method."""
    true, false = rows * chance, rows * (1.0 - chance)
    ones, zeros = float(true.sum()), float(false.sum())
    if ones < 0.5 or zeros < 0.5:  # not even one row of either is expected
        return None
    below = np.cumsum(false) - 0.5 * false
    above = ones - np.cumsum(true) + 0.5 * true
    value = float(true @ below) / (ones * zeros)
    slope = (below - above - value * (zeros - ones)) / (ones * zeros)
    variance = float(rows @ (slope**2 * chance * (1.0 - chance)))
    return Estimated(value=value, band=2.0 * math.sqrt(variance))


def _widened(found: Estimated | None, factor: float) -> Estimated | None:
    return None if found is None else Estimated(value=found.value, band=found.band * factor)


def _macro(found: list[Estimated | None]) -> Estimated | None:
    known = [each for each in found if each is not None]
    if not known:
        return None
    return Estimated(
        value=sum(each.value for each in known) / len(known),
        band=math.sqrt(sum(each.band**2 for each in known)) / len(known),
    )


def _beyond(profile: Profile, summary: WindowSummary, column: str) -> float:
    """Share of the scores below the reference's least or above its greatest."""
    counted = summary.columns.get(column)
    if not isinstance(counted, NumericSummary) or counted.values == 0 or column not in profile.columns:
        return 0.0
    return float(counted.counts[0] + counted.counts[-1]) / counted.values


def _why(beyond: float, rest: AdditiveModel | None, mix: Floats | None) -> str:
    """Why the estimate is not to be trusted; empty when it is."""
    said = []
    if beyond > BEYOND:
        said.append(f"{100.0 * beyond:.0f} % of the scores lie outside the reference's range")
    if rest is not None and mix is not None:
        unknown = zip(rest.columns, rest.unknown(mix).tolist(), strict=True)
        said += [f"the reference knows no such values of {name}" for name, share in unknown if share > MOSTLY]
    return "; ".join(said)
