"""Late rows: windows looked at again, judged again, and what was said before kept."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0007"
down_revision = "0006"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for view in ("v_windows", "v_verdicts"):
        op.execute(f"DROP VIEW {view}")
    op.add_column("ledger", sa.Column("provisional", sa.Boolean(), server_default="0", nullable=False))
    op.add_column("ledger", sa.Column("refolded_at", sa.BigInteger(), nullable=True))
    op.add_column("ledger", sa.Column("rechecked_at", sa.BigInteger(), nullable=True))
    # What was evaluated by a version that kept no fingerprint cannot be compared with anything.
    op.execute(sa.text("UPDATE ledger SET rechecked_at = finished_at WHERE finished_at IS NOT NULL"))
    op.create_index(
        "ix_ledger_recheck",
        "ledger",
        ["recheck", "id"],
        unique=False,
        sqlite_where=sa.text("rechecked_at IS NULL"),
        postgresql_where=sa.text("rechecked_at IS NULL"),
    )
    op.add_column("verdict", sa.Column("known_from", sa.BigInteger(), nullable=True))
    failpoint.hit("mid_migration")
    op.create_table(
        "past_verdict",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("ledger_id", _ID, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), server_default="", nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("rule", sa.Text(), server_default="", nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("incident_kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("severity_asked", sa.Text(), nullable=False),
        sa.Column("sure", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("immediate", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("change", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("z", sa.Double(), nullable=True),
        sa.Column("p", sa.Double(), nullable=True),
        sa.Column("harm", sa.Double(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("known_until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], name=op.f("fk_past_verdict_ledger_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_past_verdict_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_verdict")),
    )
    op.create_index("ix_past_verdict_ledger", "past_verdict", ["ledger_id"], unique=False)
    dialect = op.get_bind().dialect.name
    script = Path(__file__).with_name(f"0007_views.{dialect}.sql").read_text(encoding="utf-8")
    for statement in script.split("\n\n"):
        op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
