"""Several processes write and checkpoint one SQLite file at once: what was committed is there, once (T37).

Commands do write beside the daemon (acknowledge, silence).
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.engine import open_store

WRITERS = 3
_WRITER = """
import sys, time
from datetime import UTC, datetime
from storage import daemon_events
from storage.engine import open_store

url, name, end = sys.argv[1], sys.argv[2], time.monotonic() + float(sys.argv[3])
number = 0
while time.monotonic() < end:
    with open_store(url) as store:  # closed again each time: the last to close takes the WAL in
        for _ in range(20):
            with store.write() as conn:
                daemon_events.add(conn, "stress", datetime.now(UTC), {"number": number}, model=name)
            number += 1
print(number)
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seconds", [3, pytest.param(600, marks=pytest.mark.large)])
def test_what_was_committed_is_there(tmp_path: Path, seconds: int) -> None:
    """Every commit that returned, of every process, and the file is whole."""
    url = f"sqlite:///{tmp_path / 'leeway.db'}"
    with open_store(url) as store:
        store.upgrade()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, url, f"w{number}", str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    told = [int(writer.communicate(timeout=seconds + 120)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    assert min(told) > 0
    with closing(sqlite3.connect(tmp_path / "leeway.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for number, count in enumerate(told):
            found = connection.execute(
                "SELECT json_extract(facts, '$.number') FROM daemon_event WHERE model = ? ORDER BY id",
                (f"w{number}",),
            ).fetchall()
            assert found == [(each,) for each in range(count)]
