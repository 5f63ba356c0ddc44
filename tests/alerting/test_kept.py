"""Laws of what quiet hours keep back: nothing is lost, and what is over by then is one line."""

import json
from datetime import time, timedelta

from alerting.fold import FoldPolicy
from alerting.grouping import Group, GroupPolicy, Kept, Past, new_group, news, tell
from alerting.incident import Incident
from alerting.kept import is_hushed, keep, quiet, release
from alerting.quiet import QuietHours
from alerting.route import Route
from alerting.series import Series
from tests.alerting.verdicts import START, incidents, run

NOW = START + timedelta(days=2)  # midnight
HOUR = timedelta(hours=1)
NIGHT = QuietHours(start=time(22), end=time(7))
DEEP = QuietHours(start=time(22), end=time(7), pages=True)
MORNING = NOW + 7 * HOUR


def incident(letters: str, column: str = "temp") -> Incident:
    (only,) = incidents(run(letters, FoldPolicy(), series=Series(model="delays", column=column))).values()
    return only


PAGE, TICKET, OVER = incident("P"), incident("T", "rain"), incident("Pccc", "wind")
EMPTY = new_group("desk", {"model": "delays"})


def test_tickets_wait_and_pages_if_asked() -> None:
    """By the hours of the channel."""
    assert quiet(EMPTY, [PAGE, TICKET], GroupPolicy(quiet=(NIGHT,)), NOW) == {TICKET.id: MORNING}
    both = quiet(EMPTY, [PAGE, TICKET], GroupPolicy(quiet=(DEEP,)), NOW)
    assert both == {PAGE.id: MORNING, TICKET.id: MORNING}
    assert quiet(EMPTY, [PAGE, TICKET], GroupPolicy(quiet=(DEEP,)), MORNING) == {}


def test_a_route_that_is_awake_tells_of_what_it_takes() -> None:
    """What two routes lead here waits only if both rest."""
    resting, awake = Route(quiet=(DEEP,)), Route(column="te*")
    policy = GroupPolicy(routes=(resting, awake))
    assert quiet(EMPTY, [PAGE, incident("P", "wind")], policy, NOW) == {incident("P", "wind").id: MORNING}


def test_what_the_channel_knows_as_a_page_ends_as_one() -> None:
    """Its end need not wait where pages do not."""
    group = tell(EMPTY, [incident("P", "wind")], now=NOW, policy=GroupPolicy())
    assert quiet(group, [OVER], GroupPolicy(quiet=(NIGHT,)), NOW) == {}


def test_what_resolved_meanwhile_becomes_numbers() -> None:
    """What still fires is told as ever, and is counted along."""
    ends = dict.fromkeys((PAGE.id, OVER.id), MORNING)
    group = keep(EMPTY, [PAGE.id, OVER.id], ends, NOW)
    assert group.kept == Kept(since=NOW, until=MORNING, ids=frozenset(ends))
    assert release(group, [PAGE, OVER], [PAGE.id]) == group  # not yet
    after = release(group, [PAGE, OVER], [])
    assert after.kept is None
    assert after.past == Past(
        start=NOW, end=MORNING, opened=2, resolved=1, ids=(OVER.id, PAGE.id), quiet=True
    )
    assert set(news(after, [PAGE, OVER], GroupPolicy())) == {PAGE.id}


def test_where_all_still_fires_there_is_nothing_to_count() -> None:
    """The messages themselves say it."""
    group = keep(EMPTY, [PAGE.id], {PAGE.id: MORNING}, NOW)
    assert release(group, [PAGE], []) == EMPTY


def test_the_end_of_what_was_told_before_is_told_as_such() -> None:
    """It is no number: people wait for it."""
    knew = tell(EMPTY, [incident("P", "wind")], now=NOW - HOUR, policy=GroupPolicy())
    group = keep(knew, [OVER.id], {OVER.id: MORNING}, NOW)
    after = release(group, [OVER], [])
    assert after.past is None
    assert set(news(after, [OVER], GroupPolicy())) == {OVER.id}


def test_it_adds_to_what_a_downtime_left() -> None:
    """One line for both."""
    before = Past(start=NOW - 3 * HOUR, end=NOW - HOUR, opened=4, resolved=4, ids=("x",))
    group = Group(key="k", channel="desk", labels={"model": "m"}, past=before)
    after = release(keep(group, [OVER.id], {OVER.id: MORNING}, NOW), [OVER], [])
    assert after.past == Past(
        start=NOW - 3 * HOUR, end=MORNING, opened=5, resolved=5, ids=("x", OVER.id), quiet=True
    )


def test_keeping_the_same_again_changes_nothing() -> None:
    """A look every five seconds is no write every five seconds."""
    group = keep(EMPTY, [PAGE.id], {PAGE.id: MORNING}, NOW)
    assert keep(group, [PAGE.id], {PAGE.id: MORNING}, NOW + HOUR) is group
    assert keep(group, [], {}, NOW) is group
    assert Group.from_json(json.loads(json.dumps(group.to_json()))) == group


def test_what_is_told_in_them_is_not_kept_any_more() -> None:
    """A page that went out at night is no line in the morning."""
    group = keep(EMPTY, [PAGE.id, TICKET.id], dict.fromkeys((PAGE.id, TICKET.id), MORNING), NOW)
    after = tell(group, [PAGE], now=NOW, policy=GroupPolicy())
    assert after.kept is not None
    assert after.kept.ids == {TICKET.id}


def test_hushed_is_a_channel_in_which_tickets_wait() -> None:
    """Or all of whose routes rest."""
    assert is_hushed(GroupPolicy(quiet=(NIGHT,)), NOW)
    assert is_hushed(GroupPolicy(routes=(Route(quiet=(NIGHT,)),)), NOW)
    assert not is_hushed(GroupPolicy(routes=(Route(quiet=(NIGHT,)), Route())), NOW)
    assert not is_hushed(GroupPolicy(quiet=(NIGHT,)), MORNING)
