"""How does a window's summary travel, so that it may be counted where its rows are?

Exactly: what is read is equal to what was written, and adds up alike. Its shape is that of its profile, so
it is read with the profile at hand: nothing is read that could not have been counted on it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors._cells import TAIL_CODES, Tails, tail_bounds
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile
from detectors._joint import JointSummary
from detectors._profile import Profile
from detectors._relations import SCORE_MOST, relations_of
from detectors._shadow import ShadowSummary
from detectors._slices import slices_of
from detectors._summary import (
    MOMENT_BITS,
    MOMENT_CLIP,
    UNSEEN_LABELS,
    CategorySummary,
    ColumnSummary,
    NumericSummary,
    WindowSummary,
)
from detectors._sums import Sums
from detectors._wire import Reader, Writer

MOST_BYTES = 256 * 1024 * 1024  # of a summary in memory: 200 columns in 20 slices and 10 versions
MOST_VERSIONS = 10_000
MOST_ROWS = 2**44  # of a summary: 2¹⁷ counts of them, and thousands of such summaries, add up in int64
_OBJECT, _PAIR = (
    1_000,
    120,
)  # bytes that Python needs for a summary or a column of one, and for one of its tails
_MAGIC = b"leeway.summary/1 "
_HEAD = len(_MAGIC) + 64 + 1  # with the profile's digest in hex and the end of the line
_FIRST = int(MOMENT_CLIP) << MOMENT_BITS  # of Σ rint(z·2²⁰), the most that a row adds
_SECOND = int(MOMENT_CLIP) ** 2 << MOMENT_BITS
_SUM = 2**190  # of a `Sums`, whose clip is its own


class OtherProfileError(ValueError):
    """A summary of another profile than the one at hand."""


def encode_summary(summary: WindowSummary, profile: Profile) -> bytes:
    """The same bytes for equal summaries. ValueError: it was not counted on this profile."""
    if summary.profile_digest != profile.digest:
        raise _other(summary.profile_digest, profile)
    to = Writer()
    _write(to, summary, profile)
    _write_text(to, summary.version)
    to.integer(len(summary.versions))
    for version, part in sorted(summary.versions.items()):
        if part.version is not None or part.versions:
            raise ValueError("summary: a version's own rows name no version")
        to.text(version)
        _write(to, part, profile)
    return _MAGIC + profile.digest.encode() + b"\n" + to.content()


def decode_summary(data: bytes, profile: Profile, most: int = MOST_BYTES) -> WindowSummary:
    """What `encode_summary` was given. `most`: bytes of it in memory.

    OtherProfileError for a summary of another profile, ValueError for what is none, whatever the bytes are.
    """
    digest = summary_digest(data)
    if digest != profile.digest:
        raise _other(digest, profile)
    try:
        return _decoded(Reader(data[_HEAD:], most), profile)
    except ValueError as error:
        raise ValueError(f"summary: {error}; send it again, as `encode_summary` wrote it") from error


def summary_digest(data: bytes) -> str:
    """Of the profile that it says it was counted on. ValueError for what is no summary of this version."""
    if not data.startswith(_MAGIC):
        raise ValueError(
            f"summary: unknown format {data[:24]!r}, expected {_MAGIC!r}; "
            "write it with this version of Leeway"
        )
    digest = data[len(_MAGIC) : _HEAD - 1]
    if data[_HEAD - 1 : _HEAD] != b"\n" or digest.strip(b"0123456789abcdef"):
        raise ValueError("summary: names no profile; send it again, as `encode_summary` wrote it")
    return digest.decode("ascii")


def _other(digest: str, profile: Profile) -> OtherProfileError:
    return OtherProfileError(
        f"summary: counted on profile {digest[:12]}, and the one in force is {profile.digest[:12]}; "
        "fetch that one and count the rows again"
    )


def _decoded(of: Reader, profile: Profile) -> WindowSummary:
    whole = _read(of, profile, MOST_ROWS)
    version = _read_text(of)
    versions: dict[str, WindowSummary] = {}
    last, left = None, whole.rows
    for _ in range(of.integer(0, MOST_VERSIONS, "the number of versions")):
        name = of.text()
        if last is not None and name <= last:
            raise ValueError("holds versions in another order than theirs")
        part = _read(of, profile, left)
        last, left = name, left - part.rows
        versions[name] = part
    of.end()
    if versions and version is not None:
        raise ValueError("is of one version, and of several")
    return replace(whole, version=version, versions=versions)


def _write(to: Writer, summary: WindowSummary, profile: Profile) -> None:
    """But for versions."""
    to.integer(summary.rows)
    to.integer(len(summary.columns))
    for name, column in sorted(summary.columns.items()):
        to.text(name)
        _write_column(to, column, profile.columns[name])
    _write_joint(to, summary.joint)
    slices = slices_of(profile)
    to.integer(len(summary.slices))
    for name, part in sorted(summary.slices.items()):
        if slices is None or name not in slices.profiles:
            raise ValueError(f"summary: its profile has no slice {name!r}")
        to.text(name)
        _write(to, part, slices.profiles[name])
    _write_shadow(to, summary.shadow)
    to.integer(-1 if summary.errors is None else summary.errors)


def _read(of: Reader, profile: Profile, most: int) -> WindowSummary:
    """`most`: rows."""
    of.spend(_OBJECT)
    rows = of.integer(0, most, "the number of rows")
    columns: dict[str, ColumnSummary] = {}
    for name in _names(of, profile.columns, "column"):
        columns[name] = _read_column(of, profile.columns[name], rows)
    joint = _read_joint(of, profile, rows)
    slices = slices_of(profile)
    parts: dict[str, WindowSummary] = {}
    for name in _names(of, slices.profiles if slices else {}, "slice"):
        assert slices is not None  # noqa: S101  else it has no name
        parts[name] = _read(of, slices.profiles[name], rows)
    shadow = _read_shadow(of, profile, rows)
    errors = of.integer(-1, rows, "the number of errors")
    return WindowSummary(
        rows=rows,
        columns=columns,
        profile_digest=profile.digest,
        joint=joint,
        slices=parts,
        shadow=shadow,
        errors=None if errors < 0 else errors,
    )


def _names(of: Reader, known: Mapping[str, object], what: str) -> Iterator[str]:
    """One at a time, each once: what belongs to it is read in between."""
    last = None
    for _ in range(of.integer(0, len(known), f"the number of {what}s")):
        name = of.text()
        if name not in known:
            raise ValueError(f"holds a {what} that its profile has not, {name[:60]!r}")
        if last is not None and name <= last:
            raise ValueError(f"holds {what}s in another order than theirs")
        last = name
        yield name


def _write_column(to: Writer, column: ColumnSummary, profile: ColumnProfile) -> None:
    if isinstance(column, NumericSummary) and isinstance(profile, NumericProfile):
        for count in (column.missing, column.below_edge, column.above_edge, column.infinite):
            to.integer(count)
        to.number(column.minimum)
        to.number(column.maximum)
        to.wide(column.moment1)
        to.wide(column.moment2)
        to.array(column.counts)
        to.integer(len(column.tails))
        to.array(np.array(column.tails, dtype=np.int64).reshape(-1, 2).T)
        return
    if isinstance(column, CategorySummary) and isinstance(profile, CategoryProfile):
        for count in (column.missing, column.rest, column.unseen):
            to.integer(count)
        to.array(column.counts)
        to.integer(len(column.unseen_labels))
        for label, rows in sorted(column.unseen_labels.items()):
            to.text(label)
            to.integer(rows)
        return
    raise ValueError(f'summary: column "{profile.name}" is no {profile.kind} one')


def _read_column(of: Reader, profile: ColumnProfile, rows: int) -> ColumnSummary:
    of.spend(_OBJECT)
    if isinstance(profile, NumericProfile):
        return _read_numeric(of, profile, rows)
    return _read_category(of, profile, rows)


def _read_numeric(of: Reader, profile: NumericProfile, rows: int) -> NumericSummary:
    missing, below, above, infinite = (of.integer(0, rows, f'rows of "{profile.name}"') for _ in range(4))
    minimum, maximum = of.number(), of.number()
    finite = rows - missing - infinite  # at most
    moment1 = of.wide(-_FIRST * rows, _FIRST * rows, "a sum")
    moment2 = of.wide(0, _SECOND * rows, "a sum of squares")
    counts = of.array(2 * profile.knots.size + 1)
    values = _total(counts, rows)
    tails = _read_tails(of, finite)
    if values + missing > rows or below + above > values or infinite > values:
        raise ValueError(f'has more rows in parts of "{profile.name}" than in all')
    empty = values == infinite
    if (minimum, maximum) != (np.inf, -np.inf) if empty else not -np.inf < minimum <= maximum < np.inf:
        raise ValueError(f'has no least and largest value of "{profile.name}"')
    if profile.knots.size:
        _ends_must_agree(profile, counts, (below, above), infinite, (minimum, maximum), tails)
    return NumericSummary(
        counts=counts,
        missing=missing,
        below_edge=below,
        above_edge=above,
        infinite=infinite,
        minimum=minimum,
        maximum=maximum,
        moment1=moment1,
        moment2=moment2,
        tails=tails,
    )


def _ends_must_agree(
    profile: NumericProfile,
    counts: NDArray[np.int64],
    edges: tuple[int, int],
    infinite: int,
    ends: tuple[float, float],
    tails: Tails,
) -> None:
    """What lies beyond the outer knots is told five times: open cells, tails, edges, extremes, infinities."""
    first, last = float(profile.knots[0]), float(profile.knots[-1])
    finite = [sum(rows for code, rows in tails if (code >= TAIL_CODES) is above) for above in (False, True)]
    spare = [int(cell) - rows for cell, rows in zip((counts[0], counts[-1]), finite, strict=True)]
    beyond = ends[0] < first, ends[1] > last
    bounds = [(code >= TAIL_CODES, *tail_bounds(code)) for code, _ in tails]
    if (
        min(spare) < 0
        or sum(spare) != infinite
        or any(edge > cell for edge, cell in zip(edges, (counts[0], counts[-1]), strict=True))
        or any(is_there is not (rows > 0) for is_there, rows in zip(beyond, finite, strict=True))
        or not all(
            np.isfinite((low, high)).all() and (high > last if above else low < first)
            for above, low, high in bounds
        )
    ):
        raise ValueError(f'holds rows beyond the range of "{profile.name}" that do not agree with each other')


def _read_tails(of: Reader, most: int) -> Tails:
    size = of.integer(0, 2 * TAIL_CODES, "the number of tails")
    of.spend(_PAIR * size)
    codes, rows = of.array(2 * size).reshape(2, size)
    if size and (codes[0] < 0 or codes[-1] >= 2 * TAIL_CODES or (np.diff(codes) <= 0).any()):
        raise ValueError("holds tails that are none")
    _total(rows, max(most, 0))
    return tuple(zip(codes.tolist(), rows.tolist(), strict=True))


def _read_category(of: Reader, profile: CategoryProfile, rows: int) -> CategorySummary:
    missing, rest, unseen = (of.integer(0, rows, f'rows of "{profile.name}"') for _ in range(3))
    counts = of.array(len(profile.labels))
    if _total(counts, rows) + missing + rest + unseen > rows:
        raise ValueError(f'has more rows in parts of "{profile.name}" than in all')
    labels: dict[str, int] = {}
    last, left = None, unseen
    for _ in range(of.integer(0, UNSEEN_LABELS, "the number of unseen labels")):
        label = of.text()
        if (last is not None and label <= last) or label in profile.index:
            raise ValueError(f'holds unseen labels of "{profile.name}" that are none')
        labels[label] = of.integer(1, left, "rows of an unseen label")
        last, left = label, left - labels[label]
    return CategorySummary(counts=counts, rest=rest, missing=missing, unseen=unseen, unseen_labels=labels)


def _write_joint(to: Writer, joint: JointSummary | None) -> None:
    to.integer(-1 if joint is None else joint.rows)
    if joint is not None:
        for matrix in (joint.both, joint.sums, joint.squares, joint.products):
            to.array(matrix)


def _read_joint(of: Reader, profile: Profile, rows: int) -> JointSummary | None:
    looked_at = of.integer(-1, rows, "the number of rows of relations")
    if looked_at < 0:
        return None
    relations = relations_of(profile)
    if relations is None:
        raise ValueError("holds relations, and its profile has none")
    size = len(relations.columns)
    matrices = [of.array(size * size).reshape(size, size) for _ in range(4)]
    both, sums, squares, products = matrices
    for matrix, power, signed in (
        (both, 0, False),
        (sums, 1, True),
        (squares, 2, False),
        (products, 2, True),
    ):
        limit = SCORE_MOST**power * looked_at
        if int(matrix.max()) > limit or int(matrix.min()) < (-limit if signed else 0):
            raise ValueError("holds sums of relations that its rows cannot have")
    return JointSummary(
        columns=relations.columns, rows=looked_at, both=both, sums=sums, squares=squares, products=products
    )


def _write_shadow(to: Writer, shadow: ShadowSummary | None) -> None:
    to.integer(-1 if shadow is None else shadow.rows)
    if shadow is not None:
        to.integer(shadow.agreed)
        for sums in (shadow.distance, shadow.difference):
            to.wide(sums.first)
            to.wide(sums.second)


def _read_shadow(of: Reader, profile: Profile, rows: int) -> ShadowSummary | None:
    known = of.integer(-1, rows, "the number of rows with a second score")
    if known < 0:
        return None
    if profile.score is None:
        raise ValueError("holds a second score, and its profile has no first one")
    agreed = of.integer(0, known, "the number of rows that agree")
    distance, difference = (
        Sums(rows=known, first=of.wide(-_SUM, _SUM, "a sum"), second=of.wide(0, _SUM, "a sum of squares"))
        for _ in range(2)
    )
    return ShadowSummary(agreed=agreed, distance=distance, difference=difference)


def _write_text(to: Writer, text: str | None) -> None:
    to.integer(text is not None)
    to.text(text or "")


def _read_text(of: Reader) -> str | None:
    is_there = of.integer(0, 1, "whether there is a version")
    text = of.text()
    return text if is_there else None


def _total(counts: NDArray[np.int64], most: int) -> int:
    """Of counts of rows. Their sum fits: each is at most `MOST_ROWS`, and there are a few thousand."""
    if counts.size and (int(counts.min()) < 0 or int(counts.max()) > most):
        raise ValueError(f"holds a count that is not from 0 to {most}")
    total = int(counts.sum())
    if total > most:
        raise ValueError(f"has {total} rows in parts, and {most} in all")
    return total
