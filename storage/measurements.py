"""What did the detectors say about every column of one window, and how is that kept?

A statistic that is not a number is stored as NULL beside the status `undefined`: SQLite keeps no NaN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from detectors._column import Kind, Role
from detectors._measurement import Bins, Component, Harm, Measurement


class ColumnStatus(StrEnum):
    """Could the column be measured at all?"""

    OK = "ok"
    ABSENT = "absent"  # the source has no such column
    RETYPED = "retyped"  # its type is not the reference's
    EMPTY = "empty"  # every row is missing, or there are no rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnResult:
    """One column of one window: everything judging needs, so that no row is ever read twice."""

    column: str
    segment: str = ""  # "" is the whole, else "origin=JFK"
    version: str = ""  # model version; "" where the config names none
    role: Role
    kind: Kind
    status: ColumnStatus = ColumnStatus.OK
    reason: str = ""  # for a person: "expected numeric, got String"; empty when ok
    rows: int  # rows of the window in this segment and version
    missing: int  # of them, rows without a value
    components: tuple[Component, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    bins: Bins | None = None
    evidence: Mapping[str, object] = field(
        default_factory=dict
    )  # JSON: detectors' facts for the named change
    harm: Harm = field(default_factory=Harm)
