"""Measurements of windows that are no longer kept in full: one row a day and column, in the same view."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0006"
down_revision = "0005"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "daily_result",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("ledger_id", _ID, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("segment", sa.Text(), server_default="", nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("windows", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("measurements", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], name=op.f("fk_daily_result_ledger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_daily_result")),
        sa.UniqueConstraint(
            "ledger_id",
            "segment",
            "column_name",
            "version",
            name=op.f("uq_daily_result_ledger_id_segment_column_name_version"),
        ),
    )
    op.create_index("ix_daily_result_column", "daily_result", ["column_name", "ledger_id"])
    op.execute("DROP VIEW v_measurements")
    failpoint.hit("mid_migration")
    dialect = op.get_bind().dialect.name
    script = Path(__file__).with_name(f"0006_views.{dialect}.sql").read_text(encoding="utf-8")
    op.execute(sa.text(script.replace(":", "\\:")))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
