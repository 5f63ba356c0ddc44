"""Which cycle does a component follow: none, the weekend, the day of the week, the hour?

Detectors never see a date: `monitor` turns each window into integer codes, one per kind of slot.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Coarse to fine. A window longer than a slot has the same code throughout, so that the kind cannot win.
KINDS = ("none", "weekend", "day_of_week", "hour_of_day", "hour_weekend")
MIN_CYCLES = 3
# A finer slot must lower the leave-one-out squared error by this much: below it the gain is mostly luck.
MIN_GAIN = 0.07
# A slot seen in fewer cycles falls back to the mean of all; a kind may leave this share of windows there.
MAX_UNCOVERED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Slotting:
    """A kind of slot and what is known of each of its codes."""

    kind: str
    means: dict[int, float]  # by code, only codes with enough cycles
    cycles: dict[int, int]
    fitted: NDArray[np.float64]  # f8[R] the mean that each window is compared with
    left_out: NDArray[np.float64]  # f8[R] the same, learnt without that window


def choose(
    y: NDArray[np.float64], weight: NDArray[np.float64], slots: Mapping[str, NDArray[np.int64]]
) -> Slotting:
    """The coarsest kind whose leave-one-out squared error no finer one beats by MIN_GAIN.

    y, weight: f8[R]; slots: i8[R] codes by kind. "none" is always possible, with or without its codes.
    """
    none = np.zeros(len(y), dtype=np.int64)
    candidates = [_fit("none", y, weight, none)]
    for kind in KINDS[1:]:
        if kind in slots and len(np.unique(slots[kind])) > 1 and _covered(slots[kind]):
            candidates.append(_fit(kind, y, weight, slots[kind]))
    errors = [float(np.sum(weight * (y - slotting.left_out) ** 2)) for slotting in candidates]
    for index, slotting in enumerate(candidates):
        if all(finer >= (1.0 - MIN_GAIN) * errors[index] for finer in errors[index + 1 :]):
            return slotting
    raise AssertionError("the finest candidate has no finer one")


def _covered(codes: NDArray[np.int64]) -> bool:
    counts = np.unique(codes, return_counts=True)[1]
    return int(counts[counts < MIN_CYCLES].sum()) <= MAX_UNCOVERED * len(codes)


def _fit(
    kind: str, y: NDArray[np.float64], weight: NDArray[np.float64], codes: NDArray[np.int64]
) -> Slotting:
    values, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    total = np.bincount(inverse, weights=weight)
    total_y = np.bincount(inverse, weights=weight * y)
    grand = float(total_y.sum() / total.sum())
    enough = (counts >= MIN_CYCLES) | (len(values) == 1)
    mean = np.where(enough, total_y / total, grand)
    rest = total[inverse] - weight
    alone = ~enough[inverse] | (rest <= 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = np.where(alone, grand, (total_y[inverse] - weight * y) / rest)
    known = [(int(v), float(m), int(c)) for v, m, c, e in zip(values, mean, counts, enough, strict=True) if e]
    return Slotting(
        kind=kind,
        means={code: value for code, value, _ in known},
        cycles={code: count for code, _, count in known},
        fitted=mean[inverse],
        left_out=left_out,
    )
