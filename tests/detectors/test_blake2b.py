"""hashlib is the oracle."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import _column_profile
from detectors._blake2b import blake2b_64
from detectors._column_profile import label_hash, label_hashes


def as_hashlib(texts: list[bytes]) -> list[int]:
    return [int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") for text in texts]


def hashed(texts: list[bytes]) -> list[int]:
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    found: list[int] = blake2b_64(np.frombuffer(b"".join(texts), dtype=np.uint8), ends).tolist()
    return found


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 127, 128, 129, 255, 256, 257, 1_000])
def test_texts_around_the_ends_of_words_and_blocks(size: int) -> None:
    """Beside others, so that nothing of a neighbour is in it."""
    text = bytes(n * 7 % 256 for n in range(size))
    texts = [b"before", text, text + b"\0", b"", text]
    assert hashed(texts) == as_hashlib(texts)


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=300), max_size=12))
def test_any_texts(texts: list[bytes]) -> None:
    """None at all, too."""
    assert hashed(texts) == as_hashlib(texts)


def test_many_labels_have_the_hashes_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way they are computed: a profile keeps them. Half of a surrogate pair is a label as well."""
    labels = [*(f"shop {n}" for n in range(500)), "", "ä", "日本", "\ud800", "x" * 400]
    one_by_one = [int(label_hash(label)) for label in labels]
    monkeypatch.setattr(_column_profile, "_MANY", 1)
    assert label_hashes(labels).tolist() == one_by_one
