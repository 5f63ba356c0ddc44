"""From which size on is a change worth a word, and how sure must we be?

The numbers of docs/detectors.md, section "judge". Every one can be set per column or model.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from detectors._column import Role

ALPHA_SHEWHART = 0.005  # false discovery rate of a window's family of columns
ALPHA_EWMA = 0.001
SURE = 50.0  # adjusted p ≤ α / 50 needs no second window
CLEAR = 4.0  # adjusted p > 4α is clear; between, hold
CLEAR_FLOOR = 0.8  # an effect below 0.8 of its floor is clear
CLEAR_THRESHOLD = 0.9  # a metric below 0.9 of its threshold is clear
EWMA_FLOOR = 0.6  # share of the floor that an EWMA of y − μ must pass: it is to find what is small and lasts
EWMA_Z = 1.0  # and the current window must still point the same way
LASTING = 3  # windows, each of them so, for what lasts to be sure
MIN_EXCESS = 3.0  # rows: no share says anything while it is off by fewer
SURE_EXCESS = 5.0  # rows: nor pages at once
HARM = -1.0  # points of accuracy, or −1 % of the reference MAE
PULL_SD = 0.1  # of a regression's score
LOUD = 5.0  # floors: a change this large matters where neither outcomes nor scores tell
HALVED = 0.5  # of the usual rows, or fewer, on a running mean: a holiday is over by then
QUARTERED = 0.25  # of the usual rows, or fewer: no holiday has so few
STUCK_TIMES = 2.0  # a value that took over holds at least this many times its share of the reference
MOSTLY = 0.5  # half the rows without a value, or out of range: no single hour explains it
KNOWN_AFTER = 2  # breaches: then the default persistence has told it; a sure one is told at once
OFF_GRID = 0.9  # of the rows at values the reference never had: all but what is 0 in any unit
PARTLY_OFF_GRID = 0.5  # the same where one conversion takes the extremes exactly there: 14 °C is 14 °F, too
UNIT_Z = 6.0  # a change of unit is far outside the noise; a windy day may fit a conversion as well
_SENSITIVITY = {"low": 0.2, "default": 1.0, "high": 4.0}

# Parts of a column that are about the data feed itself. A rise in one matters whatever the model makes of it.
DATA_QUALITY = ("missing", "unseen", "out_of_range", "stuck")
PAIR = "r:"  # a component of this prefix is how two columns go together: "r:temp~dewp"
# These are zero, or near it, in the reference by construction: less is never a change.
UPWARD = ("unseen", "out_of_range", "stuck")


@dataclass(frozen=True, slots=True, kw_only=True)
class Floors:
    """Practical significance: a smaller change never alerts. None leaves what another rule says."""

    column: str = "*"  # glob; the last rule that matches wins, number by number
    sd: float | None = None  # c1, c2, c3 of a numeric column
    share: float | None = None  # of a category's level or of the rest
    missing: float | None = None
    unseen: float | None = None
    out_of_range: float | None = None
    stuck: float | None = None
    accuracy: float | None = None  # share of rows; of the reference MAE for a regression
    calibration: float | None = None  # mean(y − score), Brier score, behaviour: probability
    correlation: float | None = None  # of two columns' normal scores, −1 to 1
    rows: float | None = None  # log of the window's rows
    errors: float | None = None  # share of rows


_FLOORS = {
    "sd": 0.1,
    "share": 0.033,
    "missing": 0.01,
    "unseen": 0.005,
    "out_of_range": 0.005,
    "stuck": 0.05,
    "accuracy": 0.02,
    "calibration": 0.02,
    "correlation": 0.15,
    "rows": 0.2,
    "errors": 0.01,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A plain limit on a reported metric, judged beside the calibrated rules."""

    metric: str
    column: str = "*"  # glob
    ticket: float | None = None
    page: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePolicy:
    """What one model's owner set."""

    sensitivity: str = "default"  # low | default | high
    min_rows: int = 5
    floors: tuple[Floors, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    important: tuple[str, ...] = ()  # globs of columns whose every alert matters
    pull: float = 0.02  # change of the mean score that matters without outcomes: of a probability
    pull_sd: float | None = None  # the same in sd of the score; takes its place where the score has a unit

    def alpha(self, base: float) -> float:
        """The false discovery rate at this model's sensitivity."""
        return base * _SENSITIVITY[self.sensitivity]

    def floor(self, column: str, word: str) -> float:
        """The least |y − μ| that is worth a word, by the word of the config (see monitor/floors.py)."""
        value = _FLOORS[word]
        for rule in self.floors:
            set_here: float | None = getattr(rule, word)
            if set_here is not None and fnmatchcase(column, rule.column):
                value = set_here
        return value

    @property
    def regression(self) -> bool:
        """Whether scores have a unit of their own, so that differences of them are told in sd."""
        return self.pull_sd is not None

    def is_important(self, column: str) -> bool:
        return any(fnmatchcase(column, pattern) for pattern in self.important)


def is_smooth(component: str) -> bool:
    """Location, spread or skew of a numeric column: in sd, not a share of rows."""
    return component in ("c1", "c2", "c3")


def least_rows(component: str) -> float:
    """The least difference in rows at which a share of rows says anything."""
    return SURE_EXCESS if component == "stuck" else MIN_EXCESS


_CAUSES_FIRST = {
    Role.FEATURE: 0,
    Role.SERVICE: 0,
    Role.JOINT: 1,
    Role.SCORE: 2,
    Role.PREDICTION: 2,
    Role.BEHAVIOUR: 2,
    Role.DERIVED: 3,
    Role.SHADOW: 4,
    Role.ESTIMATE: 4,
    Role.PERFORMANCE: 5,
}


def causal_order(role: Role) -> int:
    """Causes first: what the model was given, how that goes together, what it said, what follows."""
    return _CAUSES_FIRST[role]
