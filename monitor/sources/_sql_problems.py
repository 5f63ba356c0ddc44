"""Which of the wanted columns can a table not give?"""

import difflib
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from detectors._column import Kind
from monitor.source import ColumnProblem, Trouble
from monitor.sources import _sql_types
from monitor.sources._sql_look import Look
from monitor.sources._sql_place import TablePlace
from monitor.sources._sql_times import Condition

_ASKED_AT_ONCE = 400  # columns of one census; SQLite gives 2,000 results at most


def problems(
    place: TablePlace,
    conn: sa.Connection,
    look: Look,
    where: Sequence[Condition],
    wanted: Mapping[str, Kind],
    moments: Collection[str],
) -> list[ColumnProblem]:
    """Those that are not there, then those of another type. `moments`: read as times, of whatever type."""
    found = []
    held = {name: kind for name, kind in wanted.items() if name in look.columns}
    for name in [each for each in wanted if each not in held]:
        near = difflib.get_close_matches(name, look.columns, n=1)
        hint = f" (the nearest is {near[0]!r})" if near else ""
        reason = f"no such column{hint} in {place}"
        found.append(ColumnProblem(column=name, trouble=Trouble.ABSENT, reason=reason))
    asked = {name: kind for name, kind in held.items() if name not in moments}
    if place.database.dialect == "sqlite":
        retyped = _census(place, conn, look, where, asked)
    else:
        retyped = {name: _sql_types.retyped(look.columns[name], kind) for name, kind in asked.items()}
    found += [
        ColumnProblem(column=name, trouble=Trouble.RETYPED, reason=f"{why}, in {place}")
        for name, why in retyped.items()
        if why
    ]
    return found


def _census(
    place: TablePlace, conn: sa.Connection, look: Look, where: Sequence[Condition], asked: Mapping[str, Kind]
) -> dict[str, str]:
    """SQLite: a few values of another type are missing, most of them are another type."""
    found = {}
    names = list(asked)
    for first in range(0, len(names), _ASKED_AT_ONCE):
        some = names[first : first + _ASKED_AT_ONCE]
        counts = [
            count
            for name in some
            for count in (
                sa.func.count(look.columns[name].column),
                sa.func.sum(sa.case((_sql_types.is_foreign(look.columns[name], asked[name]), 1), else_=0)),
            )
        ]
        answer = conn.execute(place.select(counts, where)).one()
        for name, said, bad in zip(some, answer[::2], answer[1::2], strict=True):
            if (bad or 0) * 2 > said:
                other = "text" if asked[name] is Kind.NUMERIC else "blobs"
                found[name] = f"wanted {asked[name]}, found {other} in {bad:,} of {said:,} values"
    return found
