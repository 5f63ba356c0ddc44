"""When are the rows that came over HTTP merged into fewer files, and when do they go?

A thread of the listener's process looks once a minute. Rows go `keep` after they came, counted from the
latest judged window, not from today: a wrong clock removes nothing, and a model that rests keeps its rows.
"""

import threading
from collections import defaultdict
from functools import partial

from monitor.faults import Faults
from monitor.logs import logger
from monitor.runtime import InForce
from monitor.sources import _merging
from monitor.sources.ingest import IngestSource
from monitor.web.ingesting import ingest_sources
from storage import fold_order
from storage.due_window import Stream

EVERY_S = 60.0


class Inboxes:
    """Looks after them between `start` and `stop`."""

    def __init__(self, in_force: InForce, faults: Faults) -> None:
        self._in_force = in_force
        self._faults = faults
        self._ending = threading.Event()
        self._since: defaultdict[str, dict[str, float]] = defaultdict(dict)  # by folder
        self._thread = threading.Thread(target=self._live, name="inboxes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> threading.Thread:
        self._ending.set()
        return self._thread

    def look(self) -> None:
        """Once over all models; what fails for one holds up no other."""
        for (model, labels), source in ingest_sources(self._in_force).items():
            step = f"ingest {model}{' labels' if labels else ''}"
            self._faults.guard(step, partial(self._tend, model, source))

    def _live(self) -> None:
        while True:
            self._faults.guard("ingest", self.look)
            if self._ending.wait(EVERY_S):
                return

    def _tend(self, model: str, source: IngestSource) -> None:
        runtime, inbox = self._in_force.runtime, source.inbox
        inbox.open()
        now = runtime.clock.now()
        _merging.remove_unfinished(inbox, now)
        _merging.remove_covered(inbox, self._since[str(inbox.folder)], runtime.clock.monotonic())
        with runtime.store.read() as conn:
            latest = fold_order.folded_span(conn, model, Stream.INPUTS)
        if latest is not None:
            until = min(now, latest.end) - source.keep
            removed = _merging.remove_old(inbox, until) + source.summaries.remove_old(until)
            if removed:
                logger().info("ingest.removed", model=model, files=removed)
        merged = 0
        while not self._ending.is_set() and (files := _merging.merge(inbox, now)):
            merged += files
        if merged:
            logger().info("ingest.merged", model=model, files=merged)
