"""Which posts a flush makes, and that a channel is told each thing once."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from alerting.alert_state import AlertState
from alerting.flush import Flush, flush
from alerting.fold import FoldPolicy, fold
from alerting.grouping import Group, GroupPolicy, Reason, decide, hold, mark_dirty, new_group, news
from alerting.incident import Incident, acknowledge, apply
from alerting.notification import Action, Notification
from alerting.series import Series
from alerting.untold import untell
from alerting.verdict import IncidentKind, Severity
from tests.alerting.verdicts import START, incidents, run, verdict

NOW = START + timedelta(days=2)
POLICY = GroupPolicy(runbook="https://wiki.example.com/delays")


def incident(letters: str, column: str = "temp", **changes: object) -> Incident:
    series = Series(model="delays", column=column)
    (only,) = incidents(run(letters, FoldPolicy(), series=series)).values()
    return replace(only, **changes)  # type: ignore[arg-type]  # any field of an incident


def post(
    group: Group, seen: Sequence[Incident], reason: Reason, *, threads: bool = True
) -> tuple[Group, tuple[Notification, ...]]:
    done = flush(group, seen, reason=reason, now=NOW, policy=POLICY, threads=threads)
    return done.group, done.notifications


def first(*seen: Incident, threads: bool = True) -> tuple[Group, tuple[Notification, ...]]:
    return post(new_group("oncall", {"model": "delays"}), seen, Reason.FIRST, threads=threads)


def columns(notification: Notification) -> list[object]:
    lines = notification.facts["lines"]
    assert isinstance(lines, list)
    return [line["column"] for line in lines]


def test_one_root_then_replies_with_edits() -> None:
    """The reply says what changed, the edit what is."""
    group, (root,) = first(incident("P", "a"), incident("P", "b"))
    assert (root.action, root.reason, root.lane) == (Action.ROOT, "first", group.key)
    assert group.root_key == root.key
    group, (reply, edit) = post(group, [incident("Pccc", "a"), incident("P", "b")], Reason.RESOLVED)
    assert (reply.action, edit.action) == (Action.REPLY, Action.EDIT)
    assert columns(reply) == ["a"]
    assert columns(edit) == ["b", "a"]
    assert reply.facts["state"] == edit.facts["state"] == "firing"
    group, (reply, edit) = post(group, [incident("Pccc", "a"), incident("Pccc", "b")], Reason.RESOLVED)
    assert reply.facts["state"] == "resolved"
    assert group.closed
    assert group.root_key == root.key


def test_a_channel_without_threads_gets_posts_of_their_own() -> None:
    """What changed, as a root each time; nothing to edit."""
    group, _ = first(incident("P", "a"), threads=False)
    seen = [incident("P", "a"), incident("P", "b")]
    _, (again,) = post(group, seen, Reason.NEW_MEMBER, threads=False)
    assert again.action is Action.ROOT
    assert columns(again) == ["b"]


def test_a_repeat_names_what_still_fires() -> None:
    """Also those that were not news."""
    group, _ = first(incident("P", "a"), incident("P", "b"))
    _, (reply, _) = post(group, [incident("P", "a"), incident("P", "b")], Reason.REPEAT)
    assert columns(reply) == ["a", "b"]


def test_nothing_to_tell_is_an_error() -> None:
    """A flush that decide() did not ask for would make an empty post."""
    with pytest.raises(ValueError, match="nothing to tell"):
        post(new_group("oncall", {}), [], Reason.FIRST)


def test_ten_lines_pages_first_then_by_rank() -> None:
    """Bad data before what it may have caused; the rest is a number."""
    drift = [incident("P", f"c{rank:02}", rank=rank) for rank in range(12, 0, -1)]
    data = incident("P", "z", kind=IncidentKind.DATA, rank=None)
    _, (root,) = first(*drift, data)
    assert columns(root) == ["z", *(f"c{rank:02}" for rank in range(1, 10))]
    assert root.facts["more"] == 3
    both = replace(POLICY, severities=frozenset(Severity))
    seen = [incident("T", "t", rank=1), incident("P", "p", rank=2)]
    done = flush(new_group("all", {}), seen, reason=Reason.FIRST, now=NOW, policy=both, threads=True)
    assert columns(done.notifications[0]) == ["p", "t"]


def test_keys_are_facts() -> None:
    """The same flush later gives the same keys; another flush, member or channel gives others."""
    seen = [incident("P")]
    group = new_group("oncall", {"model": "delays"})
    (once,) = flush(group, seen, reason=Reason.FIRST, now=NOW, policy=POLICY, threads=True).notifications
    later = NOW + timedelta(hours=5)
    (twice,) = flush(group, seen, reason=Reason.FIRST, now=later, policy=POLICY, threads=True).notifications
    assert once.key == twice.key
    others = [
        replace(group, flushes=1),
        new_group("other", {"model": "delays"}),
        new_group("oncall", {"model": "x"}),
    ]
    keys = {post(other, seen, Reason.FIRST)[1][0].key for other in others}
    keys.add(post(group, [incident("P", "b")], Reason.FIRST)[1][0].key)
    assert len(keys | {once.key}) == 5


def test_facts_are_json_and_complete() -> None:
    """What message.py needs to answer the five questions; no NaN."""
    bad = incident("P", facts={"z": float("nan"), "p": 1e-9, "harm": -2.5, "rows": 900})
    _, (root,) = first(acknowledge(bad, by="ada", now=NOW))
    facts = json.loads(json.dumps(dict(root.facts), allow_nan=False))
    assert facts["model"] == "delays"
    assert facts["kind"] == "incident"
    assert facts["runbook"] == "https://wiki.example.com/delays"
    assert facts["since"] == facts["window_start"] == START.isoformat()
    assert facts["counts"] == {"firing": 1, "pages": 1, "tickets": 0, "resolved": 0, "changed": 1}
    assert facts["retraining"] is None
    (line,) = facts["lines"]
    assert line["z"] is None
    assert (line["p"], line["harm"], line["pull"], line["rows"]) == (1e-9, -2.5, None, 900)
    assert (line["state"], line["news"], line["acknowledged_by"]) == ("firing", "first", "ada")
    assert facts["next"][1].startswith(
        "leeway explain --model delays --column temp --window 2013-05-01T00:00"
    )


def test_next_steps_quote_hostile_names() -> None:
    """They are meant to be pasted into a shell."""
    _, (root,) = first(incident("P", "a; rm -rf ~"))
    steps = root.facts["next"]
    assert isinstance(steps, list)
    assert "--column 'a; rm -rf ~'" in steps[1]


def test_a_post_that_died_told_nothing() -> None:
    """Its news is news again, beyond the lines it showed too; an edit had none to lose."""
    many = [incident("P", f"c{rank:02}", rank=rank) for rank in range(1, 13)]
    group, (root,) = first(*many)
    dead = untell(group, root.facts["told"], key=root.key)  # type: ignore[arg-type]  # JSON facts
    assert set(news(dead, many, POLICY).values()) == {Reason.FIRST}
    assert dead.root_key == ""
    seen = [incident("Pccc", "c01"), *many[1:]]
    group, (reply, edit) = post(group, seen, Reason.RESOLVED)
    assert untell(group, edit.facts["told"], key=edit.key) == group  # type: ignore[arg-type]  # JSON facts
    dead = untell(group, reply.facts["told"], key=reply.key)  # type: ignore[arg-type]  # JSON facts
    assert news(dead, seen, POLICY) == {seen[0].id: Reason.RESOLVED}
    assert dead.root_key == root.key


def test_the_last_good_news_that_died_reopens_the_group() -> None:
    """A channel that was never told of the end is told by the next flush."""
    group, _ = first(incident("P"))
    group, (reply, _) = post(group, [incident("Pccc")], Reason.RESOLVED)
    assert group.closed
    assert not untell(group, reply.facts["told"], key=reply.key).closed  # type: ignore[arg-type]  # JSON facts


def test_a_rise_or_a_return_that_died_is_told_in_its_old_thread() -> None:
    """The channel still knows what it knew before: a ticket, or a problem that was over."""
    group, _ = first(incident("P"))
    ticket = replace(group.told[incident("P").id], severity=Severity.TICKET)
    group, (reply, _) = post(
        replace(group, told={incident("P").id: ticket}), [incident("P")], Reason.SEVERITY_UP
    )
    dead = untell(group, reply.facts["told"], key=reply.key)  # type: ignore[arg-type]  # JSON facts
    assert news(dead, [incident("P")], POLICY) == {incident("P").id: Reason.SEVERITY_UP}
    group, _ = post(group, [incident("Pccc")], Reason.RESOLVED)
    again = incident("P" * 46 + "cccP")
    group, (reply, _) = post(group, [again], Reason.REOPENED)
    dead = untell(group, reply.facts["told"], key=reply.key)  # type: ignore[arg-type]  # JSON facts
    assert news(dead, [again], POLICY) == {again.id: Reason.REOPENED}


def test_pages_are_worth_sending_longer() -> None:
    """72 h against 24 h."""
    _, (page,) = first(incident("P"))
    assert page.deadline - page.created == timedelta(hours=72)
    both = replace(POLICY, severities=frozenset(Severity))
    done = flush(
        new_group("all", {}), [incident("T")], reason=Reason.FIRST, now=NOW, policy=both, threads=True
    )
    assert done.notifications[0].deadline == NOW + timedelta(hours=24)


class ReaderOfAChannel(RuleBasedStateMachine):
    """Three series live their lives; a reader believes what the posts say, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.index = 0
        self.states: dict[str, AlertState] = {}
        self.incidents: dict[str, Incident] = {}
        self.group = new_group("oncall", {"model": "delays"})
        self.believes: dict[str, bool] = {}  # incident id → firing
        self.root: dict[str, str] = {}  # as the channel shows it today: incident id → state
        self.keys: set[str] = set()
        self.flaps: set[str] = set()  # what the reader was told comes and goes
        self.quiet: set[str] = set()  # silenced columns
        self.ever: set[str] = set()  # incidents that a silence ever covered

    @rule(letters=st.text(alphabet="tpPPcch", min_size=3, max_size=3))
    def fold_a_window(self, letters: str) -> None:
        self.now += timedelta(minutes=5)
        for column, letter in zip("abc", letters, strict=True):
            said = verdict(letter, self.index, series=Series(model="delays", column=column))
            result = fold(self.states.get(column), said, FoldPolicy())
            self.states[column] = result.state
            for transition in result.transitions:
                after = apply(self.incidents.get(transition.incident_id), transition)
                self.incidents[after.id] = after
                self.group = mark_dirty(self.group, self.now)
        self.index += 1

    @rule(minutes=st.integers(0, 300), complete=st.booleans(), lost=st.booleans())
    def look(self, minutes: int, complete: bool, lost: bool) -> None:
        self.now += timedelta(minutes=minutes)
        seen, quiet = list(self.incidents.values()), self.covered()
        self.group = hold(self.group, seen, POLICY, quiet)
        reason = decide(self.group, seen, now=self.now, policy=POLICY, complete=complete, silenced=quiet)
        if reason is None:
            return
        done = self.flush(seen, reason, quiet)
        if lost:  # the commit never happened; the next flush makes the same rows
            self.now += timedelta(seconds=5)
            again = self.flush(seen, reason, quiet)
            assert [n.key for n in again.notifications] == [n.key for n in done.notifications]
            done = again
        self.group = Group.from_json(json.loads(json.dumps(done.group.to_json())))
        for notification in done.notifications:
            assert notification.key not in self.keys
            self.keys.add(notification.key)
            self.read(notification, quiet)
        assert news(self.group, seen, POLICY, quiet) == {}

    def flush(self, seen: list[Incident], reason: Reason, quiet: set[str]) -> Flush:
        return flush(
            self.group, seen, reason=reason, now=self.now, policy=POLICY, threads=True, silenced=quiet
        )

    def covered(self) -> set[str]:
        """Ids that a silence covers now."""
        return {each.id for each in self.incidents.values() if each.series.column in self.quiet}

    @rule(column=st.sampled_from("abc"))
    def silence(self, column: str) -> None:
        self.quiet.add(column)
        self.ever |= self.covered()

    @rule(column=st.sampled_from("abc"))
    def lift(self, column: str) -> None:
        self.ever |= self.covered()
        self.quiet.discard(column)

    def read(self, notification: Notification, quiet: set[str]) -> None:
        lines = notification.facts["lines"]
        assert isinstance(lines, list)
        assert 1 <= len(lines) <= POLICY.max_lines
        if notification.action is Action.ROOT:
            self.root = {}
        if notification.action is not Action.REPLY:
            self.root.update({line["incident_id"]: line["state"] for line in lines})
        if notification.action is Action.EDIT:
            return
        for line in lines:
            id_, said = line["incident_id"], line["news"]
            believed = self.believes.get(id_, False)
            if said:
                assert id_ not in quiet, "told of what is silenced"
                assert (id_ in self.flaps) is (
                    said == "steady" or (id_ in self.flaps and said == "severity_up")
                )
            if said == "resolved":
                assert believed, "told of the end of something nobody was told of"
            elif said == "reopened":
                assert not believed or id_ in self.ever, "told twice"
            elif said in ("first", "new_member", "silence_ended"):
                assert not believed, "told twice"
                assert (said == "silence_ended") <= (id_ in self.ever)
            if said:
                self.believes[id_] = line["state"] != "resolved"
            self.flaps.discard(id_)
            if line["flapping"]:
                self.flaps.add(id_)

    @rule()
    def acknowledge_all(self) -> None:
        for incident in self.incidents.values():
            if incident.is_open:
                self.incidents[incident.id] = acknowledge(incident, by="ada", now=self.now)

    @invariant()
    def a_patient_reader_knows_it_all(self) -> None:
        """If nothing more happened and no silence were left, one look later the reader would know it all."""
        seen = list(self.incidents.values())
        later = self.now + timedelta(minutes=16)
        reason = decide(self.group, seen, now=later, policy=POLICY, complete=True)
        unknown = [
            incident
            for incident in seen
            if not (incident.id in self.flaps and incident.flapping)
            and not (incident.is_open and incident.severity is Severity.TICKET)
            and self.believes.get(incident.id, False) is not incident.is_open
        ]
        assert reason is not None or unknown == []

    @invariant()
    def closed_means_nothing_fires(self) -> None:
        if self.group.closed:
            assert not any(self.believes.values())


TestReaderOfAChannel = ReaderOfAChannel.TestCase
TestReaderOfAChannel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def pictured(*seen: Incident, group: Group | None = None, reason: Reason = Reason.FIRST) -> list[Action]:
    """What goes out to a channel that takes pictures."""
    group = group or new_group("oncall", {"model": "delays"})
    done = flush(group, seen, reason=reason, now=NOW, policy=POLICY, threads=True, pictures=True)
    return [each.action for each in done.notifications]


def test_a_post_that_brings_something_new_is_followed_by_its_picture() -> None:
    """Behind its words, in the same lane; a reply has one too. An end and a repeat show nothing new."""
    assert pictured(incident("P", "a")) == [Action.ROOT, Action.PICTURE]
    group, _ = first(incident("P", "a"))
    both = (incident("P", "a"), incident("P", "b"))
    assert pictured(*both, group=group, reason=Reason.NEW_MEMBER) == [
        Action.REPLY,
        Action.PICTURE,
        Action.EDIT,
    ]
    over = incident("Pccc", "a")
    assert pictured(over, group=group, reason=Reason.RESOLVED) == [Action.REPLY, Action.EDIT]
    assert pictured(incident("P", "a"), group=group, reason=Reason.REPEAT) == [Action.REPLY, Action.EDIT]


def test_a_picture_is_of_the_first_line_and_knows_its_post() -> None:
    """Facts, as everywhere: what is drawn is found when it is sent. It has no news of its own to be told."""
    group = new_group("oncall", {"model": "delays"})
    seen = [incident("P", "b", rank=2), incident("P", "a", rank=1)]
    done = flush(group, seen, reason=Reason.FIRST, now=NOW, policy=POLICY, threads=True, pictures=True)
    root, picture = done.notifications
    assert (picture.lane, picture.channel, picture.facts["post"]) == (root.lane, root.channel, root.key)
    assert columns(picture) == ["a"]
    assert "told" not in picture.facts
    assert "severity" not in picture.facts  # or it would leave before what wakes somebody
    again = flush(group, seen, reason=Reason.FIRST, now=NOW, policy=POLICY, threads=True, pictures=True)
    assert again.notifications[1].key == picture.key


def test_what_has_no_numbers_has_no_picture() -> None:
    """A silent feed, and a channel that takes none."""
    assert pictured(incident("P", "")) == [Action.ROOT]
    assert [each.action for each in first(incident("P", "a"))[1]] == [Action.ROOT]


def test_links_are_filled_in_and_what_comes_from_data_is_quoted() -> None:
    """No name breaks out of the address it stands in."""
    policy = replace(
        POLICY, links={"Page": "https://x.example.com/{model}?c={column}&i={incident}&t={start}"}
    )
    seen = incident("P", "a&b/{model}<!channel>")
    done = flush(new_group("oncall", {}), [seen], reason=Reason.FIRST, now=NOW, policy=policy, threads=True)
    links = done.notifications[0].facts["links"]
    start = f"{seen.window_start:%Y-%m-%dT%H%%3A%M%%3A%SZ}"
    column = "a%26b%2F%7Bmodel%7D%3C%21channel%3E"
    assert links == {"Page": f"https://x.example.com/delays?c={column}&i={seen.id}&t={start}"}
