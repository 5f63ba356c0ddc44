"""Why would we notify?"""

from enum import StrEnum


class Reason(StrEnum):
    """Most urgent first: the first that holds is the one that is given."""

    ESCALATION = "escalation"
    FIRST = "first"
    SEVERITY_UP = "severity_up"
    REOPENED = "reopened"
    NEW_MEMBER = "new_member"
    SILENCE_ENDED = "silence_ended"
    FLAPPING = "flapping"
    STEADY = "steady"
    RESOLVED = "resolved"
    REPEAT = "repeat"
    DIGEST = "digest"


# Of an incident that was never told.
NEW = (Reason.FIRST, Reason.NEW_MEMBER, Reason.SILENCE_ENDED, Reason.ESCALATION)
OLD_THREAD = (Reason.REOPENED, Reason.FLAPPING)  # of one that was: its thread goes on
