"""Was a model to be trained again, on what grounds, and what came of it?"""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from storage.encoding import Json, Words
from storage.tables._columns import flag, foreign, identity, metadata, when, where, word

retraining = Table(
    "retraining",
    metadata,
    Column("id", Words, primary_key=True),
    word("model"),
    word("ask", "retraining"),  # | rollback
    word("target"),
    word("mode"),
    word("state"),
    flag("in_flight"),
    Column("notification_key", Words, unique=True),  # its outbox row; NULL: none (yet)
    when("requested"),
    when("deadline"),  # of what it waits for first: a person's yes, or the sending
    when("updated"),
    when("sent", nullable=True),
    when("ended", nullable=True),
    word("detail", ""),
    word("model_version", ""),  # of the new model, as reported
    Column("reference_version", Integer),  # put in force after it; NULL: none (yet)
    word("answer", ""),  # did it help: waiting | improved | not_improved | unknown; "" nothing to ask
    when("answer_by", nullable=True),
    when("answered", nullable=True),
    Column("facts", Json, nullable=False),
)
Index("uq_retraining_in_flight", retraining.c.model, unique=True, **where("in_flight"))
Index("ix_retraining_model", retraining.c.model, retraining.c.requested)

retraining_event = Table(
    "retraining_event",
    metadata,
    Column("retraining_id", Words, ForeignKey("retraining.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    when("at"),
    word("kind"),  # a state, uncertain, a report that came too late, what became of the reference, the answer
    word("actor"),
    Column("payload", Json, nullable=False),
)
Index("ix_retraining_event_at", retraining_event.c.at)

retraining_decision = Table(
    "retraining_decision",
    metadata,
    identity(),
    word("model"),
    foreign("ledger_id", "ledger.id", nullable=True),
    when("at"),
    word("mode"),
    word("outcome"),  # refused | dry_run | proposed | requested
    word("target"),
    word("request_id"),
    Column("gates", Json, nullable=False),
    Column("request", Json, nullable=False),
    Column("retraining_id", Words, ForeignKey("retraining.id")),
)
Index("ix_retraining_decision_model", retraining_decision.c.model, retraining_decision.c.at)
Index("ix_retraining_decision_dry_run", retraining_decision.c.at, **where("outcome = 'dry_run'"))
