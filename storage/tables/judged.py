"""What was said about each series, and which problems came of it?"""

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from storage.encoding import Json, PackedJson
from storage.tables._columns import counter, flag, foreign, identity, metadata, when, where, word

verdict = Table(
    "verdict",
    metadata,
    identity(),
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
    Column("incident_id", Text, ForeignKey("incident.id")),
    # one row a window, segment and column is the contract of `leeway history verdicts`
    UniqueConstraint("ledger_id", "segment", "column_name", "version"),
)
Index("ix_verdict_column", verdict.c.column_name, verdict.c.ledger_id)
Index("ix_verdict_incident", verdict.c.incident_id)

alert_state = Table(
    "alert_state",
    metadata,
    Column("fingerprint", Text, primary_key=True),
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
    Column("id", Text, primary_key=True),
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
    Column("lock_version", Integer, nullable=False),  # writers compare and set on it
)
Index("uq_incident_open", incident.c.fingerprint, unique=True, **where("is_open"))
Index("ix_incident_model", incident.c.model, incident.c.opened)

incident_event = Table(
    "incident_event",
    metadata,
    Column("incident_id", Text, ForeignKey("incident.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    when("at"),
    word("kind"),
    word("actor"),
    when("window_start", nullable=True),
    when("window_end", nullable=True),
    Column("payload", Json, nullable=False),
)
