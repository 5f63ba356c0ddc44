"""What are rint(z·2²⁰) and rint(z²·2²⁰) of a value, said so that any database computes the same integers?

Operation by operation those of detectors/_number_counting.py.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import sqlalchemy as sa

from detectors._column_profile import NumericProfile
from detectors._summary import MOMENT_BITS, MOMENT_CLIP, moment_scale
from monitor.sources._sql_steps import first_where

_UNIT = float(1 << MOMENT_BITS)
_CLIP = MOMENT_CLIP
# Added and taken away, it leaves the nearest integer, ties to even, of any |v| < 2⁵¹: rint on every engine
# that computes in float64 (SQLite's own round() is half away from zero).
_ROUND = 1.5 * 2.0**52
# Where |z| is at least this, z·z is a double of full precision.
_SAFE = 2.0**-500
_LOW_BITS = 0xFFFF_FFFF  # sums of 2⁴² a row leave int64 after two million rows: halves do not
Doubles = Sequence[sa.ColumnElement[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """z = (x − centre)·inverse, and where what decides of it begins: clipping, or that z is next to nothing.

    PostgreSQL refuses a product that overflows, or that underflows to 0: there x itself is compared.
    """

    centre: float
    inverse: float
    least: float  # the first value that is not clipped
    most: float  # the first one that is clipped again
    near: float  # the first one whose moments are 0 and might underflow
    far: float  # the first one after those

    @classmethod
    def of(cls, profile: NumericProfile | None) -> "Scale":
        """None: of what has no range."""
        centre, scale = moment_scale(profile) if profile is not None and profile.knots.size else (0.0, 1.0)
        inverse = min(1.0 / scale, 1e300)

        def z_of(value: float) -> float:
            return (value - centre) * inverse

        least = first_where(lambda value: z_of(value) > -_CLIP)
        most = first_where(lambda value: z_of(value) >= _CLIP)
        near: float | None = float("inf")
        far: float | None = float("-inf")
        # The smallest distance from a centre c ≠ 0 is half a unit in its last place.
        if abs(centre) * 2.0**-54 * inverse < _SAFE:
            near = first_where(lambda value: z_of(value) * _UNIT >= -0.5)
            far = first_where(lambda value: z_of(value) * _UNIT > 0.5)
        return cls(
            centre=centre,
            inverse=inverse,
            least=float("-inf") if least is None else least,
            most=float("inf") if most is None else most,
            near=float("-inf") if near is None else near,
            far=float("inf") if far is None else far,
        )


NAMES = tuple(field.name for field in fields(Scale))


def said(scale: Scale) -> Doubles:
    """In the order of NAMES."""
    return [sa.literal(value, sa.Double) for value in astuple(scale)]


def scales_by_part(scales: Sequence[Scale]) -> sa.Subquery:
    """A table of a line a part: its code in `part`, and NAMES. VALUES is not spelled alike everywhere."""
    lines = [
        sa.select(
            sa.literal_column(str(code), sa.Integer).label("part"),
            *(value.label(name) for name, value in zip(NAMES, said(scale), strict=True)),
        )
        for code, scale in enumerate(scales)
    ]
    return sa.union_all(*lines).subquery()


def moments(
    x: sa.ColumnElement[float], scale: Doubles
) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    """Of the clipped z; of ±inf anything. `scale`: in the order of NAMES."""
    centre, inverse, least, most, near, far = scale
    # In brackets that stay: a·b·a·b would be rounded, and overflow, elsewhere than (a·b)·(a·b).
    z = sa.type_coerce((x - centre) * inverse, sa.Double).self_group()
    found = []
    for power, product in ((1, z), (2, z * z)):
        limit = int(_CLIP**power * _UNIT)
        rounded = (product * _double(_UNIT) + _double(_ROUND)) - _double(_ROUND)
        found.append(
            sa.case(
                (x < least, _whole(limit if power == 2 else -limit)),
                (x >= most, _whole(limit)),
                (sa.and_(x >= near, x < far), _whole(0)),
                else_=sa.cast(rounded, sa.BigInteger),
            )
        )
    return found[0], found[1]


def sums(first: sa.ColumnElement[int], second: sa.ColumnElement[int]) -> list[sa.ColumnElement[int]]:
    """Σ q₁, Σ of q₂'s high and of its low bits."""
    return [
        sa.func.sum(first),
        sa.func.sum(second.bitwise_rshift(sa.literal_column("32", sa.Integer))),
        sa.func.sum(second.bitwise_and(sa.literal(_LOW_BITS, sa.BigInteger))),
    ]


def _double(value: float) -> sa.ColumnElement[float]:
    return sa.literal(float(value), sa.Double)


def _whole(value: int) -> sa.ColumnElement[int]:
    return sa.literal(value, sa.BigInteger)
