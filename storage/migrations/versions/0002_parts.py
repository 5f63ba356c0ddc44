"""Small models of a reference: relations, surrogate, slices."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "reference_part",
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["reference.id"], name=op.f("fk_reference_part_reference_id")
        ),
        sa.PrimaryKeyConstraint("reference_id", "name", name=op.f("pk_reference_part")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
