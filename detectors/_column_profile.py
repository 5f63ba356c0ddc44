"""What is remembered of one column of the reference? Counts on its own knots or labels; no raw rows."""

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detectors._column import Kind, Role
from detectors._encoding import pack, unpack

_MANY = 10_000  # labels whose hashes are compiled, which takes seconds once a machine
_OUTCOME_ARRAYS = ("known", "quality", "scored", "score")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """How the model did on the reference rows of each display bin (`Bins` order), or on a sample of them."""

    task: Literal["binary", "multiclass", "regression"]
    known: NDArray[np.int64]  # rows whose outcome and score are known
    quality: NDArray[np.float64]  # over those rows: correct predictions, or the sum of absolute errors
    scored: NDArray[np.int64]  # rows whose score is known
    score: NDArray[np.float64]  # over those: sum of the score (multiclass: of the largest probability)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumericProfile:
    """A numeric column of the reference, in the cells of `_cells`. Equality is equality of `digest`."""

    name: str
    role: Role
    rows: int  # all rows, missing ones too
    missing: int
    infinite: int  # rows of ±inf: in the open cells, out of range, not in the moments
    knots: NDArray[np.float64]  # float64[k], ascending, distinct; empty when no value is finite
    at: NDArray[np.int64]  # int64[k], rows exactly at each knot
    below: NDArray[np.int64]  # int64[k + 1], rows in the open cell below knots[0], between knots, above
    edges: tuple[float, float]  # outer edges, min − ½ range and max + ½ range; NaN without knots
    deciles: NDArray[np.float64]  # inner edges of the PSI bins, upper ends, all of them knots
    spike: float | None  # the most frequent value when it holds ≥ 5 % of the values: its own bin
    mean: float  # of finite values; NaN without any
    sd: float  # of finite values, n − 1; 0 for a constant, NaN without any
    # At QUANTILE_LEVELS, empty without finite values. Exact; of rows that were not held, to a cell.
    quantiles: Mapping[float, float]
    outcomes: Outcomes | None = None
    # What is computed from the fields above on first use (grids, bases, bin maps); never stored.
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def kind(self) -> Kind:
        return Kind.NUMERIC

    @property
    def values(self) -> int:
        """Rows that are not missing."""
        return self.rows - self.missing

    @property
    def counts(self) -> NDArray[np.int64]:
        """int64[2k + 1]: reference rows by cell, in the order of `_cells`."""
        found = self.memo.get("counts")
        if found is None:
            found = np.empty(2 * self.knots.size + 1, dtype=np.int64)
            found[0::2] = self.below
            found[1::2] = self.at
            found.flags.writeable = False
            self.memo["counts"] = found
        counts: NDArray[np.int64] = found
        return counts

    @property
    def cumulative(self) -> NDArray[np.float64]:
        """float64[2k + 1]: share of the values up to the end of each cell; NaN without values."""
        found: NDArray[np.float64] | None = self.memo.get("cumulative")
        if found is None:
            found = np.cumsum(self.counts) / (self.values or np.nan)
            found.flags.writeable = False
            self.memo["cumulative"] = found
        return found

    @property
    def digest(self) -> str:
        """sha256 of the content, hex; computed once."""
        return _digest(self)

    def to_bytes(self) -> bytes:
        """About 16 bytes a knot; `from_bytes` gives an equal profile."""
        head, arrays = _outcome_parts(self.outcomes)
        head |= {"kind": "numeric", "name": self.name, "role": str(self.role)}
        head |= {"rows": self.rows, "missing": self.missing, "infinite": self.infinite}
        head |= {"mean": _number(self.mean), "sd": _number(self.sd), "spike": self.spike}
        head["edges"] = [_number(edge) for edge in self.edges]
        head["quantiles"] = [[level, value] for level, value in sorted(self.quantiles.items())]
        own = {"knots": self.knots, "at": self.at, "below": self.below, "deciles": self.deciles}
        return pack(head, own | arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "NumericProfile":
        """What `to_bytes` wrote; ValueError for anything else."""
        return cls.from_parts(*unpack(data))

    @classmethod
    def from_parts(cls, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> "NumericProfile":
        """From what `unpack` gave."""
        if head["kind"] != "numeric":
            raise ValueError(f'profile "{head["name"]}" is of a {head["kind"]} column, not of a numeric one')
        low, high = (_float(edge) for edge in head["edges"])
        return cls(
            name=head["name"],
            role=Role(head["role"]),
            rows=head["rows"],
            missing=head["missing"],
            infinite=head["infinite"],
            knots=arrays["knots"],
            at=arrays["at"],
            below=arrays["below"],
            edges=(low, high),
            deciles=arrays["deciles"],
            spike=head["spike"],
            mean=_float(head["mean"]),
            sd=_float(head["sd"]),
            quantiles=dict(head["quantiles"]),
            outcomes=_outcomes(head, arrays),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CategoryProfile:
    """A column of labels in the reference. Equality is equality of `digest`."""

    name: str
    role: Role
    rows: int  # all rows, missing ones too
    missing: int
    labels: tuple[str, ...]  # by count, then label; at most 2,000, each with ≥ 5 rows
    counts: NDArray[np.int64]  # int64[L], rows of each
    rest: int  # rows of all other labels
    # Distinct labels, pooled ones too; estimated where rows were not held and there are 400,000 and more.
    distinct: int
    singletons: int  # labels seen in exactly one row: N₁ of Good–Turing; as `distinct`
    levels: tuple[str, ...]  # labels with a share ≥ 1 % of the values, at most 30: a component each
    pooled: NDArray[np.uint64]  # ascending hashes of the labels in `rest`, so that they are not "unseen"
    pooled_all: bool  # False: too many to keep; then an unknown label counts as rest, never as unseen
    outcomes: Outcomes | None = None
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def kind(self) -> Kind:
        return Kind.CATEGORY

    @property
    def values(self) -> int:
        """Rows that are not missing."""
        return self.rows - self.missing

    @property
    def index(self) -> Mapping[str, int]:
        """Position of each kept label."""
        found: dict[str, int] | None = self.memo.get("index")
        if found is None:
            found = self.memo["index"] = {label: i for i, label in enumerate(self.labels)}
        return found

    def seen(self, labels: Collection[str]) -> NDArray[np.bool_]:
        """Whether labels that are not among `labels` were in the reference all the same, bool[n].

        All at once: one by one they take ten times as long.
        """
        if not self.pooled_all or not labels or not self.pooled.size:
            return np.full(len(labels), not self.pooled_all)
        return self.seen_hashes(label_hashes(labels))

    def seen_hashes(self, hashed: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """The same of their hashes."""
        if not self.pooled_all or not self.pooled.size:
            return np.full(hashed.size, not self.pooled_all)
        order = np.argsort(hashed)  # neighbours are looked for in one place, not each in another
        found = np.empty(hashed.size, dtype=np.bool_)
        found[order] = holds(self.pooled, hashed[order])
        return found

    @property
    def digest(self) -> str:
        """sha256 of the content, hex; computed once."""
        return _digest(self)

    def to_bytes(self) -> bytes:
        """`from_bytes` gives an equal profile."""
        head, arrays = _outcome_parts(self.outcomes)
        head |= {"kind": "category", "name": self.name, "role": str(self.role)}
        head |= {"rows": self.rows, "missing": self.missing, "labels": self.labels, "rest": self.rest}
        head |= {"distinct": self.distinct, "singletons": self.singletons}
        head |= {"levels": len(self.levels), "pooled_all": self.pooled_all}
        return pack(head, {"counts": self.counts, "pooled": self.pooled} | arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "CategoryProfile":
        """What `to_bytes` wrote; ValueError for anything else."""
        return cls.from_parts(*unpack(data))

    @classmethod
    def from_parts(cls, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> "CategoryProfile":
        """From what `unpack` gave."""
        if head["kind"] != "category":
            raise ValueError(f'profile "{head["name"]}" is of a {head["kind"]} column, not of a category one')
        labels = tuple(head["labels"])
        return cls(
            name=head["name"],
            role=Role(head["role"]),
            rows=head["rows"],
            missing=head["missing"],
            labels=labels,
            counts=arrays["counts"],
            rest=head["rest"],
            distinct=head["distinct"],
            singletons=head["singletons"],
            levels=labels[: head["levels"]],
            pooled=arrays["pooled"],
            pooled_all=head["pooled_all"],
            outcomes=_outcomes(head, arrays),
        )


ColumnProfile = NumericProfile | CategoryProfile


def wrong_kind(profile: ColumnProfile) -> ValueError:
    """What to raise when a window holds the column as the other kind."""
    window = "labels" if profile.kind is Kind.NUMERIC else "numbers"
    return ValueError(f'column "{profile.name}": {profile.kind} in the reference, {window} in the window')


def decode(data: bytes) -> ColumnProfile:
    """The profile of either kind that `to_bytes` wrote; its digest is that of these very bytes."""
    head, arrays = unpack(data)
    of = NumericProfile if head["kind"] == "numeric" else CategoryProfile
    column = of.from_parts(head, arrays)
    column.memo["digest"] = hashlib.sha256(data).hexdigest()
    return column


def _digest(column: ColumnProfile) -> str:
    found: str | None = column.memo.get("digest")
    if found is None:
        found = column.memo["digest"] = hashlib.sha256(column.to_bytes()).hexdigest()
    return found


def holds(ascending: NDArray[np.uint64], hashed: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """bool[n]: whether each is among them; at least one is."""
    at = np.searchsorted(ascending, hashed)
    found: NDArray[np.bool_] = ascending[np.minimum(at, ascending.size - 1)] == hashed
    return found


def label_hash(label: str) -> np.uint64:
    """64 bits of BLAKE2b: the same on every machine and in every process, unlike hash()."""
    return np.uint64(label_hashes([label])[0])


def label_hashes(labels: Collection[str]) -> NDArray[np.uint64]:
    """uint64[n], of each."""
    if len(labels) >= _MANY:
        # Here, not above: reading history must not load the compiler.
        from detectors._blake2b import blake2b_64  # noqa: PLC0415

        written = [label.encode("utf-8", "surrogatepass") for label in labels]
        ends = np.cumsum([len(label) for label in written], dtype=np.int64)
        return blake2b_64(np.frombuffer(b"".join(written), dtype=np.uint8), ends)
    blake2b = hashlib.blake2b
    digests = [blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8).digest() for label in labels]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _outcome_parts(outcomes: Outcomes | None) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    if outcomes is None:
        return {}, {}
    arrays = {f"outcomes.{name}": getattr(outcomes, name) for name in _OUTCOME_ARRAYS}
    return {"outcomes": outcomes.task}, arrays


def _outcomes(head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Outcomes | None:
    if "outcomes" not in head:
        return None
    return Outcomes(task=head["outcomes"], **{name: arrays[f"outcomes.{name}"] for name in _OUTCOME_ARRAYS})


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _float(value: float | None) -> float:
    return math.nan if value is None else value
