"""The index of what is looked at again for late rows holds what may be, not every ended window for ever."""

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0012"
down_revision = "0011"

_TO_RECHECK = sa.text(
    "rechecked_at IS NULL AND superseded_by IS NULL AND stream = 'inputs' "
    "AND kind IN ('scheduled', 'manual') "
    "AND (state IN ('done', 'no_data', 'low_volume') OR state = 'failed' AND error_class = 'transient')"
)


def upgrade() -> None:
    failpoint.hit("mid_migration")
    op.drop_index("ix_ledger_recheck", table_name="ledger")
    op.create_index(
        "ix_ledger_recheck",
        "ledger",
        ["recheck", "id"],
        unique=False,
        sqlite_where=_TO_RECHECK,
        postgresql_where=_TO_RECHECK,
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
