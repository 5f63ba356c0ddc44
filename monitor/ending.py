"""How does a window end, and what if it cannot end yet?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from storage.ledger import WindowState
from storage.measurements import ColumnResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a window ends. `reason` is for a person; empty where there is nothing to say."""

    state: WindowState
    reason: str = ""
    rows: int | None = None  # None: not known
    reference_id: int | None = None
    error_class: str = ""  # permanent | transient | bug; empty where nothing failed
    data_version: str = ""  # which files or which query it was read from
    fingerprint: str = ""  # what the source had when it was read, for a person
    facts: Mapping[str, object] = field(default_factory=dict)
    results: Sequence[ColumnResult] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """It cannot end yet, and why. `wait` None: as after a passing fault, ever longer."""

    reason: str
    wait: timedelta | None = None
