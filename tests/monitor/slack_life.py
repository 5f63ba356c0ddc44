"""Alerts whose on-call channel is Slack, played on the loopback address, and people who may answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerting.channels.slack import SlackChannel
from alerting.slack_buttons import Button, page_of
from alerting.slack_requests import Press
from storage import audit, incidents
from tests.loopback import Loopback
from tests.monitor.alerts import ROUTES, Alerts, Reader, alerts
from tests.monitor.socket_mode import PATIENCE_S

PEOPLE = """
[slack_users]
U0ANNA = "anna"
U0BEN = { name = "ben", scope = "act" }
U0CLEO = { name = "cleo", scope = "read" }
"""


@dataclass(kw_only=True)
class SlackLife:
    """One life of some series, told in Slack."""

    alerts: Alerts
    slack: Loopback
    channel: SlackChannel

    def page(self, *columns: str) -> None:
        """These columns page, and the thread is there."""
        self.alerts.window(dict.fromkeys(columns or ("amount",), "P"))
        self.alerts.look()

    def press(self, button: Button) -> Press:
        """As Slack would tell of it: by the value that the root's own button has."""
        posts = [seen.json for seen in self.slack.requests("/api/chat.postMessage") if "blocks" in seen.json]
        roots = [post for post in posts if post["blocks"][-1]["type"] == "actions"]
        (element,) = [
            each for each in roots[-1]["blocks"][-1]["elements"] if each["action_id"] == button.value
        ]
        page = page_of(element["value"])
        assert page is not None
        return Press(button=button, page=page, channel="C0LOOPBACK", ts="1700000000.000001")

    def edits(self) -> list[str]:
        """What the root was made to say, each time."""
        return [str(seen.json["blocks"]) for seen in self.slack.requests("/api/chat.update")]

    def events(self) -> list[tuple[str, str]]:
        """What people did to incidents, open or not: kind and actor."""
        with self.alerts.runtime.store.read() as conn:
            found = [
                (event.kind, event.actor)
                for state in self.alerts.states.values()
                for event in incidents.events(conn, state.incident_id)
            ]
        return [each for each in found if each[1] != "leeway"]

    def lines(self, subject: str | None = None) -> list[tuple[str, str]]:
        """The audit: kind and actor."""
        with self.alerts.runtime.store.read() as conn:
            return [(line.kind, line.actor) for line in audit.lines(conn, subject)]


@contextmanager
def slack_life(folder: Path, **options: Any) -> Iterator[SlackLife]:
    with Loopback(folder / "accepted") as slack:
        channel = SlackChannel(
            **{
                "token": "xoxb-CANARY-token",
                "channel": "C0LOOPBACK",
                "base_url": slack.slack,
                "app_token": "xapp-CANARY-token",
                "deadline_s": PATIENCE_S,
                **options,
            }
        )
        with alerts(folder, {"oncall": channel, "mail": Reader()}, config=ROUTES + PEOPLE) as life:
            yield SlackLife(alerts=life, slack=slack, channel=channel)
