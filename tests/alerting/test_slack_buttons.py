"""Laws of the buttons under a page in Slack: where they stand, and what they say when they are pressed."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerting.channels.slack import SlackChannel
from alerting.message import word
from alerting.notification import Action, Notification
from alerting.slack_buttons import Button, Page, buttons, page_of
from tests.alerting.outbox_rows import NOW, facts, notification
from tests.loopback import Loopback

LANE = "oncall&model=delays"
ROOT = {"channel": "C0LOOPBACK", "ts": "1700000000.000001"}


def page(**changed: Any) -> Notification:
    row = notification(facts=facts(group=LANE))
    return replace(row, **{"lane": LANE, **changed})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loopback]:
    with Loopback(tmp_path / "accepted") as played:
        yield played


def sent(server: Loopback, row: Notification, **options: Any) -> list[dict[str, Any]]:
    channel = SlackChannel(
        **{"token": "xoxb-T", "channel": "C0LOOPBACK", "base_url": server.slack, "app_token": "xapp-T"}
        | options
    )
    channel.send(row, word(row, NOW))
    blocks: list[dict[str, Any]] = server.seen[-1].json["blocks"]
    return blocks


def test_a_page_has_three_buttons_and_each_names_its_page(server: Loopback) -> None:
    """Under the root, below everything else; the value is what a press brings back."""
    *_, last = sent(server, page())
    assert last["type"] == "actions"
    assert [each["action_id"] for each in last["elements"]] == [button.value for button in Button]
    assert [each["text"]["text"] for each in last["elements"]] == [
        "Acknowledge 4 h",
        "Silence 4 h",
        "False page",
    ]
    for each in last["elements"]:
        assert page_of(each["value"]) == Page(lane=LANE, group=LANE)


def test_an_edit_keeps_them(server: Loopback) -> None:
    """An update replaces all blocks: what it leaves out is gone."""
    *_, last = sent(server, page(action=Action.EDIT, root=ROOT))
    assert last["type"] == "actions"


def test_a_channel_that_nobody_listens_to_has_none(server: Loopback) -> None:
    """A button that does nothing is worse than none."""
    assert all(block["type"] != "actions" for block in sent(server, page(), app_token=""))


@pytest.mark.parametrize(
    "changed",
    [
        {"action": Action.REPLY},
        {"plain": True},
        {"lane": f"{LANE}&past"},
        {"lane": "another"},
        {"facts": facts(group=LANE, severity="ticket")},
        {"facts": facts(group=LANE, state="resolved")},
        {"facts": facts(group=LANE, kind="digest")},
        {"facts": facts()},
        {"facts": facts(group="x" * 2_000), "lane": "x" * 2_000},
    ],
)
def test_there_are_none_where_there_is_nothing_to_take(changed: dict[str, Any]) -> None:
    """Replies, tickets, what is over, what stands for many, names too long for a button."""
    assert buttons(page()) != ()
    assert buttons(replace(page(), **changed)) == ()


def test_a_fallback_channel_names_both_threads() -> None:
    """Its own lane, and the group whose incidents it tells of."""
    lane = f"mail&for={LANE}"
    ((*_, elements),) = (tuple(block.values()) for block in buttons(page(lane=lane)))
    assert isinstance(elements, list)
    assert page_of(elements[0]["value"]) == Page(lane=lane, group=LANE)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"lane": 1, "group": 2}',
        '{"lane": "a", "group": ""}',
        '{"lane": "a", "group": "b"}',
        '{"lane": "a", "group": "a"}' + " " * 2_000,
    ],
)
def test_a_value_that_is_none_of_ours_is_no_page(value: object) -> None:
    """Whoever can post as the app can write any value."""
    assert page_of(value) is None


def test_an_incoming_webhook_cannot_be_answered() -> None:
    """It is said at once, with the key."""
    with pytest.raises(ValueError, match=r"^app_token: needs a token too"):
        SlackChannel(webhook_url="https://hooks.slack.com/services/x", app_token="xapp-T")


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the config is checked, not when the first page is pressed."""
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(ValueError, match=r"pip install 'leeway-monitor\[slack\]'"):
        SlackChannel(token="xoxb-T", channel="C0LOOPBACK", app_token="xapp-T")
    assert SlackChannel(token="xoxb-T", channel="C0LOOPBACK").threads


def test_the_app_token_is_in_no_repr() -> None:
    """A frozen dataclass is printed by every traceback tool."""
    assert "xapp-T" not in repr(SlackChannel(token="xoxb-T", channel="C0LOOPBACK", app_token="xapp-T"))
