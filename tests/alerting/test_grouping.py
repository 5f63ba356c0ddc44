"""When a group of incidents is told about, and why."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from alerting.fold import FoldPolicy
from alerting.grouping import (
    REMEMBERED,
    Group,
    GroupPolicy,
    Reason,
    decide,
    group_labels,
    mark_dirty,
    new_group,
    news,
    tell,
)
from alerting.incident import Incident, acknowledge
from alerting.series import Series
from alerting.verdict import Severity
from tests.alerting.verdicts import START, incidents, run

NOW = START + timedelta(days=2)
POLICY = GroupPolicy()
AGAIN = "P" * 46 + "cccP"  # reopened, and not so soon that it counts as flapping
BOTH = GroupPolicy(severities=frozenset({Severity.TICKET, Severity.PAGE}))
MINUTE = timedelta(minutes=1)


def incident(letters: str, column: str = "temp") -> Incident:
    series = Series(model="delays", column=column)
    (only,) = incidents(run(letters, FoldPolicy(), series=series)).values()
    return only


def told(*seen: Incident, policy: GroupPolicy = POLICY, group: Group | None = None) -> Group:
    """The group after a flush at NOW that told all of these."""
    group = new_group("oncall", {"model": "delays"}) if group is None else group
    return tell(group, seen, now=NOW, policy=policy)


def why(
    group: Group,
    seen: Sequence[Incident],
    after: timedelta = timedelta(hours=1),
    policy: GroupPolicy = POLICY,
    *,
    complete: bool = True,
) -> Reason | None:
    return decide(group, seen, now=NOW + after, policy=policy, complete=complete)


def test_first_when_all_windows_are_folded_or_a_minute_has_passed() -> None:
    """One root for everything that happened at the same end."""
    group = mark_dirty(new_group("oncall", {"model": "delays"}), NOW)
    seen = [incident("P")]
    assert why(group, seen, timedelta(), complete=True) is Reason.FIRST
    assert why(group, seen, timedelta(seconds=59), complete=False) is None
    assert why(group, seen, timedelta(seconds=60), complete=False) is Reason.FIRST


def test_dirty_since_the_first_change() -> None:
    """A group that keeps changing does not wait for ever."""
    group = mark_dirty(mark_dirty(new_group("oncall", {}), NOW), NOW + MINUTE)
    assert group.dirty_since == NOW
    assert tell(group, [], now=NOW, policy=POLICY).dirty_since is None


def test_tickets_go_nowhere_by_default() -> None:
    """Until one rises to a page: then it is new to this channel."""
    group = new_group("oncall", {"model": "delays"})
    assert why(group, [incident("T")]) is None
    assert why(group, [incident("TP")]) is Reason.FIRST


def test_fired_and_resolved_between_two_flushes_is_history() -> None:
    """Nobody is told of either, not even later."""
    assert why(new_group("oncall", {}), [incident("Pccc")]) is None
    assert why(told(incident("P")), [incident("P"), incident("Pccc", "dist")]) is None


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (["P"], ["P", "P"], Reason.NEW_MEMBER),
        (["P"], ["Pccc"], Reason.RESOLVED),
        (["P", "P"], ["Pccc", "P"], Reason.RESOLVED),
        (["P"], ["Pc"], None),  # recovering
        (["P"], ["PcP"], None),  # a relapse
        (["P"], [AGAIN], None),  # resolved and reopened unseen
        (["P"], ["PcccP"], Reason.FLAPPING),  # the same, in short order: it comes and goes
        (["P", "Pccc"], ["P", "PcccP"], Reason.NEW_MEMBER),  # the second was never told
        (["T"], ["TP"], Reason.SEVERITY_UP),
        (["T", "P"], ["TP", "Pccc", "P"], Reason.SEVERITY_UP),  # the most urgent word wins
    ],
)
def test_reasons_after_a_quarter_of_an_hour(
    before: list[str], after: list[str], reason: Reason | None
) -> None:
    """Each difference between told and today has its word; nothing is said sooner to who is awake."""
    columns = "abcdef"
    group = told(
        *(incident(letters, column) for letters, column in zip(before, columns, strict=False)), policy=BOTH
    )
    seen = [incident(letters, column) for letters, column in zip(after, columns, strict=False)]
    assert why(group, seen, 15 * MINUTE, BOTH) is reason
    if "P" in before:
        assert why(group, seen, 14 * MINUTE, BOTH) is None


def test_a_first_page_does_not_wait_behind_a_ticket() -> None:
    """Nobody has been woken yet, so the interval does not hold it back; group_wait does."""
    group = mark_dirty(told(incident("T"), policy=BOTH), NOW + MINUTE)
    assert why(group, [incident("TP")], MINUTE, BOTH) is Reason.SEVERITY_UP
    assert why(group, [incident("T"), incident("P", "b")], MINUTE, BOTH) is Reason.NEW_MEMBER
    assert why(group, [incident("TP")], MINUTE, BOTH, complete=False) is None
    assert why(group, [incident("T"), incident("T", "b")], MINUTE, BOTH) is None


def test_closed_when_all_is_resolved_and_told() -> None:
    """A new incident opens a new root, a reopened one goes on in the old thread, with what is new."""
    group = told(incident("P"))
    assert not group.closed
    group = told(incident("Pccc"), group=group)
    assert group.closed
    assert why(group, [incident("Pccc")]) is None
    assert why(group, [incident("Pccc"), incident("P", "dist")], MINUTE) is Reason.FIRST
    assert why(group, [incident(AGAIN)], MINUTE) is Reason.REOPENED
    both = [incident(AGAIN), incident("P", "dist")]
    assert why(group, both) is Reason.REOPENED
    assert set(news(group, both, POLICY).values()) == {Reason.REOPENED, Reason.NEW_MEMBER}
    fresh = tell(group, [incident("Pccc"), incident("P", "b")], now=NOW, policy=POLICY)
    assert fresh.told.keys() == {incident("P", "b").id}


def test_reopened_as_a_ticket_is_not_news_until_it_pages() -> None:
    """It was told resolved; a ticket is not routed here."""
    group = told(incident("Pccc"), group=told(incident("P")))
    assert why(group, [incident(AGAIN[:-1] + "T")]) is None
    same = tell(group, [incident(AGAIN[:-1] + "T")], now=NOW, policy=POLICY)
    assert same.told == group.told
    assert why(group, [incident(AGAIN[:-1] + "TP")]) is Reason.REOPENED


def test_a_thread_that_never_closes_forgets_what_is_long_over() -> None:
    """One column that is broken for months must not make its group grow with every other incident."""
    group = told(incident("P"))
    for number in range(REMEMBERED + 20):
        column = f"c{number:03}"
        group = told(incident("P"), incident("P", column), group=group)
        known = [incident("Pccc", f"c{each:03}") for each in range(number + 1)]
        seen = [incident("P"), *(each for each in known if each.id in group.told)]
        group = told(*seen, group=group)
    assert len(group.told) <= REMEMBERED + 2
    assert group.told[incident("P").id].firing
    assert incident("Pccc", f"c{REMEMBERED + 19:03}").id in group.told


def test_pages_repeat_every_four_hours_until_acknowledged() -> None:
    """A ticket never does; an acknowledgement that is over no longer helps."""
    page = incident("P")
    group = told(page)
    assert why(group, [page], timedelta(hours=3, minutes=59)) is None
    assert why(group, [page], timedelta(hours=4)) is Reason.REPEAT
    taken = acknowledge(page, by="ada", now=NOW)
    assert why(group, [taken], timedelta(hours=4)) is None
    assert why(group, [taken], timedelta(hours=24)) is Reason.REPEAT
    assert why(told(incident("T"), policy=BOTH), [incident("T")], timedelta(days=9), BOTH) is None


def test_a_new_member_ends_the_quiet_of_an_acknowledged_group() -> None:
    """One page that nobody has taken is enough."""
    taken = acknowledge(incident("P"), by="ada", now=NOW)
    group = told(taken, incident("P", "dist"))
    assert why(group, [taken, incident("P", "dist")], timedelta(hours=4)) is Reason.REPEAT


def test_group_is_channel_and_labels() -> None:
    """Names with separators in them cannot collide."""
    policy = GroupPolicy(group_by=("model", "column"))
    assert group_labels(incident("P"), policy) == {"model": "delays", "column": "temp"}
    assert new_group("oncall", {"model": "a&b=c"}).key != new_group("oncall", {"model": "a", "b": "c"}).key
    assert new_group("a", {"model": "m"}).key == "a&model=m"


def test_a_group_survives_json() -> None:
    """As stored."""
    group = mark_dirty(told(incident("P"), incident("TP", "dist")), NOW)
    assert Group.from_json(json.loads(json.dumps(group.to_json()))) == group
    assert Group.from_json(json.loads(json.dumps(new_group("a", {}).to_json()))) == new_group("a", {})
