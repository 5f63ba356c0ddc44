"""Laws of timers: whatever moves by itself says when."""

from datetime import timedelta

import pytest

from alerting.courier import ChannelMark, ChannelState, Mark, OutboxState
from storage import incidents, ledger, outbox
from storage.engine import Store
from storage.timers import timers
from tests.storage.samples import DAY, T0, done, fold, message, plan, verdict

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("state", ["planned", "claimed", "deferred"])
def test_a_window_that_has_not_ended(state: str, store: Store) -> None:
    """When it is due, when its lease ends, or when it is tried again."""
    with store.write() as conn:
        assert timers(conn) == []
        plan(conn, 1)
        due = timers(conn)
        assert len(due) == 1
        if state == "planned":
            return
        now = due[0]
        claimed = ledger.claim(conn, now, "me", HOUR)
        assert claimed is not None
        if state == "claimed":
            assert now + HOUR in timers(conn)
            return
        ledger.defer(conn, claimed.id, claimed.fence, now + 2 * HOUR, "not yet")
        assert timers(conn) == [now + 2 * HOUR]


def test_a_window_that_has_ended_does_not(store: Store) -> None:
    """It is folded when the daemon looks, whenever that is."""
    with store.write() as conn:
        done(conn)
        assert timers(conn) == []


def test_a_message_that_waits(store: Store) -> None:
    """Now, then on its ladder, until its deadline; and with its channel, if that asked to wait."""
    with store.write() as conn:
        waiting = message("a", "slack/m")
        outbox.enqueue(conn, [waiting], T0)
        assert sorted(timers(conn)) == sorted([T0, waiting.deadline])
        claimed = outbox.claim(conn, T0, "me", HOUR)
        assert claimed is not None
        assert T0 + HOUR in timers(conn)
        later = T0 + 3 * HOUR
        wait = ChannelMark(state=ChannelState.WAITING, until=later, reason="slow down")
        outbox.record(conn, claimed, Mark(state=OutboxState.QUEUED, next_try=later, channel=wait), T0)
        assert timers(conn).count(later) == 2


def test_a_message_that_is_sent_does_not(store: Store) -> None:
    """It is over."""
    with store.write() as conn:
        outbox.enqueue(conn, [message("a", "slack/m")], T0)
        claimed = outbox.claim(conn, T0, "me", HOUR)
        assert claimed is not None
        outbox.record(conn, claimed, Mark(state=OutboxState.SENT), T0)
        assert timers(conn) == []


def test_an_acknowledgement_that_ends(store: Store) -> None:
    """The reminders begin again then."""
    with store.write() as conn:
        (window,) = done(conn)
        fold(conn, window, verdict())
        (incident,) = incidents.open_incidents(conn)
        incidents.acknowledge(conn, incident.id, by="ada", now=T0 + DAY, until=T0 + 2 * DAY)
        assert timers(conn) == [T0 + 2 * DAY]
