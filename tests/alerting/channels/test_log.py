"""One JSON line a message."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alerting.channel import DeliveryError, Failure
from alerting.channels.log import LogChannel
from alerting.message import word
from tests.alerting.outbox_rows import NOW, notification


def test_a_line_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """Words and facts, on one line."""
    LogChannel().send(notification(), word(notification(), NOW))
    (line,) = capfd.readouterr().out.splitlines()
    said = json.loads(line)
    assert said["heading"] == "🔴 delays: distance looks like ×1.609 (miles → kilometres)"
    assert said["facts"]["model"] == "delays"
    assert said["possible_repeat"] is False


def test_lines_are_appended_to_a_file(tmp_path: Path) -> None:
    """Nothing is overwritten."""
    channel = LogChannel(path=str(tmp_path / "log.jsonl"))
    for key in ("one", "two"):
        row = notification(key=key)
        channel.send(row, word(row, NOW))
    lines = (tmp_path / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["one", "two"]


def test_a_path_that_is_none_breaks_the_channel(tmp_path: Path) -> None:
    """A person must act; the rows wait."""
    with pytest.raises(DeliveryError, match="cannot write") as caught:
        LogChannel(path=str(tmp_path / "nowhere" / "log")).send(notification(), word(notification(), NOW))
    assert caught.value.failure is Failure.CHANNEL_BROKEN


def test_a_line_that_was_cut_short_was_not_sent(tmp_path: Path) -> None:
    """A full disk takes the first bytes without an error; whoever reads the file has not been told."""
    script = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "from alerting.channel import DeliveryError\n"
        "from alerting.channels.log import LogChannel\n"
        "from alerting.message import word\n"
        "from tests.alerting.outbox_rows import NOW, notification\n"
        "try:\n"
        f"    LogChannel(path={str(tmp_path / 'log')!r}).send(notification(), word(notification(), NOW))\n"
        "except DeliveryError as error:\n"
        "    print(error.failure)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "channel_broken\n"


def test_a_terminal_that_knows_no_pictures_is_told_all_the_same() -> None:
    """What its encoding does not know is escaped: a page is not lost for a red circle."""
    script = (
        "from alerting.channels.log import LogChannel\n"
        "from alerting.message import word\n"
        "from tests.alerting.outbox_rows import NOW, notification\n"
        "LogChannel().send(notification(), word(notification(), NOW))\n"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert "delays: distance" in done.stdout
