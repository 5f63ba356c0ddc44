"""How often is a statement put into a database's words? Once a process, whichever connection asks.

SQLAlchemy keeps what it compiled by engine, and a store has two: one that reads and one that writes. A
statement takes about a millisecond to compile, a start some hundred of them.
"""

from collections.abc import Iterator, MutableMapping
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.engine import Compiled
from sqlalchemy.util import LRUCache

SIZE = 1_000  # statements; there are about 300, and as many again with lists of other lengths

# A key is (dialect, statement, columns, …), as Connection.execute makes it
# (docs.sqlalchemy.org, "compiled_cache" of execution_options).
_Key = tuple[Any, ...]


class Statements(MutableMapping[_Key, Compiled]):
    """Two dialects that would say the same are one: same database, same driver, same release."""

    def __init__(self) -> None:
        self._kept: LRUCache[_Key, Compiled] = LRUCache(SIZE)

    def __getitem__(self, key: _Key) -> Compiled:
        return self._kept[_alike(key)]

    def __setitem__(self, key: _Key, compiled: Compiled) -> None:
        self._kept[_alike(key)] = compiled

    def __delitem__(self, key: _Key) -> None:
        del self._kept[_alike(key)]

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def _alike(key: _Key) -> _Key:
    dialect: Dialect = key[0]
    return (dialect.name, dialect.driver, dialect.server_version_info, *key[1:])


COMPILED = Statements()
