"""What is left of measurements when their windows are no longer kept in full?"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, UniqueConstraint

from storage.encoding import Json
from storage.tables._columns import foreign, identity, metadata, when, word

daily_result = Table(
    "daily_result",
    metadata,
    identity(),
    foreign("ledger_id", "ledger.id"),  # the day's first window: through it model and stream are known
    when("start"),  # of the day in the model's zone; of the window where that is longer
    when("end"),
    word("segment", ""),
    word("column_name"),
    word("version", ""),
    Column("windows", Integer, nullable=False),  # how many it stands for
    Column("rows", BigInteger, nullable=False),
    # [{metric, value: mean weighted by n, min, max, weight, noise_limit, n, n_reference, status}]
    Column("measurements", Json, nullable=False),
    UniqueConstraint("ledger_id", "segment", "column_name", "version"),
)
Index("ix_daily_result_column", daily_result.c.column_name, daily_result.c.ledger_id)
