"""A model that drifts for weeks, in a process that may be killed.

`python -m tests.acceptance.asking CONFIG START STEPS`: each step is an hour. A window of drifting columns
is folded and decided on, what is due is sent, and somebody answers for the trainer. Which step comes next is
in a file beside the config, like wall-clock time: it never goes back, whatever happens to the process.
"""

import sys
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import IntegrityError

from alerting.call_back import RetrainingState
from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.opening import open_runtime, own
from monitor.runtime import LEASE
from storage import switch
from tests.loopback import Loopback
from tests.monitor.alerts import Reader
from tests.monitor.retraining_life import Life

HOUR = timedelta(hours=1)
COLUMNS = {f"column_{n}": "T" for n in range(4)}  # tickets: nobody has to be told, which takes time
ANSWERED_AFTER = 3 * HOUR


def live(config: Path, start: datetime, steps: int) -> None:
    """Take up where the step file says, and go on to the last step."""
    logs.configure(quiet=True)
    counter = config.with_name("step")
    first = int(counter.read_text()) if counter.exists() else 0
    clock = SteppedClock(start + first * HOUR)
    with open_runtime(load(config, members=build.check), clock) as runtime, own(runtime) as couriers:
        life = Life(
            runtime=runtime,
            couriers=couriers,
            reader=Reader(),
            trainer=Loopback(config.with_name("nobody.jsonl")),  # never entered: the parent's listens
            length=HOUR,
        )
        for step in range(first, steps):
            _remember(counter, step)
            clock.advance_to(start + step * HOUR)
            with suppress(IntegrityError, AssertionError):  # folded before the last death
                life.day(COLUMNS)
            life.look()
            for _ in range(3 if _waits(life) else 0):  # to be sent again
                clock.advance_to(clock.now() + LEASE + timedelta(seconds=1))
                life.look()
            _answer(life, step)
        _remember(counter, steps)


def _remember(counter: Path, step: int) -> None:
    fresh = counter.with_suffix(".new")
    fresh.write_text(str(step))
    fresh.replace(counter)


def _waits(life: Life) -> bool:
    requests = life.requests()
    return bool(requests) and requests[-1].state is RetrainingState.REQUESTED


def _answer(life: Life, step: int) -> None:
    """The trainer says that it failed, and a person closes the breaker: the next request may come. Of every
    fourth it says nothing."""
    requests = life.requests()
    if len(requests) % 4 == 0:
        return
    now = life.runtime.clock.now()
    if (
        requests
        and requests[-1].state is RetrainingState.SENT
        and now >= requests[-1].requested + ANSWERED_AFTER
    ):
        life.report("failed", detail=f"step {step}")
        with life.runtime.store.write() as conn:
            switch.close_breaker(conn, "shop", now, by="ada", reason="a test")


if __name__ == "__main__":
    live(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), int(sys.argv[3]))
