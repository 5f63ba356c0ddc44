"""Laws of escalation: the next channel hears of a page that nobody has, once a step, and of its end."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from alerting.escalation import Overdue, overdue, to_json, unattended_since
from alerting.flush import flush
from alerting.fold import FoldPolicy
from alerting.grouping import Group, GroupPolicy, decide, mark_dirty, new_group, news, tell
from alerting.incident import Incident, acknowledge, give_back
from alerting.notification import Action
from alerting.reason import Reason
from alerting.revising import reconciled
from alerting.route import Step
from alerting.series import Series
from alerting.untold import give_up, untell
from alerting.verdict import Severity
from tests.alerting.verdicts import START, incidents, run

NOW = START + timedelta(days=2)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STEPS = (Step(after=30 * MINUTE, channel="lead"), Step(after=2 * HOUR, channel="boss"))
NOTHING = GroupPolicy(severities=frozenset())  # of a channel that only escalations lead to


def incident(letters: str, column: str = "temp") -> Incident:
    (only,) = incidents(run(letters, FoldPolicy(), series=Series(model="delays", column=column))).values()
    return only


PAGE = incident("P")
DUE = {PAGE.id: Overdue(number=1, of=2, after=30 * MINUTE, since=NOW)}
AGAIN = {PAGE.id: Overdue(number=2, of=2, after=2 * HOUR, since=NOW)}


def lead() -> Group:
    return new_group("lead", {"model": "delays"})


def told(group: Group, *seen: Incident, steps: dict[str, Overdue] | None = None) -> Group:
    return tell(group, seen, now=NOW, policy=NOTHING, escalated=steps or {})


def test_the_time_counts_from_the_page() -> None:
    """And anew when an acknowledgement ends or is given back."""
    had = acknowledge(PAGE, by="ada", now=NOW + MINUTE, until=NOW + HOUR)
    assert unattended_since(PAGE, paged=NOW, given_back=None, now=NOW + MINUTE) == NOW
    assert unattended_since(had, paged=NOW, given_back=None, now=NOW + 2 * MINUTE) is None
    assert unattended_since(had, paged=NOW, given_back=None, now=NOW + HOUR) == NOW + HOUR
    back = give_back(had, by="ada")
    at = NOW + 5 * MINUTE
    assert unattended_since(back, paged=NOW, given_back=at, now=NOW + HOUR) == at


@pytest.mark.parametrize(
    "seen",
    [incident("T"), incident("Pccc"), replace(PAGE, flapping=True)],
    ids=["ticket", "resolved", "flapping"],
)
def test_only_an_open_page_that_does_not_come_and_go(seen: Incident) -> None:
    """Nobody is woken over anything else."""
    assert unattended_since(seen, paged=NOW, given_back=None, now=NOW + HOUR) is None


def test_what_was_never_to_be_told_does_not_escalate() -> None:
    """The first channel may rest, or a silence may cover it: then there is nobody who did not answer."""
    assert unattended_since(PAGE, paged=None, given_back=None, now=NOW + HOUR) is None


@pytest.mark.parametrize(
    ("channel", "after", "number"),
    [("lead", 29, None), ("lead", 30, 1), ("boss", 119, None), ("boss", 120, 2), ("oncall", 600, None)],
)
def test_a_step_is_due_after_its_time(channel: str, after: int, number: int | None) -> None:
    """To the minute, and to its own channel."""
    due = overdue(STEPS, channel, NOW, NOW + after * MINUTE)
    assert (due.number if due else None) == number


def test_the_last_of_several_steps_to_one_channel_counts() -> None:
    """Who was away for a day is told once, by the step that is due."""
    twice = (*STEPS, Step(after=3 * HOUR, channel="lead"))
    due = overdue(twice, "lead", NOW, NOW + 4 * HOUR)
    assert due is not None
    assert (due.number, due.of) == (3, 3)


def test_a_step_is_news_once() -> None:
    """A channel that knew nothing hears of it by the step, and not again until the next step."""
    first = told(lead(), PAGE, steps=DUE)
    assert news(lead(), [PAGE], NOTHING, (), DUE) == {PAGE.id: Reason.ESCALATION}
    assert news(first, [PAGE], NOTHING, (), DUE) == {}
    assert news(first, [PAGE], NOTHING, (), AGAIN) == {PAGE.id: Reason.ESCALATION}
    assert first.told[PAGE.id].escalated == 1
    assert not first.told[PAGE.id].routed


def test_it_is_told_at_once() -> None:
    """Also where the channel was told something a moment ago: the next step is about somebody's silence."""
    other = incident("P", "other")
    group = tell(lead(), [other], now=NOW, policy=GroupPolicy())
    why = decide(group, [other, PAGE], now=NOW + MINUTE, policy=NOTHING, complete=True, escalated=DUE)
    assert why is Reason.ESCALATION


def test_who_was_told_hears_of_the_end() -> None:
    """Though no route leads there."""
    over = incident("Pccc")
    group = told(lead(), PAGE, steps=DUE)
    assert news(group, [over], NOTHING) == {PAGE.id: Reason.RESOLVED}
    assert told(group, over).closed


def test_nothing_of_what_is_silenced() -> None:
    """The step is told when the silence ends, as what it is."""
    assert news(lead(), [PAGE], NOTHING, {PAGE.id}, DUE) == {}


def test_a_step_that_was_not_sent_is_news_again() -> None:
    """It counts as never told where it was the first word, and leaves what was known where it was not."""
    group = told(lead(), PAGE, steps=DUE)
    after = untell(group, {PAGE.id: "escalation"}, key="k")
    assert news(after, [PAGE], NOTHING, (), DUE) == {PAGE.id: Reason.ESCALATION}
    assert news(after, [PAGE], NOTHING) == {}  # somebody has it by now: nothing is left to say
    knew = tell(lead(), [PAGE], now=NOW, policy=GroupPolicy())
    knew = tell(knew, [PAGE], now=NOW, policy=GroupPolicy(), escalated=DUE)
    assert knew.told[PAGE.id].routed
    back = untell(knew, {PAGE.id: "escalation"}, key="k")
    assert news(back, [PAGE], GroupPolicy()) == {}
    assert news(back, [PAGE], GroupPolicy(), (), DUE) == {PAGE.id: Reason.ESCALATION}


def test_a_message_that_dies_does_not_turn_the_clock_back() -> None:
    """A channel that gives up all it is given must not keep the next one from hearing of it."""
    first = tell(new_group("oncall", {"model": "delays"}), [PAGE], now=NOW, policy=GroupPolicy())
    died = give_up(first, {PAGE.id: "first"}, key="k", now=NOW + MINUTE)
    again = tell(died, [PAGE], now=NOW + HOUR, policy=GroupPolicy())
    assert again.paged == first.paged == {PAGE.id: NOW}


def test_the_clock_starts_with_the_page_and_again_when_it_comes_back() -> None:
    """A ticket is no page; what is over is forgotten; a reopening is another call."""
    both = GroupPolicy(severities=frozenset(Severity))
    group = tell(new_group("a", {"model": "delays"}), [incident("T")], now=NOW, policy=both)
    assert group.paged == {}
    group = tell(group, [incident("TP")], now=NOW + HOUR, policy=both)
    assert group.paged == {PAGE.id: NOW + HOUR}
    group = tell(group, [incident("TPccc")], now=NOW + 2 * HOUR, policy=both)
    assert group.paged == {}
    group = tell(group, [incident("TPcccP")], now=NOW + 3 * HOUR, policy=both)
    assert group.paged == {PAGE.id: NOW + 3 * HOUR}


def test_a_post_says_for_which_incidents_and_edits_do_not() -> None:
    """The outbox counts steps by it: one message, one step."""
    done = flush(
        lead(), [PAGE], reason=Reason.ESCALATION, now=NOW, policy=NOTHING, threads=True, escalated=DUE
    )
    (root,) = done.notifications
    assert (root.action, root.reason, root.facts["escalated"]) == (Action.ROOT, "escalation", to_json(DUE))
    again = flush(
        done.group, [PAGE], reason=Reason.ESCALATION, now=NOW, policy=NOTHING, threads=True, escalated=AGAIN
    )
    assert [each.facts["escalated"] for each in again.notifications] == [to_json(AGAIN), {}]


def test_the_same_step_has_the_same_key() -> None:
    """From facts, whatever the clock says: after a lost commit the row is the same."""
    keys = {
        flush(lead(), [PAGE], reason=Reason.ESCALATION, now=at, policy=NOTHING, threads=True, escalated=DUE)
        .notifications[0]
        .key
        for at in (NOW, NOW + HOUR)
    }
    assert len(keys) == 1


def test_a_group_of_an_earlier_version_counts_from_its_last_word() -> None:
    """An upgrade must not wake anybody at once."""
    group = tell(new_group("oncall", {"model": "delays"}), [PAGE], now=NOW, policy=GroupPolicy())
    stored = json.loads(json.dumps(group.to_json()))
    assert Group.from_json(stored) == group
    del stored["paged"], stored["kept"]
    assert Group.from_json(stored).paged == {PAGE.id: NOW}
    assert Group.from_json(json.loads(json.dumps(mark_dirty(lead(), NOW).to_json()))).paged == {}


def test_a_replay_takes_no_step_back() -> None:
    """What a channel took stays told, unless the replay finds that it came back once more."""
    known = replace(incident("PP"), escalation_step=2)
    again = replace(known, escalation_step=0, peak=9.0)
    (kept,) = reconciled([known], {known.id: again}).revised
    assert kept.after.escalation_step == 2
    reopened = replace(again, reopens=known.reopens + 1)
    (kept,) = reconciled([known], {known.id: reopened}).revised
    assert kept.after.escalation_step == 0
