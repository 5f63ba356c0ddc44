"""One JSON line a message."""

import json
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
