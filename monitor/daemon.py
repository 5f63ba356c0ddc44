"""How does Leeway run for months? Threads that put the numbered steps to work, and a supervisor over them.

The ticker says "look now". The conductor plans, hands out work, folds and flushes: database work only, so
it is never held up by a source or a channel. Workers evaluate windows. Couriers deliver, one a channel. The
main thread watches: a ticker or conductor silent for a minute ends the process with all stacks written and
exit code 70, and the service manager starts it again. Nothing relies on a clean exit
(docs/architecture.md, "From tick to Slack").
"""

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import TypeVar

from alerting.courier import Courier
from monitor.evaluation import evaluate_next
from monitor.exits import Exit
from monitor.folding import fold_model
from monitor.leading import leads, led
from monitor.logs import logger
from monitor.planning import plan_model, renew_leases
from monitor.rechecking import recheck_next
from monitor.runtime import Runtime, Watched
from monitor.telling import flush_group, groups_to_look_at
from monitor.ticker import STALE_AFTER_S, Ticker
from monitor.trailing import Refresher
from storage.errors import FenceLost

STOP_WITHIN_S = 20.0  # what is under way is finished or released in this time after SIGTERM
CLOCK_JUMP = timedelta(seconds=60)
FAR_JUMP = timedelta(days=1)  # forward: may be a mistake, so …
PLAN_AFTER_S = 600.0  # … nothing is planned until it has stood for this long
RENEWALS = 4  # of a lease before it would end
FOLD_AT_ONCE = 50  # windows of one model: the next model is not kept waiting
COURIER_IDLE_S = 1.0
SAY_AGAIN_S = 3600.0

Value = TypeVar("Value")


def one_pass(
    runtime: Runtime,
    couriers: Sequence[Courier],
    *,
    evaluate: Callable[[Runtime], bool] = evaluate_next,
) -> int:
    """Plan, evaluate, fold, flush and deliver until nothing is due now. Returns the windows evaluated.

    What `leeway run --once` and the tests do; the daemon does the same on threads. What fails for one model
    holds up no other here either: its error is raised when all the rest is done. Where another daemon leads,
    planning, folding and flushing are left to it. `evaluate` brings one window to its end; a scenario
    (monitor/scenario) gives values where a source would be read.
    """
    faults: dict[str, Exception] = {}
    leading = led(runtime)

    def attempt(step: str, do: Callable[[], Value]) -> Value | None:
        try:
            return do()
        except FenceLost as lost:
            logger().warning("leader.fenced", step=step, reason=str(lost))
            return None
        except Exception as error:  # noqa: BLE001  edge: raised below
            faults.setdefault(step, error)
            return None

    def fold() -> None:
        for name, watched in runtime.models.items():
            attempt(f"fold {name}", partial(fold_model, leading, watched))

    def plan() -> None:
        for name, watched in runtime.models.items():
            attempt(f"plan {name}", partial(plan_model, leading, watched))

    def flush() -> None:
        attempt("refresh", Refresher(runtime=leading).look)
        for key in attempt("flush", partial(groups_to_look_at, leading)) or ():
            attempt(f"flush {key}", partial(flush_group, leading, key))

    def lead(do: Callable[[], None]) -> None:
        if attempt("lead", partial(leads, runtime)):
            do()

    lead(plan)
    evaluated = 0
    while attempt("evaluate", partial(evaluate, runtime)):
        evaluated += 1
        lead(fold)
    while attempt("recheck", partial(recheck_next, runtime)):
        while attempt("evaluate", partial(evaluate, runtime)):
            evaluated += 1
    lead(fold)
    lead(flush)
    for courier in couriers:
        attempt("deliver", partial(deliver, runtime, (courier,)))
    for step, error in faults.items():
        logger().error("tick.failed", step=step, error=f"{type(error).__name__}: {error}")
    if faults:
        raise next(iter(faults.values()))
    return evaluated


def deliver(runtime: Runtime, couriers: Sequence[Courier]) -> None:
    """Send what is due now."""
    for courier in couriers:
        while courier.step(runtime.clock.now()):
            pass


class Daemon:
    """One process that owns the database (SQLite), or one of those that share it, and keeps going."""

    def __init__(self, runtime: Runtime, couriers: Sequence[Courier]) -> None:
        self._runtime = runtime
        self._couriers = couriers
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._conducted = self._renewed = self._plan_from = runtime.clock.monotonic()
        self._clock_offset = self._wall_minus_monotonic()
        workers = runtime.config.daemon.workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._working: set[Future[None]] = set()
        self._faults: dict[str, tuple[str, float]] = {}  # step → what it said last, and when
        self._workers = workers
        self._leading = led(runtime)  # for what only the leader does; its writes are refused when it is not
        self._refresher = Refresher(runtime=self._leading)
        self._ticker = Ticker(self._wake.set, every_s=runtime.config.daemon.tick_s, clock=runtime.clock)

    def run(self) -> int:
        """Work until a signal comes; the exit code of the process."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        logger().info("daemon.started", owner=self._runtime.owner, models=len(self._runtime.models))
        threads = [threading.Thread(target=self._conduct, name="conductor", daemon=True)]
        threads += [
            threading.Thread(target=self._deliver, args=(courier,), name="courier", daemon=True)
            for courier in self._couriers
        ]
        for thread in threads:
            thread.start()
        self._ticker.start()
        while not self._stopping.wait(1.0):
            if self._stalled(threads):
                logger().error(
                    "daemon.stalled", next_step="the service manager starts it again; see the stacks"
                )
                faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
                os._exit(Exit.INTERNAL)
        return self._stop(threads)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping.is_set():
            os._exit(Exit.OK)  # the second signal: leases expire, the outbox knows what may have been sent
        self._stopping.set()
        self._wake.set()

    def _stalled(self, threads: Sequence[threading.Thread]) -> bool:
        silent_s = self._runtime.clock.monotonic() - self._conducted
        return self._ticker.stale() or silent_s > STALE_AFTER_S or not all(t.is_alive() for t in threads)

    def _stop(self, threads: Sequence[threading.Thread]) -> int:
        logger().info("daemon.stopping")
        self._ticker.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)
        patience = threading.Timer(STOP_WITHIN_S, os._exit, (Exit.OK,))
        patience.daemon = True
        patience.start()
        for thread in threads:
            thread.join()
        self._pool.shutdown(wait=True)
        patience.cancel()
        logger().info("daemon.stopped")
        return Exit.OK

    def _conduct(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._stopping.is_set():
                return
            self._look()

    def _look(self) -> None:
        """One look at what is due: plan, hand out, fold, flush."""
        self._step("clock", self._note_clock)
        models = self._runtime.models.items()
        leading = self._step("lead", partial(leads, self._runtime))
        if leading and self._runtime.clock.monotonic() >= self._plan_from:
            for name, watched in models:
                self._step(f"plan {name}", partial(plan_model, self._leading, watched))
        self._step("workers", self._hand_out)
        if not leading:
            return
        for name, watched in models:
            self._step(f"fold {name}", partial(self._fold, watched))
        for key in self._step("flush", lambda: groups_to_look_at(self._leading)) or ():
            self._step(f"flush {key}", partial(flush_group, self._leading, key))

    def _step(self, step: str, do: Callable[[], Value]) -> Value | None:
        """One short piece of the conductor's work: leases are held in between, the supervisor sees life."""
        now = self._runtime.clock.monotonic()
        if now - self._renewed >= self._runtime.lease.total_seconds() / RENEWALS:
            self._guarded("leases", lambda: renew_leases(self._runtime))
            self._renewed = now
        done = self._guarded(step, do)
        self._conducted = self._runtime.clock.monotonic()
        return done

    def _fold(self, watched: Watched) -> None:
        if len(fold_model(self._leading, watched, most=FOLD_AT_ONCE)) == FOLD_AT_ONCE:
            self._wake.set()

    def _guarded(self, step: str, do: Callable[[], Value]) -> Value | None:
        """The edge: what fails for one model must not hold up another; the next tick tries again.

        A fault that stays is said once, with its traceback, and again when it changes or an hour is over.
        """
        try:
            done = do()
        except FenceLost as lost:  # it was paused for long, and another daemon does it now
            logger().warning("leader.fenced", step=step, reason=str(lost))
            return None
        except Exception as error:  # noqa: BLE001
            text, now = f"{type(error).__name__}: {error}", self._runtime.clock.monotonic()
            said, at = self._faults.get(step, ("", -SAY_AGAIN_S))
            if text != said or now - at >= SAY_AGAIN_S:
                self._faults[step] = (text, now)
                logger().error("tick.failed", step=step, error=text, exc_info=error)
            return None
        self._faults.pop(step, None)
        return done

    def _hand_out(self) -> None:
        self._working = {job for job in self._working if not job.done()}
        while len(self._working) < self._workers:
            self._working.add(self._pool.submit(self._work))

    def _work(self) -> None:
        # After a fault the window's lease expires and it is claimed again.
        self._guarded("evaluate", self._evaluate_all)
        if self._guarded("lead", partial(leads, self._runtime)):
            self._guarded("refresh", self._refresher.look)

    def _evaluate_all(self) -> None:
        while not self._stopping.is_set() and (evaluate_next(self._runtime) or recheck_next(self._runtime)):
            self._wake.set()  # fold what is ready now rather than at the next tick

    def _deliver(self, courier: Courier) -> None:
        while not self._stopping.is_set():
            # After a fault the row's lease expires and it is uncertain.
            if not self._guarded("deliver", lambda: courier.step(self._runtime.clock.now())):
                self._stopping.wait(COURIER_IDLE_S)

    def _wall_minus_monotonic(self) -> timedelta:
        clock = self._runtime.clock
        return timedelta(seconds=clock.now().timestamp() - clock.monotonic())

    def _note_clock(self) -> None:
        offset = self._wall_minus_monotonic()
        jump = offset - self._clock_offset
        if abs(jump) > CLOCK_JUMP:
            logger().warning("clock.jumped", seconds=round(jump.total_seconds()))
            if jump > FAR_JUMP:
                self._plan_from = self._runtime.clock.monotonic() + PLAN_AFTER_S
            elif jump < timedelta(0):
                self._plan_from = self._runtime.clock.monotonic()
        self._clock_offset = offset
