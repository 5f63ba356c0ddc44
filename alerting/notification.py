"""What is to be told, to which channel, as facts? Words are made at send time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What the channel does with it."""

    ROOT = "root"  # a new post
    REPLY = "reply"  # in the root's thread; a post of its own where the channel has no threads
    EDIT = "edit"  # the root again, with today's state; left out where the channel has no threads
    PICTURE = "picture"  # of the post before it, into the same thread; left out where there are no threads
    REQUEST = "request"  # a retraining request to a target
    TEST = "test"  # `leeway channels test`


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One outbox row as the courier sees it."""

    key: str  # derived from facts: kind, channel, group, incidents, reason, flush number; never random
    channel: str  # name in the config
    lane: str  # strictly in order within a lane: channel + group
    action: Action
    reason: str  # alerting.reason.Reason, retraining or test
    facts: Mapping[str, object]  # JSON: model, window, lines (see message.py), counts
    created: datetime
    deadline: datetime  # after this it is dead
    root: Mapping[str, str] = field(default_factory=dict)  # the root's Receipt.reference; empty for a root
    attempt: int = 1  # 1 for the first try
    uncertain: bool = False  # an earlier attempt may have been accepted
    plain: bool = False  # send as plain text only: the rich form was refused
    last_failure: str = ""  # why the attempt before this one failed; "" for the first
