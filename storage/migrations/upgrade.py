"""How does a database come to this program's schema?

The caller's transaction holds the whole upgrade, DDL included (SQLite and PostgreSQL both roll DDL back): a
killed upgrade leaves the schema it began with.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(conn: Connection, revision: str = "head") -> None:
    """Run every revision the database does not have."""
    command.upgrade(config(conn), revision)


def config(conn: Connection | None = None) -> Config:
    """Alembic's configuration; there is no alembic.ini, the scripts ship inside the package."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["connection"] = conn
    return made
