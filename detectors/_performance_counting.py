"""How are rows with a score and a late outcome counted, and what is kept of the reference's own?"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors._column import CategoryColumn, Column, Columns, NumericColumn
from detectors._column_profile import NumericProfile
from detectors._derived import MAX_PROBABILITY, ScoreSpec, numbers, probabilities
from detectors._outcomes import truth_codes
from detectors._performance_profile import PerformanceProfile, Scales, performance_of
from detectors._performance_summary import Classified, Counts, PerformanceSummary, Regressed
from detectors._profile import Profile, build_profile
from detectors._reliability import Reliability
from detectors._sums import Sums

Outcome = NDArray[np.float64] | CategoryColumn

_ERROR_KNOTS = 512  # error quantiles to 1/512
_RELIABILITY_EVERY = 16  # of 4,096 knots: 256 cells for ten bins
_RANKED_CELLS = 1 << 16  # of all classes together: 0.5 MB a window
_EPSILON = float(np.finfo(np.float64).eps)  # as scikit-learn clips: one sure and wrong row costs 36 nats
FOREIGN = 0.5  # share of outcomes that are no class from which on the wrong column was named


class ForeignOutcomesError(ValueError):
    """Outcomes that are no class of the score: a person must name another column, or spell it otherwise."""


def fit_performance(profile: Profile, columns: Columns, outcome: Outcome | None, rows: int) -> bytes | None:
    """The part of the profile that outcomes are counted on; None where the model has no score.

    `columns`: all reference rows. Without outcomes only the scales are fitted: labels of production are
    measured, and what is normal is learnt from them.
    """
    score = profile.score
    if score is None or not _scored(profile, score):
        return None
    known = outcome if outcome is not None else np.full(rows, np.nan)
    _refuse_foreign(score, outcome)
    blank = PerformanceProfile(
        task=score.task,
        classes=_classes(score),
        positive=_positive(score),
        scales=Scales(),
        errors=None,
        reference=None,
        rows=0,
    )
    if score.task == "regression":
        blank = _fit_regression(blank, columns, score, known)
    counted = _count(profile, blank, columns, known, rows)
    if not counted.labelled:
        return blank.to_bytes()
    return PerformanceProfile(
        task=blank.task,
        classes=blank.classes,
        positive=blank.positive,
        scales=blank.scales,
        errors=blank.errors,
        reference=counted.found,
        rows=counted.labelled,
    ).to_bytes()


def count_performance(profile: Profile, columns: Columns, outcome: Outcome, rows: int) -> PerformanceSummary:
    """Counts one batch of joined rows. Needs the score's columns only; rows without outcome or score are
    counted as unlabelled."""
    part = performance_of(profile)
    if part is None:
        raise ValueError("the reference has no performance part: rebuild it, with a score")
    return _count(profile, part, columns, outcome, rows)


def no_performance(profile: Profile) -> PerformanceSummary:
    """No rows: the zero of `+`."""
    score = profile.score
    names = score.columns.values() if score else ()
    nothing: Mapping[str, Column] = {name: NumericColumn(values=np.empty(0)) for name in names}
    return count_performance(profile, nothing, np.empty(0), 0)


def _count(
    profile: Profile, part: PerformanceProfile, columns: Columns, outcome: Outcome, rows: int
) -> PerformanceSummary:
    score = profile.score
    if score is None:
        raise ValueError("the profile has no score: performance cannot be counted")
    if len(outcome) != rows:
        raise ValueError(f"outcome has {len(outcome)} rows, the batch has {rows}")
    absent = [name for name in score.columns.values() if name not in columns]
    if absent:
        raise ValueError(f'score column "{absent[0]}" is not among the columns of the batch')
    found: Classified | Regressed
    if score.task == "regression":
        found, unscored = _regressed(part, columns, score, outcome)
    else:
        found, unscored = _classified(profile, part, columns, score, outcome)
    return PerformanceSummary(rows=rows, unscored=unscored, found=found, profile_digest=profile.digest)


def _classified(
    profile: Profile, part: PerformanceProfile, columns: Columns, score: ScoreSpec, outcome: Outcome
) -> tuple[Classified, int]:
    # Here, not above: reading history must not load the compiler.
    from detectors._number_counting import count_numbers  # noqa: PLC0415
    from detectors._sum_rows import judge_rows  # noqa: PLC0415

    given = probabilities(columns, score)
    if given is None:
        raise ValueError("a regression has no classes")
    classes, by_class = given
    truth = truth_codes(classes, outcome)
    scored = np.logical_and.reduce([np.isfinite(p) for p in by_class])
    known = scored & (truth != -1)
    unscored = int((~scored & (truth != -1)).sum())
    if not known.all():
        truth, by_class = truth[known], [p[known] for p in by_class]
    k = len(classes)
    binary = part.positive >= 0
    ranked = (part.positive,) if binary else range(k)
    claimed, squared, of_truth = np.empty((3, truth.size))
    hit, tally = np.empty(truth.size, dtype=np.bool_), np.zeros((3, k), dtype=np.int64)
    judge_rows(np.stack(by_class), truth, part.positive, claimed, hit, squared, of_truth, tally)
    pairs = []
    reliability = None
    for code in ranked:
        column = _numeric(profile, score_column(score, classes, code))
        cells = np.empty(truth.size, dtype=np.uint32)
        count_numbers(column, by_class[code], cells)
        pairs.append(_by_cell(column, cells, truth == code, 1 if binary else k))
        if binary and column.knots.size > 4_096 // _RELIABILITY_EVERY:
            # Knot j of the column is in the cell of the next coarse knot: nothing is searched again.
            coarse = (((cells >> 1) + _RELIABILITY_EVERY - 1) // _RELIABILITY_EVERY).astype(np.int64)
            size = _reliability_knots(profile, part, score).size + 1
            reliability = Reliability.of_cells(coarse, size, claimed, hit)
    if reliability is None:
        reliability = Reliability.of(_reliability_knots(profile, part, score), claimed, hit)
    return Classified(
        actual=tally[0],
        predicted=tally[1],
        correct=tally[2],
        foreign=int((truth == -2).sum()),
        positives=tuple(positives for positives, _ in pairs),
        negatives=tuple(negatives for _, negatives in pairs),
        reliability=reliability,
        residual=Sums.of(hit - claimed),
        squared=Sums.of(squared),
        log_loss=Sums.of(-np.log(np.clip(of_truth, _EPSILON, 1.0 - _EPSILON))),
    ), unscored


def _by_cell(
    column: NumericProfile, cells: NDArray[np.uint32], mine: NDArray[np.bool_], ranked: int
) -> tuple[Counts, Counts]:
    """Rows of the class, and all others, by cell of its score's column in the profile."""
    every = 2 * column.knots.size + 1
    together = np.bincount(2 * cells.astype(np.int64) + mine, minlength=2 * every).astype(np.int64)
    starts = np.arange(0, every, cells_together(column, ranked))
    return np.add.reduceat(together[1::2], starts), np.add.reduceat(together[0::2], starts)


def cells_together(column: NumericProfile, ranked: int) -> int:
    """How many of the column's cells are counted as one, so that many classes stay small."""
    return -(-(2 * column.knots.size + 1) * ranked // _RANKED_CELLS)


def score_column(score: ScoreSpec, classes: tuple[str, ...], code: int) -> str:
    """The column of a class's probability; a binary score of one column has no other."""
    names = tuple(score.columns.values())
    return names[0] if len(names) == 1 else score.columns[classes[code]]


def _regressed(
    part: PerformanceProfile, columns: Columns, score: ScoreSpec, outcome: Outcome
) -> tuple[Regressed, int]:
    from detectors._number_counting import count_numbers  # noqa: PLC0415 - as above

    truth, prediction = _regression_rows(columns, score, outcome)
    scored, labelled = np.isfinite(prediction), np.isfinite(truth)
    known = scored & labelled
    truth, prediction, scales = truth[known], prediction[known], part.scales
    away = truth != 0.0
    if part.errors is None:
        raise ValueError("the performance part is not of a regression: rebuild the reference")
    with np.errstate(over="ignore"):  # an overflow is ±inf: clipped, and in an open cell
        error = truth - prediction
        standard, centred = error / scales.error, (truth - scales.centre) / scales.outcome
        return Regressed(
            error=Sums.of(standard),
            absolute=Sums.of(np.abs(error), scales.absolute),
            squared=Sums.of(standard**2),
            relative=Sums.of(np.abs(error[away] / truth[away])),
            outcome=Sums.of(centred),
            outcome_squared=Sums.of(centred**2),
            errors=count_numbers(part.errors, error),
        ), int((~scored & labelled).sum())


def _fit_regression(
    blank: PerformanceProfile, columns: Columns, score: ScoreSpec, outcome: Outcome
) -> PerformanceProfile:
    """Scales of the errors; without a known outcome, those of the prediction around its mean."""
    truth, prediction = _regression_rows(columns, score, outcome)
    known = np.isfinite(truth) & np.isfinite(prediction)
    labelled = bool(known.any())
    if not labelled:
        known = np.isfinite(prediction)
        truth = np.full(prediction.size, float(prediction[known].mean()) if known.any() else 0.0)
    with np.errstate(over="ignore"):
        error = truth[known] - prediction[known]
    target = truth[known] if labelled else prediction[known]
    both = {"error": NumericColumn(values=error), "outcome": NumericColumn(values=target)}
    found = build_profile(both, roles={}, knots=_ERROR_KNOTS)
    errors, outcomes = _numeric(found, "error"), _numeric(found, "outcome")
    largest = _scale(float(np.abs(error).max(initial=0.0)))  # divided by first: a sum may overflow
    return PerformanceProfile(
        task=blank.task,
        classes=(),
        positive=-1,
        scales=Scales(
            error=_scale(errors.sd),
            absolute=_scale(float((np.abs(error) / largest).mean()) * largest if error.size else 0.0),
            centre=outcomes.mean if np.isfinite(outcomes.mean) else 0.0,
            outcome=_scale(outcomes.sd),
        ),
        errors=errors,
        reference=None,
        rows=0,
    )


def _regression_rows(
    columns: Columns, score: ScoreSpec, outcome: Outcome
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if isinstance(outcome, CategoryColumn):
        raise ValueError("outcome of a regression must be numbers, got labels")  # noqa: TRY004 - the caller's data
    (name,) = score.columns.values()
    return np.asarray(outcome, dtype=np.float64), numbers(name, columns[name])


def _reliability_knots(profile: Profile, part: PerformanceProfile, score: ScoreSpec) -> NDArray[np.float64]:
    name = MAX_PROBABILITY
    if part.positive >= 0:
        name = score_column(score, part.classes, part.positive)
    column = _numeric(profile, name)
    if column.knots.size <= 4_096 // _RELIABILITY_EVERY:
        return column.knots
    return np.ascontiguousarray(column.knots[::_RELIABILITY_EVERY])


def _classes(score: ScoreSpec) -> tuple[str, ...]:
    if score.task == "regression":
        return ()
    return ("1", "0") if len(score.columns) == 1 else tuple(score.columns)


def _positive(score: ScoreSpec) -> int:
    """The class of a binary score that is about: "1", else the first named."""
    if score.task != "binary":
        return -1
    classes = _classes(score)
    return classes.index("1") if "1" in classes else 0


def _scored(profile: Profile, score: ScoreSpec) -> bool:
    """Whether the profile holds every column that the cells come from."""
    names = [*score.columns.values(), *([MAX_PROBABILITY] if score.task == "multiclass" else [])]
    return all(isinstance(profile.columns.get(name), NumericProfile) for name in names)


def _refuse_foreign(score: ScoreSpec, outcome: Outcome | None) -> None:
    """An outcome that is mostly no class of the score is another column, or spelt otherwise."""
    if score.task == "regression" or outcome is None:
        return
    classes = _classes(score)
    truth = truth_codes(classes, outcome)
    known = int((truth != -1).sum())
    foreign = int((truth == -2).sum())
    if foreign > FOREIGN * known:
        raise ForeignOutcomesError(
            f"{foreign} of {known} outcomes of the reference are none of the classes {list(classes)}: "
            "name the right label column, or spell the score's classes as it does"
        )


def _numeric(profile: Profile, name: str) -> NumericProfile:
    column = profile.columns.get(name)
    if isinstance(column, NumericProfile):
        return column
    raise ValueError(f'score column "{name}" is not a numeric column of the reference')


def _scale(value: float) -> float:
    return value if np.isfinite(value) and value > 0.0 else 1.0
