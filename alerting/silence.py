"""Is this incident one that a person asked to hear nothing of, for now?

A silence is looked at when somebody would be told; the fold goes on underneath. Matchers are literal or
globs (alerting/glob.py).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from alerting.glob import is_like
from alerting.incident import Incident
from alerting.verdict import IncidentKind, Severity

LONGEST = timedelta(days=30)
MOST_MATCHERS = 20
LONGEST_TEXT = 200  # characters of a matcher's value: with it a glob costs at most 200 × the label's length
LONGEST_COMMENT = 500
LABELS = ("model", "column", "segment", "version", "kind", "severity", "rule")
_CLOSED: Mapping[str, type[StrEnum]] = {"kind": IncidentKind, "severity": Severity}


class Operator(StrEnum):
    """How a matcher compares a label with its value."""

    IS = "="
    IS_NOT = "!="
    LIKE = "~"  # a glob


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on one label of an incident. `column = ""` is the model's data feed as a whole."""

    label: str  # one of LABELS
    operator: Operator
    value: str

    def __post_init__(self) -> None:
        if self.label not in LABELS:
            raise ValueError(f'silence: no label "{self.label}"; there is {", ".join(LABELS)}')
        if len(self.value) > LONGEST_TEXT:
            raise ValueError(
                f"silence: the value of {self.label} must have at most {LONGEST_TEXT} characters"
            )
        known = _CLOSED.get(self.label)
        if known is not None and self.operator is not Operator.LIKE and self.value not in set(known):
            words = ", ".join(word for word in known if word != "none")
            raise ValueError(f'silence: no {self.label} "{self.value}"; there is {words}')

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{self.value}"

    def accepts(self, value: str) -> bool:
        """Whether a label with this value is covered."""
        match self.operator:
            case Operator.IS:
                return value == self.value
            case Operator.IS_NOT:
                return value != self.value
            case Operator.LIKE:
                return is_like(value, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Who asked for it, about what, from when to when. Never changed but for being ended early."""

    id: str  # 12 hex digits
    matchers: tuple[Matcher, ...]  # all must agree
    starts: datetime
    ends: datetime  # as asked for
    author: str
    comment: str
    created: datetime
    expired: datetime | None = None  # when a person ended it early; None: nobody did
    expired_by: str = ""
    replaces: str = ""  # id of the silence that this one is an edit of; "" none

    @property
    def over(self) -> datetime:
        """When it stops, or stopped, to hold."""
        return self.ends if self.expired is None else min(self.ends, self.expired)

    def is_active(self, now: datetime) -> bool:
        return self.starts <= now < self.over

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether it held at any time in [start, end)."""
        return self.starts < end and start < self.over

    def covers(self, incident: Incident) -> bool:
        """Whether its matchers agree, whatever the time."""
        labels = labels_of(incident)
        return all(matcher.accepts(labels[matcher.label]) for matcher in self.matchers)

    def concerns(self, model: str) -> bool:
        """Whether anything of this model can be covered."""
        return all(matcher.accepts(model) for matcher in self.matchers if matcher.label == "model")

    def matchers_json(self) -> list[dict[str, str]]:
        """As stored."""
        return [{"label": m.label, "operator": m.operator.value, "value": m.value} for m in self.matchers]

    @classmethod
    def matchers_from(cls, stored: Iterable[Mapping[str, Any]]) -> tuple[Matcher, ...]:
        """What `matchers_json` wrote."""
        return tuple(
            Matcher(label=each["label"], operator=Operator(each["operator"]), value=each["value"])
            for each in stored
        )

    @classmethod
    def make(
        cls,
        matchers: Sequence[Matcher],
        *,
        until: datetime,
        author: str,
        comment: str,
        now: datetime,
        starts: datetime | None = None,
        replaces: str = "",
    ) -> Self:
        """A new one. ValueError says which rule it breaks: an end within 30 days, an author and a comment."""
        starts = now if starts is None else max(starts, now)
        if not matchers:
            raise ValueError("silence: at least one matcher is needed, for example model=delays")
        if len(matchers) > MOST_MATCHERS:
            raise ValueError(f"silence: at most {MOST_MATCHERS} matchers, got {len(matchers)}")
        if not author.strip():
            raise ValueError("silence: needs the name of its author")
        if not comment.strip():
            raise ValueError("silence: needs a comment that says why")
        if len(comment) > LONGEST_COMMENT:
            raise ValueError(f"silence: a comment has at most {LONGEST_COMMENT} characters")
        if until <= starts:
            raise ValueError(f"silence: would end at {until.isoformat()}, before it starts")
        if until - starts > LONGEST:
            raise ValueError(f"silence: may last {LONGEST.days} days at most; ask again when it is over")
        parts = [*(str(matcher) for matcher in matchers), starts.isoformat(), until.isoformat(), author]
        digest = hashlib.sha256("\x1f".join([*parts, now.isoformat(), replaces]).encode()).hexdigest()
        return cls(
            id=digest[:12],
            matchers=tuple(matchers),
            starts=starts,
            ends=until,
            author=author.strip(),
            comment=comment.strip(),
            created=now,
            replaces=replaces,
        )


def expire(silence: Silence, *, by: str, now: datetime) -> Silence:
    """End it now. ValueError when it is over already."""
    if silence.over <= now:
        raise ValueError(f"silence {silence.id}: is over since {silence.over.isoformat(timespec='minutes')}")
    return replace(silence, expired=now, expired_by=by)


def parse_matcher(text: str) -> Matcher:
    """`column=temp`, `column!=temp`, `column~temp_*`. ValueError says what was expected."""
    at = next((place for place, char in enumerate(text) if char in "=!~"), len(text))
    label, rest = text[:at].strip(), text[at:] or " "
    if rest.startswith(("=~", "!~")):
        raise ValueError(f'silence: "{text}": there are no regular expressions; column~temp_* is a glob')
    operator = Operator.IS_NOT if rest.startswith("!=") else Operator(rest[0]) if rest[0] in "=~" else None
    if operator is None:
        raise ValueError(f'silence: "{text}" is no matcher; write model=NAME, column!=NAME or column~temp_*')
    return Matcher(label=label, operator=operator, value=rest[len(operator) :].strip())


def labels_of(incident: Incident) -> dict[str, str]:
    """What matchers are held against."""
    series = incident.series
    return {
        "model": series.model,
        "column": series.column,
        "segment": series.segment,
        "version": series.version,
        "kind": incident.kind.value,
        "severity": incident.severity.value,
        "rule": series.rule,
    }


def silenced(incidents: Iterable[Incident], silences: Sequence[Silence], now: datetime) -> dict[str, Silence]:
    """Which of them are silenced now, by incident id, each with the silence that lasts longest."""
    active = sorted((each for each in silences if each.is_active(now)), key=lambda each: each.over)
    return {incident.id: each for incident in incidents for each in active if each.covers(incident)}
