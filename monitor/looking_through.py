"""Is the file whole, before a daemon writes into it? That may take minutes, and signals are heard meanwhile.

On a thread of its own: SQLite looks through a file in one call that cannot be interrupted, and a process that
is number 1 of a container is not ended by a signal that it does not handle.
"""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager

from monitor.exits import Exit
from monitor.logs import logger
from monitor.service_manager import START_WITHIN_S, ServiceManager
from storage.engine import Store
from storage.soundness import must_be_sound


def look_through(store: Store) -> None:
    """Raises StorageLost with what was found. Main thread only; SIGTERM and SIGINT end the process."""
    manager = ServiceManager.of(os.environ)
    manager.needs(START_WITHIN_S, "looking through the database")
    found: Future[None] = Future()

    def look() -> None:
        try:
            must_be_sound(store)
        except BaseException as error:  # noqa: BLE001  raised below
            found.set_exception(error)
        else:
            found.set_result(None)

    with _heard() as stopping:
        threading.Thread(target=look, name="look through", daemon=True).start()
        done = False
        while not done:
            done = bool(wait([found], timeout=0.1).done)
            if stopping.is_set():
                logger().info("daemon.stopping")
                manager.stopping("nothing is in hand yet")
                os._exit(Exit.OK)  # the thread cannot be waited for, and nothing has been written
    found.result()


@contextmanager
def _heard() -> Iterator[threading.Event]:
    """Set once a signal asks for the end. A new config need not be asked for: it has just been read."""
    stopping = threading.Event()
    before = {
        number: signal.signal(number, lambda _number, _frame: stopping.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
