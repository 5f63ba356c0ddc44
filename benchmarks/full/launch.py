"""What did one whole process take? Runs a command to its end and prints that as one line of JSON.

Standard library only, and run by itself: Linux keeps the memory of whoever forked in a child's ru_maxrss, so
the forking has to be done by a process that is small. Exit code 0 whatever became of the command.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time


def run(command: list[str], cores: int, limit_s: float) -> dict[str, object]:
    """`cores`: how many it may run on. `limit_s`: after that on the clock it is killed, with its children.

    `peak_mib`: the highest of it or of one of its children that it waited for. `returned`: None if it was
    killed for its time. `output` and `errors`: what it printed.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])  # a child has what its parent has
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complained:
        began = time.perf_counter()
        child = subprocess.Popen(
            command,
            stdout=printed,
            stderr=complained,
            start_new_session=True,
        )
        late = threading.Event()

        def end() -> None:
            late.set()
            os.killpg(child.pid, signal.SIGKILL)  # its session: started above, so nobody else's

        timer = threading.Timer(limit_s, end)
        timer.start()
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - began
        timer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        said = []
        for file in (printed, complained):
            file.seek(0)
            said.append(file.read().decode(errors="replace"))
    return {
        "returned": None if late.is_set() else child.returncode,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": wall_s,
        "peak_mib": usage.ru_maxrss / 1024,
        "floor_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,  # less cannot be seen
        "output": said[0],
        "errors": said[1],
    }


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[3:], int(sys.argv[1]), float(sys.argv[2]))))
