"""What `status` counts: windows that are judged, whose kind is looked at no more, and those that failed."""

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0014"
down_revision = "0013"

_JUDGED = sa.text("folded_at IS NOT NULL AND superseded_by IS NULL AND kind IN ('scheduled', 'manual')")
_FAILED = sa.text("state = 'failed'")


def upgrade() -> None:
    failpoint.hit("mid_migration")
    op.drop_index("ix_ledger_judged", table_name="ledger")
    op.create_index(
        "ix_ledger_judged",
        "ledger",
        ["model", "stream", "start", "state", "end", "kind", "folded_at", "superseded_by"],
        unique=False,
        sqlite_where=_JUDGED,
        postgresql_where=_JUDGED,
    )
    op.create_index(
        "ix_ledger_failed",
        "ledger",
        ["model", "start", "stream", "kind", "state", "superseded_by"],
        unique=False,
        sqlite_where=_FAILED,
        postgresql_where=_FAILED,
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
