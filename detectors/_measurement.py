"""What does one detector say about one column of one window?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One reported number, with what it would be without any drift."""

    column: str
    metric: str  # the word of the config and of the history: psi, ks, missing, …
    value: float  # NaN where the statistic is undefined (no rows); stored with a status, never as clear
    noise_limit: float | None = None  # 99.9 % quantile without drift at (n_reference, n); None: not known
    p: float | None = None  # classical p value, rows taken as independent; None: the statistic has none
    bound: float | None = None  # half width of the interval that holds the exact statistic (ks); None: exact
    direction: int = 0  # −1 the window lies lower, 1 higher, 0 no direction
    n_reference: int  # rows the reference side rests on
    n: int  # rows the window side rests on


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """What a person is shown of a column: the same bins for reference and window."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]  # shares of all reference rows, sum 1
    window: tuple[float, ...]  # shares of all window rows, sum 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component mean of a column in a window: what the noise model judges (docs/detectors.md)."""

    name: str  # c1 c2 c3 | missing | out_of_range | stuck | unseen | rest | level:<label>
    y: float  # mean over the rows; a share for everything but c1 … c3
    n: int  # rows the mean rests on
    variance: float  # within-window variance of a row; y(1 − y) for a share
    share: bool  # y·n is a count of rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What the change of a column's mix alone would do to the model, from the profile's outcomes."""

    harm: float | None = None  # points: change of accuracy ×100, or −% of reference MAE; None: no outcomes
    harm_error: float | None = None  # standard error of harm, same unit
    pull: float | None = None  # expected change of the mean score; None: no score in the reference
