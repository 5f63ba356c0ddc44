"""Laws of summaries that travel: what is read is what was written, and nothing else can be read."""

import contextlib
import dataclasses
import struct
import tracemalloc
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import (
    CategoryColumn,
    Column,
    NumericColumn,
    NumericProfile,
    NumericSummary,
    OtherProfileError,
    Profile,
    ScoreSpec,
    WindowSummary,
    build_profile,
    count,
    decode_profile,
    decode_summary,
    encode_profile,
    encode_summary,
)
from detectors._cells import TAIL_CODES
from detectors._count import Extras
from detectors._relation_fit import fit_relations
from detectors._slices import fit_slices
from detectors._summary_encoding import MOST_ROWS, summary_digest

EXTRAS = Extras(version="version", shadow={"": "challenger"}, error="error")
LABELS = ("JFK", "LGA", "EWR", "Zürich ✈", "", "\ud800", "new", "newer")


def batch(rows: int, seed: int, *, reference: bool = False) -> dict[str, Column]:
    """Everything that a summary may hold: ties, holes, ±inf, −0.0, tails, unseen labels, versions, errors."""
    rng = np.random.default_rng(seed)
    x = rng.choice([0.0, -0.0, 1.0, 2.5], rows) if seed % 3 == 0 else rng.lognormal(size=rows)
    y = 0.7 * x + rng.normal(size=rows)
    if not reference:
        x[rng.random(rows) < 0.1] = np.nan
        x[rng.random(rows) < 0.05] = np.inf
        y[rng.random(rows) < 0.05] = -np.inf
        y[rng.random(rows) < 0.1] *= 10.0 ** rng.integers(-300, 300)
    known = 5 if reference else 8
    return {
        "x": NumericColumn(values=x),
        "y": NumericColumn(values=y),
        "c": CategoryColumn(codes=rng.integers(-1, known, rows).astype(np.int32), labels=LABELS[:known]),
        "score": NumericColumn(values=rng.random(rows)),
        "challenger": NumericColumn(values=rng.random(rows)),
        "version": CategoryColumn(codes=rng.integers(-1, 2, rows).astype(np.int32), labels=("v1", "v2")),
        "error": CategoryColumn(codes=rng.integers(-1, 2, rows).astype(np.int32), labels=("ok", "timeout")),
    }


@cache
def profile(seed: int = 1) -> Profile:
    columns = batch(2_000, seed, reference=True)
    own = {name: columns[name] for name in ("x", "y", "c", "score")}
    plain = build_profile(own, roles={}, score=ScoreSpec(task="binary", columns={"": "score"}), knots=64)
    relations = fit_relations(plain, columns, 2_000, 500)
    assert relations is not None
    return plain.with_parts({"relations": relations, **fit_slices(plain, columns, 2_000, ["c"])})


def counted(rows: int, seed: int, without: tuple[str, ...] = ()) -> WindowSummary:
    columns = {name: column for name, column in batch(rows, seed).items() if name not in without}
    return count(profile(), columns, rows, EXTRAS)


some = st.builds(
    counted,
    st.integers(0, 40),
    st.integers(0, 1_000),
    st.sets(st.sampled_from(["x", "c", "version", "challenger", "error"]), max_size=3).map(
        lambda names: tuple(sorted(names))
    ),
)


@given(some)
def test_what_is_read_is_what_was_written(summary: WindowSummary) -> None:
    """Equal in every part, and written again as the same bytes."""
    written = encode_summary(summary, profile())
    found = decode_summary(written, profile())
    assert found == summary
    assert encode_summary(found, profile()) == written


@given(some, some)
def test_sums_of_what_was_read_are_sums_of_what_was_written(one: WindowSummary, other: WindowSummary) -> None:
    """Also when the sum itself travels."""
    there = [decode_summary(encode_summary(each, profile()), profile()) for each in (one, other)]
    assert there[0] + there[1] == one + other
    assert decode_summary(encode_summary(one + other, profile()), profile()) == one + other


def test_every_part_of_a_summary_travels() -> None:
    """The windows of these tests hold them all, or the laws above say nothing of them."""
    summary = counted(400, 5)
    column = summary.columns["y"]
    assert summary.versions
    assert summary.slices
    assert summary.joint is not None
    assert summary.shadow is not None
    assert summary.errors
    assert column.tails  # type: ignore[union-attr]  # a numeric one
    assert summary.columns["c"].unseen_labels  # type: ignore[union-attr]  # one of labels
    empty = WindowSummary.empty(profile())
    assert decode_summary(encode_summary(empty, profile()), profile()) == empty


def test_sums_beyond_int64_travel() -> None:
    """Of many rows far out, which Python's integers hold."""
    summary = counted(50, 7)
    column = dataclasses.replace(summary.columns["x"], moment1=-(2**70), moment2=2**80)  # type: ignore[type-var]
    large = dataclasses.replace(summary, rows=2**42, columns={"x": column})
    assert decode_summary(encode_summary(large, profile()), profile()) == large


def test_another_profile_is_refused() -> None:
    """By name of both, whichever side notices."""
    other = profile(2)
    written = encode_summary(counted(10, 1), profile())
    with pytest.raises(OtherProfileError, match=f"{profile().digest[:12]}.*{other.digest[:12]}"):
        decode_summary(written, other)
    with pytest.raises(OtherProfileError):
        encode_summary(counted(10, 1), other)
    assert summary_digest(written) == profile().digest


def test_another_version_is_refused() -> None:
    """With what was found and what is known."""
    written = encode_summary(counted(10, 1), profile()).replace(b"summary/1", b"summary/2")
    with pytest.raises(ValueError, match=r"unknown format b'leeway.summary/2.*expected"):
        decode_summary(written, profile())


@given(st.binary(max_size=300))
def test_hostile_bytes_are_refused(junk: bytes) -> None:
    """As they are, deflated, and behind a head that is right."""
    head = b"leeway.summary/1 " + profile().digest.encode() + b"\n"
    for data in (junk, head + junk, head + zlib.compress(junk)):
        with pytest.raises(ValueError):  # noqa: PT011  whichever it is
            decode_summary(data, profile())


@given(st.data())
def test_damaged_bytes_are_refused_or_are_a_summary(data: st.DataObject) -> None:
    """Flipped before they are deflated: the checksum is right. What is read can be written and added."""
    written = encode_summary(counted(30, 3), profile())
    head, plain = written[:82], bytearray(zlib.decompress(written[82:]))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, min(len(plain) - 1, 6_000)))
        plain[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(plain), len(plain) - 1, len(plain) // 2]))
    try:
        found = decode_summary(head + zlib.compress(bytes(plain[:end])), profile())
    except ValueError:
        return
    assert (found + found).rows == 2 * found.rows
    assert decode_summary(encode_summary(found, profile()), profile()) == found


@pytest.mark.parametrize("end", [0, 10, 81, 82, 90, -1])
def test_cut_off_is_refused(end: int) -> None:
    """Wherever it was cut."""
    with pytest.raises(ValueError, match="summary: "):
        decode_summary(encode_summary(counted(10, 1), profile())[:end], profile())


def test_more_than_a_summary_is_refused() -> None:
    """Nothing may follow, packed or not."""
    written = encode_summary(counted(10, 1), profile())
    longer = written[:82] + zlib.compress(zlib.decompress(written[82:]) + b"\0")
    for data in (written + b"\0", longer):
        with pytest.raises(ValueError, match="more than a summary"):
            decode_summary(data, profile())


def test_a_few_bytes_never_take_much_memory() -> None:
    """200 kB that unpack to 200 MB: no more is unpacked than is allowed."""
    head = encode_summary(counted(0, 1), profile())[:82]
    bomb = zlib.compressobj(9)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    huge_text = zlib.compress(struct.pack("<qqI", 5, 1, 2**32 - 1) + bytes(1 << 26))
    tracemalloc.start()
    try:
        for data in (packed, huge_text):
            with pytest.raises(ValueError, match="summary: "):
                decode_summary(head + data, profile(), most=1 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_rows_beyond_what_adds_up_are_refused() -> None:
    """Counts of thousands of summaries must add up in int64."""
    summary = dataclasses.replace(WindowSummary.empty(profile()), rows=MOST_ROWS + 1)
    with pytest.raises(ValueError, match="the number of rows is"):
        decode_summary(encode_summary(summary, profile()), profile())


def test_a_profile_travels_whole() -> None:
    """Parts, score and notices as well; what is counted on it is what is counted on the first one."""
    whole = dataclasses.replace(profile(), notices=("a notice",))
    found = decode_profile(encode_profile(whole))
    assert (found.digest, found.notices, found.parts, found.score) == (
        whole.digest,
        whole.notices,
        whole.parts,
        whole.score,
    )
    assert list(found.columns) == list(whole.columns)
    assert count(found, batch(100, 9), 100, EXTRAS) == count(whole, batch(100, 9), 100, EXTRAS)
    assert encode_profile(found) == encode_profile(whole)


@given(st.integers(0, 100_000), st.integers(0, 255), st.booleans())
def test_a_damaged_profile_is_refused(at: int, byte: int, cut: bool) -> None:
    """Wherever it was damaged."""
    written = bytearray(encode_profile(profile()))
    at %= len(written)
    if cut:
        damaged = bytes(written[:at])
    elif written[at] == byte:
        return
    else:
        written[at] = byte
        damaged = bytes(written)
    with contextlib.suppress(ValueError):
        # Notices are no part of the digest, nor is the spelling of JSON.
        assert decode_profile(damaged).digest == profile().digest


def test_what_lies_beyond_the_range_must_agree() -> None:
    """Tails, open cells, edges, extremes and infinities tell of the same rows: a forger's do not."""
    reference = batch(600, 0, reference=True)
    profile = build_profile({"y": reference["y"]}, roles={})
    column = profile.columns["y"]
    assert isinstance(column, NumericProfile)
    values = np.array([column.knots[0] - 1.0, 0.5 * (column.knots[0] + column.knots[-1]), np.inf])
    true = count(profile, {"y": NumericColumn(values=values)}, 3)
    kept = true.columns["y"]
    assert isinstance(kept, NumericSummary)
    assert decode_summary(encode_summary(true, profile), profile) == true
    (code, rows), *_ = kept.tails
    for wrong in (
        {"tails": ((0x7FF8, rows),)},  # not a number
        {"tails": ((code, rows), (TAIL_CODES + 0x4340, 1))},  # nothing lies above
        {"tails": ()},
        {"infinite": 0},
        {"infinite": 2},
        {"below_edge": 2},
        {"minimum": 0.0},
        {"maximum": 1e300},
    ):
        forged = dataclasses.replace(true, columns={"y": dataclasses.replace(kept, **wrong)})
        with pytest.raises(ValueError, match="summary"):
            decode_summary(encode_summary(forged, profile), profile)
