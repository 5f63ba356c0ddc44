"""What becomes of a log line when the log's own disk is full? It is counted, and no thread dies of it."""

import io
from typing import TextIO

LOST = "log.lost"


class LogFile(io.TextIOBase):
    """What cannot be written is said, as a number, before the next line that can be."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lost = 0

    def write(self, text: str) -> int:
        try:
            if self._lost:
                self._file.write(f"level=error event={LOST} writes={self._lost}\n")
                self._file.flush()
                self._lost = 0
            self._file.write(text)
            self._file.flush()
        except (OSError, ValueError):  # full, broken pipe; closed
            self._lost += 1
        return len(text)

    def flush(self) -> None:
        return
