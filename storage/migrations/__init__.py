"""Which schema revisions does this program know, oldest first?

Kept as plain words so that opening a database does not import Alembic; a test compares them with versions/.
"""

REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
)
