"""How is history kept in PostgreSQL, which several daemons share?

A `write` takes a turn among all processes (an advisory lock that ends with its transaction), so what reads
and then writes is as alone as on SQLite, and READ COMMITTED shows it everything that was committed before. A
`claim` needs none: the row's own lock and its fence are enough. No session may wait, or sit in a transaction,
for ever: whoever is paused in a turn holds up everybody.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from sqlalchemy import URL, Column, Connection, Engine, Text, create_engine, text
from sqlalchemy.dialects.postgresql.base import PGTypeCompiler
from sqlalchemy.exc import DBAPIError

from storage.compiled import COMPILED
from storage.errors import StorageError
from storage.store import Store, refuse_newer

OLDEST = 14  # the oldest release that its makers still mend (postgresql.org/support/versioning)
POOL = 8  # connections kept; up to twice as many more while threads need them
CONNECT_S = 10
TURN = 0x1EE3A7  # class of our advisory locks; the object is the schema, so that two may share a database

# Every session's limits; `?options=-c%20name%3Dvalue` of the URL overrides each. A transaction of ours takes
# milliseconds, a fold that learns from hundreds of windows some seconds.
_SESSION = MappingProxyType(
    {
        "client_encoding": "UTF8",
        "lock_timeout": "20s",
        "statement_timeout": "60s",
        "idle_in_transaction_session_timeout": "30s",
        "default_transaction_isolation": "read committed",
        "synchronous_commit": "on",  # a commit survives a crash, whatever the server's default
    }
)
# Long looks hold up nobody: an export, a backtest that computes between two queries.
_READING = MappingProxyType(
    {
        **_SESSION,
        "statement_timeout": "300s",
        "idle_in_transaction_session_timeout": "600s",
        "default_transaction_isolation": "repeatable read",
        "default_transaction_read_only": "on",
    }
)


class PostgresStore(Store):
    """A database, or one schema of it; any number of daemons."""

    shared = True

    def __init__(self, name: str, readers: Engine, writer: Engine | None) -> None:
        super().__init__(name, readers, writer)
        self._has_schema = False

    def revision(self) -> str | None:
        found = super().revision()
        self._has_schema = self._has_schema or found is not None
        return found

    def damage(self) -> list[str]:
        """Every value of every table is read, so a damaged page or a lost TOAST value is met."""
        problems: list[str] = []
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
        with self.read() as conn:
            names = list(conn.execute(text(tables)).scalars())
            problems += [
                f"{kind} {name} is not valid: REINDEX it, or ALTER TABLE … VALIDATE CONSTRAINT"
                for kind, name in conn.execute(text(_INVALID))
            ]
        for name in names:
            try:
                with self.read() as conn:
                    conn.execute(text("SET LOCAL statement_timeout = 0"))
                    conn.execute(text(f'SELECT sum(length(t::text)) FROM "{name}" AS t'))  # noqa: S608  from pg_tables
            except StorageError as error:
                problems.append(str(error))
        return problems

    @contextmanager
    def _queue(self) -> Iterator[None]:
        yield

    def _take_turn(self, conn: Connection, *, patient: bool = False) -> None:
        if patient:
            for limit in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                conn.execute(text(f"SET LOCAL {limit} = 0"))
        conn.execute(_TAKE_TURN)
        if self._has_schema and not patient:
            # A newer leeway may have upgraded it while this one was running.
            refuse_newer(self.name, conn.execute(text("SELECT version_num FROM alembic_version")).scalar())

    def _reason(self, error: DBAPIError) -> str:
        """Its first sentence: what follows quotes the statement and its values."""
        diagnosis = getattr(error.orig, "diag", None)
        return getattr(diagnosis, "message_primary", None) or super()._reason(error)

    def _remedy(self, error: DBAPIError) -> str:
        return remedy(getattr(error.orig, "sqlstate", None), str(error.orig))


_TAKE_TURN = text(f"SELECT pg_advisory_xact_lock({TURN}, hashtext(current_schema()))")
_INVALID = """
SELECT 'index', c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'constraint', conname FROM pg_constraint
 WHERE NOT convalidated AND connamespace = current_schema()::regnamespace
"""


def open_postgres(url: URL, *, read_only: bool) -> PostgresStore:
    """Connect, and see that this is a place where history can be kept."""
    name = place(url)
    url = url.set(drivername="postgresql+psycopg")
    try:
        writer = None if read_only else _engine(url, _SESSION)
        store = PostgresStore(name, _engine(url, _READING), writer)
    except ModuleNotFoundError as error:
        raise StorageError(
            f"{name}: PostgreSQL needs the driver psycopg; pip install 'leeway-monitor[postgres]'"
        ) from error
    try:
        _check(store)
    except StorageError:
        store.close()
        raise
    return store


def place(url: URL) -> str:
    """Whom and where, without password and options."""
    host = url.host or url.query.get("host") or url.query.get("service") or ""
    who = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{who}{host if isinstance(host, str) else ','.join(host)}{port}/{url.database or ''}"


def _check(store: PostgresStore) -> None:
    query = (
        "SELECT current_schema(), current_setting('search_path'), "
        "current_setting('server_encoding'), current_setting('server_version_num')::int / 10000"
    )
    with store.read() as conn:
        schema, path, encoding, version = conn.execute(text(query)).one()
    if version < OLDEST:
        raise StorageError(f"{store.name}: PostgreSQL {version} is too old; {OLDEST} or newer is needed")
    if encoding != "UTF8":
        raise StorageError(
            f"{store.name}: the database's encoding is {encoding}, names and values need UTF8; create "
            "another one with `createdb --encoding UTF8 --template template0`"
        )
    if schema is None:
        raise StorageError(
            f"{store.name}: no schema of search_path ({path}) exists; CREATE SCHEMA, or name another one"
        )


def _engine(url: URL, limits: Mapping[str, str]) -> Engine:
    theirs = url.query.get("options", "")
    ours = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in limits.items())
    given: dict[str, object] = {
        "options": f"{ours} {theirs if isinstance(theirs, str) else ' '.join(theirs)}".strip(),
        "connect_timeout": CONNECT_S,
        "application_name": f"leeway {socket.gethostname()}",
        # A peer that is gone without a word is noticed within a minute.
        "keepalives_idle": 20,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 40_000,
    }
    engine = create_engine(
        url,
        connect_args={
            name: value for name, value in given.items() if name == "options" or name not in url.query
        },
        pool_pre_ping=True,
        pool_size=POOL,
        max_overflow=2 * POOL,
        pool_timeout=CONNECT_S,
        pool_recycle=1800,
        execution_options={"compiled_cache": COMPILED},
    )
    engine.dialect.type_compiler_instance = _TypeCompiler(engine.dialect)
    return engine


class _TypeCompiler(PGTypeCompiler):
    """Text columns are made with COLLATE "C": they sort by code point, as on SQLite, whatever the database's
    own locale, and a prefix is found through an ordinary index."""

    def visit_TEXT(self, type_: Text, **kw: Any) -> str:
        made = super().visit_TEXT(type_, **kw)
        return f'{made} COLLATE "C"' if isinstance(kw.get("type_expression"), Column) else made


# By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html); the longest prefix counts.
_REMEDIES = {
    "25006": "the server is a standby or set to read-only; let storage.url name the primary",
    "25P03": "the process was paused in a transaction, of which nothing was kept; is the machine overloaded",
    "28": "check user and password in storage.url, and pg_hba.conf on the server",
    "3D000": "create it: `createdb NAME`, or correct storage.url",
    "40": "another transaction came first and nothing of this one was kept; try again",
    "42501": 'grant this role what it lacks; docs/operations.md, "PostgreSQL", has the statements',
    "42703": "run `leeway db upgrade`",
    "42P01": "run `leeway db upgrade`",
    "53100": "free disk space on the server",
    "53200": "the server is out of memory",
    "53300": "the server has no connection left; raise max_connections, or end what does not need one",
    "55P03": "another process held the lock too long, look for a long transaction in pg_stat_activity",
    "57014": "it took longer than statement_timeout; look for what holds it up in pg_stat_activity",
    "57P": "the server ended the session, nothing of the transaction was kept; the next one connects again",
    "58": "look at the server's log and its disk",
    "XX": "the database may be damaged: look at the server's log; `leeway db check` says more",
}
# A connection that cannot be made has no SQLSTATE, only a text.
_CONNECTING = {
    "authentication failed": _REMEDIES["28"],
    "no password supplied": _REMEDIES["28"],
    "no pg_hba.conf entry": _REMEDIES["28"],
    "does not exist": _REMEDIES["3D000"],
    "too many clients": _REMEDIES["53300"],
    "starting up": _REMEDIES["57P"],
    "shutting down": _REMEDIES["57P"],
}


def remedy(state: str | None, reason: str) -> str:
    """What a person can do about an error of the server or of the way to it."""
    if state:
        for length in (5, 3, 2):
            if state[:length] in _REMEDIES:
                return _REMEDIES[state[:length]]
        return "look at the server's log"
    for words, found in _CONNECTING.items():
        if words in reason:
            return found
    if any(words in reason for words in ("connection to server", "resolve host", "connection timeout")):
        return "is the server running, and does it listen at that host and port"
    return _REMEDIES["57P"]
