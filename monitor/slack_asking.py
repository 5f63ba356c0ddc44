"""What does `/leeway …` answer? What the command prints, word for word: it is run, in a process of its own.

It can then neither hold up the daemon nor write anything (the commands that may be asked for open the
database read-only), and it is ended when it takes too long or prints too much.
"""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

WITHIN_S = 20.0
_READ = 64 * 1024  # bytes: far beyond what an answer shows

_KEPT_BACK = ("Traceback (most recent call last)", "leeway: this looks like a bug")


class Asking:
    """One command after the other; `stop` ends the one that runs."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def run(self, config: Path, arguments: Sequence[str], *, within_s: float = WITHIN_S) -> str:
        """What it prints. ValueError says in words why there is no answer."""
        command = [sys.executable, "-m", "monitor", "--config", str(config), *arguments]
        with self._lock:
            if self._stopped:
                raise ValueError("Leeway is ending; ask again in a minute")
            process = self._process = subprocess.Popen(  # noqa: S603  our own program, arguments as a list
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        late = threading.Event()
        timer = threading.Timer(within_s, _end, (process, late))
        timer.daemon = True
        timer.start()
        try:
            return _said(process, late, within_s)
        finally:
            timer.cancel()
            process.kill()
            process.communicate()
            with self._lock:
                self._process = None

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()


def _end(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _said(process: subprocess.Popen[bytes], late: threading.Event, within_s: float) -> str:
    assert process.stdout is not None  # noqa: S101  asked for above
    text = process.stdout.read(_READ).decode("utf-8", errors="replace")
    if late.is_set():
        raise ValueError(f"that took longer than {within_s:g} s; ask for less, or on the machine itself")
    if any(words in text for words in _KEPT_BACK):
        raise ValueError("that ended in an error; ask on the machine itself, and report what it says there")
    return text.strip("\n") or "nothing found"
