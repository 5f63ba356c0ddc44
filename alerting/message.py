"""Which words does a person read, given the facts of a notification?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One worded notification. Everything but `blocks` is plain text: no mark-up, data already cleaned."""

    text: str  # fallback and notification line, never empty
    heading: str  # one line
    lines: tuple[str, ...] = ()  # sentences, in the order of the five questions
    table: tuple[tuple[str, ...], ...] = ()  # rows of equal length; the first is the header
    more: int = 0  # lines left out of the table
    next_steps: tuple[str, ...] = ()
    footer: str = ""
    blocks: tuple[Mapping[str, object], ...] = field(default=(), repr=False)  # Slack Block Kit
    at: datetime  # the `now` it was worded with, aware UTC
