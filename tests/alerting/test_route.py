"""Laws of routes: every key must agree, and rest is when all that lead there rest."""

from datetime import UTC, datetime, time

import pytest

from alerting.quiet import QuietHours
from alerting.route import Route, routes_quiet_until
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
SERIES = Series(model="m", column="distance", segment="origin=JFK", version="v2")


@pytest.mark.parametrize(
    ("route", "takes"),
    [
        (Route(), True),
        (Route(severity=Severity.TICKET), False),
        (Route(kinds=frozenset({IncidentKind.DRIFT, IncidentKind.DATA})), True),
        (Route(kinds=frozenset({IncidentKind.DATA})), False),
        (Route(column="dist*"), True),
        (Route(column="Dist*"), False),
        (Route(column=""), False),
        (Route(segment="origin=*"), True),
        (Route(segment=""), False),
        (Route(version="v?"), True),
        (Route(version="v1"), False),
        (Route(column="dist*", segment="origin=JFK", version="v1"), False),
    ],
)
def test_every_key_must_agree(route: Route, takes: bool) -> None:
    """Upper and lower case apart; an empty text is the whole, not anything."""
    assert route.takes(SERIES, IncidentKind.DRIFT, Severity.PAGE) is takes


def test_what_is_no_column_has_its_plain_name() -> None:
    """As on the command line; and a bracket is a character."""
    performance = Series(model="m", column="__performance__")
    assert Route(column="performance").takes(performance, IncidentKind.PERFORMANCE, Severity.PAGE)
    assert Route(column="__perf*").takes(performance, IncidentKind.PERFORMANCE, Severity.PAGE)
    assert Route(column="a[0]").takes(Series(model="m", column="a[0]"), IncidentKind.DRIFT, Severity.PAGE)
    assert Route(column="").takes(Series(model="m", column=""), IncidentKind.DATA, Severity.PAGE)


def test_one_route_that_is_awake_is_enough() -> None:
    """They rest until the first of them does not; where there is none nothing rests."""
    morning = Route(quiet=(QuietHours(start=time(6), end=time(13), pages=True),))
    longer = Route(quiet=(QuietHours(start=time(6), end=time(18), pages=True),))
    assert routes_quiet_until([longer, morning], Severity.PAGE, NOON) == NOON.replace(hour=13)
    assert routes_quiet_until([longer, Route()], Severity.PAGE, NOON) is None
    assert routes_quiet_until([], Severity.PAGE, NOON) is None
