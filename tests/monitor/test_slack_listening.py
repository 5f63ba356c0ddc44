"""Laws of listening: acknowledged at once, handed on once, and never without a line for long."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from alerting.channel import DeliveryError, Failure
from alerting.channels.slack import SlackChannel
from alerting.slack_buttons import Button
from monitor import logs
from monitor.clock import SystemClock
from monitor.slack_link import open_link
from monitor.slack_listening import WAITING, Listener, wait_after
from tests.alerting.slack_envelopes import pressed
from tests.loopback import Loopback, error
from tests.monitor.socket_mode import PATIENCE_S, SocketMode, say

OPEN = "/api/apps.connections.open"


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[Loopback]:
    logs.configure(quiet=True)
    with Loopback(tmp_path / "accepted") as played:
        yield played


def listener(slack: Loopback, **options: Any) -> Listener:
    channel = SlackChannel(
        token="xoxb-T", channel="C0LOOPBACK", base_url=slack.slack, app_token="xapp-T", deadline_s=PATIENCE_S
    )
    made = Listener(
        name="oncall",
        connect=lambda: open_link(channel, SystemClock()),
        leads=lambda: True,
        over=threading.Event(),
    )
    for name, value in options.items():
        setattr(made, name, value)
    return made


@contextmanager
def living(made: Listener) -> Iterator[Listener]:
    thread = threading.Thread(target=made.live, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def until(what: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_envelope_is_acknowledged_before_anything_is_done(slack: Loopback) -> None:
    """Nobody takes it from the queue here, and Slack has its answer well within three seconds."""
    with SocketMode(slack) as mode, living(listener(slack)) as made:
        peer, envelope = mode.connection(), pressed(Button.SILENCE)
        began = time.monotonic()
        say(peer, envelope)
        assert mode.acknowledged() == envelope["envelope_id"]
        assert time.monotonic() - began < 3.0
        heard = made.heard.get(timeout=PATIENCE_S)
        assert (heard.message, heard.app) == (envelope, "A1")


def test_what_comes_twice_is_acknowledged_twice_and_handed_on_once(slack: Loopback) -> None:
    """Slack did not hear the first answer, or says it again on another connection."""
    with SocketMode(slack) as mode, living(listener(slack, failures=0)) as made:
        first, envelope = mode.connection(), pressed(Button.SILENCE)
        for _ in range(2):
            say(first, envelope)
            assert mode.acknowledged() == envelope["envelope_id"]
        first.close()
        say(mode.connection(), envelope)
        assert mode.acknowledged() == envelope["envelope_id"]
        assert made.heard.qsize() == 1


def test_with_no_room_to_wait_slack_is_not_told_that_it_was_taken(slack: Loopback) -> None:
    """So Slack tells the person that nothing happened; when there is room, the same one is taken."""
    with SocketMode(slack) as mode, living(listener(slack)) as made:
        peer = mode.connection()
        taken = [pressed(Button.SILENCE) for _ in range(WAITING)]
        for envelope in taken:
            say(peer, envelope)
            assert mode.acknowledged() == envelope["envelope_id"]
        late = pressed(Button.SILENCE)
        say(peer, late)
        say(peer, taken[0])  # seen before, so it is acknowledged whatever there is room for
        assert mode.acknowledged() == taken[0]["envelope_id"]
        assert made.heard.get().message == taken[0]
        say(peer, late)
        assert mode.acknowledged() == late["envelope_id"]


def test_what_is_no_envelope_is_not_acknowledged(slack: Loopback) -> None:
    """It has nothing that could be named."""
    with SocketMode(slack) as mode, living(listener(slack)) as made:
        peer, envelope = mode.connection(), pressed(Button.SILENCE)
        say(peer, {"type": "interactive", "payload": {}})
        say(peer, {"type": "new-in-2030"})
        say(peer, envelope)
        assert mode.acknowledged() == envelope["envelope_id"]
        assert made.heard.get(timeout=PATIENCE_S).message == envelope, "the first that was handed on"


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_when_slack_asks_for_another_connection_it_gets_one(slack: Loopback, reason: str) -> None:
    """Connections are refreshed every few hours."""
    with SocketMode(slack) as mode, living(listener(slack)):
        say(mode.connection(), {"type": "disconnect", "reason": reason})
        envelope = pressed(Button.SILENCE)
        say(mode.connection(), envelope)
        assert mode.acknowledged() == envelope["envelope_id"]


def test_a_server_that_closes_is_connected_to_again(slack: Loopback) -> None:
    """And what it said before is kept."""
    with SocketMode(slack) as mode, living(listener(slack)) as made:
        first, envelope = mode.connection(), pressed(Button.SILENCE)
        say(first, envelope)
        mode.acknowledged()
        first.close(1012)
        assert isinstance(mode.connection(), ServerConnection)
        assert made.heard.get(timeout=PATIENCE_S).message == envelope


def test_how_long_to_wait_grows_and_is_forgotten_after_a_good_connection(slack: Loopback) -> None:
    """A server that takes and closes at once is not asked in a tight loop."""
    with SocketMode(slack, greets=False) as mode:
        made = listener(slack)
        waits = []
        for lasted in (0.0, 0.0, 40.0, 0.0):
            times = iter((100.0, 100.0 + lasted))
            made.monotonic = lambda times=times: next(times)  # type: ignore[misc]
            threading.Thread(target=lambda: mode.connection().close(), daemon=True).start()
            waits.append(made.once())
    assert waits == [1.0, 2.0, 0.0, 1.0]


def test_socket_mode_that_is_switched_off_waits_for_a_person(slack: Loopback) -> None:
    """As does a token that is refused."""
    with SocketMode(slack) as mode:
        made = listener(slack)
        threading.Thread(
            target=lambda: say(mode.connection(), {"type": "disconnect", "reason": "link_disabled"}),
            daemon=True,
        ).start()
        assert made.once() == 300.0
    slack.always(OPEN, error("invalid_auth"))
    assert made.once() == 300.0


@pytest.mark.parametrize(
    ("failures", "failure", "wait_s"),
    [
        (0, None, 0.0),
        (1, None, 1.0),
        (3, Failure.TRANSIENT, 5.0),
        (99, Failure.AMBIGUOUS, 60.0),
        (1, Failure.RATE, 7.0),
        (1, Failure.CHANNEL_BROKEN, 300.0),
    ],
)
def test_how_long_to_wait(failures: int, failure: Failure | None, wait_s: float) -> None:
    """By how often it failed in a row, and by what helps."""
    why = None if failure is None else DeliveryError(failure, "x", retry_after_s=7.0)
    assert wait_after(failures, why) == wait_s


def test_only_who_leads_listens(slack: Loopback) -> None:
    """And stops when another takes over: Slack spreads envelopes over all that listen."""
    leading = threading.Event()
    with SocketMode(slack) as mode, living(listener(slack, leads=leading.is_set)):
        assert mode.connections == 0
        leading.set()
        peer = mode.connection()
        leading.clear()
        until(lambda: peer.close_code is not None)
        assert mode.connections == 1


def test_nothing_of_an_envelope_is_logged(slack: Loopback, capfd: pytest.CaptureFixture[str]) -> None:
    """Nor of Slack's words: a reason that we do not know is not repeated."""
    logs.configure(verbose=True)
    with SocketMode(slack) as mode, living(listener(slack)):
        peer = mode.connection()
        say(peer, pressed(Button.SILENCE, state="CANARY", response_url="https://hooks.slack.com/CANARY"))
        mode.acknowledged()
        say(peer, {"type": "disconnect", "reason": "CANARY"})
        mode.connection()
    said = capfd.readouterr().err
    assert "slack.connected" in said
    assert "slack.disconnected" in said
    assert "CANARY" not in said
