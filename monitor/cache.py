"""What is kept in memory because it is costly to load? The most recently used, up to a bound in bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Least recently used values leave first. One value may exceed the bound: it is then the only one."""

    def __init__(self, *, limit_mb: int, size: Callable[[Value], int]) -> None:
        self._limit = limit_mb * 1024 * 1024
        self._size_of = size
        self._kept: OrderedDict[int, Value] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes that are kept, as `size` counts them."""
        return self._size

    def values(self) -> list[Value]:
        """What is kept, the least recently used first."""
        with self._lock:
            return list(self._kept.values())

    def get(self, key: int, load: Callable[[], Value]) -> Value:
        """The value of a key. Two threads may load the same one at once; both get an equal value."""
        with self._lock:
            if (value := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return value
        value = load()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = value
                self._size += self._size_of(value)
            while self._size > self._limit and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._size -= self._size_of(dropped)
        return value
