"""A real daemon and a Slack that is played: a page, a button, an answer, and the root says so."""

import time
from collections.abc import Callable
from pathlib import Path

from alerting.slack_buttons import Button, page_of
from tests.acceptance.running import PATIENCE_S, count, daemon, log_of, running_shop, until_said
from tests.alerting.slack_envelopes import pressed, typed
from tests.loopback import Loopback
from tests.monitor.socket_mode import SocketMode, say

TO = "/actions/T1/2/3"
SECRETS = {"LEEWAY_TEST_SLACK_TOKEN": "xoxb-CANARY-token", "LEEWAY_TEST_APP_TOKEN": "xapp-CANARY-token"}


def config(slack: Loopback) -> str:
    return f"""
[channels.oncall]
kind = "slack"
token_env = "LEEWAY_TEST_SLACK_TOKEN"
app_token_env = "LEEWAY_TEST_APP_TOKEN"
channel = "C0LOOPBACK"
base_url = "{slack.slack}"

[slack_users]
U0ANNA = "anna"

[[routes]]
channels = ["oncall"]

[daemon]
tick_s = 0.2
"""


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_page_is_taken_from_slack(tmp_path: Path) -> None:
    """Pressed, acknowledged, done by name, answered, shown; asked and answered; ended in good order."""
    shop = running_shop(tmp_path / "shop")
    with Loopback(tmp_path / "accepted") as slack, SocketMode(slack) as mode:
        text = shop.config.read_text()
        before = text[text.index("[channels.file]") : text.index("[models.shop]")]
        shop.config.write_text(text.replace(before, config(slack) + "\n"))
        with daemon(shop, environment=SECRETS) as running:
            until_said(shop, "slack.connected", running)
            peer = mode.connection()
            until(lambda: slack.requests("/api/chat.postMessage"))
            (*_, last) = slack.requests("/api/chat.postMessage")[0].json["blocks"]
            page = page_of(last["elements"][0]["value"])
            assert page is not None
            until(lambda: count(shop, "SELECT count(*) FROM lane") == 1)

            reply_to = f"{slack.url}{TO}"
            began = time.monotonic()
            envelope = pressed(Button.ACKNOWLEDGE, page=page, reply_to=reply_to)
            say(peer, envelope)
            assert mode.acknowledged() == envelope["envelope_id"]
            assert time.monotonic() - began < 3.0
            until(lambda: slack.requests(TO))
            assert "anna has it until" in str(slack.requests(TO)[0].json)
            until(lambda: any("anna" in str(seen.json) for seen in slack.requests("/api/chat.update")))
            taken = "SELECT count(*) FROM incident_event WHERE kind = 'acknowledged' AND actor = 'anna'"
            assert count(shop, taken) >= 1

            say(peer, typed("status", reply_to=reply_to))
            mode.acknowledged()
            until(lambda: len(slack.requests(TO)) == 2)
            assert "shop" in str(slack.requests(TO)[1].json)

            running.terminate()
            assert running.wait(25) == 0
    assert "CANARY" not in log_of(shop)
