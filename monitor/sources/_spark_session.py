"""How is Spark reached: by Spark Connect, or by a driver in this process, and for how long may it work?

One session a cluster and process, made when it is first needed. A process has drivers of one kind: that is
pyspark's rule.
"""

import contextlib
import itertools
import os
import socket
import sys
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from monitor.source import SourceError
from monitor.sources._spark_errors import condition, failure

CONNECT_S = 10
_CANCEL_EVERY_S = 0.5
_LOST = ("INVALID_HANDLE", "UNAVAILABLE")  # a session that the server does not know any more
ROOMS = ("alerting", "detectors", "monitor", "storage")
# pandas 3 is what evidently is pinned to; nothing here goes through it.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
_SESSIONS: dict[tuple[str, str], Any] = {}
_LOCK = threading.Lock()
_NUMBERS = itertools.count(1)
_COMMON = {"spark.sql.session.timeZone": "UTC", "spark.sql.caseSensitive": "true"}
_OWN = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
_LOCAL = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """`remote`: sc://… of a Spark Connect server; else `master` of a driver here. `limit_s`: of a job."""

    remote: str = field(repr=False)  # may hold a token
    master: str
    config: Mapping[str, str]
    ship: bool
    limit_s: float

    @property
    def place(self) -> str:
        """For people: no token."""
        if not self.remote:
            return f"spark {self.master}"
        parts = urlsplit(self.remote)
        return f"sc://{parts.hostname}:{parts.port or 15002}"

    @contextlib.contextmanager
    def job(self) -> Iterator[Any]:
        """A session; what is asked of it here ends when its time is over. SourceError for what Spark says."""
        over, done = threading.Event(), threading.Event()
        try:
            if self.remote:
                self._must_listen()
            session = self._session()
            tag = f"leeway-{os.getpid()}-{next(_NUMBERS)}"
            mark, unmark, cancel = _tagging(session, tag)

            def watch() -> None:
                wait_s = self.limit_s
                while not done.wait(wait_s):  # again, for whatever is asked after what was cancelled
                    over.set()
                    with contextlib.suppress(Exception):  # it may have ended by itself
                        cancel()
                    wait_s = _CANCEL_EVERY_S

            mark()
            threading.Thread(target=watch, name="spark job", daemon=True).start()
            try:
                yield session
                if over.is_set():
                    raise self._too_long()
            finally:
                done.set()
                with contextlib.suppress(Exception):  # the session may be gone: that has been said
                    unmark()
        except SourceError:
            raise
        except Exception as error:  # pyspark raises what py4j, gRPC and Python raise
            if over.is_set():
                raise self._too_long() from error
            word = condition(error)
            if not word or word.startswith(_LOST):  # else Spark has answered
                self._forget_if_gone()
            raise failure(self._hidden(error), self.place) from None

    def _too_long(self) -> SourceError:
        return SourceError(
            f"{self.place}: took longer than job_timeout, {self.limit_s:g} s, and was ended", transient=True
        )

    def _must_listen(self) -> None:
        """pyspark tries for ten minutes."""
        parts = urlsplit(self.remote)
        try:
            with socket.create_connection((parts.hostname or "", parts.port or 15002), CONNECT_S):
                pass
        except OSError as error:
            raise ConnectionError(error.strerror or str(error)) from error

    def _hidden(self, error: Exception) -> Exception:
        """gRPC quotes what it was given."""
        token = self.remote.partition("token=")[2].partition(";")[0]
        return ConnectionError("it cannot be reached") if token and token in str(error) else error

    def _session(self) -> Any:
        with _LOCK:
            found = _SESSIONS.get((self.remote, self.master))
            if found is None:
                found = _in_a_thread(self._made)
                _SESSIONS[self.remote, self.master] = found
            return found

    def _made(self) -> Any:
        builder = pyspark().sql.SparkSession.builder
        given = {**_COMMON, **({} if self.remote else _OWN), **self.config}
        if self.remote:
            builder = builder.remote(self.remote)
        else:
            builder = builder.master(self.master).appName("leeway")
            given = {**(_LOCAL if self.master.startswith("local") else {}), **given}
        for name, value in given.items():
            builder = builder.config(name, value)
        session = builder.create() if self.remote else builder.getOrCreate()
        if not self.remote:
            session.sparkContext.setLogLevel("ERROR")
            if self.master.startswith("local"):
                session.sparkContext.pythonExec = sys.executable
        if self.ship:
            with tempfile.TemporaryDirectory(prefix="leeway-ship-") as folder:
                content = packed(Path(folder))
                if self.remote:
                    session.addArtifacts(str(content), pyfile=True)
                else:
                    session.sparkContext.addPyFile(str(content))
        return session

    def _forget_if_gone(self) -> None:
        """A server that was started again knows no session of before; a driver may have died."""
        with _LOCK:
            found = _SESSIONS.get((self.remote, self.master))
            if found is None:
                return
            try:
                if self.remote:
                    self._must_listen()  # else it is asked for ten minutes
                found.range(1).count()
            except Exception:  # noqa: BLE001 - whatever it is, another one is made next time
                _SESSIONS.pop((self.remote, self.master), None)
                with contextlib.suppress(Exception):
                    found.stop()


def packed(folder: Path) -> Path:
    """Our own packages in one file that Python imports from."""
    content = folder / "leeway.zip"
    root = Path(__file__).parents[2]
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as into:
        for room in ROOMS:
            for file in sorted((root / room).rglob("*.py")):
                into.write(file, file.relative_to(root))
    return content


def pyspark() -> Any:
    """ValueError where it is not installed."""
    try:
        import pyspark  # noqa: PLC0415 - an extra, and only where it is asked
        import pyspark.sql  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ValueError(
            "kind: spark needs the extra of that name, which is not installed; "
            "pip install 'leeway-monitor[spark]'"
        ) from None
    return pyspark


def functions() -> Any:
    """pyspark.sql.functions, of whichever kind of session this process has."""
    import pyspark.sql.functions  # noqa: PLC0415 - as above

    return pyspark.sql.functions


def _tagging(session: Any, tag: str) -> tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any]]:
    """To mark what this thread asks for, to end that, and to cancel what is marked."""
    context = getattr(session, "_sc", None)  # None or absent by Spark Connect
    if context is None:
        return (
            lambda: session.addTag(tag),
            lambda: session.removeTag(tag),
            lambda: session.interruptTag(tag),
        )
    return (
        lambda: context.addJobTag(tag),
        lambda: context.removeJobTag(tag),
        lambda: context.cancelJobsWithTag(tag),
    )


def _in_a_thread(make: Callable[[], Any]) -> Any:
    """pyspark takes SIGINT for itself where it starts on the main thread."""
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(make())
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    thread = threading.Thread(target=run, name="spark")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]
