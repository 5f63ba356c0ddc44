"""Loopback servers for the delivering half."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback import Loopback


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loopback]:
    """Plays Slack and webhooks; the token may read history."""
    with Loopback(tmp_path / "accepted.jsonl") as running:
        yield running


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Loopback]:
    """A second host: nothing may ever arrive here."""
    with Loopback(tmp_path / "other.jsonl") as running:
        yield running
