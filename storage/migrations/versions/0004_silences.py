"""Silences, an audit of what people change, incidents that flap, and the index that counts root posts."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "silence",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("matchers", sa.Text(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=True),
        sa.Column("expired_by", sa.Text(), server_default="", nullable=False),
        sa.Column("replaces", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
    )
    op.create_index("ix_silence_ends", "silence", ["ends"], unique=False)
    op.create_table(
        "audit",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)
    op.create_index(
        "ix_outbox_roots",
        "outbox",
        ["channel", "created"],
        unique=False,
        sqlite_where=sa.text("action = 'root'"),
        postgresql_where=sa.text("action = 'root'"),
    )
    op.execute("DROP VIEW v_incidents")
    op.add_column("incident", sa.Column("flapping", sa.Boolean(), server_default="0", nullable=False))
    failpoint.hit("mid_migration")
    # One statement a paragraph: triggers hold semicolons of their own.
    name = f"0004_views.{op.get_bind().dialect.name}.sql"
    for statement in Path(__file__).with_name(name).read_text(encoding="utf-8").split("\n\n"):
        if statement.strip() and not statement.startswith("--"):
            op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
