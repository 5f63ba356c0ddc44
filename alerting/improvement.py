"""Did the drift fall, and did performance recover, after a model was trained again?

Said once: as soon as as many windows in a row are clear as end an incident, or when the time is over. What
came before the new model answered, and windows whose data was broken, say nothing about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from alerting.retraining_facts import JudgedWindow
from alerting.verdict import Severity


class Answer(StrEnum):
    NONE = ""  # nothing was done of which it could be asked
    WAITING = "waiting"
    IMPROVED = "improved"
    NOT_IMPROVED = "not_improved"
    UNKNOWN = "unknown"  # too few windows in the time that was given


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """The answer, and its two halves in words for a person."""

    answer: Answer
    drift: str
    performance: str  # "" where performance was no part of the cause


def improvement(
    *,
    inputs: Sequence[JudgedWindow],
    labels: Sequence[JudgedWindow],
    of_performance: bool,
    clear: int,
    least: Severity,
    by: datetime,
    now: datetime,
) -> Improvement:
    """`inputs`, `labels`: windows since the new model answered, oldest first.

    `of_performance`: labels said that the model does worse, so they have to say that it does not any more.
    `clear`: so many windows in a row are enough. `least`: a breach below that does not count.
    """
    drift, drift_said = _fell(inputs, "window", clear, least)
    performance, performance_said = (
        _fell(labels, "labelled window", clear, least) if of_performance else (Answer.IMPROVED, "")
    )
    both = (drift, performance)
    if all(each is Answer.IMPROVED for each in both):
        answer = Answer.IMPROVED
    elif now < by:
        answer = Answer.WAITING
    elif Answer.NOT_IMPROVED in both:
        answer = Answer.NOT_IMPROVED
    else:
        answer = Answer.UNKNOWN
    return Improvement(answer=answer, drift=drift_said, performance=performance_said)


def _fell(windows: Sequence[JudgedWindow], noun: str, clear: int, least: Severity) -> tuple[Answer, str]:
    told = [window for window in windows if window.rows and window.sound]
    breached = [window for window in told if window.severity.level >= least.level]
    said = f"{len(breached)} of {len(told)} {noun}s since then breached"
    recent = told[-clear:]
    if len(recent) == clear and not any(window in breached for window in recent):
        return Answer.IMPROVED, f"{said}, the last {clear} are clear"
    if breached:
        return Answer.NOT_IMPROVED, said
    return Answer.UNKNOWN, f"{said}; {clear} clear ones in a row are needed"
