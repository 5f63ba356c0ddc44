"""What is normal, which windows exist, and what was measured in each?"""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, Table, UniqueConstraint

from storage.encoding import Json, PackedJson, Words
from storage.tables._columns import counter, flag, foreign, identity, metadata, when, where, word

reference = Table(
    "reference",
    metadata,
    identity(),
    word("model"),
    Column("version", Integer, nullable=False),
    word("status"),  # built | active | retired
    when("created"),
    when("promoted", nullable=True),
    when("span_start", nullable=True),  # NULL: a file without time
    when("span_end", nullable=True),
    Column("rows", BigInteger, nullable=False),
    word("digest"),
    word("config_digest", ""),
    Column("score", Json),
    Column("notices", Json, nullable=False),
    Column("lineage", Json, nullable=False),
    UniqueConstraint("model", "version"),
)
Index("uq_reference_active", reference.c.model, unique=True, **where("status = 'active'"))

reference_column = Table(
    "reference_column",
    metadata,
    foreign("reference_id", "reference.id", primary_key=True),
    Column("column_name", Words, primary_key=True),
    Column("position", Integer, nullable=False),
    word("kind"),
    word("role"),
    word("digest"),
    Column("content", LargeBinary, nullable=False),
)

reference_part = Table(
    "reference_part",
    metadata,
    foreign("reference_id", "reference.id", primary_key=True),
    Column("name", Words, primary_key=True),  # relations | surrogate | slice:<column>=<label> | …
    Column("content", LargeBinary, nullable=False),
)

noise_model = Table(
    "noise_model",
    metadata,
    identity(),
    foreign("reference_id", "reference.id"),
    word("window_spec"),
    Column("version", Integer, nullable=False),
    word("learnt_from"),  # reference | production
    Column("windows", Integer, nullable=False),
    when("created"),
    Column("content", PackedJson, nullable=False),
    UniqueConstraint("reference_id", "window_spec", "version"),
)


ledger = Table(
    "ledger",
    metadata,
    identity(),
    word("model"),
    word("stream"),
    word("kind"),
    when("start"),
    when("end"),
    counter("revision"),
    word("config_digest", ""),
    foreign("reference_id", "reference.id", nullable=True),
    when("due"),
    when("recheck"),
    when("give_up"),
    word("state"),
    word("reason", ""),
    counter("attempt"),
    when("next_try"),
    word("owner", ""),
    counter("fence"),
    when("lease_until", nullable=True),
    Column("rows", BigInteger),
    word("source_fingerprint", ""),
    word("data_version", ""),  # which files, or which query
    word("program", ""),  # that evaluated it
    word("error_class", ""),
    word("error", ""),
    Column("evidence", Json),
    when("planned_at"),
    when("finished_at", nullable=True),
    when("folded_at", nullable=True),
    flag("provisional"),  # folded as neutral before it ended, as it held up what follows
    when("refolded_at", nullable=True),  # verdicts were taken again; NULL: those of folded_at stand
    when("rechecked_at", nullable=True),  # looked for late rows; NULL: not yet
    foreign("superseded_by", "ledger.id", nullable=True),
    UniqueConstraint("model", "stream", "start", "end", "revision"),
)
Index("ix_ledger_start", ledger.c.model, ledger.c.stream, ledger.c.start, ledger.c.revision)
Index("ix_ledger_open", ledger.c.due, ledger.c.id, **where("state IN ('planned', 'claimed')"))
# What may be looked at again for late rows: what never will be, most of a ledger, is not gone through at each
# look. A permanent fault of the source is no reason to look again.
TO_RECHECK = (
    "rechecked_at IS NULL AND superseded_by IS NULL AND stream = 'inputs' "
    "AND kind IN ('scheduled', 'manual') "
    "AND (state IN ('done', 'no_data', 'low_volume') OR state = 'failed' AND error_class = 'transient')"
)
Index("ix_ledger_recheck", ledger.c.recheck, ledger.c.id, **where(TO_RECHECK))
Index(
    "ix_ledger_unfolded",
    ledger.c.model,
    ledger.c.stream,
    ledger.c.start,
    ledger.c.revision,
    **where("folded_at IS NULL"),
)
# Holds all that counting asks for: a row is wide, and `status` counts every window that there ever was. For
# what the condition implies SQLite looks into the row as well, unless the index holds it; but it is compared
# no more, which was half of what counting took.
Index(
    "ix_ledger_judged",
    ledger.c.model,
    ledger.c.stream,
    ledger.c.start,
    ledger.c.state,
    ledger.c.end,
    ledger.c.kind,
    ledger.c.folded_at,
    ledger.c.superseded_by,
    **where("folded_at IS NOT NULL AND superseded_by IS NULL AND kind IN ('scheduled', 'manual')"),
)
Index(
    "ix_ledger_failed",
    ledger.c.model,
    ledger.c.start,
    ledger.c.stream,
    ledger.c.kind,
    ledger.c.state,
    ledger.c.superseded_by,
    **where("state = 'failed'"),
)
Index(
    "ix_ledger_provisional",
    ledger.c.model,
    ledger.c.stream,
    ledger.c.start,
    **where("provisional = 1"),  # as SQLAlchemy asks where there is no boolean
)

column_result = Table(
    "column_result",
    metadata,
    identity(),
    foreign("ledger_id", "ledger.id"),
    word("segment", ""),
    word("column_name"),
    word("version", ""),
    word("role"),
    word("kind"),
    word("status"),
    word("reason", ""),
    Column("rows", BigInteger, nullable=False),
    Column("missing_rows", BigInteger, nullable=False),
    Column("psi", Double),
    Column("ks", Double),
    Column("jensen_shannon", Double),
    Column("hellinger", Double),
    Column("wasserstein", Double),
    Column("chi_square", Double),
    Column("missing", Double),
    Column("unseen", Double),
    Column("out_of_range", Double),
    Column("stuck", Double),
    Column("mean", Double),
    Column("sd", Double),
    Column("harm", Double),
    Column("harm_error", Double),
    Column("pull", Double),
    Column("measurements", Json, nullable=False),
    Column("components", PackedJson, nullable=False),
    Column("bins", PackedJson),
    Column("evidence", PackedJson, nullable=False),
    UniqueConstraint("ledger_id", "segment", "column_name", "version"),
)
Index("ix_column_result_column", column_result.c.column_name, column_result.c.ledger_id)
