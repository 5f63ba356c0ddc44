"""Noise models and column results made by hand, for the tests of the judge."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from alerting.verdict import Verdict
from detectors import Component, Harm, Kind, Measurement, Role
from detectors._learning import Observations, Prior, learn, never_seen
from detectors._noise import NoiseModel
from monitor.judge_state import JudgeState
from monitor.judgement import Judgement, WindowFacts, judge
from monitor.policy import JudgePolicy
from storage.measurements import ColumnResult, ColumnStatus

WINDOWS = 168
ROWS = 900
START = datetime(2024, 1, 1, tzinfo=UTC)
SLOTS = {"none": 0, "weekend": 0, "day_of_week": 0}
HARMFUL = Harm(harm=-5.0, harm_error=0.5, pull=0.1)
HARMLESS = Harm(harm=-0.1, harm_error=0.5, pull=0.0)
QUANTILES = {"levels": [0.05, 0.25, 0.5, 0.75, 0.95], "reference": [100.0, 500.0, 900.0, 1400.0, 2500.0]}


def noise_model(
    columns: Sequence[str] = ("x", "score"), *, tau: float = 0.1, windows: int = WINDOWS
) -> NoiseModel:
    """Numeric columns of this τ without a missing, odd or stuck value, and a category "c"."""
    rng = np.random.default_rng(11)
    n = np.full(windows, ROWS)
    seen: dict[tuple[str, str], Observations] = {}
    priors: dict[tuple[str, str], Prior] = {}
    for name in columns:
        for component in ("c1", "c2", "c3"):
            y = tau * rng.standard_normal(windows) + rng.standard_normal(windows) / np.sqrt(n)
            seen[name, component] = Observations(y=y, n=n, variance=np.ones(windows), share=False)
            priors[name, component] = Prior(mean=0.0, rows=windows * ROWS)
        priors[name, "out_of_range"] = never_seen(windows * ROWS)
        for component in ("missing", "stuck", "out_of_range"):
            seen[name, component] = _share(np.zeros(windows), n)
    for label, share in (("UA", 0.6), ("DL", 0.4)):
        seen["c", f"level:{label}"] = _share(rng.binomial(n, share), n)
    seen["c", "unseen"] = seen["c", "missing"] = _share(np.zeros(windows), n)
    priors["c", "unseen"] = never_seen(windows * ROWS)
    return learn(seen, {kind: np.zeros(windows, dtype=np.int64) for kind in SLOTS}, priors=priors)


def _share(k: np.ndarray, n: np.ndarray) -> Observations:
    return Observations(y=k / n, n=n, variance=k / n * (1 - k / n), share=True)


def numeric(
    name: str = "x",
    *,
    c1: float = 0.0,
    c2: float = 0.0,
    missing: float = 0.0,
    out_of_range: float = 0.0,
    stuck: float = 0.0,
    harm: Harm = HARMLESS,
    role: Role = Role.FEATURE,
    rows: int = ROWS,
    evidence: Mapping[str, object] | None = None,
    measurements: Sequence[Measurement] = (),
) -> ColumnResult:
    """A numeric column whose components have these values."""
    shares = {"missing": missing, "out_of_range": out_of_range, "stuck": stuck}
    return ColumnResult(
        column=name,
        role=role,
        kind=Kind.NUMERIC,
        rows=rows,
        missing=round(missing * rows),
        components=(
            *(
                Component(name=part, y=y, n=rows, variance=1.0, share=False)
                for part, y in (("c1", c1), ("c2", c2), ("c3", 0.0))
            ),
            *(
                Component(
                    name=part, y=round(y * rows) / max(rows, 1), n=rows, variance=y * (1 - y), share=True
                )
                for part, y in shares.items()
            ),
        ),
        measurements=tuple(measurements),
        harm=harm,
        evidence=evidence or {"missing_share": [0.0, missing]},
    )


def category(ua: float = 0.6, unseen: float = 0.0, *, harm: Harm = HARMLESS) -> ColumnResult:
    """The category "c"."""
    shares = {"level:UA": ua, "level:DL": 1.0 - ua - unseen, "unseen": unseen, "missing": 0.0}
    return ColumnResult(
        column="c",
        role=Role.FEATURE,
        kind=Kind.CATEGORY,
        rows=ROWS,
        missing=0,
        components=tuple(
            Component(name=name, y=round(y * ROWS) / ROWS, n=ROWS, variance=y * (1 - y), share=True)
            for name, y in shares.items()
        ),
        harm=harm,
        evidence={
            "unseen": {
                "rows": round(unseen * ROWS),
                "share": unseen,
                "labels": [["ZZ", round(unseen * ROWS)]],
            }
        },
    )


def special(
    column: str,
    role: Role,
    *,
    segment: str = "",
    version: str = "",
    evidence: Mapping[str, object] | None = None,
    shares: Sequence[str] = ("accuracy", "agreement", "missing", "errors"),
    measurements: Sequence[Measurement] = (),
    n_rows: int = ROWS,
    **components: float,
) -> ColumnResult:
    """A pseudo-column or a part of one; `r_a_b=…` is the pair r:a~b."""
    parts = []
    for word, given in components.items():
        name = f"r:{word[2:].replace('_', '~')}" if word.startswith("r_") else word
        share = name in shares
        n = 1 if name == "rows" else n_rows
        y = round(given * n) / n if share else given
        variance = y * (1.0 - y) if share else 0.0 if name == "rows" else 1.0
        parts.append(Component(name=name, y=y, n=n, variance=variance, share=share))
    return ColumnResult(
        column=column,
        segment=segment,
        version=version,
        role=role,
        kind=Kind.NUMERIC,
        rows=n_rows,
        missing=0,
        components=tuple(parts),
        measurements=tuple(measurements),
        evidence=evidence or {},
    )


def special_noise(*normal: ColumnResult, tau: float = 0.02, windows: int = WINDOWS) -> NoiseModel:
    """What is normal for such columns, scattered by τ; parts with a segment in slices of their own."""
    rng = np.random.default_rng(12)
    slots = {kind: np.zeros(windows, dtype=np.int64) for kind in SLOTS}
    found: dict[str, dict[tuple[str, str], Observations]] = {}
    for result in normal:
        for part in result.components:
            y = part.y + tau * rng.standard_normal(windows)
            y = np.clip(y, 0.0, 1.0) if part.share else y
            found.setdefault(result.segment, {})[result.column, part.name] = Observations(
                y=y, n=np.full(windows, part.n), variance=np.full(windows, part.variance), share=part.share
            )
    slices = {segment: learn(seen, slots) for segment, seen in found.items() if segment}
    return replace(learn(found.get("", {}), slots), slices=slices, windows=windows)


def broken(status: ColumnStatus, name: str = "x") -> ColumnResult:
    """A column that cannot be measured."""
    return ColumnResult(
        column=name,
        role=Role.FEATURE,
        kind=Kind.NUMERIC,
        status=status,
        reason="expected numeric, got String",
        rows=ROWS,
        missing=ROWS,
    )


def window(*results: ColumnResult, rows: int = ROWS, index: int = 0) -> WindowFacts:
    start = START + timedelta(days=index)
    return WindowFacts(
        model="m", start=start, end=start + timedelta(days=1), rows=rows, slots=SLOTS, results=results
    )


def judged(
    *results: ColumnResult,
    noise: NoiseModel | None = None,
    state: JudgeState | None = None,
    policy: JudgePolicy | None = None,
    rows: int = ROWS,
    versions: Mapping[str, NoiseModel] | None = None,
) -> Judgement:
    """One window of these columns."""
    model = noise or noise_model()
    facts = window(*results, rows=rows)
    return judge(facts, model, state or JudgeState(), policy or JudgePolicy(), versions)


def one(judgement: Judgement, column: str = "x") -> Verdict:
    """The verdict on a column."""
    return next(verdict for verdict in judgement.verdicts if verdict.series.column == column)
