"""How often was the model right in the reference, by what it said? Learnt once, for estimates without labels.

Confidence-based performance estimation (NannyML's CBPE): a score, once calibrated, says how often the model
is right where it gives that score. Covariates may move without the score telling how well calibrated it is
there: what the curve leaves is regressed on the features (`_additive`), and the ridge keeps of it what held
in windows that were left out. For a regression the absolute error is regressed in the same way, on the
prediction too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._additive import AdditiveModel, Floats
from detectors._additive_fit import fit_additive
from detectors._cells import cells_of
from detectors._column import CategoryColumn, Columns, NumericColumn, Role
from detectors._column_profile import NumericProfile
from detectors._derived import MAX_PROBABILITY, PREDICTED_CLASS, derive, numbers
from detectors._encoding import pack, unpack
from detectors._isotonic import Curve, fit_curve
from detectors._outcomes import row_outcomes, truth_codes
from detectors._profile import Profile

PART = "calibration"
LEAST_ROWS = 200
_MOST_CLASSES = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassCurves:
    """One class: P(it is the true one) and P(it is true and predicted) by its own score."""

    label: str
    column: str
    true: Curve
    both: Curve


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """What outcomes of the reference taught."""

    task: str
    rows: int  # reference rows whose outcome is known
    level: float  # accuracy of those rows, or their mean absolute error
    correct: Curve | None  # P(correct) by the largest probability; None for a regression
    classes: tuple[ClassCurves, ...]  # binary: the positive one alone
    rest: AdditiveModel | None  # of correct − curve, or of |error| / level

    def to_bytes(self) -> bytes:
        head: dict[str, Any] = {"task": self.task, "known": self.rows, "level": self.level}
        head["classes"] = [[each.label, each.column] for each in self.classes]
        arrays: dict[str, NDArray[Any]] = {}
        if self.correct is not None:
            arrays |= _curve_arrays("correct", self.correct)
        for i, each in enumerate(self.classes):
            arrays |= _curve_arrays(f"true{i}", each.true) | _curve_arrays(f"both{i}", each.both)
        if self.rest is not None:
            more, rest = self.rest.parts()
            head |= more
            arrays |= rest
        return pack(head, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Calibration":
        head, arrays = unpack(data)
        return cls(
            task=head["task"],
            rows=head["known"],
            level=head["level"],
            correct=_curve("correct", arrays) if "correct.ends" in arrays else None,
            classes=tuple(
                ClassCurves(
                    label=label,
                    column=column,
                    true=_curve(f"true{i}", arrays),
                    both=_curve(f"both{i}", arrays),
                )
                for i, (label, column) in enumerate(head["classes"])
            ),
            rest=AdditiveModel.of_parts(head, arrays) if "effects" in arrays else None,
        )


def fit_calibration(
    profile: Profile,
    columns: Columns,
    outcome: NDArray[np.float64] | CategoryColumn | None,
    rows: int,
    window_of_row: NDArray[np.int64] | None = None,
) -> bytes | None:
    """What the reference's outcomes teach; None without a score, or with fewer than 200 known outcomes.

    `outcome` and `window_of_row` as for `build_profile` and `fit_surrogate`.
    """
    score = profile.score
    if score is None or outcome is None:
        return None
    batch = {**columns, **derive(columns, score)}
    results = row_outcomes(batch, score, outcome, rows)
    if results is None or int(np.isfinite(results.quality).sum()) < LEAST_ROWS:
        return None
    known = np.isfinite(results.quality)
    level = float(results.quality[known].mean())
    features = [name for name, column in profile.columns.items() if column.role is Role.FEATURE]
    if score.task == "regression":
        if level <= 0.0:
            return None
        names = [*features, *score.columns.values()]
        rest = fit_additive(profile, names, batch, results.quality[None, :] / level, window_of_row)
        return Calibration(
            task=score.task, rows=int(known.sum()), level=level, correct=None, classes=(), rest=rest
        ).to_bytes()
    correct = _fit(profile, batch, MAX_PROBABILITY, results.quality)
    reference = profile.columns[MAX_PROBABILITY]
    if correct is None or not isinstance(reference, NumericProfile):
        return None
    classes = _classes(profile, batch, outcome)
    if score.task == "binary" and classes:
        said = _binary_correct(profile, batch, classes[0])
    else:
        cells = cells_of(reference.knots, numbers(MAX_PROBABILITY, batch[MAX_PROBABILITY]))
        said = np.where(cells < 0, np.nan, correct.by_cell(reference.counts.size)[cells])
    rest = fit_additive(profile, features, batch, (results.quality - said)[None, :], window_of_row)
    return Calibration(
        task=score.task, rows=int(known.sum()), level=level, correct=correct, classes=classes, rest=rest
    ).to_bytes()


def calibration_of(profile: Profile) -> Calibration | None:
    """The profile's calibration, decoded once."""
    found: Calibration | None = profile.memo.get(PART)
    if found is None and PART in profile.parts:
        found = profile.memo[PART] = Calibration.from_bytes(profile.parts[PART])
    return found


def predicts(profile: NumericProfile) -> NDArray[np.bool_]:
    """By cell of a binary score: is it ½ or more? A cell that ½ cuts is told by its middle."""
    knots = profile.knots
    found = np.empty(2 * knots.size + 1, dtype=np.bool_)
    found[1::2] = knots >= 0.5
    if knots.size:
        found[0], found[-1] = knots[0] > 0.5, knots[-1] >= 0.5
        found[2:-2:2] = 0.5 * knots[:-1] + 0.5 * knots[1:] >= 0.5
    else:
        found[:] = True
    return found


def _classes(
    profile: Profile, batch: Columns, outcome: NDArray[np.float64] | CategoryColumn
) -> tuple[ClassCurves, ...]:
    """Curves of the positive class, or of each frequent class of a multiclass model."""
    predicted = batch[PREDICTED_CLASS]
    if profile.score is None or not isinstance(predicted, CategoryColumn):
        return ()
    of_class = dict(profile.score.columns)
    if profile.score.task == "binary":
        positive = "1" if len(of_class) == 1 or "1" in of_class else next(iter(of_class))
        of_class = {positive: of_class.get(positive, next(iter(of_class.values())))}
    code_of_row = truth_codes(predicted.labels, outcome)
    found = []
    for label, column in of_class.items():
        code = predicted.labels.index(label)
        truth = np.where(code_of_row == -1, np.nan, (code_of_row == code).astype(np.float64))
        true = _fit(profile, batch, column, truth)
        said = np.where(predicted.codes < 0, np.nan, (predicted.codes == code).astype(np.float64))
        both = _fit(profile, batch, column, truth * said)
        if true is not None and both is not None:
            found.append(
                (float(np.nansum(truth)), ClassCurves(label=label, column=column, true=true, both=both))
            )
    found.sort(key=lambda each: -each[0])
    return tuple(curves for _, curves in found[:_MOST_CLASSES])


def _fit(profile: Profile, batch: Columns, column: str, hits: Floats) -> Curve | None:
    reference, values = profile.columns.get(column), batch.get(column)
    if not isinstance(reference, NumericProfile) or not isinstance(values, NumericColumn):
        return None
    cells = cells_of(reference.knots, values.values)
    known = np.isfinite(hits) & (cells >= 0)
    size = reference.counts.size
    rows = np.bincount(cells[known], minlength=size).astype(np.float64)
    held = np.bincount(cells[known], weights=hits[known], minlength=size).astype(np.float64)
    return fit_curve(rows, held)


def _binary_correct(profile: Profile, batch: Columns, positive: ClassCurves) -> Floats:
    reference = profile.columns[positive.column]
    values = numbers(positive.column, batch[positive.column])
    if not isinstance(reference, NumericProfile):
        return np.full(values.size, np.nan)
    cells = cells_of(reference.knots, values)
    return np.where(cells < 0, np.nan, correct_by_cell(reference, positive)[cells])


def correct_by_cell(reference: NumericProfile, positive: ClassCurves) -> Floats:
    """P(correct) by cell of a binary score: the class's own chance where it is predicted, else the rest."""
    chance = positive.true.by_cell(reference.counts.size)
    return np.where(predicts(reference), chance, 1.0 - chance)


def _curve_arrays(name: str, curve: Curve) -> dict[str, NDArray[Any]]:
    return {f"{name}.ends": curve.ends, f"{name}.values": curve.values}


def _curve(name: str, arrays: Mapping[str, NDArray[Any]]) -> Curve:
    return Curve(ends=arrays[f"{name}.ends"], values=arrays[f"{name}.values"])
