"""Very many labels are counted from their bytes: as if each were looked up by itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import CategoryColumn, CategoryProfile, _blake2b, build_profile
from detectors._column_profile import label_hash
from detectors._label_counts import count_by_label, count_by_text

labels_and_rows = st.dictionaries(
    st.text(st.characters(blacklist_categories=("Cs",)), max_size=6), st.integers(1, 50), max_size=40
)


@settings(max_examples=80)
@given(labels_and_rows, labels_and_rows, st.integers(0, 3), st.booleans())
def test_labels_as_bytes_count_like_labels(
    reference: dict[str, int], window: dict[str, int], missing: int, every: bool
) -> None:
    """Known, pooled, unseen, empty: whichever way they come, and whether all pooled labels were kept."""
    labels = [label for label, rows in reference.items() for _ in range(rows)]
    codes = np.arange(len(labels), dtype=np.int32)
    built = build_profile(
        {"c": CategoryColumn(codes=codes, labels=tuple(labels))}, roles={}, include=("c",)
    ).columns["c"]
    assert isinstance(built, CategoryProfile)
    profile = replace(built, pooled_all=every)
    window = {**window, **dict.fromkeys([*reference][:5], 3)}
    written = [label.encode() for label in window]
    ends = np.cumsum([len(text) for text in written], dtype=np.int64)
    texts = np.frombuffer(b"".join(written), dtype=np.uint8), ends
    rows = np.array([*window.values()], dtype=np.int64)
    assert count_by_text(profile, texts, rows, missing) == count_by_label(profile, window, missing)


def test_two_labels_of_one_hash_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger that hashes like a label of the reference is a stranger all the same."""
    built = build_profile(
        {"c": CategoryColumn(codes=np.zeros(9, dtype=np.int32), labels=("a",))}, roles={}
    ).columns["c"]
    assert isinstance(built, CategoryProfile)
    monkeypatch.setattr(_blake2b, "blake2b_64", lambda _, ends: np.full(ends.size, label_hash("a")))
    texts = np.frombuffer(b"ab", dtype=np.uint8), np.array([1, 2])
    found = count_by_text(built, texts, np.array([4, 5]), 0)
    assert (found.counts.tolist(), found.unseen_labels) == ([4], {"b": 5})
