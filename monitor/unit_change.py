"""Does a column look like its reference in another unit?

Window quantiles against a + b·reference quantiles, for the conversions people actually mix up. A free factor
would name every windy day a change of unit; a known one that fits the whole distribution is hardly chance.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

# A window's own factor strays: over 196 days of real flights that of the distance lay within 0.91 and 1.10.
_NEAR = 0.1  # of the log factor, and of slope and offset of a line
_FAR = 0.2  # a log factor below this is no change of unit
# Rms distance from the fitted line as a share of the quantiles' spread: of those flights, 0.17 in 99 %.
_FITS = 0.25
_FITS_CERTAIN = 0.5  # half the spread is still a line, and the conversion itself is not in doubt
_DISTINCT = 4  # of the five stored quantiles: a column of mostly zeros fits any factor
_FITS_LINE = 0.12  # two free numbers fit nearly anything, so they must fit better
_CENTRED = 9.0  # of a column around 0 a factor is a wider spread, unless no spread grows so much
_GUESSES = 3  # named at most
_ROUNDED = 1e-6  # relative: what single precision leaves of a converted value
_FINER = 300.0  # parts of a step of a grid that is read off more finely: tenths, hundredths, twelfths, …
_FINER_ROUNDED = 1e-7  # relative: a value read off was not converted
_ALIKE = 0.05  # conversions this much further in log factor than the nearest are as good a guess


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChange:
    """Window ≈ offset + factor · reference."""

    factor: float
    offset: float
    name: str  # "miles → kilometres"; "" where the factor is all that is known


_TO_PERCENT, _TO_SHARES = "shares → percent", "percent → shares"
# Factor of "from → to"; the way back is added below. NIST SP 811, appendix B.
_FACTORS = (
    (1.609344, "miles → kilometres"),
    (0.3048, "feet → metres"),
    (2.54, "inches → centimetres"),
    (25.4, "inches → millimetres"),
    (12.0, "feet → inches"),
    (12.0, "a month → a year"),
    (0.45359237, "pounds → kilograms"),
    (1.852, "knots → km/h"),
    (3.6, "m/s → km/h"),
    (2.2369363, "m/s → mph"),
    (3.7854118, "gallons → litres"),
    (33.863886, "inches of mercury → mbar"),
    (60.0, "minutes → seconds"),
    (3600.0, "hours → seconds"),
    (24.0, "days → hours"),
    (100.0, _TO_PERCENT),
    (1000.0, ""),
    (1_000_000.0, ""),
    (10.0, ""),
)
_LINES = tuple(
    UnitChange(factor=factor, offset=offset, name=name)
    for factor, offset, name in (
        (5.0 / 9.0, -160.0 / 9.0, "°F → °C"),
        (9.0 / 5.0, 32.0, "°C → °F"),
        (1.0, 273.15, "°C → K"),
        (1.0, -273.15, "K → °C"),
    )
)


def unit_change(
    evidence: Mapping[str, object],
    *,
    usual: float = 1.0,
    stray: float = 0.0,
    averaged: float | None = None,
    certain: bool = False,
) -> UnitChange | None:
    """The known conversion nearest to the line through the quantiles of window against reference.

    `usual`: factor by which windows of this hour or day differ from the reference without any change;
    `stray`: log factor by which one window may differ from that. Within it conversions are not told apart.
    `averaged`: the factor over several windows that were converted alike, already relative to `usual`.
    `certain`: that the values were converted is known otherwise, so that it may fit as windows stray.
    """
    fit, quantiles = evidence.get("unit"), evidence.get("quantiles")
    if not isinstance(fit, dict) or None in fit.values() or not isinstance(quantiles, dict):
        return None
    if len(set(quantiles["reference"])) < _DISTINCT:
        return None
    scale, a, b = averaged or fit["scale"] / usual, fit["a"], fit["b"]
    fits = _FITS_CERTAIN if certain else _FITS
    if scale > 0.0 and fit["scale_residual"] <= fits and _may_be_factor(scale, quantiles):
        found = _factor(scale, quantiles, stray, near=max(_NEAR, stray) if certain else _NEAR)
        if found is not None:
            return found
    if b > 0.0 and fit["residual"] <= _FITS_LINE:
        return next((line for line in _LINES if _is_line(line, a, b, quantiles["reference"])), None)
    return None


def exact_change(evidence: Mapping[str, object]) -> UnitChange | None:
    """The conversion that takes values of the reference, a grid, to the window's least and greatest value.

    Both to the last digits: of thirty values none lies there by chance. So it needs no fit, and names what a
    cold or a calm day hides. None where several do, or the window is one value; nor where both ends stand on
    the same grid made finer, into which whole factors take it: 60 in steps of 1 is twelve times 5, too.
    """
    grid = evidence.get("grid")
    knots = grid.get("knots") if isinstance(grid, dict) else None
    ends = [evidence.get("minimum"), evidence.get("maximum")]
    if not knots or not all(isinstance(end, (list, tuple)) and end[1] is not None for end in ends):
        return None
    low, high = (float(end[1]) for end in ends if isinstance(end, (list, tuple)))
    if low == high or all(_is_finer(end, knots) for end in (low, high)):
        return None
    found = [
        change
        for change in (*_FACTORS_BOTH_WAYS, *_LINES)
        if all(_stands((end - change.offset) / change.factor, knots) for end in (low, high))
    ]
    if len({(change.factor, change.offset) for change in found}) != 1:
        return None
    names = [change.name for change in found if change.name]
    return UnitChange(factor=found[0].factor, offset=found[0].offset, name=" or ".join(names))


def _stands(value: float, knots: Sequence[float]) -> bool:
    """Whether a value of the grid is this one, but for rounding of what was converted."""
    at = bisect_left(knots, value)
    return any(
        abs(value - knot) <= _ROUNDED * max(abs(value), abs(knot)) for knot in knots[max(0, at - 1) : at + 1]
    )


def _is_finer(value: float, knots: Sequence[float]) -> bool:
    """Whether a value is 0 or a whole number of small parts of the grid's narrowest step from its first."""
    step = min((after - before for before, after in pairwise(knots)), default=0.0)
    if value == 0.0 or step <= 0.0:
        return True
    parts = (value - knots[0]) / step * _FINER
    return abs(parts - round(parts)) <= _FINER_ROUNDED * max(abs(parts), 1.0)


def _is_line(line: UnitChange, a: float, b: float, reference: Sequence[float]) -> bool:
    """Whether a + b·reference runs near the line where the values are: far from 0 its offset says little.

    Near is within a tenth of what the conversion moves. One that only moves must move further than values lie
    apart: else it is a shift.
    """
    if abs(log(b / line.factor)) > _NEAR:
        return False
    ends = reference[0], reference[-1]
    if line.factor == 1.0 and abs(line.offset) < ends[1] - ends[0]:
        return False
    moved = [(line.offset + (line.factor - 1.0) * value, a + (b - 1.0) * value) for value in ends]
    return all(abs(found - known) <= _NEAR * abs(known) for known, found in moved)


def _may_be_factor(scale: float, quantiles: Mapping[str, Sequence[float]]) -> bool:
    """A factor keeps every sign. One that is near 1 is none; nor, of values on both sides of 0, is a small
    one: there a factor and a wider spread are the same thing."""
    before, now = quantiles["reference"], quantiles["window"]
    if any(old * new < 0.0 for old, new in zip(before, now, strict=True)):
        return False
    return abs(log(scale)) >= (log(_CENTRED) if before[0] < 0.0 < before[-1] else _FAR)


def _factor(
    scale: float, quantiles: Mapping[str, Sequence[float]], stray: float, near: float
) -> UnitChange | None:
    """The nearest known factor, with the names of all that fit about as well; without, if there are many."""
    off = {change: abs(log(scale / change.factor)) for change in _FACTORS_BOTH_WAYS}
    best = min(off, key=off.__getitem__)
    if off[best] > near:
        return None
    reach = max(off[best] + _ALIKE, stray)
    fit = [change for change in sorted(off, key=off.__getitem__) if off[change] <= reach]
    names = [change.name for change in fit if change.name and _is_possible(change.name, quantiles)]
    if len({change.factor for change in fit}) == 1:
        return UnitChange(factor=best.factor, offset=0.0, name=" or ".join(names))
    return UnitChange(factor=scale, offset=0.0, name=" or ".join(names) if len(names) <= _GUESSES else "")


def _is_possible(name: str, quantiles: Mapping[str, Sequence[float]]) -> bool:
    """Shares lie between 0 and 1: a hundredfold height was not given in percent."""
    side = {_TO_PERCENT: "reference", _TO_SHARES: "window"}.get(name)
    return side is None or all(0.0 <= value <= 1.0 for value in quantiles[side])


def _back(name: str) -> str:
    before, arrow, after = name.partition(" → ")
    return f"{after} → {before}" if arrow else name


_FACTORS_BOTH_WAYS = (
    *(UnitChange(factor=factor, offset=0.0, name=name) for factor, name in _FACTORS),
    *(UnitChange(factor=1.0 / factor, offset=0.0, name=_back(name)) for factor, name in _FACTORS),
)
