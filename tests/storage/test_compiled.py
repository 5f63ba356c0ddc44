"""Laws of compiled statements: once a process, and never one database's words for another."""

from pathlib import Path

from sqlalchemy import literal, select

from storage.compiled import COMPILED
from storage.engine import open_store
from storage.tables import ledger


def test_a_statement_is_compiled_once_for_reading_and_writing(tmp_path: Path) -> None:
    """And for every other file that this process opens."""
    statement = select(literal(1).label("compiled_once"))
    before = len(COMPILED)
    for name in ("one", "other"):
        with open_store(f"sqlite:///{tmp_path}/{name}.db") as store:
            with store.read() as conn:
                assert conn.execute(statement).scalar() == 1
            with store.write() as conn:
                assert conn.execute(statement).scalar() == 1
    assert len(COMPILED) == before + 1


def test_each_database_is_spoken_to_in_its_own_words(tmp_path: Path, postgres_url: str) -> None:
    """The same statement in one process: parameters are written otherwise there."""
    statement = select(ledger.c.id.label("own_words")).where(ledger.c.model == "m").limit(1)
    for url in (f"sqlite:///{tmp_path}/leeway.db", postgres_url):
        with open_store(url) as store:
            store.upgrade()
            before = len(COMPILED)
            with store.read() as conn:
                assert conn.execute(statement).all() == []
            assert len(COMPILED) == before + 1
