"""How is a database that holds rows opened: to read only, within limits, and never for longer than one read?

Each read has a connection of its own, which is closed when the read ends or is given up. On PostgreSQL it is
one READ ONLY transaction at REPEATABLE READ, so that what it reads is one moment of the table. SQLite is
opened with mode=ro.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from monitor.source import SourceError
from monitor.sources._sql_errors import failure

CONNECT_S = 10
LOCK_S = 20  # for somebody's ALTER TABLE; then it is tried again like anything that passes
IDLE_S = 600  # while a batch is counted; a process that is paused for longer must not hold the table
_EXPECTED = "postgresql://user@host/database or sqlite:///path/to/file.db"
_INTERRUPTED_EVERY = 10_000  # SQLite's virtual machine steps between two looks at the clock: some 0.1 ms
_POSTGRES = {
    "connect_timeout": CONNECT_S,
    "application_name": "leeway source",
    # A peer that is gone without a word is noticed within a minute.
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 40_000,
}


@dataclass(slots=True)
class _Deadline:
    """Of the statement that runs now, monotonic seconds."""

    limit_s: float
    at: float = 0.0

    def renew(self) -> None:
        self.at = time.monotonic() + self.limit_s

    def is_over(self) -> bool:
        return time.monotonic() > self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where rows are. `place` names it to people: no password, no option."""

    place: str
    dialect: str
    engine: Engine = field(repr=False)
    limit_s: float
    secret: str = field(repr=False)
    _path: Path | None = field(repr=False)  # of SQLite

    @classmethod
    def of(cls, url: str, limit_s: float) -> "Database":
        """Nothing is connected yet. ValueError, which never quotes the URL, where this cannot be one."""
        try:
            parsed = make_url(url)
            dialect = parsed.get_backend_name()
        except (ArgumentError, ValueError):
            raise ValueError(f"url: must be a database URL such as {_EXPECTED}") from None
        path = None
        if dialect == "sqlite":
            name = parsed.database or ""
            if name in ("", ":memory:") or name.startswith("file:"):
                raise ValueError("url: must name a file, such as sqlite:///path/to/file.db")
            path = Path(name)
        try:
            engine = _engine(parsed, dialect, path, limit_s)
        except NoSuchModuleError:
            raise ValueError(
                f"url: no dialect {parsed.drivername!r} is installed; use {_EXPECTED}, or install the "
                "SQLAlchemy dialect of that database"
            ) from None
        except ModuleNotFoundError as error:
            extra = "; pip install 'leeway-monitor[postgres]'" if dialect == "postgresql" else ""
            raise ValueError(
                f"url: {dialect} needs the driver {error.name}, which is not installed{extra}"
            ) from None
        except (ArgumentError, TypeError):
            raise ValueError(f"url: its options are not those of {dialect}") from None
        secret = parsed.password or ""
        return cls(
            place=_place(parsed, path),
            dialect=dialect,
            engine=engine,
            limit_s=limit_s,
            secret=secret,
            _path=path,
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One moment of the database. SourceError for whatever the server or the way to it says."""
        if self._path is not None and not self._path.exists():
            raise SourceError(f"{self.place}: no such file; create it or correct `url`", transient=True)
        try:
            with self.engine.connect() as conn:
                self._begin(conn)
                yield conn
        except SQLAlchemyError as error:
            raise failure(error, self.place, self.dialect, self.secret) from error

    def renew(self, conn: Connection) -> None:
        """Another statement begins, or another part of one is fetched: its time runs anew."""
        deadline = conn.info.get("deadline")
        if isinstance(deadline, _Deadline):
            deadline.renew()

    @property
    def blocks_writers(self) -> bool:
        """Whether an open read keeps others from writing: SQLite with a rollback journal."""
        if self.dialect != "sqlite":
            return False
        with self.read() as conn:
            return str(conn.execute(text("PRAGMA journal_mode")).scalar()).lower() != "wal"

    def _begin(self, conn: Connection) -> None:
        raw = conn.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            deadline = conn.info["deadline"] = _Deadline(self.limit_s)
            deadline.renew()
            raw.set_progress_handler(deadline.is_over, _INTERRUPTED_EVERY)
            conn.exec_driver_sql("BEGIN")
        elif self.dialect == "postgresql":
            conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            # In the transaction, not in the session's options: poolers refuse those.
            conn.execute(
                text("SELECT " + ", ".join(f"set_config('{name}', :{name}, true)" for name in _LOCAL)),
                {**_LOCAL, "statement_timeout": f"{max(1, round(self.limit_s * 1000))}ms"},
            )


_LOCAL = {
    "statement_timeout": "",
    "lock_timeout": f"{LOCK_S}s",
    "idle_in_transaction_session_timeout": f"{IDLE_S}s",
    "timezone": "UTC",
    "cursor_tuple_fraction": "1",  # all rows will be fetched, so the plan for all of them
    "synchronize_seqscans": "off",  # the same rows in the same order, whoever else reads
}


def _engine(url: URL, dialect: str, path: Path | None, limit_s: float) -> Engine:
    if path is not None:
        wait_s = min(limit_s, float(LOCK_S))
        return create_engine(
            "sqlite://", creator=lambda: _open(path, wait_s), poolclass=NullPool, hide_parameters=True
        )
    given: dict[str, object] = {}
    if dialect == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
        given = {name: value for name, value in _POSTGRES.items() if name not in url.query}
    return create_engine(url, connect_args=given, poolclass=NullPool, hide_parameters=True)


def _open(path: Path, wait_s: float) -> sqlite3.Connection:
    conn = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode=ro",
        uri=True,
        timeout=wait_s,
        isolation_level=None,  # `read` says BEGIN itself
        check_same_thread=False,  # a window may be read by another thread than asked for it
    )
    conn.text_factory = _lossy  # one bad byte spoils one label, not the window
    return conn


def _lossy(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _place(url: URL, path: Path | None) -> str:
    if path is not None:
        return str(path)
    host = url.host or url.query.get("host") or ""
    who = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    where = host if isinstance(host, str) else ",".join(host)
    return f"{url.get_backend_name()}://{who}{where}{port}/{url.database or ''}"
