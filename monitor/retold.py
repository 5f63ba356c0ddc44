"""How does one telling of history differ from another: verdict by verdict, incident by incident?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from alerting.health import Folded
from alerting.incident import Incident
from alerting.verdict import Severity, Verdict
from storage import encoding
from storage.due_window import DueWindow
from storage.verdicts import StoredVerdict

FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One series in one window of which something else is said."""

    start: datetime  # of the window
    column: str
    segment: str
    version: str
    before: str  # "breach, page"; empty: nothing was said of it
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The verdicts of one window, told twice."""

    verdicts: int  # of the first telling
    alike: int  # to the bit, facts and incident as well
    otherwise: tuple[Said, ...]
    before: Severity  # the worst
    after: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """One incident as a person met it, or would have. None: in that telling there was none."""

    before: Incident | None
    after: Incident | None

    @property
    def one(self) -> Incident:
        """Either."""
        found = self.before if self.before is not None else self.after
        assert found is not None  # noqa: S101  one of them is always there
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a person had to look at."""

    pages: int  # incidents that became one
    tickets: int  # those that stayed one
    windows_with_page: int
    windows_with_ticket: int  # and without a page
    false_pages: int  # of the pages, those that a person marked as false


def compare(window: DueWindow, stored: Sequence[StoredVerdict], folded: Sequence[Folded]) -> Compared:
    """What was written down of a window, and what would be."""
    before = {_place(each.verdict): each for each in stored}
    after = {_place(each.verdict): each for each in folded}
    otherwise = []
    for place in sorted({*before, *after}):
        one, other = before.get(place), after.get(place)
        words = _words(one), _words(other)
        if words[0] != words[1]:
            segment, column, version = place
            otherwise.append(
                Said(
                    start=window.span.start,
                    column=column,
                    segment=segment,
                    version=version,
                    before=words[0],
                    after=words[1],
                )
            )
    return Compared(
        verdicts=len(stored),
        alike=sum(_is_alike(each, after.get(place)) for place, each in before.items()),
        otherwise=tuple(otherwise),
        before=_worst(each.severity for each in stored),
        after=_worst(each.severity for each in folded),
    )


def matched(before: Sequence[Incident], after: Sequence[Incident]) -> list[Met]:
    """The same incident has the same id; where another window opened it, the same series at the same time."""
    left = {each.id: each for each in after}
    met = [Met(before=each, after=left.pop(each.id, None)) for each in before]
    for index, each in enumerate(met):
        if each.after is None and (found := _overlapping(each.one, left.values())) is not None:
            met[index] = Met(before=each.before, after=left.pop(found.id))
    met += [Met(before=None, after=each) for each in left.values()]
    return sorted(met, key=lambda each: (each.one.opened, each.one.series.column, each.one.series.segment))


def tally(incidents: Iterable[Incident | None], severities: Iterable[Severity], met: Sequence[Met]) -> Tally:
    """Of one telling; whether a page was false was said of the first."""
    there = [each for each in incidents if each is not None]
    worst = list(severities)
    marked = {id(each.after) for each in met if each.before is not None and each.before.false_page_by}
    pages = [each for each in there if each.severity is Severity.PAGE]
    return Tally(
        pages=len(pages),
        tickets=len(there) - len(pages),
        windows_with_page=worst.count(Severity.PAGE),
        windows_with_ticket=worst.count(Severity.TICKET),
        false_pages=sum(bool(each.false_page_by) or id(each) in marked for each in pages),
    )


def _overlapping(one: Incident, others: Iterable[Incident]) -> Incident | None:
    for other in others:
        if (
            other.fingerprint == one.fingerprint
            and other.opened < (one.resolved or FAR)
            and one.opened < (other.resolved or FAR)
        ):
            return other
    return None


def _is_alike(stored: StoredVerdict, folded: Folded | None) -> bool:
    if folded is None:
        return False
    return (stored.severity, stored.incident_id, _bits(stored.verdict)) == (
        folded.severity,
        folded.incident_id,
        _bits(folded.verdict),
    )


def _bits(verdict: Verdict) -> tuple[Verdict, str]:
    """Facts as they are stored: there a tuple is a list, and not a number equals itself."""
    return replace(verdict, facts={}), encoding.dumps(verdict.facts)


def _place(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.series.segment, verdict.series.column, verdict.series.version


def _words(said: StoredVerdict | Folded | None) -> str:
    if said is None:
        return ""
    kind, severity = said.verdict.kind.value, said.severity
    return kind if severity is Severity.NONE else f"{kind}, {severity.value}"


def _worst(severities: Iterable[Severity]) -> Severity:
    return max(severities, key=lambda severity: severity.level, default=Severity.NONE)
