"""What does a report from the trainer change, given what is known of the request?

| standing | running | succeeded | failed |
|---|---|---|---|
| proposed | not asked | not asked | not asked |
| requested, sent | taken | taken | taken |
| running | again | taken | taken |
| succeeded | out of order | again; with another model version out of order | out of order |
| failed | out of order | out of order | again |
| expired, cancelled, rejected | over | over | over |

A report may overtake the note that the request was delivered: `requested` takes one like `sent`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LONGEST_VERSION = 200
LONGEST_DETAIL = 2_000


class RetrainingState(StrEnum):
    """How far a request has come. The first four are in flight."""

    PROPOSED = "proposed"  # waits for a person's yes
    REQUESTED = "requested"  # in the outbox
    SENT = "sent"  # the target took it
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"  # nobody said yes, or how it ended, or it could not be sent in time
    CANCELLED = "cancelled"
    REJECTED = "rejected"  # a person said no

    @property
    def in_flight(self) -> bool:
        return self in _IN_FLIGHT


_IN_FLIGHT = frozenset(
    {
        RetrainingState.PROPOSED,
        RetrainingState.REQUESTED,
        RetrainingState.SENT,
        RetrainingState.RUNNING,
    }
)
REPORTS = (RetrainingState.RUNNING, RetrainingState.SUCCEEDED, RetrainingState.FAILED)


class Heard(StrEnum):
    """What is answered to a report."""

    TAKEN = "taken"
    AGAIN = "again"  # it was said before: nothing changes
    OUT_OF_ORDER = "out_of_order"  # it has ended another way
    OVER = "over"  # Leeway has stopped waiting for it
    NOT_ASKED = "not_asked"  # it still waits for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the trainer, or a person in its place, says."""

    state: RetrainingState  # one of REPORTS
    model_version: str = ""  # of the new model; "" not said
    detail: str = ""  # for people: why it failed, where the run is

    def __post_init__(self) -> None:
        if self.state not in REPORTS:
            raise ValueError(f'state: must be one of {", ".join(REPORTS)}, got "{self.state}"')
        for name, text, most in (
            ("model_version", self.model_version, LONGEST_VERSION),
            ("detail", self.detail, LONGEST_DETAIL),
        ):
            if len(text) > most:
                raise ValueError(f"{name}: must have {most} characters at most, got {len(text)}")
        if any("\ud800" <= ch <= "\udfff" for ch in self.detail):  # no database keeps it
            raise ValueError("detail: must hold no half of a surrogate pair")
        if not self.model_version.isprintable():
            raise ValueError("model_version: must not hold control characters")


def parse_report(said: object) -> Report:
    """A report as JSON. ValueError says what is wrong with it."""
    if not isinstance(said, Mapping):
        what = 'must be a JSON object such as {"state": "succeeded", "model_version": "v2"}'
        raise ValueError(what)  # noqa: TRY004 one error for all that is wrong with it
    unknown = sorted(str(name) for name in said if name not in ("state", "model_version", "detail"))
    if unknown:
        raise ValueError(
            f"{unknown[0][:80]}: is not a known member; known are state, model_version and detail"
        )
    for name, value in said.items():
        if not isinstance(value, str):
            raise ValueError(f"{name}: must be a text")  # noqa: TRY004 one error for all that is wrong with it
    try:
        state = RetrainingState(said.get("state", ""))
    except ValueError:
        raise ValueError(f"state: must be one of {', '.join(REPORTS)}") from None
    return Report(
        state=state, model_version=said.get("model_version", "").strip(), detail=said.get("detail", "")
    )


def hear(standing: RetrainingState, known_version: str, report: Report) -> Heard:
    """The table above; `known_version`: of the new model, as reported before."""
    match standing:
        case RetrainingState.PROPOSED:
            return Heard.NOT_ASKED
        case RetrainingState.REQUESTED | RetrainingState.SENT:
            return Heard.TAKEN
        case RetrainingState.RUNNING:
            return Heard.AGAIN if report.state is RetrainingState.RUNNING else Heard.TAKEN
        case RetrainingState.SUCCEEDED | RetrainingState.FAILED:
            same = report.state is standing and report.model_version in ("", known_version)
            return Heard.AGAIN if same else Heard.OUT_OF_ORDER
        case _:
            return Heard.OVER
