"""Who asks, may they, and what are they told? The half of Slack's requests that takes its time."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import Empty, Queue
from urllib.parse import urlsplit

from alerting.channel import DeliveryError
from alerting.exchange import post
from alerting.slack_answers import printed, sentence
from alerting.slack_command import HELP
from alerting.slack_requests import Ask, Press, Refusal, Request, is_of_slack, read
from monitor.config_slack import SlackUserConfig
from monitor.faults import Faults
from monitor.logs import logger
from monitor.runtime import InForce
from monitor.slack_actions import act
from monitor.slack_asking import Asking
from monitor.slack_link import Listening
from monitor.slack_listening import LOOK_EVERY_S, Heard
from storage.errors import FenceLost, StorageError

_ANSWER_WITHIN_S = 5.0


@dataclass(slots=True, kw_only=True)
class Answerer:
    """Takes one request after the other, until it is over."""

    name: str  # the channel whose token it is
    to: Listening
    in_force: InForce
    faults: Faults
    heard: "Queue[Heard]"
    over: threading.Event
    asking: Asking = field(default_factory=Asking)
    changed: Callable[[], None] = lambda: None  # something was done: the conductor may want to look

    def live(self) -> None:
        while not self.over.is_set():
            try:
                heard = self.heard.get(timeout=LOOK_EVERY_S)
            except Empty:
                continue
            self.faults.guard("slack answer", lambda heard=heard: self.answer(heard))  # type: ignore[misc]

    def answer(self, heard: Heard) -> None:
        """Do what is asked, if it may be, and say what came of it to the one who asked."""
        request = read(heard.message)
        if request is None:
            return
        self._say(request, self._done(request, heard.app))

    def _done(self, request: Request, app: str) -> Mapping[str, object]:
        config = self.in_force.runtime.config
        if not request.user or (app and request.app and request.app != app):
            return self._refused(request, "Slack does not say who asks, or of whom; nothing was done")
        person = config.slack_user(request.user)
        if person is None:
            why = f"you are nobody that Leeway knows: its config needs {request.user} under slack_users"
            return self._refused(request, f"{why}; nothing was done and nothing is told")
        match request.what:
            case Refusal(why=why):
                return self._refused(request, why)
            case Press() as press:
                return self._act(request, press, person)
            case Ask(arguments=()):
                return printed(HELP)
            case Ask(arguments=arguments):
                return self._ask(arguments, person)

    def _act(self, request: Request, press: Press, person: SlackUserConfig) -> Mapping[str, object]:
        if person.scope != "act":
            return self._refused(request, f"{person.name} may read here, not act; nothing was done")
        try:
            told = act(self.in_force.runtime, press, request.envelope, person.name)
        except FenceLost:
            return sentence("another daemon took over just now; nothing was done, press again")
        except (ValueError, StorageError) as error:
            # In our words, as on a terminal: a ValueError of the rooms below is what the person did wrong.
            return self._refused(request, f"{error}; nothing was done")
        self.changed()
        return sentence(told)

    def _ask(self, arguments: tuple[str, ...], person: SlackUserConfig) -> Mapping[str, object]:
        path = self.in_force.runtime.config.path
        logger().info("slack.asked", by=person.name, command=arguments[0])
        if path is None:
            return sentence("this Leeway runs without a config file, so there is nothing to ask")
        try:
            return printed(self.asking.run(path, arguments))
        except ValueError as error:
            return sentence(str(error))

    def _refused(self, request: Request, why: str) -> Mapping[str, object]:
        """`why` may quote what was typed; the log does not."""
        logger().warning("slack.refused", channel=self.name, user=request.user or "nobody")
        return sentence(why)

    def _say(self, request: Request, content: Mapping[str, object]) -> None:
        """To Slack's own address alone: what is in an answer is not for whoever is named there."""
        if not is_of_slack(request.reply_to, self.to.base_url):
            logger().warning(
                "slack.unanswered", channel=self.name, reason="no address of slack's to answer to"
            )
            return
        loopback = urlsplit(self.to.base_url).scheme == "http"
        try:
            answer = post(
                request.reply_to,
                headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "leeway"},
                body=json.dumps(content).encode(),
                deadline_s=min(self.to.deadline_s, _ANSWER_WITHIN_S),
                allow_http=loopback,
                allow_private=loopback,
                allowed_hosts=tuple(self.to.allowed_hosts),
            )
        except DeliveryError as error:
            logger().warning("slack.unanswered", channel=self.name, reason=error.reason)
            return
        if answer.status != 200:
            logger().warning("slack.unanswered", channel=self.name, reason=f"HTTP {answer.status}")
