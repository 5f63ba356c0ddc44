"""What is said of a window when its labels have come, or have not?

Labels that do not come say nothing about the model: they neither alert on its performance nor end such an
alert. They are a feed of their own, `__labels__`, whose verdict is at most a ticket. Labels that came in part
may alert, for a ticket, and cannot clear: those that are missing may be the bad ones.
"""

from collections.abc import Sequence
from dataclasses import replace

from alerting.series import LABEL_FEED, Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from detectors._column import PERFORMANCE
from monitor.realised import told
from storage.due_window import DueWindow, WindowState
from storage.measurements import ColumnResult

_UNKNOWN = "nothing is known of its normal performance: build a reference with outcomes, or wait"


def label_verdicts(
    window: DueWindow, judged: Sequence[Verdict], results: Sequence[ColumnResult], *, min_rows: int
) -> list[Verdict]:
    """`judged`: what the judge said; empty where there was nothing to judge. The feed comes last."""
    feed = _feed(window, min_rows)
    bad = feed is not None and feed.kind is not VerdictKind.CLEAR
    if not judged:
        return [_neutral(window, feed.kind if feed is not None and bad else VerdictKind.HOLD), *_some(feed)]
    evidence = {(r.column, r.segment, r.version): r.evidence for r in results}
    said = [
        replace(
            verdict,
            facts={
                **verdict.facts,
                "performance": told(
                    evidence.get((verdict.series.column, verdict.series.segment, verdict.series.version), {})
                ),
            },
        )
        for verdict in judged
    ]
    return [*(_in_part(verdict, window.reason) if bad else verdict for verdict in said), *_some(feed)]


def _in_part(verdict: Verdict, reason: str) -> Verdict:
    """What labels that came in part can say."""
    facts = {**verdict.facts, "incomplete": reason}
    if verdict.kind is VerdictKind.CLEAR:
        return replace(verdict, kind=VerdictKind.HOLD, facts=facts)
    if verdict.kind is VerdictKind.BREACH:
        return replace(verdict, severity=Severity.TICKET, sure=False, facts=facts)
    return verdict


def _feed(window: DueWindow, min_rows: int) -> Verdict | None:
    """None: too few rows to say anything about their labels."""
    facts = window.evidence or {}
    if window.state is WindowState.FAILED:
        kind = VerdictKind.ERROR
    elif facts.get("complete"):
        kind = VerdictKind.CLEAR
    elif _count(facts.get("rows")) < min_rows:
        return None
    else:
        kind = VerdictKind.LOW_VOLUME if _count(facts.get("labelled")) else VerdictKind.NO_DATA
    clear = kind is VerdictKind.CLEAR
    return Verdict(
        series=Series(model=window.model, column=LABEL_FEED),
        start=window.span.start,
        end=window.span.end,
        revision=window.revision,
        kind=kind,
        incident_kind=IncidentKind.DATA,
        immediate=window.state is WindowState.FAILED and window.error_class == "permanent",
        change="" if clear else kind.value,
        title="" if clear else f"the labels: {window.reason}",
        facts={} if clear else {"rows": window.rows, "reason": window.reason},
    )


def _neutral(window: DueWindow, kind: VerdictKind) -> Verdict:
    reason = window.reason or _UNKNOWN
    return Verdict(
        series=Series(model=window.model, column=PERFORMANCE),
        start=window.span.start,
        end=window.span.end,
        revision=window.revision,
        kind=kind,
        incident_kind=IncidentKind.PERFORMANCE,
        title=f"performance: {reason}",
        facts={"rows": window.rows, "reason": reason},
    )


def _some(feed: Verdict | None) -> list[Verdict]:
    return [] if feed is None else [feed]


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
