"""How do named numbers and arrays travel through a database? A versioned line of JSON, then raw arrays."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"leeway.profile/1\n"


def pack(head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The same bytes for the same content; little endian, counts as u4 where they fit."""
    small = {name: _narrow(array) for name, array in arrays.items()}
    listing = [[name, array.dtype.str, array.size] for name, array in small.items()]
    line = json.dumps({**head, "arrays": listing}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return _MAGIC + line.encode() + b"\n" + b"".join(array.tobytes() for array in small.values())


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What `pack` was given; ValueError for anything else."""
    if not data.startswith(_MAGIC):
        raise ValueError(f"profile: unknown format {data[:24]!r}, expected {_MAGIC!r}; rebuild the reference")
    end = data.find(b"\n", len(_MAGIC))
    if end < 0:
        raise ValueError("profile: the header is cut off; rebuild the reference")
    head: dict[str, Any] = json.loads(data[len(_MAGIC) : end])
    arrays: dict[str, NDArray[Any]] = {}
    offset = end + 1
    for name, dtype, size in head.pop("arrays"):
        kind = np.dtype(dtype)
        if offset + size * kind.itemsize > len(data):
            raise ValueError(f"profile: array {name} is cut off; rebuild the reference")
        arrays[name] = _widen(np.frombuffer(data, dtype=kind, count=size, offset=offset))
        offset += size * kind.itemsize
    return head, arrays


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype == np.int64 and (array.size == 0 or int(array.max()) < 2**32):
        return array.astype("<u4")
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))


def _widen(array: NDArray[Any]) -> NDArray[Any]:
    """Counts as int64 in memory; arrays that own their memory."""
    wide: dict[str, Any] = {"u4": np.int64, "i8": np.int64, "f8": np.float64, "u8": np.uint64}
    return array.astype(wide[array.dtype.str[1:]])
