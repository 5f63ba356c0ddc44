"""Laws of answering in Slack: who asks, what they may, and that they alone hear it, from Slack."""

import json
import logging
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerting.slack_buttons import Button
from monitor import logs
from monitor.faults import Faults
from monitor.runtime import InForce
from monitor.slack_answering import Answerer
from monitor.slack_asking import Asking
from monitor.slack_listening import Heard
from tests.alerting.slack_envelopes import pressed, typed
from tests.loopback import Reply
from tests.monitor.slack_life import SlackLife, slack_life

TO = "/actions/T1/2/3"


@pytest.fixture
def life(tmp_path: Path) -> Iterator[SlackLife]:
    with slack_life(tmp_path) as made:
        yield made


def answerer(life: SlackLife) -> Answerer:
    return Answerer(
        name="oncall",
        to=life.channel,
        in_force=InForce(runtime=life.alerts.runtime),
        faults=Faults(monotonic=lambda: 0.0),
        heard=queue.Queue(),
        over=threading.Event(),
    )


def told(life: SlackLife, message: dict[str, Any], *, app: str = "A1") -> str:
    """What the person who asked reads; they alone."""
    message["payload"].setdefault("response_url", "")
    if message["payload"]["response_url"].startswith("https://hooks.slack.com"):
        message["payload"]["response_url"] = f"{life.slack.url}{TO}"
    answerer(life).answer(Heard(message=message, app=app))
    body = life.slack.requests(TO)[-1].json
    assert body["response_type"] == "ephemeral"
    return str(body["blocks"][0]["text"]["text"])


def test_a_known_person_acts_and_is_told(life: SlackLife) -> None:
    """The actor of the event and of the audit is the name in the config."""
    life.page()
    assert told(life, pressed(Button.ACKNOWLEDGE)).startswith("anna has it until ")
    assert life.events() == [("acknowledged", "anna")]


def test_who_may_only_read_changes_nothing(life: SlackLife) -> None:
    """And is told so; asking is allowed."""
    life.page()
    for button in Button:
        assert "cleo may read here, not act" in told(life, pressed(button, who="U0CLEO"))
    assert life.events() == []
    assert life.lines() == []
    assert "/leeway history MODEL" in told(life, typed("help", who="U0CLEO"))


@pytest.mark.parametrize("who", ["U0NOBODY", "W0NOBODY"])
def test_an_unknown_person_reads_and_changes_nothing(life: SlackLife, who: str) -> None:
    """Not even what can be asked; and is told what the config would need."""
    life.page()
    for message in (pressed(Button.SILENCE, who=who), typed("status", who=who), typed("help", who=who)):
        said = told(life, message)
        assert f"its config needs {who} under slack_users" in said
        assert "shop" not in said
    assert life.events() == []
    assert life.lines() == []


@pytest.mark.parametrize(
    "user", [None, {}, "U0ANNA", {"id": ["U0ANNA"]}, {"name": "anna"}, {"id": "anna"}, {"id": "U0ANNA "}]
)
def test_a_forged_or_missing_user_is_refused(life: SlackLife, user: object) -> None:
    """A name is not an id, and nothing is guessed."""
    life.page()
    assert "does not say who asks" in told(life, pressed(Button.SILENCE, user=user))
    assert "does not say who asks" in told(life, typed("status", who=None))
    assert life.lines() == []


def test_what_was_meant_for_another_app_is_refused(life: SlackLife) -> None:
    """Slack's hello says which one this line belongs to."""
    life.page()
    assert "nothing was done" in told(life, pressed(Button.SILENCE), app="A2")
    assert life.lines() == []


def test_an_unknown_action_is_refused_in_words(life: SlackLife) -> None:
    """The person who pressed it waits for an answer."""
    life.page()
    action = {"action_id": "leeway_delete_all", "value": "x"}
    assert "knows no such button" in told(life, pressed(Button.SILENCE, actions=[action]))
    assert "no command" in told(life, typed("drop tables"))
    assert life.events() == []


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/x", "http://127.0.0.1.evil.example/x", "https://hooks.slack.com/x", "x", "", 7],
)
def test_an_answer_goes_to_slack_alone(
    life: SlackLife, address: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is done is done; nobody else hears of it. Here "slack" is the loopback server."""
    life.page()
    logs.configure()
    message = pressed(Button.ACKNOWLEDGE)
    message["payload"]["response_url"] = address
    before = len(life.slack.seen)
    answerer(life).answer(Heard(message=message, app="A1"))
    assert len(life.slack.seen) == before
    assert life.events() == [("acknowledged", "anna")]
    assert "slack.unanswered" in capfd.readouterr().err


@pytest.mark.parametrize(
    "reply", [Reply(status=404), Reply(status=302, headers={"Location": "http://x/"}), Reply(end="reset")]
)
def test_an_answer_that_does_not_arrive_is_said_in_the_log(
    life: SlackLife, reply: Reply, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without its address and without its words; nothing is raised and nothing is done twice."""
    life.page()
    logs.configure(verbose=True)
    life.slack.always("/actions/CANARY", reply)
    message = pressed(Button.ACKNOWLEDGE, reply_to=f"{life.slack.url}/actions/CANARY")
    answerer(life).answer(Heard(message=message, app="A1"))
    said = capfd.readouterr().err
    assert "slack.unanswered" in said
    assert "CANARY" not in said
    assert life.events() == [("acknowledged", "anna")]


def test_hostile_words_come_back_escaped(life: SlackLife) -> None:
    """What was typed is quoted in a refusal; it can ring nobody."""
    for typed_in in ("<!channel>", "history shop ```<@U1>", "burn&lt;!here&gt;"):
        said = told(life, typed(typed_in))
        assert "<" not in said
        assert "`" not in said.removeprefix("```").removesuffix("```")


def test_what_is_asked_is_answered_as_on_a_terminal(life: SlackLife) -> None:
    """The same words, with hostile names of columns and models escaped; the database is read beside us."""
    hostile = "<!channel> `x` & <https://evil.example|y>"
    life.page("amount", hostile)
    status = told(life, typed("status"))
    assert status.startswith("```\nshop")
    assert "database: " in status
    history = told(life, typed("history shop incidents"))
    assert "amount" in history
    assert "&lt;!channel&gt; 'x' &amp;" in history
    assert "<" not in history
    assert "needs" not in history
    assert "nothing found" in told(life, typed("history '<!here>'"))


def test_an_answer_that_takes_too_long_is_given_up(life: SlackLife) -> None:
    """The process is ended with it, and so it is when the daemon ends."""
    path = life.alerts.runtime.config.path
    assert path is not None
    with pytest.raises(ValueError, match="longer than 0"):
        Asking().run(path, ("status",), within_s=0.01)
    over = Asking()
    over.stop()
    with pytest.raises(ValueError, match="is ending"):
        over.run(path, ("status",))


def test_an_error_of_the_program_is_not_told_in_slack(life: SlackLife) -> None:
    """A traceback may quote anything; a refusal of the command is told."""
    path = life.alerts.runtime.config.path
    assert path is not None
    with pytest.raises(ValueError, match="ended in an error"):
        Asking().run(path, ("--verbose", "explain", "--model=none", "--column=none"))
    assert "leeway: " in Asking().run(path, ("explain", "--model=none", "--column=none"))


def test_no_secret_is_logged(life: SlackLife, caplog: pytest.LogCaptureFixture) -> None:
    """At no level."""
    caplog.set_level(logging.DEBUG)
    life.page()
    told(life, pressed(Button.ACKNOWLEDGE))
    told(life, typed("burn CANARY"))
    assert "CANARY" not in caplog.text
    assert "CANARY" not in json.dumps([seen.json for seen in life.slack.requests(TO)][:1])
