"""What was said about each series, and which problems came of it?"""

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, Table, UniqueConstraint
from sqlalchemy.schema import SchemaItem

from storage.encoding import Json, PackedJson, Words
from storage.tables._columns import Id, counter, flag, foreign, identity, metadata, when, where, word


def _said() -> list[SchemaItem]:
    """What a verdict consists of, in force or not any more."""
    return [
        foreign("ledger_id", "ledger.id"),
        word("fingerprint"),
        word("segment", ""),
        word("column_name"),
        word("version", ""),
        word("rule", ""),
        word("verdict"),
        word("incident_kind"),
        word("severity"),  # after the fold
        word("severity_asked"),  # before it
        flag("sure"),
        flag("immediate"),
        Column("rank", Integer),
        word("change", ""),
        word("title", ""),
        Column("value", Double),
        Column("z", Double),
        Column("p", Double),
        Column("harm", Double),
        Column("facts", PackedJson("rules", "performance"), nullable=False),  # the first is in a view
        Column("incident_id", Words, ForeignKey("incident.id")),
    ]


verdict = Table(
    "verdict",
    metadata,
    identity(),
    *_said(),
    when("known_from", nullable=True),  # NULL: since the window was folded
    # one row a window, segment and column is the contract of `leeway history verdicts`
    UniqueConstraint("ledger_id", "segment", "column_name", "version"),
)
Index("ix_verdict_column", verdict.c.column_name, verdict.c.ledger_id)
Index("ix_verdict_incident", verdict.c.incident_id)
# What is not clear is little: a heat map of months is read from this index alone.
Index(
    "ix_verdict_unclear",
    verdict.c.ledger_id,
    verdict.c.column_name,
    verdict.c.segment,
    verdict.c.version,
    verdict.c.verdict,
    verdict.c.severity,
    **where("verdict <> 'clear'"),
)

# What was said before an earlier window was judged again: kept for "what did we know at 03:00?".
past_verdict = Table(
    "past_verdict",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # that of the verdict it was
    *_said(),
    when("known_from"),
    when("known_until"),
)
Index("ix_past_verdict_ledger", past_verdict.c.ledger_id)

alert_state = Table(
    "alert_state",
    metadata,
    Column("fingerprint", Words, primary_key=True),
    word("model"),
    word("segment", ""),
    word("column_name"),
    word("version", ""),
    word("rule", ""),
    Column("state", Json, nullable=False),
    foreign("ledger_id", "ledger.id"),  # the window it was last folded with
)
Index("ix_alert_state_model", alert_state.c.model)

checkpoint = Table(
    "checkpoint",
    metadata,
    foreign("ledger_id", "ledger.id", primary_key=True),
    Column("judge_state", PackedJson("noise"), nullable=False),  # storage/past.py asks for it
    Column("alert_states", PackedJson, nullable=False),  # {fingerprint: state} of those this window changed
)

incident = Table(
    "incident",
    metadata,
    Column("id", Words, primary_key=True),
    word("fingerprint"),
    word("model"),
    word("segment", ""),
    word("column_name"),
    word("version", ""),  # of the model
    word("rule", ""),
    word("kind"),
    word("severity"),
    word("status"),
    flag("is_open"),
    when("opened"),
    when("since"),
    when("window_start"),
    when("window_end"),
    when("resolved", nullable=True),
    word("resolved_reason", ""),
    counter("reopens"),
    counter("relapses"),
    Column("peak", Double),
    Column("rank", Integer),
    word("change", ""),
    word("title", ""),
    Column("facts", Json, nullable=False),
    word("acknowledged_by", ""),
    when("acknowledged_until", nullable=True),
    word("false_page_by", ""),
    flag("flapping"),
    counter("escalation_step"),  # the last that a channel took
    Column("lineage", Json, nullable=False, server_default="{}"),  # of the window that last changed it
    Column("lock_version", Integer, nullable=False),  # writers compare and set on it
)
Index("uq_incident_open", incident.c.fingerprint, unique=True, **where("is_open"))
Index("ix_incident_model", incident.c.model, incident.c.opened)

incident_event = Table(
    "incident_event",
    metadata,
    Column("incident_id", Words, ForeignKey("incident.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    when("at"),
    word("kind"),
    word("actor"),
    when("window_start", nullable=True),
    when("window_end", nullable=True),
    Column("payload", Json, nullable=False),
)
