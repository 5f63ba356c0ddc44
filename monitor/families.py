"""Which columns of a window are looked at together, so that many of them do not mean many alerts?"""

from collections.abc import Sequence
from enum import StrEnum

from detectors._column import Role
from detectors._multiplicity import Adjusted, benjamini_hochberg
from monitor.column_rules import FamilyAdjusted, FamilyPs
from storage.measurements import ColumnResult


class Family(StrEnum):
    """Each apart: slices, which are many, must not cost the whole its power."""

    INPUTS = "inputs"  # what goes in, what comes out, and how they go together; the service
    PERFORMANCE = "performance"
    PARTS = "parts"  # slices and model versions


def family(result: ColumnResult) -> Family:
    if result.segment or result.version:
        return Family.PARTS
    return Family.PERFORMANCE if result.role is Role.PERFORMANCE else Family.INPUTS


def adjust(columns: Sequence[tuple[ColumnResult, FamilyPs] | None]) -> list[FamilyAdjusted]:
    """Benjamini–Hochberg over each family. None, what has no component, is in no family and stays at 1."""
    alone = Adjusted(size=1, rank=1, step=1.0)
    found = [FamilyAdjusted(shewhart=alone, shewhart_near=alone, ewma=alone, ewma_near=alone)] * len(columns)
    for which in Family:
        members = [(i, c[1]) for i, c in enumerate(columns) if c is not None and family(c[0]) is which]
        steps = zip(
            benjamini_hochberg([p.shewhart for _, p in members]),
            benjamini_hochberg([p.shewhart_near for _, p in members]),
            benjamini_hochberg([p.ewma for _, p in members]),
            benjamini_hochberg([p.ewma_near for _, p in members]),
            strict=True,
        )
        for (i, _), (shewhart, shewhart_near, ewma, ewma_near) in zip(members, steps, strict=True):
            found[i] = FamilyAdjusted(
                shewhart=shewhart, shewhart_near=shewhart_near, ewma=ewma, ewma_near=ewma_near
            )
    return found
