"""Which exit code does an error leave the process with?"""

from enum import IntEnum

from monitor.config_problem import ConfigError
from monitor.source import SourceError
from storage.errors import OwnedElsewhere, StorageError


class Exit(IntEnum):
    """sysexits.h where it has a word for it."""

    OK = 0
    FOUND = 1  # what --fail-on asked to be told about
    USAGE = 2
    UNAVAILABLE = 69
    INTERNAL = 70
    OWNED = 75


class CommandError(Exception):
    """A command cannot do what was asked; the text says why and what to do."""

    def __init__(self, text: str, *, code: Exit = Exit.USAGE) -> None:
        super().__init__(text)
        self.code = code


def exit_code(error: Exception) -> Exit | None:
    """The code of an error that explains itself; None for one that needs its traceback."""
    match error:
        case CommandError():
            return error.code
        case ConfigError():
            return Exit.USAGE
        case OwnedElsewhere():
            return Exit.OWNED
        case SourceError() | StorageError():
            return Exit.UNAVAILABLE
        case _:
            return None
