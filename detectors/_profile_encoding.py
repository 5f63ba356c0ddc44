"""How does a whole reference travel to where its rows are? As it is stored, with its digest."""

import json
from collections.abc import Iterator

from detectors._column_profile import ColumnProfile, decode
from detectors._derived import ScoreSpec
from detectors._profile import Profile

_MAGIC = b"leeway.reference/1\n"


def encode_profile(profile: Profile) -> bytes:
    """About 16 bytes a knot; the same bytes for equal profiles."""
    columns = {name: column.to_bytes() for name, column in profile.columns.items()}
    score = profile.score
    head = {
        "digest": profile.digest,
        "rows": profile.rows,
        "notices": profile.notices,
        "score": None if score is None else {"task": score.task, "columns": dict(score.columns)},
        "columns": [[name, len(content)] for name, content in columns.items()],
        "parts": [[name, len(content)] for name, content in sorted(profile.parts.items())],
    }
    line = json.dumps(head, separators=(",", ":")).encode()
    parts = [content for _, content in sorted(profile.parts.items())]
    return b"".join((_MAGIC, line, b"\n", *columns.values(), *parts))


def decode_profile(data: bytes) -> Profile:
    """What `encode_profile` was given: its digest says so. ValueError for anything else.

    The bytes are those of a Leeway that one trusts; damage is seen, malice is not looked for.
    """
    if not data.startswith(_MAGIC):
        raise ValueError(
            f"reference: unknown format {data[:24]!r}, expected {_MAGIC!r}; fetch it again, "
            "with this version of Leeway"
        )
    try:
        profile, digest = _decoded(data)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"reference: is damaged or cut off ({error}); fetch it again") from error
    if profile.digest != digest:
        raise ValueError("reference: is damaged, its digest differs; fetch it again")
    return profile


def _decoded(data: bytes) -> tuple[Profile, str]:
    end = data.index(b"\n", len(_MAGIC))
    head = json.loads(data[len(_MAGIC) : end])
    columns: dict[str, ColumnProfile] = {}
    contents = _cut(data, end + 1, [size for _, size in head["columns"] + head["parts"]])
    for name, _ in head["columns"]:
        columns[name] = decode(next(contents))
    parts = {name: next(contents) for name, _ in head["parts"]}
    said = head["score"]
    profile = Profile.of(
        columns,
        score=None if said is None else ScoreSpec(task=said["task"], columns=said["columns"]),
        rows=head["rows"],
        notices=tuple(head["notices"]),
        parts=parts,
    )
    return profile, head["digest"]


def _cut(data: bytes, start: int, sizes: list[int]) -> Iterator[bytes]:
    if start + sum(sizes) != len(data) or any(size < 0 for size in sizes):
        raise ValueError("it is not as long as it says")
    for size in sizes:
        yield data[start : start + size]
        start += size
