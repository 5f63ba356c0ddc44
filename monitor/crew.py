"""Who evaluates windows? A fixed number of workers, of which one is kept for what has just become due.

During a long catch-up fresh windows are evaluated at once: the kept worker takes only those that became due
within their model's last interval. A worker alone takes turns, fresh first. One that hangs in a read is
given up and replaced (monitor/reads.py); when too many hang, the process has to start anew.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.evaluation import evaluate_next, give_up_read
from monitor.faults import Faults
from monitor.logs import logger
from monitor.rechecking import recheck_next
from monitor.runtime import InForce, Runtime
from storage import ledger

MOST_HUNG = 8  # threads that wait in a read nobody waits for any more


@dataclass(slots=True, kw_only=True, eq=False)
class _Worker:
    """One thread. `given_up`: it hangs in a read; should it come back, it ends."""

    number: int
    go: threading.Event = field(default_factory=threading.Event)
    given_up: bool = False
    thread: threading.Thread | None = None

    @property
    def is_alive(self) -> bool:
        return self.thread is not None and self.thread.is_alive()


class Crew:
    """The conductor hands out work; workers say `found` after each window, so that it is folded at once."""

    def __init__(
        self,
        in_force: InForce,
        faults: Faults,
        *,
        found: Callable[[], None],
        then: Callable[[], None],
        size: int,
    ) -> None:
        self._in_force = in_force
        self._faults = faults
        self._found = found
        self._then = then  # what a worker does when no window is due
        self._stopping = threading.Event()
        self._workers: list[_Worker] = []
        self._hung: list[_Worker] = []
        self.size = size

    @property
    def hung(self) -> int:
        """Workers that wait in a read which nobody waits for."""
        return sum(worker.is_alive for worker in self._hung)

    @property
    def is_busy(self) -> bool:
        """Whether a thread of it is still there."""
        return any(worker.is_alive for worker in (*self._workers, *self._hung))

    def hand_out(self) -> None:
        """Every worker looks for due windows; those that hang are replaced. Called at each look."""
        if self._stopping.is_set():
            return
        self._replace_hung()
        self._workers = [worker for worker in self._workers if worker.is_alive and not worker.given_up]
        # A reload asked for fewer. By number, not by place: one that was replaced stands last.
        for worker in self._workers:
            if worker.number >= self.size:
                worker.given_up = True
                worker.go.set()
        self._workers = [worker for worker in self._workers if not worker.given_up]
        taken = {worker.number for worker in self._workers}
        for number in range(self.size):
            if number not in taken:
                self._workers.append(self._begin(number))
        for worker in self._workers:
            worker.go.set()

    def stop(self, within_s: float) -> None:
        """Claim nothing more; what is not finished in time goes back to the ledger, free to be claimed."""
        self._stopping.set()
        for worker in self._workers:
            worker.go.set()
        end = time.monotonic() + within_s
        for worker in self._workers:
            if worker.thread is not None:
                worker.thread.join(max(0.0, end - time.monotonic()))
        self._faults.guard("release", self._release)

    def _release(self) -> None:
        runtime = self._in_force.runtime
        with runtime.lease_lock:
            held = dict(runtime.leases)
            runtime.leases.clear()
        if not held:
            return
        with runtime.store.claim() as conn:
            now = runtime.clock.now()
            released = [id_ for id_, fence in held.items() if ledger.release(conn, id_, fence, now)]
        logger().info("windows.released", windows=len(released))

    def _begin(self, number: int) -> _Worker:
        worker = _Worker(number=number)
        worker.thread = threading.Thread(
            target=self._live, args=(worker,), name=f"worker-{number}", daemon=True
        )
        worker.thread.start()
        return worker

    def _live(self, worker: _Worker) -> None:
        while True:
            worker.go.wait()
            worker.go.clear()
            if not self._goes_on(worker):
                return
            # After a fault the window's lease expires and it is claimed again.
            self._faults.guard("evaluate", lambda: self._evaluate_all(worker))
            if not self._goes_on(worker):
                return
            self._faults.guard("refresh", self._then)

    def _goes_on(self, worker: _Worker) -> bool:
        return not (self._stopping.is_set() or worker.given_up or self._faults.lost is not None)

    def _evaluate_all(self, worker: _Worker) -> None:
        fresh = True  # a worker alone takes turns, and begins with what is fresh
        while self._goes_on(worker):
            runtime = self._in_force.runtime
            if self.size > 1:
                done = self._take(runtime, kept=worker.number == 0)
            else:
                done = (fresh and evaluate_next(runtime, fresh=True)) or self._take(runtime)
                fresh = not fresh
            if not done:
                return
            self._found()

    @staticmethod
    def _take(runtime: Runtime, *, kept: bool = False) -> bool:
        """One window, or a look whether rows of an earlier one came late."""
        return evaluate_next(runtime, fresh=True) if kept else evaluate_next(runtime) or recheck_next(runtime)

    def _replace_hung(self) -> None:
        runtime = self._in_force.runtime
        self._hung = [worker for worker in self._hung if worker.is_alive]
        for read in runtime.reads.overdue(runtime.clock.monotonic()):
            worker = next((w for w in self._workers if w.thread and w.thread.ident == read.thread), None)
            # First the mark: what it evaluates next would otherwise be the work of one worker too many.
            if worker is not None:
                worker.given_up = True
                self._hung.append(worker)
            if not give_up_read(runtime, read) and worker is not None:
                worker.given_up = False
                self._hung.remove(worker)
