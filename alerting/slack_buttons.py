"""Which buttons stand under a page in Slack, and which page is meant when one is pressed?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from alerting.notification import Action, Notification

LASTING = timedelta(hours=4)  # of what a button acknowledges or silences

_LONGEST_VALUE = 2_000  # characters of a button's value (docs.slack.dev, button element)
_PAST = "&past"  # the lane of a post about a downtime: a root that nothing hangs on


class Button(StrEnum):
    """Its action_id."""

    ACKNOWLEDGE = "leeway_acknowledge"
    SILENCE = "leeway_silence"
    FALSE_PAGE = "leeway_false_page"


_LABELS: Mapping[Button, str] = {
    Button.ACKNOWLEDGE: "Acknowledge 4 h",
    Button.SILENCE: "Silence 4 h",
    Button.FALSE_PAGE: "False page",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The thread whose root a button stands under."""

    lane: str  # where its messages queue: of the channel that was told
    group: str  # whose incidents it tells of; another lane's where a fallback channel was told

    @property
    def is_whole(self) -> bool:
        """Whether lane and group can belong together (alerting/flush.py)."""
        return self.lane == self.group or self.lane.partition("&for=")[2] == self.group

    def to_value(self) -> str:
        return json.dumps({"group": self.group, "lane": self.lane}, ensure_ascii=True)


def page_of(value: object) -> Page | None:
    """What `to_value` wrote; None for anything else."""
    if not isinstance(value, str) or len(value) > _LONGEST_VALUE:
        return None
    try:
        known = json.loads(value)
    except (ValueError, RecursionError):
        return None
    lane, group = (known.get("lane"), known.get("group")) if isinstance(known, dict) else (None, None)
    if not isinstance(lane, str) or not isinstance(group, str) or not group:
        return None
    page = Page(lane=lane, group=group)
    return page if page.is_whole else None


def buttons(notification: Notification) -> tuple[Mapping[str, object], ...]:
    """The block under a page's root while it fires; else none: there is nothing to take any more."""
    facts, group = notification.facts, notification.facts.get("group")
    fires = facts.get("kind") == "incident" and facts.get("state") == "firing"
    if not fires or facts.get("severity") != "page" or notification.plain or not isinstance(group, str):
        return ()
    if notification.action not in (Action.ROOT, Action.EDIT) or notification.lane.endswith(_PAST):
        return ()
    page = Page(lane=notification.lane, group=group)
    if not page.is_whole or len(page.to_value()) > _LONGEST_VALUE:  # names that long are typed
        return ()
    elements = [
        {
            "type": "button",
            "action_id": button.value,
            "text": {"type": "plain_text", "text": label, "emoji": False},
            "value": page.to_value(),
        }
        for button, label in _LABELS.items()
    ]
    return ({"type": "actions", "block_id": "leeway_page", "elements": elements},)
