"""How well did the model do on the reference, and on which scales are its errors counted?

A part of the profile (`Profile.parts["performance"]`), read by nothing else than this file.
"""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detectors._column_profile import NumericProfile
from detectors._encoding import pack, unpack
from detectors._performance_summary import Classified, Regressed
from detectors._profile import Profile
from detectors._reliability import Reliability
from detectors._summary import NumericSummary
from detectors._sums import Sums

PART = "performance"
_SUMS = ("residual", "squared", "log_loss")
_REGRESSED = ("error", "absolute", "squared", "relative", "outcome", "outcome_squared")
_COUNTS = ("actual", "predicted", "correct")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """What counts as 1 in the sums of a regression, in its own unit; all > 0 but `centre`."""

    error: float = 1.0  # sd of the reference's errors
    absolute: float = 1.0  # mean absolute error of the reference
    centre: float = 0.0  # mean outcome of the reference
    outcome: float = 1.0  # its sd


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceProfile:
    """Fitted once; equal bytes mean equal parts."""

    task: Literal["binary", "multiclass", "regression"]
    classes: tuple[str, ...]  # in the order of the score's; empty for a regression
    positive: int  # binary: index of the class that precision, recall, … are about; −1: no such class
    scales: Scales
    errors: NumericProfile | None  # regression: e = y − prediction in the reference
    reference: Classified | Regressed | None  # None: the reference has no outcomes
    rows: int  # reference rows with outcome and score; 0 without any

    def to_bytes(self) -> bytes:
        """`from_bytes` gives an equal profile."""
        head: dict[str, Any] = {
            "task": self.task,
            "classes": self.classes,
            "positive": self.positive,
            "scales": [self.scales.error, self.scales.absolute, self.scales.centre, self.scales.outcome],
            "errors": None if self.errors is None else base64.b64encode(self.errors.to_bytes()).decode(),
        }
        arrays: dict[str, NDArray[Any]] = {}
        if isinstance(self.reference, Classified):
            head["reference"], arrays = _classified_parts(self.reference)
        elif self.reference is not None:
            head["reference"], arrays = _regressed_parts(self.reference)
        return pack(head, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "PerformanceProfile":
        """What `to_bytes` wrote; ValueError for anything else."""
        head, arrays = unpack(data)
        error, absolute, centre, outcome = head["scales"]
        stored = head.get("reference")
        reference: Classified | Regressed | None = None
        if stored is not None:
            regression = head["task"] == "regression"
            reference = _regressed(stored, arrays) if regression else _classified(stored, arrays)
        errors = head["errors"]
        return cls(
            task=head["task"],
            classes=tuple(head["classes"]),
            positive=head["positive"],
            scales=Scales(error=error, absolute=absolute, centre=centre, outcome=outcome),
            errors=None if errors is None else NumericProfile.from_bytes(base64.b64decode(errors)),
            reference=reference,
            rows=0 if reference is None else reference.rows,
        )


def performance_of(profile: Profile) -> PerformanceProfile | None:
    """The part of this profile; None where it has none."""
    found: PerformanceProfile | None = profile.memo.get(PART)
    if found is None and PART in profile.parts:
        found = profile.memo[PART] = PerformanceProfile.from_bytes(profile.parts[PART])
    return found


def _classified_parts(found: Classified) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    head: dict[str, Any] = {name: getattr(found, name).to_json() for name in _SUMS}
    head |= {"foreign": found.foreign, "ranked": len(found.positives)}
    arrays: dict[str, NDArray[Any]] = {name: getattr(found, name) for name in _COUNTS}
    for index, (positives, negatives) in enumerate(zip(found.positives, found.negatives, strict=True)):
        arrays |= {f"positives.{index}": positives, f"negatives.{index}": negatives}
    counted = found.reliability
    arrays |= {"rows": counted.rows, "hits": counted.hits}
    arrays["gaps"] = counted.gaps.view(np.uint64)  # signed: `pack` keeps only counts as int64
    return head, arrays


def _classified(head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Classified:
    ranked = range(head["ranked"])
    return Classified(
        actual=arrays["actual"],
        predicted=arrays["predicted"],
        correct=arrays["correct"],
        foreign=head["foreign"],
        positives=tuple(arrays[f"positives.{index}"] for index in ranked),
        negatives=tuple(arrays[f"negatives.{index}"] for index in ranked),
        reliability=Reliability(rows=arrays["rows"], hits=arrays["hits"], gaps=arrays["gaps"].view(np.int64)),
        residual=Sums.from_json(head["residual"]),
        squared=Sums.from_json(head["squared"]),
        log_loss=Sums.from_json(head["log_loss"]),
    )


def _regressed_parts(found: Regressed) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    errors = found.errors
    head: dict[str, Any] = {name: getattr(found, name).to_json() for name in _REGRESSED}
    head["errors"] = [
        *(errors.missing, errors.below_edge, errors.above_edge, errors.infinite),
        *(_number(errors.minimum), _number(errors.maximum), errors.moment1, errors.moment2),
    ]
    return head, {"counts": errors.counts}


def _regressed(head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Regressed:
    missing, below, above, infinite, minimum, maximum, moment1, moment2 = head["errors"]
    return Regressed(
        **{name: Sums.from_json(head[name]) for name in _REGRESSED},
        errors=NumericSummary(
            counts=arrays["counts"],
            missing=missing,
            below_edge=below,
            above_edge=above,
            infinite=infinite,
            minimum=math.inf if minimum is None else minimum,
            maximum=-math.inf if maximum is None else maximum,
            moment1=moment1,
            moment2=moment2,
        ),
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
