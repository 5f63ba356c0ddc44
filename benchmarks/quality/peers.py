"""What would the usual tools say of the same window? Their defaults, one set of flagged columns a rule.

Each sees at most 20,000 rows of the reference, drawn at random, and all of the window; missing values are
dropped, as each of them does. README.md here says what each rule is.
"""

import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors import CategoryColumn, Column, NumericColumn

KS, PSI_1, PSI_2 = "KS p < .05", "PSI > 0.1", "PSI > 0.2"
EVIDENTLY, EVIDENTLY_DATASET = "Evidently, any column", "Evidently, dataset"
CHEAP = (KS, PSI_1, PSI_2)
RULES = (EVIDENTLY, EVIDENTLY_DATASET, *CHEAP)
_SAMPLE = 20_000
_BINS = 10
_EPSILON = 1e-4  # share of an empty bin, as most implementations of PSI have it
_P = 0.05
DATASET = "dataset"  # the name under which Evidently flags the whole


def sample(columns: Mapping[str, Column], seed: int) -> dict[str, Column]:
    """At most 20,000 of the reference's rows."""
    rows = len(next(iter(columns.values())))
    if rows <= _SAMPLE:
        return dict(columns)
    taken = np.sort(np.random.default_rng(seed).choice(rows, _SAMPLE, replace=False))
    return {
        name: NumericColumn(values=column.values[taken])
        if isinstance(column, NumericColumn)
        else CategoryColumn(codes=column.codes[taken], labels=column.labels)
        for name, column in columns.items()
    }


def cheap(reference: Mapping[str, Column], window: Mapping[str, Column]) -> dict[str, set[str]]:
    """Columns that KS, and PSI at both limits, flag. Labels: chi-square at the same level in place of KS."""
    flagged: dict[str, set[str]] = {rule: set() for rule in CHEAP}
    for name, now in window.items():
        before = reference[name]
        if isinstance(before, NumericColumn) and isinstance(now, NumericColumn):
            a, b = _known(before.values), _known(now.values)
            if not len(b) or not len(a):
                continue
            p, psi = _ks(a, b), _psi_numbers(a, b)
        elif isinstance(before, CategoryColumn) and isinstance(now, CategoryColumn):
            counts = _levels(before, now)
            if not counts[1].sum():
                continue
            p, psi = _chi_square(counts), _psi(counts[0], counts[1])
        else:
            raise TypeError(f"{name}: numbers in one window and labels in the other")
        for rule, hit in ((KS, p < _P), (PSI_1, psi > 0.1), (PSI_2, psi > 0.2)):
            if hit:
                flagged[rule].add(name)
    return flagged


def evidently(reference: Mapping[str, Column], window: Mapping[str, Column]) -> dict[str, set[str]]:
    """Columns that Evidently's DataDriftPreset flags, each by the test it chooses itself, and its verdict on
    the whole: `dataset` where half the columns drifted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        facts = _report(reference, window)
    flagged: dict[str, set[str]] = {EVIDENTLY: set(), EVIDENTLY_DATASET: set()}
    names = {metric["id"]: metric["config"].get("column", DATASET) for metric in facts["metrics"]}
    for test in facts["tests"]:
        if test["status"] == "FAIL":
            name = names[test["metric_config"]["metric_id"]]
            flagged[EVIDENTLY_DATASET if name == DATASET else EVIDENTLY].add(name)
    return flagged


def _report(reference: Mapping[str, Column], window: Mapping[str, Column]) -> dict[str, Any]:
    dataset, definition, report = _evidently()
    numeric = [name for name, column in window.items() if isinstance(column, NumericColumn)]
    labels = [name for name in window if name not in numeric]
    says = definition(numerical_columns=numeric, categorical_columns=labels)
    sides = [dataset.from_pandas(_frame(side), data_definition=says) for side in (window, reference)]
    facts: dict[str, Any] = report().run(*sides).dict()
    return facts


@cache
def _evidently() -> tuple[Any, Any, Any]:
    """Here, not above: it takes seconds to import, and most parts need none of it."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    return Dataset, DataDefinition, lambda: Report([DataDriftPreset()], include_tests=True)


def _frame(columns: Mapping[str, Column]) -> Any:
    import pandas as pd

    found: dict[str, Any] = {}
    for name, column in columns.items():
        if isinstance(column, NumericColumn):
            found[name] = column.values
        else:
            found[name] = np.array([*column.labels, None], dtype=object)[column.codes]  # −1: the last one
    return pd.DataFrame(found)


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


def _ks(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    from scipy import stats

    return float(stats.ks_2samp(a, b, method="asymp").pvalue)


def _levels(before: CategoryColumn, now: CategoryColumn) -> NDArray[np.int64]:
    """int64[2, levels] rows of each label on both sides; a new label is a level of its own."""
    labels = tuple(dict.fromkeys((*before.labels, *now.labels)))
    place = {label: index for index, label in enumerate(labels)}
    sides = []
    for column in (before, now):
        where = np.array([place[label] for label in column.labels], dtype=np.int64)
        sides.append(np.bincount(where[column.codes[column.codes >= 0]], minlength=len(labels)))
    return np.array(sides)


def _chi_square(counts: NDArray[np.int64]) -> float:
    from scipy import stats

    held = counts[:, counts.sum(axis=0) > 0]
    return 1.0 if held.shape[1] < 2 else float(stats.chi2_contingency(held, correction=False).pvalue)


def _psi_numbers(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    edges = np.unique(np.quantile(a, np.linspace(0.0, 1.0, _BINS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) for side in (a, b)]
    return _psi(counts[0], counts[1])


def _psi(before: NDArray[np.int64], now: NDArray[np.int64]) -> float:
    p, q = (np.maximum(side / side.sum(), _EPSILON) for side in (before, now))
    return float(np.sum((q - p) * np.log(q / p)))
