"""Pages that a person marked as false: counted per model beside what the sensitivity promises."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("DROP VIEW v_incidents")
    op.add_column("incident", sa.Column("false_page_by", sa.Text(), server_default="", nullable=False))
    failpoint.hit("mid_migration")
    dialect = op.get_bind().dialect.name
    script = Path(__file__).with_name(f"0003_views.{dialect}.sql").read_text(encoding="utf-8")
    op.execute(sa.text(script.replace(":", "\\:")))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
