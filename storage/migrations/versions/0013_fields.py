"""What was measured is kept as lists without names; the view reads them, and the objects of before."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("DROP VIEW v_measurements")
    failpoint.hit("mid_migration")
    dialect = op.get_bind().dialect.name
    script = Path(__file__).with_name(f"0013_views.{dialect}.sql").read_text(encoding="utf-8")
    op.execute(sa.text(script.replace(":", "\\:")))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
