"""A daemon's life in fast motion, in a process that may be killed: one step a simulated half day.

`python -m tests.acceptance.driver CONFIG START STEPS`: each step moves the clock twelve hours and does one
pass with the daemon's own functions. Which step comes next is in a file beside the config, written before
the step: like wall-clock time it never goes back, whatever happens to the process.
"""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference
from monitor.runtime import Runtime
from storage import leadership, profiles
from storage.dialect import database_time
from storage.takeover import take_over

STEP = timedelta(hours=12)
ENVIRONMENT = {
    "LEEWAY_TEST_SLACK_TOKEN": "xoxb-canary-slack-token",
    "LEEWAY_TEST_TRAINER_SECRET": "whsec_" + "Y2FuYXJ5LXRyYWluZXItc2VjcmV0LWNhbmFyeQ==",
}


def live(config: Path, start: datetime, steps: int) -> None:
    """Take up where the step file says, and go on to the last step."""
    logs.configure(quiet=True)
    counter = config.with_name("step")
    first = int(counter.read_text()) if counter.exists() else 0
    clock = SteppedClock(start + first * STEP)
    with open_runtime(load(config, members=build.check), clock) as runtime:
        with runtime.store.read() as conn:
            built = profiles.active(conn, "shop") is not None
        if not built:
            build_reference(runtime, runtime.models["shop"])
        if runtime.store.shared:
            _end_leases(runtime)
        with own(runtime) as couriers:
            for step in range(first, steps):
                _remember(counter, step)
                clock.advance_to(start + step * STEP)
                one_pass(runtime, couriers)


def _end_leases(runtime: Runtime) -> None:
    """On PostgreSQL only time ends the leases of the process before us, and this clock does not pass."""
    with runtime.store.write() as conn:
        take_over(conn, runtime.clock.now())
        if (term := leadership.current(conn)) is not None:
            leadership.resign(conn, term.fence, database_time(conn))


def _remember(counter: Path, step: int) -> None:
    fresh = counter.with_suffix(".new")
    with fresh.open("w") as file:
        file.write(str(step))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(counter)


if __name__ == "__main__":
    live(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), int(sys.argv[3]))
