"""How many rows of each part lie in each interval of the log grid beyond a reference's range?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import sqlalchemy as sa

from detectors._cells import Tails, tail_codes
from detectors._column_profile import NumericProfile
from monitor.sources._sql_parts import Parts
from monitor.sources._sql_steps import stretch_of, tail_steps
from monitor.sources._sql_table import Table
from monitor.sources._sql_times import Condition

_FEW = 10_000  # rows beyond the outer knots that travel: one pass, where counting them takes two or more
_STEPS = 256  # of one statement
_Line = tuple[int, int, int]  # part, code of the log grid, rows
_Ends = tuple[float, float]


def tails_of(
    table: Table,
    profile: NumericProfile,
    value: sa.ColumnElement[float],
    parts: Parts,
    beyond: int,
    extremes: tuple[float, float],
) -> list[Tails]:
    """Of each part. `beyond`: how many rows lie there; `extremes`: of all finite values."""
    found: list[dict[int, int]] = [{} for _ in parts.rows]
    if profile.knots.size and beyond:
        knots = float(profile.knots[0]), float(profile.knots[-1])
        asked = _Asked(table=table, value=value, code=parts.code)
        for part, code, rows in (asked.travelling if beyond <= _FEW else asked.counted)(knots, extremes):
            found[part][code] = found[part].get(code, 0) + rows
    return [tuple(sorted(codes.items())) for codes in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """`value` of each row, and the `code` of its part."""

    table: Table
    value: sa.ColumnElement[float]
    code: sa.ColumnElement[int] | None

    def travelling(self, knots: _Ends, extremes: _Ends) -> Iterator[_Line]:
        """Their values come here."""
        lines = self.table.ask(
            self.table.values(self.value, self.code, partial(_outside, knots=knots, extremes=extremes))
        )
        values = np.array([x for x, _ in lines], dtype=np.float64)
        codes = tail_codes(values, values > knots[1]).tolist()
        return ((part, code, 1) for code, (_, part) in zip(codes, lines, strict=True))

    def counted(self, knots: _Ends, extremes: _Ends) -> Iterator[_Line]:
        (first, last), (lowest, highest) = knots, extremes
        if lowest < first:
            below = min(highest, float(np.nextafter(first, -np.inf)))
            yield from self._by_code(tail_steps(lowest, below), below, False)
        if highest > last:
            above = max(lowest, float(np.nextafter(last, np.inf)))
            yield from self._by_code(tail_steps(above, highest), highest, True)

    def _by_code(self, steps: Sequence[float], end: float, above: bool) -> Iterator[_Line]:
        """Rows of each part and code. Most of many hold nothing: first some at a time, then each of those."""
        stride = -(-len(steps) // _STEPS)
        coarse = steps[::stride]
        row = self.table.values(self.value, self.code, partial(_between, low=steps[0], high=end)).subquery()
        # Said, not inferred: of a single step the stretch does not name the value.
        step = stretch_of(row.c.x, coarse[1:]).label("step")
        of = row.c.part if stride == 1 else sa.literal_column("0", sa.Integer)
        lines = sa.select(of.label("part"), step).select_from(row).subquery()
        query = sa.select(lines.c.part, lines.c.step, sa.func.count()).group_by(lines.c.part, lines.c.step)
        for part, at, rows in self.table.ask(query):
            if stride == 1:
                (code,) = tail_codes(np.array([coarse[at]]), np.array([above])).tolist()
                yield part, code, rows
                continue
            some = steps[at * stride : (at + 1) * stride]
            after = at * stride + stride
            last = float(np.nextafter(steps[after], -np.inf)) if after < len(steps) else end
            yield from self._by_code(some, last, above)


def _between(x: sa.ColumnElement[float], *, low: float, high: float) -> Condition:
    return sa.and_(x >= sa.literal(low, sa.Double), x <= sa.literal(high, sa.Double))


def _outside(x: sa.ColumnElement[float], *, knots: _Ends, extremes: _Ends) -> Condition:
    """Beyond the outer knots, and finite: that is, within the extremes."""
    beyond = sa.or_(x < sa.literal(knots[0], sa.Double), x > sa.literal(knots[1], sa.Double))
    return sa.and_(_between(x, low=extremes[0], high=extremes[1]), beyond)
