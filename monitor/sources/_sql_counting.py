"""How many rows of a table fall in each cell, summed by the database?

The integers are those of detectors/_counting.py, operation by operation: a sum is taken over what rint gives,
never over floats, so neither the order of rows nor the engine is in it. A statement a column: its groups are
the stretches between the knots. Nothing but groups travels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sqlalchemy as sa

from detectors._cells import Tails, tail_codes
from detectors._column_profile import CategoryProfile, NumericProfile
from detectors._label_counts import count_by_label
from detectors._summary import MOMENT_BITS, MOMENT_CLIP, CategorySummary, NumericSummary, moment_scale
from monitor.sources._sql_steps import Stretches, first_where, stretch_of, stretches, tail_steps
from monitor.sources._sql_times import Condition

_UNIT = float(1 << MOMENT_BITS)
_CLIP = MOMENT_CLIP
_LOW_BITS = 0xFFFF_FFFF  # sums of 2⁴² a row leave int64 after two million rows: halves do not
# Added and taken away, it leaves the nearest integer, ties to even, of any |v| < 2⁵¹: rint on every engine
# that computes in float64 (SQLite's own round() is half away from zero).
_ROUND = 1.5 * 2.0**52
_FEW = 10_000  # rows beyond the outer knots that travel: one pass, where counting them takes two or more
_TAIL_STEPS = 256  # of one statement
_GROUPS = 8_192  # labels of one part of an answer
# Where |z| is at least this, z·z is a double of full precision.
_SAFE = 2.0**-500


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One moment of a table. `select`: of what, under which conditions; `where`: the window's rows."""

    conn: sa.Connection
    select: Callable[[Sequence[sa.ColumnElement[Any]], Sequence[Condition]], sa.Select[Any]]
    where: Sequence[Condition]
    renew: Callable[[], None]  # another statement begins: its time runs anew

    def ask(self, query: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        self.renew()
        return self.conn.execute(query).all()

    def parts(self, query: sa.Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
        """The same, in parts: for answers that may be long."""
        self.renew()
        with closing(self.conn.execute(query, execution_options={"yield_per": _GROUPS})) as result:
            for part in result.partitions():
                yield part
                self.renew()


def count_numbers(
    table: Table, profile: NumericProfile, value: sa.ColumnElement[float], rows: int
) -> NumericSummary:
    """`value`: a double, NULL or NaN where it is missing. `rows`: of the window."""
    cut = stretches(profile)
    counts = np.zeros(2 * profile.knots.size + 1, dtype=np.int64)
    below = above = infinite = beyond = moment1 = moment2 = 0
    lowest, highest = np.inf, -np.inf
    for stretch, held, least, most, first, high, low in table.ask(_by_stretch(table, profile, value, cut)):
        counts[cut.cells[stretch]] += held
        below += held if cut.below[stretch] else 0
        above += held if cut.above[stretch] else 0
        if not cut.finite[stretch]:
            infinite += held
            continue
        beyond += held if cut.cells[stretch] in (0, counts.size - 1) else 0
        lowest, highest = min(lowest, float(least)), max(highest, float(most))
        moment1 += int(first)
        moment2 += (int(high) << 32) + int(low)
    if not profile.knots.size:  # as there: what has no range has nothing below it, and ±inf above
        below, above = 0, infinite
    return NumericSummary(
        counts=counts,
        missing=rows - int(counts.sum()),
        below_edge=below,
        above_edge=above,
        infinite=infinite,
        minimum=lowest + 0.0,
        maximum=highest + 0.0,
        moment1=moment1,
        moment2=moment2,
        tails=_tails(table, profile, value, beyond, lowest + 0.0, highest + 0.0),
    )


def count_labels(
    table: Table,
    profile: CategoryProfile,
    key: Sequence[sa.ColumnElement[Any]],
    label_of: Callable[[Sequence[Sequence[Any]]], Sequence[str | None]],
) -> CategorySummary:
    """`key`: rows that agree in it have one label. `label_of`: the labels of some keys; None: missing."""
    found = count_by_label(profile, {}, 0)
    for rows_of, missing in by_label(table, key, label_of):
        found = found + count_by_label(profile, rows_of, missing)
    return found


def by_label(
    table: Table,
    key: Sequence[sa.ColumnElement[Any]],
    label_of: Callable[[Sequence[Sequence[Any]]], Sequence[str | None]],
) -> Iterator[tuple[Mapping[str, int], int]]:
    """Rows by label, and rows without one: a part of the labels at a time, however many there are."""
    names = [f"k{place}" for place in range(len(key))]
    asked = [part.label(name) for part, name in zip(key, names, strict=True)]
    keys = table.select(asked, table.where).subquery()
    groups = [keys.c[name] for name in names]
    for part in table.parts(sa.select(*groups, sa.func.count()).group_by(*groups)):
        rows_of: dict[str, int] = {}
        missing = 0
        for label, row in zip(label_of([row[:-1] for row in part]), part, strict=True):
            if label is None:
                missing += row[-1]
            else:
                rows_of[label] = rows_of.get(label, 0) + row[-1]
        yield rows_of, missing


def _by_stretch(
    table: Table, profile: NumericProfile, value: sa.ColumnElement[float], cut: Stretches
) -> sa.Select[Any]:
    """Stretch, rows, minimum, maximum, Σ q₁, Σ of q₂'s high and of its low bits."""
    row = _values(table, value).subquery()
    x = row.c.x
    first, second = _moments(profile, x)
    parts = sa.select(
        x.label("x"),
        stretch_of(x, cut.steps).label("stretch"),
        first.label("q1"),
        second.label("q2"),
        *_fence(table),
    ).subquery()
    return sa.select(
        parts.c.stretch,
        sa.func.count(),
        sa.func.min(parts.c.x),
        sa.func.max(parts.c.x),
        sa.func.sum(parts.c.q1),
        sa.func.sum(parts.c.q2.bitwise_rshift(sa.literal_column("32", sa.Integer))),
        sa.func.sum(parts.c.q2.bitwise_and(sa.literal(_LOW_BITS, sa.BigInteger))),
    ).group_by(parts.c.stretch)


def _fence(table: Table) -> Sequence[sa.ColumnElement[Any]]:
    """What keeps PostgreSQL from planning a stretch a value.

    It thinks that an expression makes as many groups as its columns have values, and sorts a million rows on
    disk to find sixty. Behind a volatile column a stretch is a thing of its own, of which it expects 200
    (src/backend/utils/adt/selfuncs.c), and counts them in parallel.
    """
    return [sa.func.clock_timestamp().label("fence")] if table.conn.dialect.name == "postgresql" else []


def _values(
    table: Table,
    value: sa.ColumnElement[float],
    within: Callable[[sa.ColumnElement[float]], Condition] | None = None,
) -> sa.Select[Any]:
    """Those that are there, and lie `within`. PostgreSQL's NaN is above infinity."""
    inner = table.select([value.label("x")], table.where).subquery()
    x = inner.c.x
    chosen = sa.select(x.label("x")).where(x <= _double(np.inf))
    return chosen if within is None else chosen.where(within(x))


def _moments(
    profile: NumericProfile, x: sa.ColumnElement[float]
) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    """rint(z·2²⁰) and rint(z²·2²⁰) of the clipped z; of ±inf anything.

    Where clipping or the smallness of z decides, x is compared with where that begins: PostgreSQL refuses a
    product that overflows, or that underflows to 0.
    """
    centre, scale = moment_scale(profile) if profile.knots.size else (0.0, 1.0)
    inverse = min(1.0 / scale, 1e300)

    def z_of(value: float) -> float:
        return (value - centre) * inverse

    least = first_where(lambda value: z_of(value) > -_CLIP)
    most = first_where(lambda value: z_of(value) >= _CLIP)
    # In brackets that stay: a·b·a·b would be rounded, and overflow, elsewhere than (a·b)·(a·b).
    z = sa.type_coerce((x - _double(centre)) * _double(inverse), sa.Double).self_group()
    found = []
    for power, product in ((1, z), (2, z * z)):
        limit = int(_CLIP**power * _UNIT)
        rounded = (product * _double(_UNIT) + _double(_ROUND)) - _double(_ROUND)
        whens = [
            (x < _double(-np.inf if least is None else least), _whole(limit if power == 2 else -limit)),
            (x >= _double(np.inf if most is None else most), _whole(limit)),
            *((near, _whole(0)) for near in _nothing(centre, inverse, z_of, x)),
        ]
        found.append(sa.case(*whens, else_=sa.cast(rounded, sa.BigInteger)))
    return found[0], found[1]


def _nothing(
    centre: float, inverse: float, z_of: Callable[[float], float], x: sa.ColumnElement[float]
) -> list[Condition]:
    """Where both q are 0, if a product could underflow there; the smallest distance from a centre c ≠ 0 is
    half a unit in its last place."""
    if abs(centre) * 2.0**-54 * inverse >= _SAFE:
        return []
    low = first_where(lambda value: z_of(value) * _UNIT >= -0.5)
    high = first_where(lambda value: z_of(value) * _UNIT > 0.5)
    conditions = [x >= _double(low)] if low is not None else []
    conditions += [x < _double(high)] if high is not None else []
    return [sa.and_(sa.true(), *conditions)]


def _tails(
    table: Table,
    profile: NumericProfile,
    value: sa.ColumnElement[float],
    beyond: int,
    lowest: float,
    highest: float,
) -> Tails:
    """Rows by log-grid code beyond the outer knots, where there are any: `beyond` of them."""
    if not profile.knots.size or not beyond:
        return ()
    first, last = float(profile.knots[0]), float(profile.knots[-1])
    if beyond <= _FEW:
        outside = partial(_outside, first=first, last=last, low=lowest, high=highest)
        values = np.array([x for (x,) in table.ask(_values(table, value, outside))], dtype=np.float64)
        codes, rows = np.unique(tail_codes(values, values > last), return_counts=True)
        return tuple(zip(codes.tolist(), rows.tolist(), strict=True))
    found: dict[int, int] = {}
    if lowest < first:
        below = min(highest, float(np.nextafter(first, -np.inf)))
        _by_code(table, value, tail_steps(lowest, below), below, False, found)
    if highest > last:
        above = max(lowest, float(np.nextafter(last, np.inf)))
        _by_code(table, value, tail_steps(above, highest), highest, True, found)
    return tuple(sorted(found.items()))


def _by_code(
    table: Table,
    value: sa.ColumnElement[float],
    steps: Sequence[float],
    end: float,
    above: bool,
    found: dict[int, int],
) -> None:
    """Adds the rows of each code. Most of many hold nothing: first some at a time, then each of those."""
    stride = -(-len(steps) // _TAIL_STEPS)
    coarse = steps[::stride]
    within = partial(_between, low=steps[0], high=end)
    row = _values(table, value, within).subquery()
    # Said, not inferred: of a single step the stretch does not name the value.
    parts = sa.select(stretch_of(row.c.x, coarse[1:]).label("part")).select_from(row).subquery()
    for part, rows in table.ask(sa.select(parts.c.part, sa.func.count()).group_by(parts.c.part)):
        if stride > 1:
            some = steps[part * stride : (part + 1) * stride]
            after = part * stride + stride
            last = float(np.nextafter(steps[after], -np.inf)) if after < len(steps) else end
            _by_code(table, value, some, last, above, found)
            continue
        (code,) = tail_codes(np.array([coarse[part]]), np.array([above])).tolist()
        found[code] = found.get(code, 0) + rows


def _between(x: sa.ColumnElement[float], *, low: float, high: float) -> Condition:
    return sa.and_(x >= _double(low), x <= _double(high))


def _outside(x: sa.ColumnElement[float], *, first: float, last: float, low: float, high: float) -> Condition:
    """Beyond the outer knots, and finite: `low` and `high` are the extremes."""
    return sa.or_(
        sa.and_(x >= _double(low), x < _double(first)), sa.and_(x > _double(last), x <= _double(high))
    )


def _double(value: float) -> sa.ColumnElement[float]:
    return sa.literal(float(value), sa.Double)


def _whole(value: int) -> sa.ColumnElement[int]:
    return sa.literal(value, sa.BigInteger)
