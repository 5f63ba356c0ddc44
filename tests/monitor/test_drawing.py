"""Laws of what a newcomer sees: messages and the story, on a terminal and on a pipe."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from rich.console import Console

from alerting.channel import Receipt
from alerting.incident import ResolveReason, Transition, TransitionKind
from alerting.message import Message
from alerting.notification import Action, Notification
from alerting.retraining import Gate, Mode, Outcome, RetrainingDecision
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from monitor import demo, drawing
from monitor.story import (
    Decided,
    Event,
    Origin,
    Recorder,
    ReferenceBuilt,
    Score,
    Sent,
    WindowFolded,
    origin,
)
from storage.span import Span

Golden = Callable[[str, str], None]
NOON = datetime(2013, 5, 14, 12, 0, tzinfo=UTC)
MESSAGE = Message(
    text="delays: carrier has a new value",
    heading="delays: 1 page, 1 ticket",
    lines=("carrier has carried a value nobody has seen since Mon 13 May.", "No [bold]mark-up[/] is obeyed."),
    table=(
        ("column", "change", "z", "rows"),
        ("carrier", "new category", "41.2", "38"),
        ("dest", "mix", "3.1", "950"),
    ),
    more=2,
    next_steps=("leeway incidents show 4f2a",),
    footer="window Mon 13 May",
    at=NOON,
)


def sent(action: Action, reason: str) -> Sent:
    notification = Notification(
        key="k",
        channel="#ml-oncall",
        lane="l",
        action=action,
        reason=reason,
        facts={},
        created=NOON,
        deadline=NOON + timedelta(hours=1),
    )
    return Sent(notification=notification, message=MESSAGE)


def day(month: int, number: int) -> Span:
    start = date(2013, month, number)
    return Span(start=demo.midnight(start), end=demo.midnight(start + timedelta(days=1)))


def move(
    kind: TransitionKind,
    column: str,
    span: Span,
    severity: Severity = Severity.PAGE,
    *,
    change: str = "shifted",
    reason: ResolveReason | None = None,
) -> Transition:
    series = Series(model="delays", column=column)
    verdict = Verdict(
        series=series,
        start=span.start,
        end=span.end,
        kind=VerdictKind.BREACH,
        severity=severity,
        rank=1,
        change=change,
        title=f"{column}: what happened to it",
    )
    return Transition(
        kind=kind,
        series=series,
        incident_id=f"incident-{column}",
        incident_kind=IncidentKind.DRIFT,
        severity=severity,
        start=span.start,
        end=span.end,
        since=span.start,
        reason=reason,
        verdict=verdict,
    )


def folded(span: Span) -> WindowFolded:
    return WindowFolded(span=span, state="done", rows=950, severity=Severity.PAGE)


def held_back() -> Decided:
    """A refusal by the one gate that is worth a word."""
    gate = Gate(name="data_quality", passed=False, why="open data incidents: pressure")
    return Decided(
        at=NOON,
        decision=RetrainingDecision(
            outcome=Outcome.REFUSED, mode=Mode.DRY_RUN, target="trainer", request_id="r", gates=(gate,)
        ),
    )


STORY: tuple[Event, ...] = (
    ReferenceBuilt(version=1, rows=51_091, columns=16, windows=56, notices=("dest: 3 rare values pooled",)),
    folded(day(5, 12)),
    move(TransitionKind.OPENED, "temp", day(5, 12), Severity.TICKET),
    folded(day(5, 13)),
    move(TransitionKind.CONTINUED, "temp", day(5, 13), Severity.TICKET),
    move(TransitionKind.OPENED, "carrier", day(5, 13), change="new_category"),
    sent(Action.ROOT, "first"),
    sent(Action.REPLY, "new_member"),
    sent(Action.EDIT, "new_member"),
    sent(Action.ROOT, "repeat"),
    sent(Action.ROOT, "repeat"),
    held_back(),
    held_back(),
    Decided(
        at=NOON,
        decision=RetrainingDecision(
            outcome=Outcome.DRY_RUN,
            mode=Mode.DRY_RUN,
            target="trainer",
            request_id="r",
            gates=(Gate(name="n_of_m", passed=True, why="3 of 5"),),
            request={
                "id": "r",
                "windows": [{"start": "2013-05-13T04:00:00+00:00", "rows": 950}],
                "reference": {"version": 1, "digest": "d41d"},
            },
        ),
    ),
    move(TransitionKind.RESOLVED, "temp", day(5, 13), Severity.TICKET, reason=ResolveReason.RECOVERED),
)


def told(*, terminal: bool) -> tuple[str, Score]:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=terminal, color_system=None, highlight=False)
    score = Score(faults=demo.FAULTS)
    with drawing.Stage(console, score=score, days=42, zone=demo.ZONE) as stage:
        for event in STORY:
            stage.show(event)
    drawing.outcome(console, score.outcome())
    return out.getvalue(), score


@pytest.mark.parametrize("reply", [False, True])
def test_a_post_as_drawn(golden: Golden, reply: bool) -> None:
    """The panel a newcomer takes for Slack: who, when, heading, sentences, table, next steps."""
    out = io.StringIO()
    console = Console(file=out, width=120, color_system=None)
    console.print(drawing.post(MESSAGE, channel="#ml-oncall", reply=reply))
    text = "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
    golden(f"drawing/{'reply' if reply else 'post'}.txt", text)


def test_the_story_on_a_pipe(golden: Golden) -> None:
    """Plain lines: no escape codes, no progress bar, nothing cut."""
    text, _ = told(terminal=False)
    assert "\x1b" not in text
    golden("drawing/story.txt", text)


def test_the_story_on_a_terminal_has_the_same_lines() -> None:
    """What is told does not depend on who reads it; a terminal adds a bar and panels."""
    text, _ = told(terminal=True)
    assert "temp: what happened to it" in text
    assert "/42 days" in text
    assert "━" in text


def test_quiet_moves_are_not_told() -> None:
    """A window that only continues an incident is no news."""
    text, _ = told(terminal=False)
    assert "continued" not in text


def test_reminders_are_told_once() -> None:
    """The first repeat is shown, with a word on the others; all are counted."""
    text, score = told(terminal=False)
    assert text.count("reminder a day") == 1
    assert (score.messages, score.reminders) == (5, 2)


def test_a_retraining_held_back_is_told_once() -> None:
    """The refusal because of an open data incident is explained the first time."""
    text, score = told(terminal=False)
    assert text.count("held back") == 1
    assert score.requests == 1


def test_planted_is_the_spoilt_column_from_its_first_day_on() -> None:
    """The same column a day earlier, or another column on the same day, is real."""
    for column, span, expected in (
        ("carrier", day(5, 12), Origin.REAL),
        ("carrier", day(5, 13), Origin.PLANTED),
        ("dest", day(5, 13), Origin.REAL),
        ("distance", day(5, 26), Origin.REAL),
        ("distance", day(6, 9), Origin.PLANTED),
    ):
        assert origin(move(TransitionKind.OPENED, column, span), demo.FAULTS) is expected


def test_a_fault_counts_as_found_when_it_pages() -> None:
    """The score knows in which window of the fault, under which name and rank; a missed fault says so."""
    text, score = told(terminal=False)
    carrier, distance = score.outcome()
    assert (carrier.window, carrier.change, carrier.rank) == (1, "new_category", 1)
    assert distance.window is None
    assert "NOT FOUND" in text


def test_a_ticket_is_not_yet_found() -> None:
    """A fault whose incident rises to page in its second window is found in the second."""
    score = Score(faults=demo.FAULTS)
    for event in (
        folded(day(5, 13)),
        move(TransitionKind.OPENED, "carrier", day(5, 13), Severity.TICKET),
        folded(day(5, 14)),
        move(TransitionKind.SEVERITY_UP, "carrier", day(5, 14)),
    ):
        score.note(event)
    assert score.outcome()[0].window == 2
    assert score.opened == {Origin.PLANTED: {"incident-carrier"}}


def test_a_recorder_keeps_what_was_accepted() -> None:
    """It delegates, keeps each message once in order, and forgets what was drained."""

    class Accepting:
        threads = True
        edits = True
        idempotent = False

        def send(self, notification: Notification, message: Message) -> Receipt:
            return Receipt(reference={"ts": notification.key})

    recorder = Recorder(inner=Accepting())
    first = sent(Action.ROOT, "first")
    assert recorder.threads
    assert recorder.send(first.notification, first.message).reference == {"ts": "k"}
    assert recorder.drain() == [first]
    assert recorder.drain() == []
