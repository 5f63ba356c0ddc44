"""How does Leeway run for months? Threads that put the numbered steps to work, and a supervisor over them.

The ticker says "look now". The conductor plans, hands out work, folds and flushes. Workers evaluate windows.
Couriers deliver, one a channel. The main thread watches (monitor/supervisor.py) and takes signals. Nothing
relies on a clean exit (docs/architecture.md, "From tick to Slack").
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from alerting.courier import Courier
from monitor.conductor import Conductor
from monitor.couriers import Couriers
from monitor.crew import MOST_HUNG, Crew
from monitor.evaluation import evaluate_next
from monitor.exits import Exit
from monitor.faults import Faults
from monitor.folding import fold_model, with_work
from monitor.interacting import Interacting
from monitor.keeping import Keeper
from monitor.leading import leads, led
from monitor.logs import logger
from monitor.memory import kept_for_good
from monitor.planning import how_far, plan_model
from monitor.rebuilding import Rebuilder
from monitor.rechecking import recheck_next
from monitor.reloading import reload
from monitor.resting import Resting
from monitor.runtime import InForce, Runtime
from monitor.service_manager import START_WITHIN_S, ServiceManager
from monitor.supervisor import Supervisor, end_stalled
from monitor.telling import flush_group, groups_to_look_at
from monitor.tending import tend, to_tend
from monitor.ticker import Ticker
from monitor.trailing import Refresher
from monitor.warm_up import warm_up
from storage.errors import FenceLost, StorageLost
from storage.soundness import must_be_sound

if TYPE_CHECKING:
    from monitor.web.listener import Listener

STOP_WITHIN_S = 20.0  # what is under way is finished or released in this time after SIGTERM
RELEASE_AFTER_S = 12.0  # windows that are not finished by then go back to the ledger

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
        except StorageLost:
            raise  # not one more write, for no model
        except FenceLost as lost:
            logger().warning("leader.fenced", step=step, reason=str(lost))
            return None
        except Exception as error:  # noqa: BLE001  edge: raised below
            faults.setdefault(step, error)
            return None

    def fold() -> None:
        for name, streams in (attempt("fold", partial(with_work, leading)) or {}).items():
            attempt(f"fold {name}", partial(fold_model, leading, runtime.models[name], streams=streams))

    def plan() -> None:
        far = attempt("plan", partial(how_far, leading)) or {}
        for name, watched in runtime.models.items():
            attempt(f"plan {name}", partial(plan_model, leading, watched, far.get(name)))

    def flush() -> None:
        attempt("refresh", Refresher(runtime=leading).look)
        attempt("rebuild", Rebuilder(runtime=leading).look)
        for name in attempt("retraining", partial(to_tend, leading)) or ():
            attempt(f"retraining {name}", partial(tend, leading, runtime.models[name]))
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

    def __init__(
        self, runtime: Runtime, couriers: Sequence[Courier], manager: ServiceManager | None = None
    ) -> None:
        self._in_force = InForce(runtime=runtime)
        self._first_couriers = couriers
        self._manager = manager or ServiceManager.of(os.environ)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._reload = threading.Event()
        self._faults = Faults(monotonic=runtime.clock.monotonic)
        self._keeper = Keeper(self._in_force)
        self._refresher = Refresher(runtime=led(runtime))
        self._rebuilder = Rebuilder(runtime=led(runtime))
        self._resting = Resting(runtime.clock.monotonic())
        self._crew = Crew(
            self._in_force,
            self._faults,
            found=self._found,
            then=self._refresh,
            size=runtime.config.daemon.workers,
        )
        self._couriers = Couriers(runtime.clock, self._faults)
        self._interacting = Interacting(self._in_force, self._faults, self._wake.set)
        self._conductor = Conductor(
            self._in_force,
            self._faults,
            self._crew,
            wake=self._wake,
            first=self._first,
            say=self._say,
            tidy=self._keeper.tidy,
            rest=self._resting.look,
        )
        self._ticker = Ticker(self._conductor.due, every_s=runtime.config.daemon.tick_s, clock=runtime.clock)
        self._web = _listener(self._in_force, self._faults)
        self._status = ""

    def run(self) -> int:
        """Work until a signal comes; the exit code of the process."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        runtime = self._in_force.runtime
        logger().info("daemon.started", owner=runtime.owner, models=len(runtime.models))
        self._keeper.warn()
        if not self._prepare():
            self._stop([])
            os._exit(Exit.OK)  # the compiler may be at work on a thread that cannot be waited for
        conductor = threading.Thread(target=self._conductor.live, name="conductor", daemon=True)
        keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        supervisor = Supervisor(
            monotonic=runtime.clock.monotonic,
            manager=self._manager,
            beats={"ticker": self._ticker.beat, "conductor": self._conductor.beat},
            threads=lambda: {
                "ticker": self._ticker.is_alive,
                "conductor": conductor.is_alive(),
                "keeper": keeper.is_alive(),
                **self._couriers.alive(),
                **({"web": self._web.is_alive} if self._web is not None else {}),
                **self._interacting.alive(),
            },
        )
        self._couriers.send(self._first_couriers)
        self._interacting.listen()
        for thread in (conductor, keeper):
            thread.start()
        self._ticker.start()
        if self._web is not None:
            self._web.start()
        self._manager.ready(self._told())
        while not self._stopping.wait(supervisor.every_s):
            if self._faults.lost is not None:
                self._end_lost(self._faults.lost)
            trouble = supervisor.look()
            if self._crew.hung >= MOST_HUNG:
                trouble = f"{self._crew.hung} reads of sources hang: nothing but a new process ends them"
            if trouble:
                end_stalled(trouble)
        return self._stop([conductor])

    def _prepare(self) -> bool:
        """The kernels are compiled; False: a signal came meanwhile.

        On a thread of its own: a compiler cannot be interrupted, and the main thread has to hear signals.
        """
        self._manager.needs(START_WITHIN_S, "compiling")
        ready = threading.Event()

        def prepare() -> None:
            self._faults.guard("warm up", lambda: warm_up(self._in_force.runtime))
            kept_for_good()
            ready.set()

        threading.Thread(target=prepare, name="prepare", daemon=True).start()
        while not ready.wait(0.1):
            if self._stopping.is_set():
                return False
        if self._faults.lost is not None:
            self._end_lost(self._faults.lost)
        return not self._stopping.is_set()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload.set()
        elif self._stopping.is_set():
            os._exit(Exit.OK)  # the second signal: leases expire, the outbox knows what may have been sent
        else:
            self._stopping.set()
        self._wake.set()

    def _first(self) -> None:
        """Before a look: is the database there, and is there a new config?"""
        self._keeper.look()
        if not self._reload.is_set():
            return
        self._reload.clear()
        runtime = self._in_force.runtime
        self._manager.reloading()
        try:
            done = None if runtime.config.path is None else reload(runtime, runtime.config.path)
            if done is not None:
                self._in_force.runtime = done.runtime
                self._refresher.runtime = self._rebuilder.runtime = led(done.runtime)
                self._crew.size = done.runtime.config.daemon.workers
                self._couriers.send(done.couriers)
                self._interacting.listen()
        except Exception:
            self._reload.set()  # the database was busy, say: it is still asked for at the next look
            raise
        finally:
            self._manager.ready(self._told())

    def _found(self) -> None:
        self._resting.worked(self._in_force.runtime.clock.monotonic())
        self._wake.set()

    def _refresh(self) -> None:
        if leads(self._in_force.runtime):
            self._refresher.look()
            self._rebuilder.look()

    def _say(self) -> None:
        told = self._told()
        if told != self._status:
            self._status = told
            self._manager.status(told)

    def _told(self) -> str:
        """The daemon in one line."""
        runtime = self._in_force.runtime
        broken = self._faults.steps
        parts = [f"{len(runtime.models)} models watched", self._keeper.told()]
        parts += [f"{self._crew.hung} reads hang"] if self._crew.hung else []
        parts += [f"does not work: {', '.join(broken[:3])}; see the log"] if broken else []
        return "; ".join(part for part in parts if part)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(self._keeper.check_every_s)
            if not self._stopping.is_set():
                self._faults.guard("check", lambda: must_be_sound(self._in_force.runtime.store))

    def _end_lost(self, lost: Exception) -> NoReturn:
        """Not one more write, and no tidy exit: closing the last connection would write."""
        logger().error("database.lost", error=str(lost))
        self._manager.stopping(f"the database is lost: {lost}")
        os._exit(Exit.UNAVAILABLE)

    def _stop(self, threads: Sequence[threading.Thread]) -> int:
        """Finish what is in hand, give back what is not finished in time, and end."""
        end = time.monotonic() + STOP_WITHIN_S
        logger().info("daemon.stopping")
        self._manager.stopping("finishing what is in hand")
        self._ticker.stop()
        self._conductor.stop()
        posting = [*self._couriers.stop(), *self._interacting.stop()]
        if self._web is not None and self._web.is_alive:
            posting.append(self._web.stop())
        self._crew.stop(RELEASE_AFTER_S)
        for thread in (*threads, *posting):
            thread.join(max(0.0, end - time.monotonic()))
        left = [thread.name for thread in (*threads, *posting) if thread.is_alive()]
        logger().info("daemon.stopped", unfinished=", ".join(left) or None)
        if left or self._crew.is_busy:
            os._exit(Exit.OK)  # they cannot be waited for: what they hold is leased, and nobody relies on it
        return Exit.OK


def _listener(in_force: InForce, faults: Faults) -> "Listener | None":
    """Bound at once, so that a port that is taken is said before anything starts. None: not asked for."""
    config = in_force.runtime.config.web
    if config is None:
        return None
    from monitor.web.listener import Listener  # noqa: PLC0415  half a second that nobody else pays

    return Listener(config, in_force, faults=faults)
