"""Retraining: what became of a request, event by event, whether it helped, and views of both."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for column in (
        sa.Column("ask", sa.Text(), server_default="retraining", nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("model_version", sa.Text(), server_default="", nullable=False),
        sa.Column("reference_version", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("answer_by", sa.BigInteger(), nullable=True),
        sa.Column("answered", sa.BigInteger(), nullable=True),
    ):
        op.add_column("retraining", column)
    # What is over was last changed when it ended. When it was sent was not kept: `sent` stays empty, and such
    # a request is not held against the target.
    op.execute(sa.text("UPDATE retraining SET ended = updated WHERE NOT in_flight"))
    op.create_index("ix_retraining_model", "retraining", ["model", "requested"], unique=False)
    op.create_index(
        "ix_retraining_decision_dry_run",
        "retraining_decision",
        ["at"],
        unique=False,
        sqlite_where=sa.text("outcome = 'dry_run'"),
        postgresql_where=sa.text("outcome = 'dry_run'"),
    )
    failpoint.hit("mid_migration")
    op.create_table(
        "retraining_event",
        sa.Column("retraining_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["retraining_id"], ["retraining.id"], name=op.f("fk_retraining_event_retraining_id")
        ),
        sa.PrimaryKeyConstraint("retraining_id", "seq", name=op.f("pk_retraining_event")),
    )
    op.create_index("ix_retraining_event_at", "retraining_event", ["at"], unique=False)
    # One statement a paragraph: triggers hold semicolons of their own.
    name = f"0010_views.{op.get_bind().dialect.name}.sql"
    for statement in Path(__file__).with_name(name).read_text(encoding="utf-8").split("\n\n"):
        if statement.strip():
            op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
