"""Does the command line take its flags wherever a person types them, and leave with the promised codes?"""

import pytest

from monitor.cli import commands, hoisted
from monitor.exits import CommandError, Exit, exit_code
from monitor.source import SourceError
from storage.errors import OwnedElsewhere, StorageError


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        (["status", "--json"], ["--json", "status"]),
        (["history", "verdicts", "--config", "a.toml"], ["--config", "a.toml", "history", "verdicts"]),
        (["history", "--config=a.toml", "windows"], ["--config=a.toml", "history", "windows"]),
        (["--quiet", "run"], ["--quiet", "run"]),
        (["explain", "--", "--json"], ["explain", "--", "--json"]),
        (["status", "--config"], ["--config", "status"]),
    ],
)
def test_global_flags_may_stand_anywhere(typed: list[str], understood: list[str]) -> None:
    """A global flag after the command means the same as before it; after `--` it is an argument."""
    assert hoisted(typed) == understood


def test_every_command_of_this_version_is_there() -> None:
    """The names of the commands are a contract (README.md)."""
    expected = {"demo", "config", "reference", "evaluate", "run", "status", "history", "incidents", "explain"}
    assert expected | {"channels"} <= set(commands())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("no such model"), Exit.USAGE),
        (CommandError("found a page", code=Exit.FOUND), Exit.FOUND),
        (SourceError("no permission", transient=False), Exit.UNAVAILABLE),
        (StorageError("disk full"), Exit.UNAVAILABLE),
        (OwnedElsewhere("owned by host 12", owner="host 12"), Exit.OWNED),
        (RuntimeError("a bug"), None),
    ],
)
def test_each_error_leaves_with_its_code(error: Exception, code: Exit | None) -> None:
    """Errors that explain themselves have a code; anything else shows its traceback."""
    assert exit_code(error) == code
