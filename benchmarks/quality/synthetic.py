"""Which made-up worlds are judged? Features of many shapes, a model that uses four of them, and outcomes.

A window is drawn in the order of the world: features (`nature` may have changed them), outcomes (`concept`
may have changed what they follow from), what the feed records of the features (`feed`), what the model says
of that (`answer`). So a shift in nature moves the outcomes, a broken feed does not, and both move the score
as far as the model uses the column. The model knows the law of the outcomes: it is calibrated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from scipy.special import expit, ndtr

from benchmarks.quality.drawn import Drawn, Fault, Floats, Rng
from detectors import CategoryColumn, Column, NumericColumn, Role, ScoreSpec
from monitor.windows import WindowSpec
from storage.span import Span

Columns = dict[str, Column]
_START = datetime(2025, 1, 6, tzinfo=UTC)  # a Monday; windows are days
_DAY = timedelta(days=1)

# The model: P(1) = logistic of this. `driver` decides most; a shift of it towards ½ costs accuracy.
INTERCEPT = -1.2
WEIGHTS = {"driver": 1.5, "second": 0.4, "third": -0.3}
COLOUR_WEIGHT = 0.5  # of colour "c1"
PAIR_R = 0.7  # correlation of left and right, which no model uses
NAMED = ("driver", "second", "third", "idle", "left", "right", "colour")
# The others: the shapes that columns have, in turn.
SHAPES = (
    "normal",
    "lognormal",
    "uniform",
    "heavy",
    "integer",
    "zero_inflated",
    "gappy",
    "levels",
    "many_levels",
)
_GAPS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """One world: independent rows, with window effects where `tau` > 0 (latent sd; AR(1) with `rho`)."""

    seed: int
    columns: int = 20
    rows: int = 1_000
    reference: int = 60
    judged: int = 200
    tau: float = 0.0
    rho: float = 0.0
    judged_rows: int | None = None  # of a judged window, where not `rows`
    spec: WindowSpec = field(default_factory=lambda: WindowSpec.parse("1d"))
    segments: tuple[str, ...] = ()
    score: ScoreSpec | None = field(default_factory=lambda: ScoreSpec(task="binary", columns={"": "score"}))

    @property
    def sampled(self) -> bool:
        return self.judged_rows is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Features."""
        others = (f"{SHAPES[i % len(SHAPES)]}_{i}" for i in range(self.columns - len(NAMED)))
        return (*NAMED, *others)[: self.columns]

    @property
    def roles(self) -> Mapping[str, Role]:
        return dict.fromkeys(self.names, Role.FEATURE) | {"score": Role.SCORE, "pred": Role.PREDICTION}

    def span(self, index: int) -> Span:
        return Span(start=_START + index * _DAY, end=_START + (index + 1) * _DAY)

    def draw(self, index: int, change: Fault | None = None) -> Drawn:
        fault = change or Fault()
        rng = np.random.default_rng((self.seed, index))
        chance = np.random.default_rng((self.seed, index, 1))  # the fault's own: the rest stays as it was
        rows = self.rows if index < self.reference else self.judged_rows or self.rows
        features = self._features(index, rows, rng)
        uniform = rng.random(rows)
        if fault.nature:
            features = fault.nature(features, chance)
        outcome = (uniform < probability(features, fault.concept or WEIGHTS)).astype(np.float64)
        if fault.feed:
            features = fault.feed(features, chance)
        score = probability(features, WEIGHTS)
        if fault.answer:
            score = fault.answer(score, chance)
        features["score"] = NumericColumn(values=score)
        features["pred"] = CategoryColumn(codes=(score >= 0.5).astype(np.int32), labels=("false", "true"))
        times = np.linspace(0, _DAY // timedelta(microseconds=1) - 1, rows).astype(np.int64)
        return Drawn(columns=features, rows=rows, times=times, outcome=outcome)

    def _features(self, index: int, rows: int, rng: Rng) -> Columns:
        effect = self._effects(index)
        found: Columns = {}
        for position, name in enumerate(self.names):
            z = rng.standard_normal(rows) + effect[position]
            if name == "right":
                left = found["left"]
                assert isinstance(left, NumericColumn)
                z = PAIR_R * left.values + np.sqrt(1.0 - PAIR_R**2) * z
            found[name] = _shaped(name.partition("_")[0] if name not in NAMED else name, name, z, rng)
        return found

    def _effects(self, index: int) -> Floats:
        """float64[columns]: what all rows of this window share."""
        if not self.tau:
            return np.zeros(self.columns)
        windows = self.reference + self.judged
        return self.tau * _autoregressive(self.seed, self.columns, windows, self.rho)[index]


@lru_cache(maxsize=4)
def _autoregressive(seed: int, columns: int, windows: int, rho: float) -> Floats:
    """float64[windows, columns], each column AR(1) with variance 1."""
    found = np.random.default_rng((seed, 10**6)).standard_normal((windows, columns))
    for index in range(1, windows):
        found[index] = rho * found[index - 1] + np.sqrt(1.0 - rho**2) * found[index]
    return found


def probability(features: Mapping[str, Column], weights: Mapping[str, float]) -> Floats:
    """P(1) of each row. A value that is not there counts as an average one."""
    logit = np.zeros(len(next(iter(features.values()))))
    for name, weight in weights.items():
        column = features.get(name)
        if isinstance(column, NumericColumn):
            logit += weight * np.nan_to_num(column.values, nan=0.0, posinf=0.0, neginf=0.0)
    colour = features.get("colour")
    if isinstance(colour, CategoryColumn):
        logit += COLOUR_WEIGHT * (colour.codes == 1)
    found: Floats = expit(INTERCEPT + logit)
    return found


def _shaped(shape: str, name: str, z: Floats, rng: Rng) -> Column:
    """A standard normal in the shape of its column."""
    if name == "colour":
        shape = "levels"
    if shape == "levels":
        return _labels(z, 5, rng)
    if shape == "many":
        return _labels(z, 40, rng)
    if shape == "lognormal":
        z = np.exp(0.8 * z)
    elif shape == "uniform":
        z = 100.0 * ndtr(z)
    elif shape == "heavy":
        z = np.sinh(z)
    elif shape == "integer":
        z = np.floor(4.0 * np.exp(0.5 * z))
    elif shape == "zero":
        z = np.maximum(z, 0.0)
    elif shape == "gappy":
        z = np.where(rng.random(len(z)) < _GAPS, np.nan, z)
    return NumericColumn(values=z)


def _labels(z: Floats, levels: int, rng: Rng) -> CategoryColumn:
    """Shares like 1/1, 1/2, 1/3 …; a higher z is a rarer label, so that a window's effect moves the mix."""
    del rng
    shares = 1.0 / np.arange(1, levels + 1)
    edges = np.cumsum(shares / shares.sum())[:-1]
    codes = np.searchsorted(edges, ndtr(z)).astype(np.int32)
    return CategoryColumn(codes=codes, labels=tuple(f"c{level}" for level in range(levels)))
