"""What is one row of the ledger?"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row
from sqlalchemy import text as sql

from storage.span import Span


class Stream(StrEnum):
    INPUTS = "inputs"
    LABELS = "labels"


class WindowKind(StrEnum):
    SCHEDULED = "scheduled"
    BACKFILL = "backfill"  # low priority, never notifies, never triggers
    MANUAL = "manual"  # `leeway evaluate`


# A backfilled window is judged apart and never stands in the way of today's.
FOLDED_KINDS = (WindowKind.SCHEDULED, WindowKind.MANUAL)
# Literal words, not parameters: only then does a database use a partial index over them.
IS_OF_FOLDED_KIND = sql("ledger.kind IN ({})".format(", ".join(f"'{kind}'" for kind in FOLDED_KINDS)))
IS_OPEN = sql("ledger.state IN ('planned', 'claimed')")
IS_FAILED = sql("ledger.state = 'failed'")


class WindowState(StrEnum):
    """planned → claimed → one of the last five, each with a reason."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    DONE = "done"
    NO_DATA = "no_data"
    LOW_VOLUME = "low_volume"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def terminal(self) -> bool:
        return self not in (WindowState.PLANNED, WindowState.CLAIMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWindow:
    """One row of the ledger."""

    id: int
    model: str
    stream: Stream
    kind: WindowKind
    span: Span
    revision: int = 0  # 0 is the first evaluation; later ones are for rows that arrived late
    config_digest: str = ""
    reference_id: int | None = None  # set by finish; None: not evaluated
    due: datetime  # end + settle
    recheck: datetime  # end + lateness: compare the source's fingerprint
    give_up: datetime  # after this it is no_data, or evaluated and marked incomplete
    state: WindowState
    reason: str = ""
    attempt: int = 0  # claims so far
    next_try: datetime
    owner: str = ""
    fence: int = 0  # +1 a claim; a write with an older one changes nothing
    lease_until: datetime | None = None
    rows: int | None = None  # None: not evaluated
    source_fingerprint: str = ""
    data_version: str = ""  # which files or which query it was read from; "" not evaluated, or not known
    program: str = ""  # that evaluated it
    error_class: str = ""
    error: str = ""
    evidence: dict[str, object] | None = (
        None  # JSON facts of the window as a whole (freshness, schema, notices)
    )
    planned_at: datetime
    finished_at: datetime | None = None
    folded_at: datetime | None = None
    provisional: bool = False  # folded as neutral before it ended, as it held up what follows
    refolded_at: datetime | None = None  # when its verdicts were last taken again
    rechecked_at: datetime | None = None  # when late rows were looked for
    superseded_by: int | None = None


def window_of(row: Row[Any]) -> DueWindow:
    """The noun of a row of the table."""
    fields: dict[str, Any] = dict(row._mapping)
    fields["span"] = Span(start=fields.pop("start"), end=fields.pop("end"))
    fields["stream"] = Stream(fields["stream"])
    fields["kind"] = WindowKind(fields["kind"])
    fields["state"] = WindowState(fields["state"])
    return DueWindow(**fields)
