"""Laws of both ways together: pressed in Slack, done in the database, said by the root; nobody is held up."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerting.channels.log import LogChannel
from alerting.slack_buttons import Button
from monitor import logs
from monitor.faults import Faults
from monitor.interacting import Interacting, listening
from monitor.leader_lease import LeaderLease
from monitor.runtime import InForce
from tests.alerting.slack_envelopes import pressed, typed
from tests.loopback import Reply
from tests.monitor.slack_life import SlackLife, slack_life
from tests.monitor.socket_mode import PATIENCE_S, SocketMode, say

TO = "/actions/T1/2/3"


@pytest.fixture
def life(tmp_path: Path) -> Iterator[SlackLife]:
    with slack_life(tmp_path) as made:
        yield made


@pytest.fixture
def parts(life: SlackLife) -> Iterator[Interacting]:
    made = interacting(life)
    yield made
    end(made)


def interacting(life: SlackLife) -> Interacting:
    in_force = InForce(runtime=life.alerts.runtime)
    return Interacting(in_force, Faults(monotonic=time.monotonic), lambda: None)


def end(parts: Interacting) -> None:
    for thread in parts.stop():
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def until(what: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.02)


def reply_to(life: SlackLife) -> str:
    return f"{life.slack.url}{TO}"


def test_a_press_is_done_and_answered_and_the_root_says_so(life: SlackLife, parts: Interacting) -> None:
    """The whole way, there and back."""
    life.page()
    with SocketMode(life.slack) as mode:
        parts.listen()
        envelope = pressed(Button.ACKNOWLEDGE, reply_to=reply_to(life))
        say(mode.connection(), envelope)
        assert mode.acknowledged() == envelope["envelope_id"]
        until(lambda: life.slack.requests(TO))
        life.alerts.look()
        assert "anna" in life.edits()[-1]
        assert all(parts.alive().values())


def test_a_slow_answer_holds_up_no_acknowledgement(life: SlackLife, parts: Interacting) -> None:
    """Slack takes the answer to the first only slowly; the second is acknowledged within three seconds."""
    life.page()
    life.slack.always(TO, Reply(end="hang"))
    with SocketMode(life.slack) as mode:
        parts.listen()
        peer = mode.connection()
        say(peer, pressed(Button.ACKNOWLEDGE, reply_to=reply_to(life)))
        mode.acknowledged()
        until(lambda: life.slack.requests(TO))
        began = time.monotonic()
        say(peer, pressed(Button.FALSE_PAGE, reply_to=reply_to(life)))
        mode.acknowledged()
        assert time.monotonic() - began < 3.0


def test_a_duplicate_has_one_effect_also_on_another_daemon(life: SlackLife, parts: Interacting) -> None:
    """The first one acknowledged, did it, and died; Slack says it again to the one that came after."""
    life.page()
    envelope = pressed(Button.ACKNOWLEDGE, reply_to=reply_to(life))
    with SocketMode(life.slack) as mode:
        parts.listen()
        peer = mode.connection()
        for _ in range(2):
            say(peer, envelope)
            mode.acknowledged()
        until(lambda: life.slack.requests(TO))
        end(parts)
        other = interacting(life)
        other.listen()
        say(mode.connection(), envelope)
        mode.acknowledged()
        until(lambda: len(life.slack.requests(TO)) == 2)
        end(other)
    assert "that was done already" in str(life.slack.requests(TO)[1].json)
    assert life.events() == [("acknowledged", "anna")]


def test_a_channel_without_an_app_token_is_not_listened_to(life: SlackLife) -> None:
    """Off unless the config asks for it, and one line a token."""
    assert listening({"a": replace(life.channel, app_token=""), "b": LogChannel()}) == {}
    assert list(listening({"a": life.channel, "b": replace(life.channel, channel="C0OTHER")})) == ["a"]


def test_another_config_is_followed(life: SlackLife) -> None:
    """An unchanged channel keeps its line; one that is gone is not listened to any more."""
    in_force = InForce(runtime=life.alerts.runtime)
    parts = Interacting(in_force, Faults(monotonic=time.monotonic), lambda: None)
    with SocketMode(life.slack) as mode:
        parts.listen()
        peer = mode.connection()
        in_force.runtime = replace(in_force.runtime, channels={"oncall": replace(life.channel)})
        parts.listen()
        say(peer, typed("help", reply_to=reply_to(life)))
        mode.acknowledged()
        assert mode.connections == 1
        in_force.runtime = replace(in_force.runtime, channels={})
        parts.listen()
        until(lambda: peer.close_code is not None)
        assert parts.alive() == {}
        assert mode.connections == 1
    end(parts)


def test_only_the_leader_listens(life: SlackLife) -> None:
    """On a shared database one daemon does; the others are ready to."""
    leader = LeaderLease(life.alerts.runtime.store, "me", monotonic=lambda: 0.0)
    in_force = InForce(runtime=replace(life.alerts.runtime, leader=leader))
    parts = Interacting(in_force, Faults(monotonic=time.monotonic), lambda: None)
    with SocketMode(life.slack) as mode:
        parts.listen()
        assert not leader.leads
        leader.fence, leader._until = 1, 1.0
        peer = mode.connection()
        leader.fence = None
        until(lambda: peer.close_code is not None)
        assert mode.connections == 1
    end(parts)


def test_a_fault_is_said_and_the_parts_live_on(
    life: SlackLife, parts: Interacting, capfd: pytest.CaptureFixture[str]
) -> None:
    """A database that cannot be written: the next request is taken all the same."""
    life.page()
    logs.configure()
    with SocketMode(life.slack) as mode:
        parts.listen()
        peer = mode.connection()
        with life.alerts.runtime.store.write() as conn:
            conn.exec_driver_sql("ALTER TABLE audit RENAME TO audit_gone")
        say(peer, pressed(Button.ACKNOWLEDGE, reply_to=reply_to(life)))
        mode.acknowledged()
        until(lambda: life.slack.requests(TO) or "slack answer" in capfd.readouterr().err)
        with life.alerts.runtime.store.write() as conn:
            conn.exec_driver_sql("ALTER TABLE audit_gone RENAME TO audit")
        say(peer, typed("help", reply_to=reply_to(life)))
        mode.acknowledged()
        until(lambda: life.slack.requests(TO))
        assert all(parts.alive().values())
    assert life.events() == []
