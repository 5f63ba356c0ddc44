"""What happens at each look? Plan, hand out work, fold, tell, tidy up: database work only, in short steps.

Never held up by a source or a channel: workers and couriers wait for those. Between two steps leases are held
and the supervisor sees life.
"""

import threading
from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from typing import TypeVar

from monitor.clock_watch import ClockWatch
from monitor.crew import Crew
from monitor.faults import Faults
from monitor.folding import fold_model, with_work
from monitor.leading import leads, led
from monitor.logs import logger
from monitor.planning import how_far, plan_model, renew_leases
from monitor.runtime import InForce, Runtime, Watched
from monitor.telling import flush_group, groups_to_look_at
from monitor.tending import tend, to_tend
from storage import daemon_events
from storage.due_window import Stream
from storage.takeover import look_again

RENEWALS = 4  # of a lease while it lasts
FOLD_AT_ONCE = 50  # windows of one model: the next model is not kept waiting

Value = TypeVar("Value")


class Conductor:
    """`wake` asks for a look, `due` for one that plans as well: a window that has just been evaluated is no
    reason to. `first` is done before it and `say` after it; `tidy` does a short piece of what can wait, with
    a runtime that leads, and says whether there is more. `rest` is told, in monotonic seconds, that there was
    a look which nobody's work asked for."""

    def __init__(
        self,
        in_force: InForce,
        faults: Faults,
        crew: Crew,
        *,
        wake: threading.Event,
        first: Callable[[], None],
        tidy: Callable[[Runtime], bool],
        say: Callable[[], None],
        rest: Callable[[float], object],
    ) -> None:
        clock = in_force.runtime.clock
        self._in_force = in_force
        self._faults = faults
        self._crew = crew
        self._wake = wake
        self._first = first
        self._tidy = tidy
        self._say = say
        self._rest = rest
        self._stopping = threading.Event()
        self._is_due = threading.Event()
        self._beat = self._renewed = clock.monotonic()
        self._clocks = ClockWatch.begin(clock.now(), clock.monotonic())

    def beat(self) -> float:
        """When it was last seen alive, in monotonic seconds."""
        return self._beat

    def stop(self) -> None:
        """Not another look; the step under way ends in good order."""
        self._stopping.set()
        self._wake.set()

    def due(self) -> None:
        """Time has passed: windows may have come due."""
        self._is_due.set()
        self._wake.set()

    def live(self) -> None:
        """Look whenever somebody asks for it."""
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stopping.is_set():
                return
            plans = self._is_due.is_set()
            self._is_due.clear()
            self.look(plans=plans)

    def look(self, *, plans: bool = True) -> None:
        """One look at what is due."""
        self._step("reload", self._first)
        self._step("clock", self._note_clock)
        runtime = self._in_force.runtime
        leading = self._step("lead", partial(leads, runtime))
        led_runtime = led(runtime)  # its writes are refused when this process does not lead (any more)
        believed = self._clocks.believes(runtime.clock.monotonic())
        far = (self._step("plan", partial(how_far, runtime)) or {}) if plans and leading and believed else {}
        for name, watched in runtime.models.items() if far else ():
            self._step(f"plan {name}", partial(plan_model, led_runtime, watched, far.get(name)))
        self._step("workers", self._crew.hand_out)
        ended = (self._step("fold", lambda: with_work(led_runtime)) or {}) if leading else {}
        for name, streams in ended.items():
            self._step(f"fold {name}", partial(self._fold, led_runtime, runtime.models[name], streams))
        for name in (self._step("retraining", partial(to_tend, runtime)) or ()) if plans and leading else ():
            self._step(f"retraining {name}", partial(tend, led_runtime, runtime.models[name]))
        for key in (self._step("flush", lambda: groups_to_look_at(led_runtime)) or ()) if leading else ():
            self._step(f"flush {key}", partial(flush_group, led_runtime, key))
        self._step("status", self._say)
        if leading and believed and self._step("tidy", partial(self._tidy, led_runtime)):
            self._wake.set()
        if plans:
            self._step("rest", lambda: self._rest(runtime.clock.monotonic()))

    def _step(self, step: str, do: Callable[[], Value]) -> Value | None:
        if self._stopping.is_set():
            return None
        clock = self._in_force.runtime.clock
        every_s = self._in_force.runtime.lease.total_seconds() / RENEWALS
        if clock.monotonic() - self._renewed >= every_s:
            self._faults.guard("leases", lambda: renew_leases(self._in_force.runtime))
            self._renewed = clock.monotonic()
        done = self._faults.guard(step, do)
        self._beat = clock.monotonic()
        return done

    def _fold(self, runtime: Runtime, watched: Watched, streams: Collection[Stream]) -> None:
        if len(fold_model(runtime, watched, most=FOLD_AT_ONCE, streams=streams)) == FOLD_AT_ONCE:
            self._wake.set()

    def _note_clock(self) -> None:
        runtime = self._in_force.runtime
        now, monotonic = runtime.clock.now(), runtime.clock.monotonic()
        self._clocks, jump = self._clocks.look(now, monotonic)
        if jump is None:
            return
        seconds = round(jump.total_seconds())
        planning = self._clocks.believes(monotonic)
        logger().warning("clock.jumped", seconds=seconds, planning="goes on" if planning else "waits")
        with runtime.store.write() as conn:
            daemon_events.add(conn, "clock.jumped", now, {"seconds": seconds, "planning": planning})
            if jump < timedelta(0):  # what was put off by the wrong clock would wait for it
                look_again(conn, now, runtime.lateness)
