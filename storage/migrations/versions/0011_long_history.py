"""Indices for what is asked of a long history: judged windows of a model, and verdicts that are not clear."""

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0011"
down_revision = "0010"

_UNCLEAR = sa.text("verdict <> 'clear'")
_JUDGED = sa.text("folded_at IS NOT NULL AND superseded_by IS NULL")


def upgrade() -> None:
    failpoint.hit("mid_migration")
    op.create_index(
        "ix_ledger_judged",
        "ledger",
        ["model", "stream", "start", "kind", "state", "end", "folded_at", "superseded_by"],
        unique=False,
        sqlite_where=_JUDGED,
        postgresql_where=_JUDGED,
    )
    op.create_index(
        "ix_verdict_unclear",
        "verdict",
        ["ledger_id", "column_name", "segment", "version", "verdict", "severity"],
        unique=False,
        sqlite_where=_UNCLEAR,
        postgresql_where=_UNCLEAR,
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
