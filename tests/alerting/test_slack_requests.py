"""Laws of reading an envelope: who asks for what, and that nothing is taken on trust."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.slack_buttons import Button
from alerting.slack_requests import Ask, Press, Refusal, Request, envelope_id, is_of_slack, read
from tests.alerting.slack_envelopes import PAGE, pressed, typed


def request(message: Mapping[str, Any]) -> Request:
    made = read(message)
    assert made is not None
    return made


@pytest.mark.parametrize("button", list(Button))
def test_a_press_says_what_who_and_where(button: Button) -> None:
    """From Slack's own fields: block_actions payload."""
    made = request(pressed(button))
    assert made.user == "U0ANNA"
    assert made.reply_to == "https://hooks.slack.com/actions/T1/2/3"
    assert made.what == Press(button=button, page=PAGE, channel="C0LOOPBACK", ts="1700000000.000001")


def test_a_command_says_what_and_who() -> None:
    """A second Leeway of one workspace may have a command of its own name."""
    assert request(typed("status")).what == Ask(arguments=("status",))
    assert request(typed("status", command="/leeway-staging")).what == Ask(arguments=("status",))
    assert isinstance(request(typed("status", command="/deploy")).what, Refusal)


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "view_submission"},
        {"actions": []},
        {"actions": None},
        {"actions": ["x"]},
        {"actions": [{"action_id": "leeway_delete", "value": PAGE.to_value()}]},
        {"actions": [{"action_id": ["leeway_silence"], "value": PAGE.to_value()}]},
        {"actions": [{"action_id": "leeway_silence", "value": "{}"}]},
        {"actions": [{"action_id": "leeway_silence", "value": PAGE.to_value()}] * 2},
        {"container": None},
        {"container": {"channel_id": "C0LOOPBACK", "message_ts": "now"}},
    ],
)
def test_an_unknown_action_is_refused_in_words(payload: dict[str, Any]) -> None:
    """It may be of a later version, or of somebody who tries."""
    what = request(pressed(Button.SILENCE, **payload)).what
    assert isinstance(what, Refusal)
    assert what.why


@pytest.mark.parametrize("user", [None, "U0ANNA", {}, {"id": None}, {"id": ["U0ANNA"]}, {"id": "u0anna\n"}])
def test_a_user_that_is_missing_or_malformed_is_nobody(user: object) -> None:
    """Never a default, never a part of it."""
    assert request(pressed(Button.SILENCE, user=user)).user == ""


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=12,
    ),
    st.sampled_from(["interactive", "slash_commands", "events_api", "hello"]),
)
def test_no_envelope_raises(payload: object, kind: str) -> None:
    """Whatever comes over the line is read or refused."""
    read({"envelope_id": "e1", "type": kind, "payload": payload})


@pytest.mark.parametrize("found", [None, 7, "", "a b", "x" * 101, "é", ["e1"]])
def test_an_envelope_without_an_id_is_none(found: object) -> None:
    """What cannot be acknowledged is not done either."""
    message = {**typed("status"), "envelope_id": found}
    assert envelope_id(message) == ""
    assert read(message) is None


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://hooks.slack.com/actions/1", True),
        ("https://slack.com/x", True),
        ("https://HOOKS.slack.com/x", True),
        ("http://hooks.slack.com/x", False),
        ("https://hooks.slack.com@evil.example/x", False),
        ("https://evil.example/hooks.slack.com", False),
        ("https://evilslack.com/x", False),
        ("https://slack.com.evil.example/x", False),
        ("https://127.0.0.1/x", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_an_answer_goes_to_slack_alone(url: str, *, ours: bool) -> None:
    """History is not for whoever is named in an envelope."""
    assert is_of_slack(url, "https://slack.com/api/") is ours
