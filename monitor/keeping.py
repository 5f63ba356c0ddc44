"""How is the database kept well while the daemon runs?

Looked for by name at each look; looked through once a day; and once a day what is too old is pruned, in steps
so short that nobody waits: the conductor takes a few of them between two looks.
"""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from monitor.config import Config
from monitor.learning import MEMORY
from monitor.logs import logger
from monitor.runtime import InForce, Runtime
from monitor.windows import Unit, WindowSpec, window_at
from storage import backlog, fold_order, model_names, retention
from storage.due_window import Stream
from storage.engine import SqliteStore
from storage.house import findings
from storage.retention import Limits
from storage.soundness import OpenedFile
from storage.span import Span

CHECK_EVERY_S = 86_400.0
PRUNE_EVERY_S = 86_400.0
PRUNE_AFTER_S = 60.0  # first what a start has to catch up on
AGAIN_AFTER_S = 3600.0  # what failed
PRUNE_FOR_S = 0.2  # a look: then plans and folds have their turn
ONCE_FOR_S = 10.0
DAY = timedelta(days=1)


class Keeper:
    """What the daemon does for its own database."""

    def __init__(self, in_force: InForce) -> None:
        self._in_force = in_force
        self._file: OpenedFile | None = None
        self._shut_out = ""  # what was said of it
        self._prune_at = in_force.runtime.clock.monotonic() + PRUNE_AFTER_S
        self._run: Iterator[int] | None = None
        self._config = in_force.runtime.config  # what the run goes by
        self._gone = 0
        self.check_every_s = CHECK_EVERY_S

    def warn(self) -> None:
        """What to know about the place the database is in, said once at start."""
        store = self._in_force.runtime.store
        if isinstance(store, SqliteStore):
            for finding in findings(store.path):
                logger().warning("storage.risky", finding=finding)

    def look(self) -> None:
        """Is it still the file that was opened? Raises StorageLost."""
        store = self._in_force.runtime.store
        if not isinstance(store, SqliteStore):
            return
        if self._file is None:
            self._file = OpenedFile.of(store.path)
        self._file.must_be_there()
        shut_out = self._file.shut_out()
        if shut_out != self._shut_out:
            self._shut_out = shut_out
            if shut_out:
                logger().error("database.shut_out", reason=shut_out)
            else:
                logger().info("database.let_in", path=str(store.path))

    def tidy(self, runtime: Runtime) -> bool:
        """A few steps of the day's pruning, when it is time; whether there is more. Only a leader prunes."""
        clock = self._in_force.runtime.clock
        began = clock.monotonic()
        if self._run is None:
            if began < self._prune_at:
                return False
            self._run, self._gone, self._config = prune(runtime), 0, runtime.config
            self._prune_at = began + PRUNE_EVERY_S
        elif runtime.config is not self._config:  # a reload: what it asks to keep longer is kept from now on
            self._run, self._config = prune(runtime), runtime.config
        try:
            for gone in self._run:
                self._gone += gone
                if clock.monotonic() - began >= PRUNE_FOR_S:
                    return True
        except Exception:
            self._run, self._prune_at = None, began + AGAIN_AFTER_S
            raise
        self._run = None
        if self._gone:
            logger().info("history.pruned", rows=self._gone)
        return False

    def told(self) -> str:
        """For the status line."""
        runtime = self._in_force.runtime
        with runtime.store.read() as conn:
            due = backlog.due(conn, runtime.clock.now())
        return f"{due} windows due"


def tidy_once(runtime: Runtime) -> None:
    """What a pass from cron does of it: for some seconds, the next one goes on."""
    end = time.monotonic() + ONCE_FOR_S
    gone = 0
    for rows in prune(runtime):
        gone += rows
        if time.monotonic() > end:
            break
    if gone:
        logger().info("history.pruned", rows=gone)


def prune(runtime: Runtime) -> Iterator[int]:
    """Prune what is too old, a step at a time; yields the rows of each. Ends when nothing is left to do."""
    now = runtime.clock.now()
    with runtime.store.read() as conn:
        names = model_names.with_windows(conn)
    for name in names:
        while gone := prune_model(runtime, name):
            yield gone
    audit = now - runtime.config.daemon.retention.audit
    while gone := retention.prune_audit(runtime.store, audit):
        yield gone


def prune_model(runtime: Runtime, model: str) -> int:
    """One step for one model, in a transaction of its own; how many rows went. 0: nothing is left to do."""
    limits = _limits(runtime, model, runtime.clock.now())
    return 0 if limits is None else retention.prune(runtime.store, model, limits)


def _limits(runtime: Runtime, model: str, now: datetime) -> Limits | None:
    """Counted from the latest judged window, not from today: a wrong clock prunes nothing, and a model that
    rests keeps what it has. None: nothing of it was judged yet.
    """
    with runtime.store.read() as conn:
        latest = fold_order.folded_span(conn, model, Stream.INPUTS)
    if latest is None:
        return None
    until = min(now, latest.end)
    keep = runtime.config.daemon.retention
    return Limits(
        full=until - full_for(runtime.config, model),
        daily=until - keep.daily,
        audit=until - keep.audit,
        day_of=lambda at: day_of(runtime.config, model, at),
    )


def full_for(config: Config, model: str) -> timedelta:
    """How long measurements of a model are kept in full: as asked for, and as long as they are needed.

    Noise is learnt from as many as MEMORY windows; late rows and labels lead back to the checkpoint before.
    """
    keep = config.daemon.retention.measurements
    known = config.models.get(model)
    if known is None:
        return keep
    interval = known.window.spec.nominal
    late = known.window.lateness + (known.labels.max_delay if known.labels else timedelta(0))
    return max(keep, MEMORY * interval, late + 2 * interval)


def day_of(config: Config, model: str, at: datetime) -> Span:
    """The day of an instant in the model's zone; the window's own span where windows are longer."""
    known = config.models.get(model)
    if known is None:
        return window_at(WindowSpec(count=1, unit=Unit.DAY), at)
    spec = known.window.spec
    if spec.nominal > DAY:
        return window_at(spec, at)
    return window_at(WindowSpec(count=1, unit=Unit.DAY, zone=spec.zone), at)
