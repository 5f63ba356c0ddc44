"""How far an escalation got, and what every window and incident came of: data, reference, program."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    for view in ("v_windows", "v_verdicts", "v_past_verdicts", "v_incidents"):
        op.execute(f"DROP VIEW {view}")
    op.add_column("ledger", sa.Column("data_version", sa.Text(), server_default="", nullable=False))
    op.add_column("ledger", sa.Column("program", sa.Text(), server_default="", nullable=False))
    op.add_column("incident", sa.Column("escalation_step", sa.Integer(), server_default="0", nullable=False))
    failpoint.hit("mid_migration")
    op.add_column("incident", sa.Column("lineage", sa.Text(), server_default="{}", nullable=False))
    dialect = op.get_bind().dialect.name
    script = Path(__file__).with_name(f"0009_views.{dialect}.sql").read_text(encoding="utf-8")
    for statement in script.split("\n\n"):
        op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
