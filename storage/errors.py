"""What does storage say when it cannot do its work?"""


class StorageError(Exception):
    """Stop writing: the database is unreachable, damaged, of another version, or owned by somebody else.

    The message names what, where and the next step; it never holds a password.
    """


class FenceLost(StorageError):
    """Another daemon took over: what this one wanted to write was refused, and that one will see to it."""


class OwnedElsewhere(StorageError):
    """Another daemon owns this database; `owner` is its "host pid" line (exit code 75)."""

    def __init__(self, message: str, *, owner: str) -> None:
        super().__init__(message)
        self.owner = owner


class StorageLost(StorageError):
    """The database is damaged, gone, or another file now: nothing may be written, a person must restore."""
