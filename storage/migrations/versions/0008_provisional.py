"""Windows folded before they ended are found without going through all of history."""

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    failpoint.hit("mid_migration")
    op.create_index(
        "ix_ledger_provisional",
        "ledger",
        ["model", "stream", "start"],
        unique=False,
        sqlite_where=sa.text("provisional = 1"),
        postgresql_where=sa.text("provisional"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
