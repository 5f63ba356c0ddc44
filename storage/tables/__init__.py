"""What is kept, in which tables?

The views of docs/history-schema.md are the public face; tables may change with any revision. Times are
integer UTC microseconds, JSON is text, closed sets are the words of their StrEnums. migrations/ makes what
stands here.
"""

from storage.tables._columns import metadata
from storage.tables.asked import retraining, retraining_decision, retraining_event
from storage.tables.judged import alert_state, checkpoint, incident, incident_event, past_verdict, verdict
from storage.tables.kept import daily_result
from storage.tables.measured import (
    column_result,
    ledger,
    noise_model,
    reference,
    reference_column,
    reference_part,
)
from storage.tables.told import (
    attempt,
    audit,
    channel_state,
    daemon_event,
    lane,
    leader,
    notification_group,
    outbox,
    silence,
)

__all__ = [
    "alert_state",
    "attempt",
    "audit",
    "channel_state",
    "checkpoint",
    "column_result",
    "daemon_event",
    "daily_result",
    "incident",
    "incident_event",
    "lane",
    "leader",
    "ledger",
    "metadata",
    "noise_model",
    "notification_group",
    "outbox",
    "past_verdict",
    "reference",
    "reference_column",
    "reference_part",
    "retraining",
    "retraining_decision",
    "retraining_event",
    "silence",
    "verdict",
]
