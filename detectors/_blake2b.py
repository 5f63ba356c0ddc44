"""What are the first 64 bits of BLAKE2b of very many short texts? (RFC 7693; the twin of hashlib's.)

An object of Python's a text costs more than the hash. Loads numba.
"""

import numpy as np
from numpy.typing import NDArray

from detectors._jit import kernel

_BYTES = 8  # of a digest; it is part of what is hashed
_BLOCK = 128
_START = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    dtype=np.uint64,
)  # fmt: skip
# Which words of a block each round mixes in; rounds 10 and 11 are 0 and 1 again. Unsigned: one that could
# be negative is looked at each time it is used.
_ORDER = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    dtype=np.uint64,
)  # fmt: skip


def blake2b_64(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    """uint64[n]: as `hashlib.blake2b(text, digest_size=8)`, little-endian. `data`: the texts one after the
    other; `ends`: int64[n], where each ends."""
    found = np.empty(ends.size, dtype=np.uint64)
    state, block = np.empty(8, dtype=np.uint64), np.empty(16, dtype=np.uint64)
    _hash(data, ends, _START, _ORDER, state, block, found)
    return found


@kernel
def _mix(
    a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64, x: np.uint64, y: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """G of RFC 7693, section 3.1."""
    a = a + b + x
    d = d ^ a
    d = (d >> np.uint64(32)) | (d << np.uint64(32))
    c = c + d
    b = b ^ c
    b = (b >> np.uint64(24)) | (b << np.uint64(40))
    a = a + b + y
    d = d ^ a
    d = (d >> np.uint64(16)) | (d << np.uint64(48))
    c = c + d
    b = b ^ c
    b = (b >> np.uint64(63)) | (b << np.uint64(1))
    return a, b, c, d


@kernel
def _hash(
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    start: NDArray[np.uint64],
    order: NDArray[np.uint64],
    h: NDArray[np.uint64],
    m: NDArray[np.uint64],
    found: NDArray[np.uint64],
) -> None:
    begin = 0
    for n in range(ends.size):
        end = ends[n]
        for i in range(8):
            h[i] = start[i]
        h[0] ^= np.uint64(0x01010000 ^ _BYTES)
        block = begin
        while True:
            after = min(block + _BLOCK, end)
            m[:] = np.uint64(0)
            for i in range(after - block):
                m[i >> 3] |= np.uint64(data[block + i]) << np.uint64((i & 7) << 3)
            _compress(h, m, np.uint64(after - begin), after == end, start, order)
            block = after
            if block == end:
                break
        found[n] = h[0]
        begin = end


@kernel
def _compress(
    h: NDArray[np.uint64],
    m: NDArray[np.uint64],
    read: np.uint64,
    last: bool,
    start: NDArray[np.uint64],
    order: NDArray[np.uint64],
) -> None:
    """F of RFC 7693, section 3.2. In sixteen names, so that they stay in registers."""
    v0, v1, v2, v3, v4, v5, v6, v7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
    v8, v9, v10, v11 = start[0], start[1], start[2], start[3]
    v12, v13, v14, v15 = start[4] ^ read, start[5], start[6], start[7]
    if last:
        v14 = ~v14
    for r in range(12):
        s = order[r]
        v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m[s[0]], m[s[1]])
        v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m[s[2]], m[s[3]])
        v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m[s[4]], m[s[5]])
        v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m[s[6]], m[s[7]])
        v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m[s[8]], m[s[9]])
        v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m[s[10]], m[s[11]])
        v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m[s[12]], m[s[13]])
        v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m[s[14]], m[s[15]])
    h[0] ^= v0 ^ v8
    h[1] ^= v1 ^ v9
    h[2] ^= v2 ^ v10
    h[3] ^= v3 ^ v11
    h[4] ^= v4 ^ v12
    h[5] ^= v5 ^ v13
    h[6] ^= v6 ^ v14
    h[7] ^= v7 ^ v15
