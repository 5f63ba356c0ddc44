"""Which line of history is this? A series is what opens at most one incident at a time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

LABEL_FEED = "__labels__"  # the column of a model's labels as they arrive; what they say is another column
CREEP = "reference"  # the segment "reference=v1": held against the fixed reference beside a moving one
AGAINST_FIXED = "against the fixed reference"

# What is told like a column and is none, as a person calls it.
PLAIN: Mapping[str, str] = {
    "": "the data feed",
    LABEL_FEED: "the labels",
    "__performance__": "performance",
    "__joint__": "relations",
    "__behaviour__": "model behaviour",
    "__estimated__": "estimate",
    "__shadow__": "shadow",
    "__volume__": "volume",
    "__freshness__": "freshness",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Identity labels of a series. Rule, severity, threshold, reference and host are never part of it."""

    model: str
    column: str  # "" is the model's data feed as a whole
    segment: str = ""  # "" is the whole, else "origin=JFK"
    version: str = ""  # model version; "" where the config names none
    rule: str = ""  # "" for drift; "data_health" for the health axis of the same labels

    @property
    def fingerprint(self) -> str:
        """sha256 of the labels, 32 hex digits: the key of alert state and incidents."""
        parts = (self.model, self.column, self.segment, self.version, self.rule)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
