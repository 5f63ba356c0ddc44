"""Laws of the cache: what leaves, what stays, and that a value is loaded once."""

from monitor.cache import Cache

MEGABYTE = 1024 * 1024


def load(value: bytes, loads: list[bytes]) -> bytes:
    loads.append(value)
    return value


def test_a_value_is_loaded_once() -> None:
    """The second time it is the same object."""
    cache, loads = Cache[bytes](limit_mb=1, size=len), list[bytes]()
    first = cache.get(1, lambda: load(b"one", loads))
    assert cache.get(1, lambda: load(b"other", loads)) is first
    assert loads == [b"one"]


def test_the_least_recently_used_leaves_first() -> None:
    """Of three that do not fit together, the one nobody asked for again."""
    cache, loads = Cache[bytes](limit_mb=2, size=len), list[bytes]()
    for key in (1, 2):
        cache.get(key, lambda: bytes(MEGABYTE))
    cache.get(1, lambda: load(b"", loads))
    cache.get(3, lambda: bytes(MEGABYTE))
    cache.get(1, lambda: load(b"", loads))
    assert loads == []
    cache.get(2, lambda: load(bytes(MEGABYTE), loads))
    assert len(loads) == 1


def test_one_value_may_exceed_the_bound() -> None:
    """It is then the only one, and still there."""
    cache, loads = Cache[bytes](limit_mb=1, size=len), list[bytes]()
    cache.get(1, lambda: b"small")
    huge = cache.get(2, lambda: bytes(3 * MEGABYTE))
    assert cache.get(2, lambda: load(b"", loads)) is huge
    cache.get(1, lambda: load(b"small", loads))
    assert loads == [b"small"]
