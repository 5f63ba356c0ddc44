"""Who leads where several daemons share a database; harm and pull to the last bit in SQLite's view.

SQLite writes a number into JSON with 15 digits, so what v_measurements took from there was rounded.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "leader",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leader")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Of months of rows a day's are deleted at a time: by the default, a fifth, they pile up for weeks.
        for name in ("column_result", "verdict"):
            op.execute(f"ALTER TABLE {name} SET (autovacuum_vacuum_scale_factor = 0.02)")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP VIEW v_measurements")
        script = Path(__file__).with_name("0005_views.sqlite.sql").read_text(encoding="utf-8")
        op.execute(sa.text(script.replace(":", "\\:")))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")
