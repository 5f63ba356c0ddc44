"""Which references and noise models exist, and which one is in force?

A reference is built once, content-hashed, versioned and promoted explicitly; its columns never change. The
noise model belongs to a reference and a window spec, and has versions of its own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update

from detectors import ColumnProfile, Profile, ScoreSpec, decode
from storage.errors import StorageError
from storage.span import Span
from storage.tables import noise_model, reference, reference_column, reference_part


class ReferenceStatus(StrEnum):
    BUILT = "built"
    ACTIVE = "active"  # at most one a model
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One reference without its counts."""

    id: int
    model: str
    version: int  # 1, 2, … a model
    status: ReferenceStatus
    created: datetime
    promoted: datetime | None = None
    span: Span | None = None  # None: a file without time
    rows: int
    columns: tuple[str, ...]  # derived ones last
    digest: str  # of the content
    config_digest: str = ""
    notices: tuple[str, ...] = ()
    lineage: Mapping[str, object] = field(default_factory=dict)  # JSON: files, sizes, who built it


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFacts:
    """What is known of one version of a noise model without reading it, which takes a megabyte."""

    id: int
    reference_id: int
    version: int
    window_spec: str
    learnt_from: str  # reference | production
    windows: int
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise(NoiseFacts):
    """One version of a noise model; `content` is NoiseModel.to_json()."""

    content: Any


def save(
    conn: Connection,
    model: str,
    profile: Profile,
    *,
    now: datetime,
    span: Span | None = None,
    lineage: Mapping[str, object] | None = None,
    config_digest: str = "",
) -> Reference:
    """Keep a profile as the next version; equal content, span, config and run give the newest again."""
    newest = _newest(conn, model)
    if (
        newest is not None
        and (newest.digest, newest.span, newest.config_digest) == (profile.digest, span, config_digest)
        and newest.lineage.get("run_id") == (lineage or {}).get("run_id")
        and newest.status is not ReferenceStatus.RETIRED
    ):
        return newest
    score = profile.score
    values = {
        "model": model,
        "version": 1 if newest is None else newest.version + 1,
        "status": ReferenceStatus.BUILT,
        "created": now,
        "span_start": None if span is None else span.start,
        "span_end": None if span is None else span.end,
        "rows": profile.rows,
        "digest": profile.digest,
        "config_digest": config_digest,
        "score": None if score is None else {"task": str(score.task), "columns": dict(score.columns)},
        "notices": list(profile.notices),
        "lineage": lineage or {},
    }
    reference_id = conn.execute(insert(reference).values(**values).returning(reference.c.id)).scalar_one()
    rows = [
        {
            "reference_id": reference_id,
            "column_name": name,
            "position": position,
            "kind": column.kind,
            "role": column.role,
            "digest": column.digest,
            "content": column.to_bytes(),
        }
        for position, (name, column) in enumerate(profile.columns.items())
    ]
    if rows:
        conn.execute(insert(reference_column), rows)
    parts = [
        {"reference_id": reference_id, "name": name, "content": content}
        for name, content in sorted(profile.parts.items())
    ]
    if parts:
        conn.execute(insert(reference_part), parts)
    saved = get(conn, reference_id)
    assert saved is not None  # noqa: S101 (inserted above, in this transaction)
    return saved


def load_profile(conn: Connection, reference_id: int) -> Profile:
    """The counts of a reference; refuses what does not have the digest it was saved with."""
    head = conn.execute(select(reference).where(reference.c.id == reference_id)).first()
    if head is None:
        raise StorageError(f"reference {reference_id}: not in this database; see `leeway reference list`")
    statement = select(reference_column).where(reference_column.c.reference_id == reference_id)
    columns: dict[str, ColumnProfile] = {}
    for row in conn.execute(statement.order_by(reference_column.c.position)):
        column = decode(row.content)
        if column.digest != row.digest:
            raise StorageError(
                f"reference {reference_id}: column {row.column_name} is damaged (its digest differs); "
                "restore a backup or build the reference again"
            )
        columns[row.column_name] = column
    score = None
    if head.score is not None:
        score = ScoreSpec(task=head.score["task"], columns=head.score["columns"])
    kept = select(reference_part.c.name, reference_part.c.content).where(
        reference_part.c.reference_id == reference_id
    )
    profile = Profile.of(
        columns,
        score=score,
        rows=head.rows,
        notices=tuple(head.notices),
        parts={row.name: row.content for row in conn.execute(kept)},
    )
    if profile.digest != head.digest:
        raise StorageError(
            f"reference {reference_id}: is damaged (its digest differs); restore a backup or build the "
            "reference again"
        )
    return profile


def ingredients(conn: Connection, reference_id: int) -> frozenset[tuple[str, str]]:
    """Kinds of columns with their roles, and names of parts, of a reference; none of them is read."""
    columns = select(reference_column.c.kind, reference_column.c.role).where(
        reference_column.c.reference_id == reference_id
    )
    parts = select(reference_part.c.name).where(reference_part.c.reference_id == reference_id)
    return frozenset(
        [
            *((str(row.kind), str(row.role)) for row in conn.execute(columns.distinct())),
            *(("part", str(row.name)) for row in conn.execute(parts)),
        ]
    )


def get(conn: Connection, reference_id: int) -> Reference | None:
    row = conn.execute(select(reference).where(reference.c.id == reference_id)).first()
    return None if row is None else _reference(conn, row)


def by_version(conn: Connection, model: str, version: int) -> Reference | None:
    statement = select(reference).where(reference.c.model == model, reference.c.version == version)
    row = conn.execute(statement).first()
    return None if row is None else _reference(conn, row)


def list_(conn: Connection, model: str | None = None) -> list[Reference]:
    """Newest first within a model."""
    statement = select(reference).order_by(reference.c.model, reference.c.version.desc())
    if model is not None:
        statement = statement.where(reference.c.model == model)
    return [_reference(conn, row) for row in conn.execute(statement).all()]


def active(conn: Connection, model: str) -> Reference | None:
    row = conn.execute(_active(), {"of": model}).first()
    return None if row is None else _reference(conn, row)


@cache
def _active() -> Select[Any]:
    """Made once, as `_columns` is: to make them takes longer than to run them, and every window asks."""
    return select(reference).where(
        reference.c.model == bindparam("of"), reference.c.status == ReferenceStatus.ACTIVE
    )


@cache
def _columns() -> Select[Any]:
    names = select(reference_column.c.column_name).where(reference_column.c.reference_id == bindparam("of"))
    return names.order_by(reference_column.c.position)


def all_active(conn: Connection) -> dict[str, Reference]:
    """The active reference of every model, in two questions."""
    in_force = reference.c.status == ReferenceStatus.ACTIVE
    rows = conn.execute(select(reference).where(in_force)).all()
    named = select(reference_column.c.reference_id, reference_column.c.column_name)
    columns: defaultdict[int, list[str]] = defaultdict(list)
    for of, name in conn.execute(
        named.join(reference, reference.c.id == reference_column.c.reference_id)
        .where(in_force)
        .order_by(reference_column.c.reference_id, reference_column.c.position)
    ):
        columns[of].append(name)
    return {row.model: _reference_of(row, columns[row.id]) for row in rows}


def promote(conn: Connection, reference_id: int, now: datetime) -> Reference:
    """Put a reference in force; the one before is retired. Promoting the active one changes nothing."""
    chosen = get(conn, reference_id)
    if chosen is None:
        raise StorageError(f"reference {reference_id}: not in this database; see `leeway reference list`")
    if chosen.status is ReferenceStatus.ACTIVE:
        return chosen
    conn.execute(
        update(reference)
        .where(reference.c.model == chosen.model, reference.c.status == ReferenceStatus.ACTIVE)
        .values(status=ReferenceStatus.RETIRED)
    )
    conn.execute(
        update(reference)
        .where(reference.c.id == reference_id)
        .values(status=ReferenceStatus.ACTIVE, promoted=now)
    )
    promoted = get(conn, reference_id)
    assert promoted is not None  # noqa: S101 (read above, in this transaction)
    return promoted


def has_part(conn: Connection, reference_id: int, name: str) -> bool:
    """Whether a reference has learnt this small model, without loading it."""
    statement = select(reference_part.c.name).where(
        reference_part.c.reference_id == reference_id, reference_part.c.name == name
    )
    return conn.execute(statement).first() is not None


def save_noise(
    conn: Connection,
    reference_id: int,
    *,
    window_spec: str,
    learnt_from: str,
    windows: int,
    content: object,
    now: datetime,
) -> Noise:
    """Keep a noise model as the next version for this reference and window spec."""
    latest = load_noise(conn, reference_id, window_spec)
    values = {
        "reference_id": reference_id,
        "window_spec": window_spec,
        "version": 1 if latest is None else latest.version + 1,
        "learnt_from": learnt_from,
        "windows": windows,
        "created": now,
        "content": content,
    }
    noise_id = conn.execute(insert(noise_model).values(**values).returning(noise_model.c.id)).scalar_one()
    return Noise(**_noise(conn.execute(select(noise_model).where(noise_model.c.id == noise_id)).one()))


def load_noise(
    conn: Connection, reference_id: int, window_spec: str | None = None, version: int | None = None
) -> Noise | None:
    """The newest noise model of a reference, for one window spec or any; None: none yet."""
    statement = select(noise_model).where(noise_model.c.reference_id == reference_id)
    if window_spec is not None:
        statement = statement.where(noise_model.c.window_spec == window_spec)
    if version is not None:
        statement = statement.where(noise_model.c.version == version)
    row = conn.execute(statement.order_by(noise_model.c.id.desc()).limit(1)).first()
    return None if row is None else Noise(**_noise(row))


def newest_noise_facts(conn: Connection, reference_ids: Collection[int]) -> dict[int, NoiseFacts]:
    """By reference: of its newest noise model, for any window spec; nothing of one that has none yet."""
    named = [noise_model.c[each.name] for each in fields(NoiseFacts)]
    mine = noise_model.c.reference_id.in_(reference_ids)
    newest = select(func.max(noise_model.c.id)).where(mine).group_by(noise_model.c.reference_id)
    rows = conn.execute(select(*named).where(noise_model.c.id.in_(newest)))
    return {row.reference_id: NoiseFacts(**row._mapping) for row in rows}


def newest_noise(conn: Connection, reference_id: int, window_spec: str) -> int | None:
    """The id of what `load_noise` would load, which is large and never changes."""
    newest = select(func.max(noise_model.c.id))
    found: int | None = conn.execute(
        newest.where(noise_model.c.reference_id == reference_id, noise_model.c.window_spec == window_spec)
    ).scalar()
    return found


def get_noise(conn: Connection, noise_id: int) -> Noise | None:
    """One version, whichever is the newest by now."""
    row = conn.execute(select(noise_model).where(noise_model.c.id == noise_id)).first()
    return None if row is None else Noise(**_noise(row))


def _newest(conn: Connection, model: str) -> Reference | None:
    latest = select(func.max(reference.c.version)).where(reference.c.model == model).scalar_subquery()
    statement = select(reference).where(reference.c.model == model, reference.c.version == latest)
    row = conn.execute(statement).first()
    return None if row is None else _reference(conn, row)


def _reference(conn: Connection, row: Row[Any]) -> Reference:
    return _reference_of(row, conn.execute(_columns(), {"of": row.id}).scalars())


def _reference_of(row: Row[Any], columns: Iterable[str]) -> Reference:
    span = None if row.span_start is None else Span(start=row.span_start, end=row.span_end)
    return Reference(
        id=row.id,
        model=row.model,
        version=row.version,
        status=ReferenceStatus(row.status),
        created=row.created,
        promoted=row.promoted,
        span=span,
        rows=row.rows,
        columns=tuple(columns),
        digest=row.digest,
        config_digest=row.config_digest,
        notices=tuple(row.notices),
        lineage=row.lineage,
    )


def _noise(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)
