"""Which laws hold for every detector, those not written yet included?"""

import dataclasses
import importlib
import inspect
import math
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import pytest

import detectors
from detectors._calibration import PART as CALIBRATION
from detectors._calibration import fit_calibration
from detectors._column import CategoryColumn, Columns, NumericColumn, Role
from detectors._measurement import Measurement
from detectors._profile import Profile, ScoreSpec, build_profile
from detectors._relation_fit import fit_relations
from detectors._relations import PART as RELATIONS
from detectors._summary import WindowSummary
from detectors._surrogate import PART as SURROGATE
from detectors._surrogate import fit_surrogate
from tests.detectors.samples import column, counted

# Performance measures rows with outcomes, not windows: test_performance.py asks the same of it.
MEMBERS = sorted(
    name
    for _, name, _ in pkgutil.iter_modules(detectors.__path__)
    if not name.startswith("_") and name != "performance"
)
CATALOGUE = (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8")
LEVELS = {
    "mean",
    "sd",
    "q05",
    "q25",
    "median",
    "q75",
    "q95",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    "estimated_accuracy",
    "estimated_f1",
    "estimated_roc_auc",
}  # values in the column's unit: no limit promised
ROLES = {"score": Role.SCORE, "holes": Role.SERVICE}
MAY_BE_UNDEFINED = {"chi_square", "cramers_v", "wasserstein", "stuck", "sd"}  # NaN for some windows with rows


class Detector(Protocol):
    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]: ...


def module(name: str) -> ModuleType:
    return importlib.import_module(f"detectors.{name}")


def public_classes(name: str) -> list[type]:
    found = module(name)
    return [
        member
        for label, member in inspect.getmembers(found, inspect.isclass)
        if not label.startswith("_") and member.__module__ == found.__name__
    ]


def detector(name: str) -> Detector:
    (found,) = public_classes(name)
    made: Any = found()
    return made


def table(rng: np.random.Generator, rows: int) -> Columns:
    """One column of each sort that production holds, and a binary score."""
    x = rng.standard_normal(rows)
    holes = np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(size=rows))
    codes = rng.choice(6, rows, p=[0.4, 0.3, 0.2, 0.05, 0.04, 0.01]).astype(np.int32)
    codes[rng.random(rows) < 0.05] = -1
    return {
        "x": NumericColumn(values=x),
        "holes": NumericColumn(values=holes),
        "count": NumericColumn(values=rng.poisson(2.0, rows).astype(np.float64)),
        "constant": NumericColumn(values=np.full(rows, 7.0)),
        "kind": CategoryColumn(codes=codes, labels=("a", "b", "c", "d", "e", "f")),
        "flag": CategoryColumn(codes=(x > 0).astype(np.int32), labels=("false", "true")),
        "score": NumericColumn(values=1.0 / (1.0 + np.exp(1.0 - x - 0.5 * rng.standard_normal(rows)))),
    }


def built(columns: Columns) -> Profile:
    """A profile of them with all that is learnt beside the columns."""
    score = ScoreSpec(task="binary", columns={"": "score"})
    rows = len(columns["score"])
    chance = column_values(columns, "score")
    outcome = (np.random.default_rng(0).random(rows) < chance).astype(np.float64)
    profile = build_profile(columns, roles=ROLES, score=score, outcome=outcome, knots=512)
    learnt = {
        SURROGATE: fit_surrogate(profile, columns, rows, None),
        CALIBRATION: fit_calibration(profile, columns, outcome, rows),
        RELATIONS: fit_relations(profile, columns, rows, window_rows=500),
    }
    return profile.with_parts({name: part for name, part in learnt.items() if part is not None})


def column_values(columns: Columns, name: str) -> Any:
    found = columns[name]
    assert isinstance(found, NumericColumn)
    return found.values


REFERENCE = table(np.random.default_rng(1), 4_000)
PROFILE = built(REFERENCE)


def measured(name: str, columns: Columns, profile: Profile = PROFILE) -> list[Measurement]:
    return detector(name).measure(profile, counted(profile, columns))


def numbers(measurements: list[Measurement]) -> list[tuple[object, ...]]:
    """Comparable with ==, NaN equal to NaN."""
    return [tuple(repr(field) for field in dataclasses.astuple(each)) for each in measurements]


def replaced(columns: Columns, **changes: Any) -> Columns:
    return {**columns, **{name: column(values) for name, values in changes.items()}}


@pytest.fixture(params=MEMBERS)
def name(request: pytest.FixtureRequest) -> str:
    """Every public module of detectors/."""
    found: str = request.param
    return found


def test_members_are_found() -> None:
    """The suite finds the members by itself, and is not empty."""
    assert {"psi", "ks", "missing", "confidence"} <= set(MEMBERS)


def test_one_public_class(name: str) -> None:
    """The factory calls the one public class of a module."""
    assert len(public_classes(name)) == 1


def test_options_are_a_frozen_dataclass(name: str) -> None:
    """Options are the fields of a frozen, slotted, keyword-only dataclass, each with a default."""
    (found,) = public_classes(name)
    assert dataclasses.is_dataclass(found)
    assert found.__dataclass_params__.frozen  # type: ignore[attr-defined]  # set by the decorator
    assert "__slots__" in vars(found)
    assert all(
        field.kw_only and field.default is not dataclasses.MISSING for field in dataclasses.fields(found)
    )


def test_docstring_says_what_a_definition_needs(name: str) -> None:
    """A docstring holds the question, range or unit, the rules for zero bins, ties and NaN, and a source."""
    text = inspect.getdoc(module(name)) or ""
    assert "?" in text.splitlines()[0] + text.splitlines()[1]
    for words in (("NaN",), ("Source:",), ("Ties", "ties"), ("ange", "nit", "lies in"), ("ero bin",)):
        assert any(word in text for word in words), words


def test_catalogue_has_a_row(name: str) -> None:
    """docs/detectors.md has exactly one row for the member, naming every metric it reports."""
    rows = [line for line in CATALOGUE.splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1
    for metric in {each.metric for each in measured(name, REFERENCE)}:
        assert f"`{metric}`" in rows[0], metric


def test_members_do_not_import_each_other(name: str) -> None:
    """A member stands alone: it imports furniture only."""
    others = {f"detectors.{other}" for other in MEMBERS if other != name}
    source = inspect.getsource(module(name))
    assert not [other for other in others if f"from {other} import" in source or f"import {other}" in source]


def test_metric_and_column_are_unique(name: str) -> None:
    """History keys a value by column and metric."""
    keys = [(each.column, each.metric) for each in measured(name, REFERENCE)]
    assert keys
    assert len(keys) == len(set(keys))


def test_members_come_without_the_compiler() -> None:
    """Who only reads a config makes them: they need neither numba nor a folder for what it compiled."""
    modules = ", ".join(f"detectors.{name}" for name in MEMBERS)
    program = f"import sys, {modules}; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_fields_are_sane(name: str) -> None:
    """Everything reported is a measurement with plain numbers in their ranges, on the rows it says."""
    for each in measured(name, table(np.random.default_rng(2), 500)):
        assert isinstance(each, Measurement)
        assert type(each.value) is float
        assert each.direction in (-1, 0, 1)
        assert each.p is None or 0.0 <= each.p <= 1.0
        assert each.bound is None or each.bound > 0.0
        assert 0 < each.n <= 500
        assert 0 < each.n_reference <= 4_000


def test_reference_against_itself_is_no_alarm(name: str) -> None:
    """Identity: no metric of the reference against itself passes its noise limit."""
    for each in measured(name, REFERENCE):
        assert math.isfinite(each.value) or each.metric in MAY_BE_UNDEFINED, each
        if each.noise_limit is not None and math.isfinite(each.value):
            assert each.value <= each.noise_limit, each


def test_noise_limit_is_known_and_finite(name: str) -> None:
    """A distance or share with a value comes with a finite noise limit ≥ 0."""
    for each in measured(name, table(np.random.default_rng(3), 300)):
        if each.metric in LEVELS:
            assert each.noise_limit is None
        elif math.isfinite(each.value):
            assert each.noise_limit is not None, each
            assert math.isfinite(each.noise_limit)
            assert each.noise_limit >= 0.0


def test_noise_limit_falls_with_rows(name: str) -> None:
    """More rows in the window never make the limit of a distance or a share wider (0.1 %, a row, aside)."""
    few = {(m.column, m.metric): m for m in measured(name, table(np.random.default_rng(4), 100))}
    for each in measured(name, table(np.random.default_rng(4), 2_000)):
        other = few[each.column, each.metric].noise_limit
        if other is None or each.noise_limit is None or each.metric in {"chi_square", "distinct"}:
            continue
        assert each.noise_limit <= other + 1e-9, each


def test_a_value_that_is_not_a_number_never_comes_with_p_or_limit(name: str) -> None:
    """NaN is never silently a clear number: an undefined value has neither p nor noise limit."""
    windows = [
        table(np.random.default_rng(5), 0),
        table(np.random.default_rng(5), 1),
        replaced(table(np.random.default_rng(5), 30), x=np.full(30, np.nan), kind=[None] * 30),
    ]
    for columns in windows:
        for each in measured(name, columns):
            if math.isnan(each.value):
                assert each.noise_limit is None, each
                assert each.p is None, each
                assert each.direction == 0, each


def test_empty_window_has_no_value(name: str) -> None:
    """Without rows nothing is measured: NaN, or 0 for a count."""
    for each in measured(name, table(np.random.default_rng(6), 0)):
        assert math.isnan(each.value) or (each.metric == "distinct" and each.value == 0.0), each
        assert each.n == 0


def test_empty_summary_measures_nothing_or_nan(name: str) -> None:
    """The neutral element of merging is measured like an empty window."""
    for each in detector(name).measure(PROFILE, WindowSummary.empty(PROFILE)):
        assert math.isnan(each.value) or each.value == 0.0


def test_one_row(name: str) -> None:
    """One row is measured without an error, and no distance calls it drift at 1 in 1,000."""
    for each in measured(name, table(np.random.default_rng(7), 1)):
        if each.noise_limit is not None and math.isfinite(each.value):
            assert each.value <= each.noise_limit, each


def test_all_missing(name: str) -> None:
    """A window with nothing but missing rows is seen by missing and psi, undefined for the rest."""
    columns = replaced(table(np.random.default_rng(8), 200), x=np.full(200, np.nan), kind=[None] * 200)
    found = [each for each in measured(name, columns) if each.column in {"x", "kind"}]
    for each in found:
        if math.isfinite(each.value) and each.metric != "distinct":
            assert each.metric in {"missing", "psi", "jensen_shannon", "hellinger"}
            assert each.noise_limit is not None
            assert each.value > each.noise_limit


def test_reference_of_missing_values(name: str) -> None:
    """A reference column without a single value raises nothing and alarms about nothing but itself."""
    empty = {"x": NumericColumn(values=np.full(50, np.nan)), "kind": column([None] * 50)}
    profile = build_profile(empty, roles={})
    for columns in (empty, {"x": column([1.0] * 30), "kind": column(["a"] * 30)}):
        for each in measured(name, columns, profile):
            assert each.noise_limit is None or math.isfinite(each.noise_limit)


def test_constant_window(name: str) -> None:
    """A constant window is measured, finite or undefined, never infinite."""
    columns = replaced(table(np.random.default_rng(9), 60), x=np.full(60, 0.123), kind=["b"] * 60)
    assert not [each for each in measured(name, columns) if math.isinf(each.value)]


def test_constant_reference(name: str) -> None:
    """A constant column that stays constant is at rest."""
    for each in measured(name, table(np.random.default_rng(10), 100)):
        if each.column == "constant" and each.noise_limit is not None and math.isfinite(each.value):
            assert each.value <= each.noise_limit


def test_unseen_category(name: str) -> None:
    """A label the reference never had raises nothing and gives no infinite number."""
    columns = replaced(table(np.random.default_rng(11), 60), kind=["new"] * 30 + ["a"] * 30)
    assert not [each for each in measured(name, columns) if math.isinf(each.value)]


def test_infinite_values(name: str) -> None:
    """±inf counts as a value, and no metric becomes infinite by it."""
    x = np.random.default_rng(12).standard_normal(100)
    x[:3], x[3:5] = np.inf, -np.inf
    for each in measured(name, replaced(table(np.random.default_rng(12), 100), x=x)):
        assert not math.isinf(each.value), each


def test_infinite_reference(name: str) -> None:
    """A reference that holds ±inf is measured against itself without an alarm."""
    x = np.random.default_rng(13).standard_normal(500)
    x[:3], x[3:5] = np.inf, -np.inf
    profile = build_profile({"x": column(x)}, roles={})
    for each in measured(name, {"x": column(x)}, profile):
        assert not math.isinf(each.value)
        assert each.noise_limit is None or math.isnan(each.value) or each.value <= each.noise_limit, each


@pytest.mark.parametrize("scale", [1.7e308, 1e300, 1e-300, 5e-324])
def test_huge_and_tiny_values(name: str, scale: float) -> None:
    """Columns at both ends of float64 raise nothing, warn of nothing and give no infinite number."""
    rng = np.random.default_rng(19)
    profile = build_profile({"x": column(rng.uniform(-1.0, 1.0, 400) * scale)}, roles={})
    for each in measured(name, {"x": column(rng.uniform(-1.0, 1.0, 100) * scale)}, profile):
        assert not math.isinf(each.value), each
        assert each.noise_limit is None or math.isfinite(each.noise_limit), each


def test_neighbouring_floats(name: str) -> None:
    """Values one unit in the last place apart, such as nanosecond times, divide by no zero."""
    x = 1.7e18 + 256.0 * np.arange(500.0)
    profile = build_profile({"x": column(x)}, roles={})
    for each in measured(name, {"x": column(x[::3])}, profile):
        assert not math.isinf(each.value), each


def test_absent_column_is_not_measured(name: str) -> None:
    """A column the window does not hold gives no measurement; absence is another rule's business."""
    columns = {"x": table(np.random.default_rng(14), 50)["x"]}
    assert {each.column for each in measured(name, columns)} <= {"x"}


def test_batches_merged_equal_the_whole(name: str) -> None:
    """A window read in three batches gives the same bits as in one."""
    columns = table(np.random.default_rng(15), 301)
    parts = [sliced(columns, np.arange(start, stop)) for start, stop in ((0, 7), (7, 200), (200, 301))]
    merged = counted(PROFILE, parts[0]) + counted(PROFILE, parts[1]) + counted(PROFILE, parts[2])
    assert numbers(detector(name).measure(PROFILE, merged)) == numbers(measured(name, columns))


def test_blind_to_order(name: str) -> None:
    """Rows in another order give the same bits."""
    columns = table(np.random.default_rng(16), 250)
    shuffled = sliced(columns, np.random.default_rng(17).permutation(250))
    assert numbers(measured(name, shuffled)) == numbers(measured(name, columns))


def test_profile_from_bytes_measures_the_same(name: str) -> None:
    """A profile read back from the database gives the same bits as the one built."""
    columns = {key: type(each).from_bytes(each.to_bytes()) for key, each in PROFILE.columns.items()}
    again = Profile.of(columns, score=PROFILE.score, rows=PROFILE.rows, parts=PROFILE.parts)
    batch = table(np.random.default_rng(18), 120)
    assert numbers(measured(name, batch, again)) == numbers(measured(name, batch))


def sliced(columns: Columns, rows: Any) -> Columns:
    """These rows of every column."""
    found: dict[str, NumericColumn | CategoryColumn] = {}
    for key, each in columns.items():
        if isinstance(each, NumericColumn):
            found[key] = NumericColumn(values=each.values[rows])
        else:
            found[key] = CategoryColumn(codes=each.codes[rows], labels=each.labels)
    return found
