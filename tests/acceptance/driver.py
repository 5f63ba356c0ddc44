"""A daemon's life in fast motion, in a process that may be killed: one step a simulated half day.

`python -m tests.acceptance.driver CONFIG START STEPS`: each step moves the clock twelve hours and does one
pass with the daemon's own functions. Which step comes next is in a file beside the config, written before
the step: like wall-clock time it never goes back, whatever happens to the process. What people and other
programs do meanwhile is in `deeds.json` beside it, by the step: `{"18": {"ack": "amount", "arrive": [...]}}`.
"""

import json
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference
from monitor.runtime import LEASE, Runtime
from storage import incidents, leadership, profiles
from storage.dialect import database_time
from storage.tables import incident
from storage.takeover import take_over

STEP = timedelta(hours=12)
TICKS = 5  # of a step, when a tick fails; the next one comes when the leases of the failed one have ended
ENVIRONMENT = {
    "LEEWAY_TEST_SLACK_TOKEN": "xoxb-canary-slack-token",
    "LEEWAY_TEST_TRAINER_SECRET": "whsec_" + "Y2FuYXJ5LXRyYWluZXItc2VjcmV0LWNhbmFyeQ==",
}


def live(config: Path, start: datetime, steps: int) -> int:
    """Take up where the step file says, and go on to the last step. Returns how many ticks failed."""
    logs.configure(quiet=True)
    counter, deeds = config.with_name("step"), config.with_name("deeds.json")
    planned = json.loads(deeds.read_text()) if deeds.exists() else {}
    first = int(counter.read_text()) if counter.exists() else 0
    clock = SteppedClock(start + first * STEP)
    failed = 0
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
                _do(runtime, config.parent, planned.get(str(step), {}))
                for tick in range(1, TICKS + 1):
                    try:
                        one_pass(runtime, couriers)
                    except Exception:
                        if tick == TICKS:
                            raise
                        failed += 1
                        clock.advance_to(clock.now() + LEASE + timedelta(seconds=1))
                    else:
                        break
        _remember(counter, steps)
    return failed


def _do(runtime: Runtime, folder: Path, deed: dict[str, object]) -> None:
    """Each of these may be done again after a death in the same step."""
    arrivals = deed.get("arrive", [])
    assert isinstance(arrivals, list)
    for name in arrivals:
        waiting = folder / "late" / name
        if waiting.exists():
            waiting.replace(folder / "data" / name)
    if "ack" in deed:
        mine = (incident.c.column_name == deed["ack"]) & incident.c.is_open & (incident.c.rule == "")
        free = incident.c.acknowledged_by.is_(None) | (incident.c.acknowledged_by == "")
        with runtime.store.write() as conn:
            for (found,) in conn.execute(select(incident.c.id).where(mine, free)).all():
                incidents.acknowledge(conn, found, by="ada", now=runtime.clock.now())


def _end_leases(runtime: Runtime) -> None:
    """On PostgreSQL only time ends the leases of the process before us, and this clock does not pass."""
    with runtime.store.write() as conn:
        take_over(conn, runtime.clock.now(), runtime.lateness)
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
