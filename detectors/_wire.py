"""How are numbers, texts and arrays written one after another, and read again from bytes nobody vouches for?

Little endian; counts in the narrowest type that holds them; all of it deflated. A reader unpacks no more than
it is asked for, and compares every length with what is allowed before it takes memory for it.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_LEVEL = 1  # most counts are 0: level 6 takes five times as long for 5 % less
_CHUNK = 1 << 18  # bytes unpacked at a time, at least
_TEXT = 100  # bytes that Python needs for one, beside its own
_WIDE = 24  # bytes of an exact sum: 2⁶³ rows of 2⁶² units fit
_WIDTHS = (np.dtype("<u1"), np.dtype("<u2"), np.dtype("<u4"), np.dtype("<i8"))


class Writer:
    """Collects; `content` deflates."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def integer(self, value: int) -> None:
        """From −2⁶³ to 2⁶³ − 1."""
        self._parts.append(struct.pack("<q", value))

    def wide(self, value: int) -> None:
        """An exact sum, which int64 need not hold."""
        self._parts.append(value.to_bytes(_WIDE, "little", signed=True))

    def number(self, value: float) -> None:
        """Its 64 bits."""
        self._parts.append(struct.pack("<d", value))

    def text(self, value: str) -> None:
        # Labels come from anywhere: half a surrogate pair is one, too.
        raw = value.encode("utf-8", "surrogatepass")
        self._parts += (struct.pack("<I", len(raw)), raw)

    def array(self, values: NDArray[np.int64]) -> None:
        """Its values; its shape is the reader's to know."""
        low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
        bits = (8, 16, 32)
        width = next((i for i, each in enumerate(bits) if low >= 0 and high < 1 << each), len(bits))
        self._parts += (bytes([width]), np.ascontiguousarray(values, dtype=_WIDTHS[width]).tobytes())

    def content(self) -> bytes:
        return zlib.compress(b"".join(self._parts), _LEVEL)


class Reader:
    """Reads in the order of writing; ValueError for anything else. `most`: bytes of all it gives."""

    def __init__(self, content: bytes, most: int) -> None:
        self._inflate = zlib.decompressobj()
        self._rest = content
        self._open = b""
        self._at = 0
        self._left = most

    def integer(self, low: int, high: int, what: str) -> int:
        """From `low` to `high`, both among them."""
        return _within(int(struct.unpack("<q", self._take(8))[0]), low, high, what)

    def wide(self, low: int, high: int, what: str) -> int:
        return _within(int.from_bytes(self._take(_WIDE), "little", signed=True), low, high, what)

    def number(self) -> float:
        return float(struct.unpack("<d", self._take(8))[0])

    def text(self) -> str:
        (size,) = struct.unpack("<I", self._take(4))
        self.spend(_TEXT)
        try:
            return self._take(size).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise ValueError("holds a text that is not UTF-8") from error

    def array(self, size: int) -> NDArray[np.int64]:
        """int64[size]."""
        width = self._take(1)[0]
        if width >= len(_WIDTHS):
            raise ValueError(f"holds an array of an unknown width, {width}")
        dtype = _WIDTHS[width]
        self.spend(8 * size)
        return np.frombuffer(self._take(size * dtype.itemsize), dtype=dtype).astype(np.int64)

    def spend(self, size: int) -> None:
        """Memory for what is made of it; ValueError where there is no more."""
        self._left -= size
        if self._left < 0:
            raise ValueError("is larger than a summary may be here")

    def end(self) -> None:
        """Nothing follows, and what was sent came whole: its checksum was compared."""
        self._fill(1)
        if self._at < len(self._open) or self._inflate.unused_data:
            raise ValueError("holds more than a summary")
        if not self._inflate.eof:
            raise ValueError("is cut off")

    def _take(self, size: int) -> bytes:
        self.spend(size)
        if not self._fill(size):
            raise ValueError("is cut off")
        found = self._open[self._at : self._at + size]
        self._at += size
        return found

    def _fill(self, size: int) -> bool:
        """Whether so many bytes are unpacked and unread."""
        while len(self._open) - self._at < size:
            try:
                more = self._inflate.decompress(self._rest, max(size, _CHUNK))
            except zlib.error as error:
                raise ValueError("is damaged: it cannot be unpacked") from error
            self._rest = self._inflate.unconsumed_tail
            self._open = self._open[self._at :] + more
            self._at = 0
            if not more:
                return False
        return True


def _within(value: int, low: int, high: int, what: str) -> int:
    if not low <= value <= high:
        raise ValueError(f"{what} is {value}, and must be from {low} to {high}")
    return value
