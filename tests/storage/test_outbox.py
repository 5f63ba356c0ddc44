"""The outbox: nothing lost, nothing out of order within a lane, nothing changed without the fence."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.channel import Failure
from alerting.courier import ChannelMark, ChannelState, Claimed, Mark, OutboxState
from alerting.grouping import Group, Told
from alerting.notification import Action, Notification
from alerting.verdict import Severity
from storage import audit, groups, history, incidents, lanes, outbox
from storage.engine import Store
from storage.outbox import SqlOutbox
from tests.storage.samples import DAY, HOUR, LEASE, T0, done, fold, message, verdict

SENT = Mark(state=OutboxState.SENT, reference={"ts": "1.5"})


def put(store: Store, *messages: Notification) -> int:
    with store.write() as conn:
        return outbox.enqueue(conn, messages, T0)


def claim(box: SqlOutbox, at: timedelta = timedelta()) -> Claimed:
    claimed = box.claim(T0 + at, "courier", LEASE)
    assert claimed is not None
    return claimed


def states(store: Store) -> dict[str, str]:
    with store.read() as conn:
        return {row["key"]: row["state"] for row in history.notifications(conn)}


def test_a_key_is_put_once(store: Store) -> None:
    """After a lost commit the same flush gives the same keys, and adds nothing."""
    assert put(store, message("a"), message("b")) == 2
    assert put(store, message("b"), message("c")) == 1


def test_what_is_claimed_is_what_was_put(store: Store) -> None:
    """The courier gets the facts back, a fence, and its first attempt."""
    box = SqlOutbox(store)
    put(store, message("a", incidents=("i",)))
    claimed = claim(box)
    assert claimed.notification == message("a", incidents=("i",))
    assert (claimed.fence, claimed.owner, claimed.first_try, claimed.probe) == (1, "courier", T0, False)
    assert box.claim(T0, "another", LEASE) is None


def test_the_attempt_row_is_there_before_the_send(store: Store, other: Store) -> None:
    """What another process sees between claim and mark: state sending and one open attempt."""
    put(store, message("a"))
    claimed = claim(SqlOutbox(store))
    with other.read() as conn:
        row = history.notification(conn, claimed.id)
    assert row is not None
    assert row["state"] == "sending"
    assert [(each["number"], each["closed"], each["outcome"]) for each in row["attempts"]] == [(1, None, "")]


def test_lanes_are_in_order_and_apart(store: Store) -> None:
    """A second row of a lane waits for the first; another lane does not."""
    box = SqlOutbox(store)
    put(store, message("a1", "c/a"), message("a2", "c/a"), message("b1", "c/b"))
    first, second = claim(box), claim(box)
    assert [first.notification.key, second.notification.key] == ["a1", "b1"]
    assert box.claim(T0, "x", LEASE) is None
    assert box.mark(first, SENT, T0)
    assert claim(box).notification.key == "a2"


def test_a_waiting_row_holds_up_its_lane(store: Store) -> None:
    """A row on the ladder is not overtaken; a row that waits for a person is."""
    box = SqlOutbox(store)
    put(store, message("a1"), message("a2"))
    again = Mark(state=OutboxState.QUEUED, failure=Failure.TRANSIENT, next_try=T0 + HOUR, reason="no route")
    box.mark(claim(box), again, T0)
    assert box.claim(T0 + HOUR / 2, "x", LEASE) is None
    second = claim(box, HOUR)
    assert (second.notification.key, second.notification.attempt) == ("a1", 2)
    assert (second.notification.last_failure, second.first_try) == ("no route", T0)
    box.mark(second, Mark(state=OutboxState.UNCERTAIN, failure=Failure.AMBIGUOUS), T0 + HOUR)
    assert claim(box, HOUR).notification.key == "a2"


def test_pages_leave_first(store: Store) -> None:
    """Of several lanes a page goes before an older ticket."""
    put(store, message("t", "c/t", severity="ticket"), message("p", "c/p", severity="page"))
    assert claim(SqlOutbox(store)).notification.key == "p"


def test_only_the_newest_queued_edit_is_kept(store: Store) -> None:
    """Older queued edits of the lane are cancelled; replies and the edit being sent are not."""
    box = SqlOutbox(store)
    put(store, message("e0", action=Action.EDIT))
    sending = claim(box)
    put(
        store,
        message("e1", action=Action.EDIT),
        message("r1"),
        message("e2", action=Action.EDIT),
        message("other", "c/other", action=Action.EDIT),
    )
    claim(box)
    assert states(store) == {
        "e0": "sending",
        "e1": "cancelled",
        "r1": "queued",
        "e2": "queued",
        "other": "sending",
    }
    box.mark(sending, SENT, T0)
    assert claim(box).notification.key == "r1"


def test_the_last_edit_of_a_thread_outlives_the_next_thread(store: Store) -> None:
    """An edit changes its own root: what comes after the next root says nothing about the one before."""
    box = SqlOutbox(store)
    put(
        store,
        message("r0"),
        message("e1", action=Action.EDIT),
        message("next", action=Action.ROOT),
        message("e2", action=Action.EDIT),
        message("e3", action=Action.EDIT),
    )
    claim(box)
    assert states(store) == {
        "r0": "sending",
        "e1": "queued",
        "next": "queued",
        "e2": "cancelled",
        "e3": "queued",
    }


def test_a_lost_lease_makes_the_attempt_uncertain(store: Store, other: Store) -> None:
    """After the lease another courier takes over, knows of the doubt, and the first one's mark is void."""
    first_box, second_box = SqlOutbox(store), SqlOutbox(other)
    put(store, message("a"))
    lost = claim(first_box)
    assert second_box.claim(T0 + LEASE / 2, "b", LEASE) is None
    taken = claim(second_box, LEASE)
    assert (taken.fence, taken.notification.uncertain, taken.notification.attempt) == (2, True, 2)
    assert not first_box.mark(lost, SENT, T0 + LEASE)
    assert states(store) == {"a": "sending"}
    assert second_box.mark(taken, SENT, T0 + LEASE)
    with store.read() as conn:
        row = history.notification(conn, taken.id)
    assert row is not None
    assert [each["outcome"] for each in row["attempts"]] == ["uncertain", "sent"]
    assert row["receipt"] == {"ts": "1.5"}


def test_marking_twice_is_refused(store: Store) -> None:
    """What was sent stays sent."""
    box = SqlOutbox(store)
    put(store, message("a"))
    claimed = claim(box)
    assert box.mark(claimed, SENT, T0)
    assert not box.mark(claimed, Mark(state=OutboxState.DEAD), T0)
    assert states(store) == {"a": "sent"}


def test_doubt_and_plainness_stay(store: Store) -> None:
    """Once uncertain or plain, a row comes back so at every later attempt; unburnt attempts do not count."""
    box = SqlOutbox(store)
    put(store, message("a"))
    box.mark(claim(box), Mark(state=OutboxState.UNCERTAIN, next_try=T0), T0)
    box.mark(claim(box), Mark(state=OutboxState.QUEUED, next_try=T0, plain=True, burnt=False), T0)
    box.mark(claim(box), Mark(state=OutboxState.QUEUED, next_try=T0, burnt=False), T0)
    notification = claim(box).notification
    assert (notification.uncertain, notification.plain, notification.attempt) == (True, True, 2)


def test_the_root_is_remembered_and_forgotten(store: Store) -> None:
    """Replies carry the root's reference until a lane failure forgets it; roots carry none."""
    box = SqlOutbox(store)
    put(
        store,
        message("root", action=Action.ROOT),
        message("r1"),
        message("r2"),
        message("again", action=Action.ROOT),
    )
    root = claim(box)
    assert root.notification.root == {}
    box.mark(root, Mark(state=OutboxState.SENT, root={"ts": "9"}), T0)
    reply = claim(box)
    assert reply.notification.root == {"ts": "9"}
    box.mark(reply, Mark(state=OutboxState.QUEUED, next_try=T0, root={}, burnt=False), T0)
    reply = claim(box)
    assert reply.notification.root == {}
    box.mark(reply, Mark(state=OutboxState.SENT, root={"ts": "10"}), T0)
    last = claim(box)
    assert last.notification.root == {"ts": "10"}
    box.mark(last, SENT, T0)
    assert claim(box).notification.root == {}


def test_a_channel_that_waits_sends_nothing(store: Store) -> None:
    """Told to slow down, the whole channel waits; other channels do not."""
    box = SqlOutbox(store)
    put(store, message("a", "c/a"), message("b", "c/b"), message("d", "d/d"))
    wait = ChannelMark(state=ChannelState.WAITING, until=T0 + HOUR)
    box.mark(claim(box), Mark(state=OutboxState.QUEUED, next_try=T0 + HOUR, burnt=False, channel=wait), T0)
    other = claim(box)
    assert other.notification.key == "d"
    assert box.mark(other, SENT, T0)
    assert box.claim(T0 + HOUR / 2, "x", LEASE) is None
    assert {claim(box, HOUR).notification.key, claim(box, HOUR).notification.key} == {"a", "b"}


def test_a_broken_channel_is_probed_by_one_row(store: Store) -> None:
    """One claim at a time finds out; success opens the channel for all."""
    box = SqlOutbox(store)
    put(store, message("a", "c/a"), message("b", "c/b"))
    broken = ChannelMark(state=ChannelState.BROKEN, until=T0 + HOUR, reason="invalid_auth")
    box.mark(claim(box), Mark(state=OutboxState.QUEUED, next_try=T0 + HOUR, burnt=False, channel=broken), T0)
    assert box.claim(T0 + HOUR / 2, "x", LEASE) is None
    probe = claim(box, HOUR)
    assert probe.probe
    assert box.claim(T0 + HOUR, "x", LEASE) is None
    with store.read() as conn:
        row = conn.exec_driver_sql("SELECT broken_since, last_probe FROM channel_state").one()
    assert row[1] - row[0] == HOUR // timedelta(microseconds=1)
    fine = ChannelMark(state=ChannelState.OK)
    box.mark(probe, Mark(state=OutboxState.SENT, channel=fine), T0 + HOUR)
    following = claim(box, HOUR)
    assert not following.probe


def test_claims_may_be_limited_to_channels(store: Store) -> None:
    """One courier a channel: none takes another's row."""
    put(store, message("a", "c/a"))
    assert SqlOutbox(store).claim(T0, "x", LEASE, ["d"]) is None
    assert SqlOutbox(store).claim(T0, "x", LEASE, ["c"]) is not None


def test_a_dead_letter_was_not_told(store: Store) -> None:
    """Its news is news again, beyond the lines it shows too, a dead root is no root, the group is dirty."""
    told = {key: Told(firing=key != "k", severity=Severity.PAGE) for key in ("i", "j", "k")}
    group = Group(
        key="oncall/m", channel="oncall", labels={"model": "m"}, flushed=T0, root_key="a", told=told
    )
    with store.write() as conn:
        groups.save(conn, group)
    root = message("a", action=Action.ROOT, incidents=("j",))
    put(store, replace(root, facts={**root.facts, "told": {"i": "first", "k": "resolved"}}))
    box = SqlOutbox(store)
    box.mark(claim(box), Mark(state=OutboxState.DEAD, reason="too late"), T0 + DAY)
    with store.read() as conn:
        after = groups.get(conn, "oncall/m")
        assert after is not None
        assert (sorted(after.told), after.root_key, after.dirty_since) == (["j", "k"], "", T0 + DAY)
        assert after.told["k"].firing  # that it fired was told; that it is over was not
        assert [event["kind"] for event in history.daemon_events(conn)] == ["outbox.dead"]
        assert groups.to_look_at(conn) == [after]


def test_an_edit_that_died_told_nothing(store: Store) -> None:
    """It shows every member but carries no news: nobody is told twice because of it."""
    told = {"i": Told(firing=True, severity=Severity.PAGE)}
    group = Group(key="oncall/m", channel="oncall", labels={"model": "m"}, root_key="a", told=told)
    with store.write() as conn:
        groups.save(conn, group)
    edit = message("e", action=Action.EDIT, incidents=("i",))
    put(store, replace(edit, facts={**edit.facts, "told": {}}))
    box = SqlOutbox(store)
    box.mark(claim(box), Mark(state=OutboxState.DEAD, reason="too late"), T0 + DAY)
    with store.read() as conn:
        after = groups.get(conn, "oncall/m")
        assert after is not None
        assert (after.told, after.root_key) == (told, "a")


def test_what_hung_on_a_root_that_died_begins_a_thread(store: Store) -> None:
    """Not below last month's root, where nobody looks."""
    box = SqlOutbox(store)
    put(store, message("old", action=Action.ROOT), message("new", action=Action.ROOT), message("reply"))
    box.mark(claim(box), Mark(state=OutboxState.SENT, root={"ts": "1"}), T0)
    box.mark(claim(box), Mark(state=OutboxState.DEAD, reason="refused"), T0)
    assert claim(box).notification.root == {}


def test_a_person_may_retry_and_cancel(store: Store) -> None:
    """Waiting and dead rows go again; a row being sent is left alone."""
    box = SqlOutbox(store)
    put(store, message("a"))
    claimed = claim(box)
    with store.write() as conn:
        with pytest.raises(ValueError, match="is sending"):
            outbox.cancel(conn, claimed.id, T0, by="ada", reason="no")
        with pytest.raises(ValueError, match="is sending"):
            outbox.retry(conn, claimed.id, T0, by="ada")
    box.mark(claimed, Mark(state=OutboxState.UNCERTAIN), T0)
    assert box.claim(T0 + DAY, "x", LEASE) is None
    with store.write() as conn:
        outbox.retry(conn, claimed.id, T0, by="ada")
    again = claim(box)
    assert again.notification.uncertain
    box.mark(again, Mark(state=OutboxState.UNCERTAIN), T0)
    with store.write() as conn:
        outbox.cancel(conn, claimed.id, T0, by="bob", reason="not needed")
    assert states(store) == {"a": "cancelled"}
    with store.read() as conn:
        said = [(line.kind, line.actor) for line in audit.lines(conn, str(claimed.id))]
    assert said == [("outbox.retried", "ada"), ("outbox.cancelled", "bob")]


def test_an_uncertain_request_is_sent_again_only_when_a_person_is_sure(store: Store) -> None:
    """Then it goes out like a fresh one: the target that is not idempotent gets it."""
    box = SqlOutbox(store)
    put(store, message("r", "trainer/m", Action.REQUEST))
    claimed = claim(box)
    box.mark(claimed, Mark(state=OutboxState.UNCERTAIN), T0)
    with store.write() as conn:
        with pytest.raises(ValueError, match="--yes"):
            outbox.retry(conn, claimed.id, T0, by="ada")
        outbox.retry(conn, claimed.id, T0, by="ada", sure=True)
    assert not claim(box).notification.uncertain


def test_a_dead_message_goes_out_again_as_a_possible_repeat(store: Store) -> None:
    """Its news may have been told another way; and it gets as much time as it had."""
    box = SqlOutbox(store)
    put(store, message("a"))
    claimed = claim(box)
    box.mark(claimed, Mark(state=OutboxState.DEAD, reason="refused"), T0)
    later = T0 + 30 * DAY
    with store.write() as conn:
        outbox.retry(conn, claimed.id, later, by="ada")
    again = box.claim(later, "x", LEASE)
    assert again is not None
    assert (again.notification.uncertain, again.notification.deadline) == (True, later + 3 * DAY)


@pytest.mark.parametrize(("acknowledged", "wanted"), [(False, True), (True, False)])
def test_repeats_are_for_incidents_nobody_has(store: Store, acknowledged: bool, wanted: bool) -> None:
    """Looked at again just before sending; what happened once is always told."""
    with store.write() as conn:
        (window,) = done(conn)
        fold(conn, window, verdict())
        (incident,) = incidents.open_incidents(conn)
        if acknowledged:
            incidents.acknowledge(conn, incident.id, by="ada", now=T0)
    put(
        store,
        message("first", "c/1", incidents=(incident.id,)),
        message("repeat", "c/2", incidents=(incident.id,), reason="repeat"),
    )
    box = SqlOutbox(store)
    assert [box.still_wanted(claim(box), T0) for _ in range(2)] == [True, wanted]


EXAMPLES = count()
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(["a", "b"]), st.sampled_from(list(Action)[:3])),
        st.tuples(st.just("claim"), st.integers(0, 90)),
        st.tuples(
            st.just("mark"), st.integers(0, 3), st.sampled_from(["sent", "queued", "uncertain", "dead"])
        ),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=timedelta(seconds=20))
@given(steps)
def test_lanes_under_any_history(template_store: Store, taken: list[tuple[object, ...]]) -> None:
    """Whatever is put, claimed, lost and marked: a lane is sent in order, by one courier at a time."""
    store, box = template_store, SqlOutbox(template_store)
    with store.write() as conn:
        for table in ("attempt", "outbox", "lane", "daemon_event"):
            conn.exec_driver_sql(f"DELETE FROM {table}")
    # Incidents of the channel stay, as their events may not be deleted: each example has a time of its own.
    now = T0 + next(EXAMPLES) * DAY
    sent, leases = {"c/a": [], "c/b": []}, []  # type: ignore[var-annotated] # two lists of keys
    held: list[Claimed] = []
    for number, (verb, *what) in enumerate(taken):
        if verb == "put":
            put(store, message(f"{number:03}", f"c/{what[0]}", Action(str(what[1]))))
        elif verb == "claim":
            now += timedelta(seconds=int(str(what[0])))
            claimed = box.claim(now, "x", LEASE)
            if claimed is not None:
                lane = claimed.notification.lane
                assert all(other != lane or end <= now for other, end in leases)
                leases = [(other, end) for other, end in leases if other != lane] + [(lane, now + LEASE)]
                held.append(claimed)
        elif held:
            claimed = held[int(str(what[0])) % len(held)]
            state = OutboxState(str(what[1]))
            open_again = now if state in (OutboxState.QUEUED, OutboxState.UNCERTAIN) else None
            newest = not any(o.id == claimed.id and o.fence > claimed.fence for o in held)
            if box.mark(claimed, Mark(state=state, next_try=open_again), now):
                assert newest
                leases = [(lane, end) for lane, end in leases if lane != claimed.notification.lane]
                if state is OutboxState.SENT:
                    sent[claimed.notification.lane].append(claimed.notification.key)
    for keys in sent.values():
        assert keys == sorted(set(keys))
    with store.read() as conn:
        counts = conn.exec_driver_sql(
            "SELECT o.tries, count(a.number) FROM outbox o"
            " LEFT JOIN attempt a ON a.outbox_id = o.id GROUP BY o.id"
        ).all()
    assert all(tries == rows for tries, rows in counts)


def picture(post: str, lane: str = "oncall/m") -> Notification:
    facts = {"kind": "picture", "model": "m", "post": post, "lines": []}
    return replace(message(f"picture of {post}", lane), action=Action.PICTURE, facts=facts)


def test_a_picture_waits_for_its_words_and_holds_nobody_up(store: Store) -> None:
    """However long its upload fails, what is said next leaves in its time."""
    box = SqlOutbox(store)
    put(store, message("root", "c/a"), picture("root", "c/a"), message("reply", "c/a"))
    root = claim(box)
    assert root.notification.key == "root"
    assert box.claim(T0, "x", LEASE) is None  # the picture waits for the root, and the reply too
    box.mark(root, SENT, T0)
    assert {claim(box).notification.key, claim(box).notification.key} == {"picture of root", "reply"}


def test_a_picture_finds_out_nothing_about_a_broken_channel(store: Store) -> None:
    """The probe is a message."""
    box = SqlOutbox(store)
    put(store, message("root", "c/a"))
    broken = ChannelMark(state=ChannelState.BROKEN, until=T0 + HOUR, reason="invalid_auth")
    box.mark(claim(box), Mark(state=OutboxState.SENT, channel=broken), T0)
    put(store, picture("root", "c/a"))
    assert box.claim(T0 + 2 * HOUR, "x", LEASE) is None
    put(store, message("next", "c/b"))
    probe = claim(box, 2 * HOUR)
    assert (probe.notification.key, probe.probe) == ("next", True)
    box.mark(probe, Mark(state=OutboxState.SENT, channel=ChannelMark(state=ChannelState.OK)), T0 + 2 * HOUR)
    assert claim(box, 2 * HOUR).notification.key == "picture of root"


@pytest.mark.parametrize(("state", "wanted"), [(OutboxState.SENT, True), (OutboxState.CANCELLED, False)])
def test_a_picture_is_for_a_post_that_was_sent(store: Store, state: OutboxState, wanted: bool) -> None:
    """What was told as part of another message has another thread, or none."""
    box = SqlOutbox(store)
    put(store, message("root"), picture("root"))
    box.mark(claim(box), Mark(state=state), T0)
    assert box.still_wanted(claim(box), T0) is wanted


def test_a_picture_that_is_given_up_is_no_trouble(store: Store) -> None:
    """Nothing is untold by it, and nobody is woken."""
    box = SqlOutbox(store)
    put(store, message("root"), picture("root"))
    box.mark(claim(box), SENT, T0)
    box.mark(claim(box), Mark(state=OutboxState.DEAD, failure=Failure.CHANNEL_BROKEN, reason="no scope"), T0)
    assert states(store)["picture of root"] == "dead"
    with store.read() as conn:
        assert incidents.open_incidents(conn, "") == []
        assert groups.to_look_at(conn) == []


def test_a_person_may_have_a_picture_sent_again(store: Store) -> None:
    """It is not taken for one that may have arrived."""
    box = SqlOutbox(store)
    put(store, message("root"), picture("root"))
    box.mark(claim(box), SENT, T0)
    dead = claim(box)
    box.mark(dead, Mark(state=OutboxState.DEAD, reason="no scope"), T0)
    with store.write() as conn:
        outbox.retry(conn, dead.id, T0, by="ada")
    assert not claim(box).notification.uncertain


def test_messages_that_waited_become_one_across_a_picture(store: Store) -> None:
    """It stands between them in the lane and is no reason for two posts."""
    box = SqlOutbox(store)
    facts = {
        "kind": "incident",
        "model": "m",
        "severity": "page",
        "state": "firing",
        "since": "",
        "lines": [],
    }
    root = replace(message("root"), facts=facts)
    reply = replace(message("reply"), action=Action.REPLY, reason="resolved", facts=facts)
    put(store, root, picture("root"), reply)
    again = Mark(state=OutboxState.QUEUED, failure=Failure.TRANSIENT, next_try=T0 + HOUR, reason="down")
    box.mark(claim(box), again, T0)
    assert claim(box, HOUR).notification.key == "root"
    assert states(store) == {"root": "sending", "picture of root": "queued", "reply": "cancelled"}


def test_a_lane_knows_the_post_it_hangs_on(store: Store) -> None:
    """Which message a button in Slack stands under is asked of it."""
    box = SqlOutbox(store)
    put(store, message("a"))
    claimed = claim(box)
    where = claimed.notification.lane
    with store.read() as conn:
        assert lanes.root_of(conn, where) == {}
    root = {"channel": "C1", "ts": "1.5"}
    box.mark(claimed, Mark(state=OutboxState.SENT, reference=root, root=root), T0)
    with store.read() as conn:
        assert lanes.root_of(conn, where) == root
        assert lanes.root_of(conn, "another") == {}
