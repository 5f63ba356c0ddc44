"""Are the metrics of performance scikit-learn's, their bands honest, and their counts exact?"""

import dataclasses
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from detectors import CategoryColumn, NumericColumn, Profile, Role, ScoreSpec, build_profile
from detectors import performance as member
from detectors._column import PERFORMANCE
from detectors._column_profile import NumericProfile
from detectors._measurement import Measurement
from detectors._performance import (
    count_performance,
    fit_performance,
    no_performance,
    performance_components,
    performance_evidence,
    performance_measurements,
    performance_of,
    performance_priors,
)
from detectors._performance_profile import PART, PerformanceProfile
from detectors._performance_summary import Classified, Regressed
from detectors._reliability import Reliability
from detectors.performance import Performance
from tests.detectors.outcomes import CLASSES, Batch, binary, counted, profiled, regression, three

MAKERS = {"binary": binary, "multiclass": three, "regression": regression}
PROFILES = {task: profiled(make(np.random.default_rng(1), 4_000), task) for task, make in MAKERS.items()}
CATALOGUE = (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8")


def measured(profile: Profile, batch: Batch) -> dict[str, Measurement]:
    found = Performance().measure_performance(profile, counted(profile, batch))
    assert len({each.metric for each in found}) == len(found)
    return {each.metric: each for each in found}


def truth(batch: Batch) -> np.ndarray:
    return batch.outcome.codes if isinstance(batch.outcome, CategoryColumn) else batch.outcome


def values(batch: Batch, name: str = "score") -> np.ndarray:
    column = batch.columns[name]
    assert isinstance(column, NumericColumn)
    return column.values


def same(one: list[Measurement], other: list[Measurement]) -> bool:
    """To the bit, NaN equal to NaN."""
    return [repr(dataclasses.astuple(m)) for m in one] == [repr(dataclasses.astuple(m)) for m in other]


def test_binary_metrics_are_scikit_learns() -> None:
    """Every metric of the rows with outcome, where each score of the window is one of the reference's."""
    before = binary(np.random.default_rng(2), 5_000, steps=100)
    profile = profiled(before, "binary")
    batch = binary(np.random.default_rng(3), 3_000, steps=100, power=1.3, unknown=0.2)
    batch = batch.take(np.flatnonzero(np.isin(values(batch), values(before))))
    known = ~np.isnan(truth(batch))
    y, p = truth(batch)[known], values(batch)[known]
    expected = {
        "accuracy": sk.accuracy_score(y, p >= 0.5),
        "precision": sk.precision_score(y, p >= 0.5),
        "recall": sk.recall_score(y, p >= 0.5),
        "f1": sk.f1_score(y, p >= 0.5),
        "roc_auc": sk.roc_auc_score(y, p),
        "average_precision": sk.average_precision_score(y, p),
        "log_loss": sk.log_loss(y, p),
        "brier": sk.brier_score_loss(y, p),
        "bias": (y - p).mean(),
    }
    found = measured(profile, batch)
    for metric, value in expected.items():
        assert found[metric].value == pytest.approx(value, abs=1e-9), metric
        assert found[metric].n == known.sum()
        assert found[metric].n_reference == 5_000
    assert set(found) == {*expected, "ece"}


def test_ranking_within_the_cells_of_a_continuous_score() -> None:
    """4,096 cells: the area within its bound of sampling and cells by far, both within a ten-thousandth."""
    profile = PROFILES["binary"]
    batch = binary(np.random.default_rng(4), 20_000, power=0.8)
    found = measured(profile, batch)
    area = sk.roc_auc_score(truth(batch), values(batch))
    assert found["roc_auc"].value == pytest.approx(area, abs=1e-4)
    precision = sk.average_precision_score(truth(batch), values(batch))
    assert found["average_precision"].value == pytest.approx(precision, abs=1e-3)


def test_multiclass_metrics_are_scikit_learns() -> None:
    """Macro over the classes; area one against the others."""
    profile = profiled(three(np.random.default_rng(5), 5_000, steps=12), "multiclass")
    batch = three(np.random.default_rng(6), 3_000, steps=12, unknown=0.1)
    known = truth(batch) >= 0
    y = truth(batch)[known]
    p = np.stack([values(batch, f"p_{name}")[known] for name in CLASSES], axis=1)
    guess = p.argmax(axis=1)
    one_hot = np.eye(3)[y]
    macro = {"average": "macro"}
    expected = {
        "accuracy": sk.accuracy_score(y, guess),
        "precision": sk.precision_score(y, guess, **macro),
        "recall": sk.recall_score(y, guess, **macro),
        "f1": sk.f1_score(y, guess, **macro),
        "roc_auc": sk.roc_auc_score(y, p, multi_class="ovr", **macro),
        "average_precision": sk.average_precision_score(one_hot, p, **macro),
        "log_loss": sk.log_loss(y, p),
        "brier": sk.brier_score_loss(y, p, scale_by_half=False),
        "bias": ((guess == y) - p.max(axis=1)).mean(),
    }
    found = measured(profile, batch)
    for metric, value in expected.items():
        assert found[metric].value == pytest.approx(value, abs=1e-6), metric
    assert set(found) == {*expected, "ece"}


def test_macro_is_over_the_classes_that_occur() -> None:
    """A window without one class: scikit-learn's macro over the labels that were true."""
    profile = PROFILES["multiclass"]
    batch = three(np.random.default_rng(7), 2_000)
    batch = batch.take(np.flatnonzero(truth(batch) != 2))
    p = np.stack([values(batch, f"p_{name}") for name in CLASSES], axis=1)
    y, guess = truth(batch), p.argmax(axis=1)
    found = measured(profile, batch)
    for metric, function in (
        ("precision", sk.precision_score),
        ("recall", sk.recall_score),
        ("f1", sk.f1_score),
    ):
        assert found[metric].value == pytest.approx(function(y, guess, labels=[0, 1], average="macro")), (
            metric
        )


def test_regression_metrics_are_scikit_learns() -> None:
    """In the outcome's own unit; quantiles to 1/512 of the reference's errors."""
    batch = regression(np.random.default_rng(8), 4_000, offset=1.0, noise=4.0, unknown=0.1)
    known = ~np.isnan(truth(batch))
    y, p = truth(batch)[known], values(batch)[known]
    expected = {
        "mae": sk.mean_absolute_error(y, p),
        "rmse": sk.root_mean_squared_error(y, p),
        "mape": sk.mean_absolute_percentage_error(y, p),
        "r2": sk.r2_score(y, p),
        "bias": (y - p).mean(),
    }
    found = measured(PROFILES["regression"], batch)
    for metric, value in expected.items():
        assert found[metric].value == pytest.approx(value, rel=1e-8), metric
    for metric, level in (("error_q05", 0.05), ("error_median", 0.5), ("error_q95", 0.95)):
        wanted = np.quantile(y - p, level)
        assert found[metric].value == pytest.approx(wanted, abs=found[metric].bound), metric
        assert found[metric].value == pytest.approx(wanted, abs=0.15), metric
    assert set(found) == {*expected, "error_q05", "error_q25", "error_median", "error_q75", "error_q95"}


def test_mape_leaves_out_outcomes_of_zero() -> None:
    """scikit-learn divides them by 2e-16."""
    profile = PROFILES["regression"]
    columns = {"score": NumericColumn(values=np.array([1.0, 3.0, 5.0]))}
    found = measured(profile, Batch(columns=columns, outcome=np.array([0.0, 2.0, 4.0])))
    assert found["mape"].value == pytest.approx((0.5 + 0.25) / 2.0)


@pytest.mark.parametrize("task", MAKERS)
def test_bands_are_the_scatter_of_the_metric(task: str) -> None:
    """Over windows of one law, half a bound is the standard deviation of the metric, within a quarter."""
    profile, rng = PROFILES[task], np.random.default_rng(9)
    windows = [measured(profile, MAKERS[task](rng, 600)) for _ in range(250)]
    for metric in windows[0]:
        scatter = np.std([each[metric].value for each in windows])
        said = np.mean([each[metric].bound or 0.0 for each in windows]) / 2.0
        # Rows of one class lean on those of the others, so macro errors are too wide; R² as its note says.
        loose = task == "multiclass" or metric in ("r2", "ece")
        assert 0.75 * scatter < said < (2.0 if loose else 1.25) * scatter, (metric, scatter, said)


@settings(max_examples=30)
@given(task=st.sampled_from(sorted(MAKERS)), seed=st.integers(0, 500), cuts=st.lists(st.integers(0, 90)))
def test_any_split_in_any_order_gives_the_same_summary(task: str, seed: int, cuts: list[int]) -> None:
    """Merge law: batches of shuffled rows add up to the whole, bit for bit."""
    profile = PROFILES[task]
    batch = MAKERS[task](np.random.default_rng(seed), 90, unknown=0.2)
    order = np.random.default_rng(seed + 1).permutation(90)
    merged = no_performance(profile)
    for start, stop in pairwise(sorted([0, *cuts, 90])):
        merged = counted(profile, batch.take(order[start:stop])) + merged
    whole = counted(profile, batch)
    assert merged == whole
    assert same(performance_measurements(profile, merged), performance_measurements(profile, whole))


@pytest.mark.parametrize("task", MAKERS)
def test_part_read_back_measures_the_same(task: str) -> None:
    """What the database keeps is equal to the byte, and measures the same bits."""
    profile = PROFILES[task]
    part = PerformanceProfile.from_bytes(profile.parts[PART])
    assert part.to_bytes() == profile.parts[PART]
    again = Profile.of(profile.columns, score=profile.score, rows=profile.rows, parts=profile.parts)
    batch = MAKERS[task](np.random.default_rng(10), 200)
    assert same(list(measured(again, batch).values()), list(measured(profile, batch).values()))


@pytest.mark.parametrize("task", MAKERS)
def test_reference_against_itself(task: str) -> None:
    """Its own rows give its own metrics, without a direction."""
    batch = MAKERS[task](np.random.default_rng(1), 4_000)
    found = performance_evidence(PROFILES[task], counted(PROFILES[task], batch))
    assert found["metrics"] == found["reference"]
    assert {each.direction for each in measured(PROFILES[task], batch).values()} == {0}


def test_components_of_classes() -> None:
    """Accuracy is a share of rows; bias and Brier are means with the variance of a row."""
    batch = binary(np.random.default_rng(11), 800, unknown=0.25)
    found = {
        c.name: c for c in performance_components(PROFILES["binary"], counted(PROFILES["binary"], batch))
    }
    known = ~np.isnan(truth(batch))
    y, p = truth(batch)[known], values(batch)[known]
    right = (p >= 0.5) == y
    assert list(found) == ["accuracy", "bias", "brier"]
    assert found["accuracy"].share
    assert found["accuracy"].y * found["accuracy"].n == right.sum()
    for name, rows in (("bias", y - p), ("brier", (y - p) ** 2)):
        assert (found[name].y, found[name].variance) == pytest.approx((rows.mean(), rows.var(ddof=1)))
        assert found[name].n == known.sum()
        assert not found[name].share


def test_components_of_a_regression() -> None:
    """Bias in sd of the reference's errors, MAE in reference MAE: 0 and 1 where nothing changed."""
    profile = PROFILES["regression"]
    before = regression(np.random.default_rng(1), 4_000)
    batch = regression(np.random.default_rng(12), 2_000, offset=1.5)
    errors, now = truth(before) - values(before), truth(batch) - values(batch)
    found = {c.name: c for c in performance_components(profile, counted(profile, batch))}
    assert found["bias"].y == pytest.approx(now.mean() / errors.std(ddof=1))
    assert found["mae"].y == pytest.approx(np.abs(now).mean() / np.abs(errors).mean())
    assert found["mae"].variance == pytest.approx((np.abs(now) / np.abs(errors).mean()).var(ddof=1))


@pytest.mark.parametrize("task", MAKERS)
def test_priors_are_the_components_of_the_reference(task: str) -> None:
    """A reference file without windows says what to expect."""
    batch = MAKERS[task](np.random.default_rng(1), 4_000)
    components = performance_components(PROFILES[task], counted(PROFILES[task], batch))
    priors = performance_priors(PROFILES[task])
    assert {key: (prior.mean, prior.rows) for key, prior in priors.items()} == {
        (PERFORMANCE, c.name): (c.y, c.n) for c in components
    }


@pytest.mark.parametrize("task", MAKERS)
def test_without_reference_outcomes(task: str) -> None:
    """Labels of production are measured all the same; nothing is compared, no prior given."""
    profile = profiled(MAKERS[task](np.random.default_rng(1), 3_000), task, known=False)
    batch = MAKERS[task](np.random.default_rng(13), 500)
    assert performance_priors(profile) == {}
    assert performance_evidence(profile, counted(profile, batch))["reference"] == {}
    expected = measured(PROFILES[task], batch)
    for metric, found in measured(profile, batch).items():
        if not metric.startswith("error_q"):
            assert found.value == pytest.approx(expected[metric].value, abs=2e-3), metric
        assert found.direction == 0
        assert found.n_reference == 0


@pytest.mark.parametrize("task", MAKERS)
def test_no_labelled_row(task: str) -> None:
    """Nothing is known: no component, every metric not a number, no bound."""
    profile = PROFILES[task]
    batch = MAKERS[task](np.random.default_rng(14), 40, unknown=1.1)
    summary = counted(profile, batch)
    assert (summary.rows, summary.labelled, summary.unlabelled) == (40, 0, 40)
    assert performance_components(profile, summary) == ()
    for each in performance_measurements(profile, summary):
        assert math.isnan(each.value)
        assert each.bound is None


@pytest.mark.parametrize("task", MAKERS)
def test_one_row(task: str) -> None:
    """One labelled row raises nothing and gives no infinite number."""
    profile = PROFILES[task]
    found = measured(profile, MAKERS[task](np.random.default_rng(15), 1))
    assert not [each for each in found.values() if math.isinf(each.value)]


@pytest.mark.parametrize("task", MAKERS)
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_rows_without_score_are_unlabelled(task: str, broken: float) -> None:
    """A score that is missing or infinite says nothing of the model; the row is told as unscored."""
    profile = PROFILES[task]
    batch = MAKERS[task](np.random.default_rng(16), 100)
    name = next(iter(batch.columns))
    changed = values(batch, name).copy()
    changed[:30] = broken
    columns = {**batch.columns, name: NumericColumn(values=changed)}
    summary = count_performance(profile, columns, batch.outcome, 100)
    assert (summary.labelled, summary.unscored) == (70, 30)
    rest = counted(profile, batch.take(np.arange(30, 100)))
    assert same(performance_measurements(profile, summary), performance_measurements(profile, rest))


def test_a_single_class_has_no_ranking() -> None:
    """All on time: area and average precision are not defined, recall neither; accuracy is."""
    batch = binary(np.random.default_rng(17), 200)
    found = measured(PROFILES["binary"], dataclasses.replace(batch, outcome=np.zeros(200)))
    assert math.isnan(found["roc_auc"].value)
    assert math.isnan(found["average_precision"].value)
    assert math.isnan(found["recall"].value)
    assert math.isfinite(found["accuracy"].value)


def test_constant_outcome_has_no_r2() -> None:
    """Nothing to explain."""
    batch = regression(np.random.default_rng(18), 50)
    assert math.isnan(
        measured(PROFILES["regression"], dataclasses.replace(batch, outcome=np.full(50, 3.0)))["r2"].value
    )


def test_a_sure_and_wrong_row_costs_what_scikit_learn_says() -> None:
    """Probabilities of exactly 0 and 1 are clipped alike."""
    columns = {"score": NumericColumn(values=np.array([0.0, 1.0, 0.5]))}
    found = measured(PROFILES["binary"], Batch(columns=columns, outcome=np.array([1.0, 1.0, 0.0])))
    assert found["log_loss"].value == pytest.approx(sk.log_loss([1, 1, 0], [0.0, 1.0, 0.5]), rel=1e-9)


def test_absurd_predictions_are_clipped() -> None:
    """Errors no number holds, in any scale: as far as sums go, and without a warning."""
    rng = np.random.default_rng(22)
    y = 1e-5 * rng.normal(size=300)
    columns = {"score": NumericColumn(values=y + 1e-5 * rng.normal(size=300))}
    score = ScoreSpec(task="regression", columns={"": "score"})
    profile = build_profile(columns, roles={}, score=score, outcome=y)
    part = fit_performance(profile, columns, y, 300)
    assert part is not None
    absurd = {"score": NumericColumn(values=np.array([1e305, -1.7e308, 0.0]))}
    found = count_performance(profile.with_parts({PART: part}), absurd, np.array([-1e305, 1.7e308, 0.0]), 3)
    assert isinstance(found.found, Regressed)
    assert found.labelled == 3
    assert found.found.absolute.mean == pytest.approx(2.0 * 2048.0 / 3.0)


def test_reliability_of_many_scores_is_that_of_a_search() -> None:
    """Cells that the score's column was counted in lead to the coarse grid's own, ends and knots included."""
    rng = np.random.default_rng(23)
    scores = NumericColumn(values=0.1 + 0.8 * rng.random(3_000))
    hits = rng.random(3_000) < scores.values
    spec = ScoreSpec(task="binary", columns={"": "score"})
    profile = build_profile({"score": scores}, roles={}, score=spec, outcome=hits.astype(np.float64))
    part = fit_performance(profile, {"score": scores}, hits.astype(np.float64), 3_000)
    assert part is not None
    column = profile.columns["score"]
    assert isinstance(column, NumericProfile)
    window = np.concatenate((rng.random(500), column.knots[::7], column.knots[::16], [0.0, 1.0]))
    came_true = rng.random(window.size) < window
    found = count_performance(
        profile.with_parts({PART: part}),
        {"score": NumericColumn(values=window)},
        came_true.astype(np.float64),
        window.size,
    )
    assert isinstance(found.found, Classified)
    assert found.found.reliability == Reliability.of(column.knots[::16].copy(), window, came_true)


def test_error_of_r2_is_that_of_both_sums() -> None:
    """The plain twin: squared errors and squared distances from the mean, each with its own scatter."""
    batch = regression(np.random.default_rng(24), 3_000)
    column, y = batch.columns["score"], truth(batch)
    assert isinstance(column, NumericColumn)
    known = np.isfinite(y) & np.isfinite(column.values)
    error2, total = (y - column.values)[known] ** 2, (y[known] - y[known].mean()) ** 2
    ratio = error2.mean() / total.mean()
    noise = math.sqrt((error2.var() + ratio**2 * total.var()) / known.sum()) / total.mean()
    assert measured(PROFILES["regression"], batch)["r2"].bound == pytest.approx(2.0 * noise, rel=0.02)


def test_two_columns_of_a_binary_score() -> None:
    """{no, yes} columns without a class "1": the first named is the positive one."""
    rng = np.random.default_rng(19)
    p = rng.random(1_000)
    codes = (rng.random(1_000) >= p).astype(np.int32)
    columns = {"p_yes": NumericColumn(values=p), "p_no": NumericColumn(values=1.0 - p)}
    score = ScoreSpec(task="binary", columns={"yes": "p_yes", "no": "p_no"})
    outcome = CategoryColumn(codes=codes, labels=("yes", "no"))
    profile = build_profile(columns, roles={}, score=score, outcome=outcome)
    part = fit_performance(profile, columns, outcome, 1_000)
    assert part is not None
    profile = profile.with_parts({PART: part})
    found = measured(profile, Batch(columns=columns, outcome=outcome))
    assert found["roc_auc"].value == pytest.approx(sk.roc_auc_score(codes == 0, p), abs=1e-9)
    assert found["accuracy"].value == pytest.approx(((p >= 0.5) == (codes == 0)).mean())
    assert found["bias"].value == pytest.approx(((codes == 0) - p).mean(), abs=1e-9)


@pytest.mark.parametrize("labels", [("0", "1"), ("false", "true"), ("False", "True")])
def test_labels_of_a_binary_outcome(labels: tuple[str, ...]) -> None:
    """Text 0 and 1, and booleans as sources spell them, are the numbers."""
    batch = binary(np.random.default_rng(20), 300)
    codes = truth(batch).astype(np.int32)
    spelt = dataclasses.replace(batch, outcome=CategoryColumn(codes=codes, labels=labels))
    assert counted(PROFILES["binary"], spelt) == counted(PROFILES["binary"], batch)


def test_numbers_as_classes() -> None:
    """Classes that spell numbers are met by an outcome of numbers."""
    rng = np.random.default_rng(21)
    columns = {f"p{c}": NumericColumn(values=rng.random(60)) for c in (1, 2, 3)}
    score = ScoreSpec(task="multiclass", columns={str(c): f"p{c}" for c in (1, 2, 3)})
    numbers = rng.integers(1, 4, 60).astype(np.float64)
    profile = build_profile(columns, roles={}, score=score, outcome=numbers)
    part = fit_performance(profile, columns, numbers, 60)
    assert part is not None
    profile = profile.with_parts({PART: part})
    spelt = CategoryColumn(codes=(numbers - 1).astype(np.int32), labels=("1", "2", "3"))
    assert count_performance(profile, columns, numbers, 60) == count_performance(profile, columns, spelt, 60)


def test_a_label_that_is_no_class_is_a_wrong_prediction() -> None:
    """A new class in production: counted, told, and never right."""
    batch = three(np.random.default_rng(22), 200)
    assert isinstance(batch.outcome, CategoryColumn)
    codes = batch.outcome.codes.copy()
    codes[:50] = 3
    outcome = CategoryColumn(codes=codes, labels=(*CLASSES, "dog"))
    summary = count_performance(PROFILES["multiclass"], batch.columns, outcome, 200)
    found = performance_evidence(PROFILES["multiclass"], summary)
    assert found["foreign"] == 50
    p = np.stack([values(batch, f"p_{name}") for name in CLASSES], axis=1)
    metrics = {m.metric: m for m in performance_measurements(PROFILES["multiclass"], summary)}
    assert metrics["accuracy"].value == pytest.approx((p.argmax(axis=1) == codes).mean())


def test_the_wrong_label_column_is_refused() -> None:
    """Outcomes that are mostly no class: the reference build says so instead of learning an accuracy of 0."""
    batch = three(np.random.default_rng(23), 100)
    outcome = CategoryColumn(codes=np.zeros(100, dtype=np.int32), labels=("JFK",))
    profile = PROFILES["multiclass"]
    with pytest.raises(ValueError, match="none of the classes"):
        fit_performance(profile, batch.columns, outcome, 100)


def test_no_score_no_part() -> None:
    """A model without score has no performance to judge."""
    columns = {"x": NumericColumn(values=np.arange(20.0))}
    profile = build_profile(columns, roles={})
    assert fit_performance(profile, columns, np.zeros(20), 20) is None
    assert performance_of(profile) is None
    with pytest.raises(ValueError, match="rebuild"):
        count_performance(profile, columns, np.zeros(20), 20)


def test_summaries_of_two_profiles_do_not_add_up() -> None:
    """Refused, as for windows."""
    other = profiled(binary(np.random.default_rng(24), 500), "binary")
    batch = binary(np.random.default_rng(25), 50)
    with pytest.raises(ValueError, match="two profiles"):
        counted(PROFILES["binary"], batch) + counted(other, batch)


def test_wrong_shapes_are_refused() -> None:
    """Too few outcomes, no score column, labels for a regression: each says what is wrong."""
    batch = binary(np.random.default_rng(26), 50)
    with pytest.raises(ValueError, match="49 rows"):
        count_performance(PROFILES["binary"], batch.columns, np.zeros(49), 50)
    with pytest.raises(ValueError, match='"score"'):
        count_performance(PROFILES["binary"], {}, np.zeros(50), 50)
    labels = CategoryColumn(codes=np.zeros(50, dtype=np.int32), labels=("a",))
    with pytest.raises(ValueError, match="numbers"):
        count_performance(PROFILES["regression"], batch.columns, labels, 50)


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_huge_and_tiny_regressions(scale: float) -> None:
    """Errors at both ends of float64 raise nothing, warn of nothing and give no infinite number."""
    rng = np.random.default_rng(27)
    batch = regression(rng, 300)
    huge = Batch(columns={"score": NumericColumn(values=values(batch) * scale)}, outcome=truth(batch) * scale)
    found = measured(profiled(huge, "regression"), huge)
    assert not [each for each in found.values() if math.isinf(each.value)]
    assert found["r2"].value == pytest.approx(sk.r2_score(truth(batch), values(batch)))


def test_many_classes_stay_small() -> None:
    """A hundred classes: half a megabyte of cells at most, the area within a thousandth."""
    rng = np.random.default_rng(28)
    p = rng.dirichlet(np.full(100, 0.3), 4_000)
    columns = {f"p{c}": NumericColumn(values=p[:, c].copy()) for c in range(100)}
    codes = (rng.random(4_000)[:, None] > np.cumsum(p, axis=1)).sum(axis=1).clip(0, 99).astype(np.int32)
    outcome = CategoryColumn(codes=codes, labels=tuple(str(c) for c in range(100)))
    score = ScoreSpec(task="multiclass", columns={str(c): f"p{c}" for c in range(100)})
    profile = build_profile(columns, roles={}, score=score, outcome=outcome)
    part = fit_performance(profile, columns, outcome, 4_000)
    assert part is not None
    profile = profile.with_parts({PART: part})
    summary = counted(profile, Batch(columns=columns, outcome=outcome))
    assert sum(counts.nbytes for counts in summary.found.positives) <= 1.1 * 2**19  # type: ignore[union-attr]
    found = {m.metric: m.value for m in performance_measurements(profile, summary)}
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(codes, p, multi_class="ovr"), abs=1e-3)


@pytest.mark.parametrize("task", MAKERS)
def test_measurements_are_sane(task: str) -> None:
    """Plain numbers about the performance column, on the rows they say."""
    for each in measured(PROFILES[task], MAKERS[task](np.random.default_rng(29), 300)).values():
        assert each.column == PERFORMANCE
        assert type(each.value) is float
        assert each.bound is None or each.bound > 0.0
        assert each.noise_limit is None
        assert (each.n, each.n_reference) == (300, 4_000)


def test_direction() -> None:
    """Worse calibration: more log loss, less accuracy, and which way the score is off."""
    found = measured(PROFILES["binary"], binary(np.random.default_rng(30), 4_000, power=3.0))
    assert (found["brier"].direction, found["bias"].direction, found["accuracy"].direction) == (-1, -1, 1)
    found = measured(PROFILES["regression"], regression(np.random.default_rng(31), 4_000, noise=6.0))
    assert (found["mae"].direction, found["r2"].direction) == (1, -1)


@pytest.mark.parametrize("task", MAKERS)
def test_evidence_is_json(task: str) -> None:
    """It is stored with the window; what is not defined is null."""
    profile = PROFILES[task]
    for rows in (0, 1, 100):
        summary = counted(profile, MAKERS[task](np.random.default_rng(32), rows))
        json.dumps(performance_evidence(profile, summary), allow_nan=False)


def test_the_reference_build_is_told_of_a_member() -> None:
    """A member has a docstring that defines it and one row in the catalogue that names every metric."""
    text = member.__doc__ or ""
    for word in ("?", "NaN", "Ties", "Units", "Zero bins", "Source:"):
        assert word in text
    catalogue = CATALOGUE.partition("## Catalogue")[2].partition("Options:")[0]
    (row,) = [line for line in catalogue.splitlines() if line.startswith("| `performance` |")]
    for task, make in MAKERS.items():
        for metric in measured(PROFILES[task], make(np.random.default_rng(33), 50)):
            assert f"`{metric}`" in row, metric


def test_options_are_a_frozen_dataclass() -> None:
    """No options, none to be changed."""
    assert dataclasses.fields(Performance) == ()
    assert "__slots__" in vars(Performance)
    assert Role.PERFORMANCE == "performance"
