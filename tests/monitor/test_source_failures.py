"""What a failure to read a file asks of whom."""

from pathlib import Path

import pytest

from monitor.source import SourceError
from monitor.sources._files import expand, failure


@pytest.mark.parametrize(
    ("error", "transient", "words"),
    [
        (PermissionError(13, "Permission denied"), False, "let the daemon's user read it"),
        (FileNotFoundError(2, "gone"), True, "went away"),
        (OSError(5, "Input/output error"), True, "cannot be read"),
        (SourceError("as it was", transient=False), False, "as it was"),
    ],
)
def test_the_class_follows_the_error(tmp_path: Path, error: Exception, transient: bool, words: str) -> None:
    """Permission needs a person; the rest may pass. Every message names the file or is the source's own."""
    (tmp_path / "a").write_bytes(b"x")
    found = failure(error, tmp_path / "a")
    assert found.transient is transient
    assert words in found.reason


def test_files_come_in_order_of_their_names(tmp_path: Path) -> None:
    """The same rows in the same order on every machine."""
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.csv").touch()
    assert [path.name for path in expand(str(tmp_path), ".csv")] == ["a.csv", "b.csv", "c.csv"]
