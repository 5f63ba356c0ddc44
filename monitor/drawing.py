"""How does a message, and the demo's story, look on a terminal? Plain lines where there is none.

Nothing here is parsed as mark-up: every string is put into rich's Text as it is.
"""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.box import HEAVY, ROUNDED, SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from alerting.incident import Transition, TransitionKind
from alerting.message import Message
from alerting.notification import Action
from alerting.retraining import Outcome, RetrainingDecision
from alerting.series import PLAIN
from alerting.verdict import Severity
from monitor.story import Decided, Event, Found, Origin, ReferenceBuilt, Score, Sent, WindowFolded, origin

WIDTH = 110  # of everything drawn, so that a wide terminal stays readable
SEVERITY_STYLE = {Severity.PAGE: "bold red", Severity.TICKET: "yellow", Severity.NONE: "dim"}
ORIGIN_STYLE = {Origin.PLANTED: "bold magenta", Origin.REAL: "cyan"}
QUIET_MOVES = (TransitionKind.CONTINUED, TransitionKind.RELAPSED, TransitionKind.RECOVERING)

_MAIL = " " * 11 + "✉"


def post(message: Message, *, channel: str, reply: bool = False) -> RenderableType:
    """The message as a chat client shows it: who, when, heading, sentences, table, next steps."""
    parts: list[RenderableType] = [
        Text.assemble(
            ("Leeway", "bold"), " ", (" APP ", "reverse dim"), (f"  {message.at:%Y-%m-%d %H:%M} UTC", "dim")
        ),
        Text(message.heading, style="bold"),
        *(Text(line) for line in message.lines),
    ]
    if message.table:
        header, *rows = message.table
        table = Table(*(Column(Text(cell)) for cell in header), box=SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        parts.append(table)
    if message.more:
        parts.append(Text(f"+{message.more} more", style="dim"))
    parts += [Text(f"→ {step}") for step in message.next_steps]
    parts += [Text(f"→ {name}: {url}") for name, url in message.links]
    if message.footer:
        parts.append(Text(message.footer, style="dim"))
    panel = Panel(
        Group(*parts),
        box=ROUNDED if reply else HEAVY,
        title=Text(f"{channel} · in the thread" if reply else channel),
        title_align="left",
        width=WIDTH - 4 if reply else WIDTH,
        padding=(0, 1),
    )
    return Padding(panel, (0, 0, 0, 4 if reply else 0))


def post_lines(message: Message, *, channel: str, reply: bool = False) -> list[str]:
    """The same as plain lines, for a pipe."""
    indent = "    | " if reply else "| "
    lines = [
        f"{channel}{' · in the thread' if reply else ''} · Leeway · {message.at:%Y-%m-%d %H:%M} UTC",
        message.heading,
        *message.lines,
    ]
    if message.table:
        widths = [max(len(row[i]) for row in message.table) for i in range(len(message.table[0]))]
        lines += [
            "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in message.table
        ]
    if message.more:
        lines.append(f"+{message.more} more")
    lines += [f"→ {step}" for step in message.next_steps]
    lines += [f"→ {name}: {url}" for name, url in message.links]
    lines += [message.footer] if message.footer else []
    return [indent + line for line in lines]


class Stage:
    """Draws the events of a replay as they come. A context manager: the progress bar lives inside it."""

    def __init__(self, console: Console, *, score: Score, days: int, zone: ZoneInfo) -> None:
        self._console = console
        self._score = score
        self._held_back = False
        self._zone = zone
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("days"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("building the reference", total=days)

    def __enter__(self) -> "Stage":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        """Note the event in the score and draw it, where it is worth a line."""
        self._score.note(event)
        match event:
            case ReferenceBuilt():
                self._line(
                    f"reference v{event.version}: {event.rows:,} rows, {event.columns} columns, "
                    f"noise learnt from {event.windows} days",
                    "green",
                )
                if event.notices:
                    remarks = f"  {len(event.notices)} remarks on it: leeway reference show"
                    self._line(remarks, "dim")
            case WindowFolded():
                day = self._day(event.span.start)
                self._progress.update(self._task, advance=1, description=f"{day}, {event.rows} flights")
                self._announce(event)
            case Transition():
                if event.kind not in QUIET_MOVES:
                    self._transition(event)
            case Sent():
                self._sent(event)
            case Decided():
                self._decided(event)

    def _announce(self, event: WindowFolded) -> None:
        """The moment a fault is planted, so that the reader can hold the alerts against it."""
        for fault in self._score.faults:
            if event.span.start <= fault.start < event.span.end:
                style = ORIGIN_STYLE[Origin.PLANTED]
                self._line(f"{self._day(fault.start)}  planted from here on: {fault.what}", style)

    def _transition(self, event: Transition) -> None:
        where = origin(event, self._score.faults)
        verdict = event.verdict
        column = PLAIN.get(event.series.column, event.series.column)
        title = verdict.title if verdict is not None and verdict.title else column
        word = event.kind.value.replace("_", " ")
        if event.reason is not None:
            word = f"{word}: {event.reason}"
        kind = f"{where.value.upper()} {verdict.change.replace('_', ' ') if verdict else ''}".rstrip()
        self._console.print(
            Text.assemble(
                f"{self._day(event.start)}  ",
                (f"{event.severity.value:<6}", SEVERITY_STYLE[event.severity]),
                f" {word:<19} ",
                (f"{kind:<21} ", ORIGIN_STYLE[where]),
                title,
            ),
            soft_wrap=True,
        )

    def _sent(self, event: Sent) -> None:
        action, reason, message = event.notification.action, event.notification.reason, event.message
        channel = event.notification.channel
        if reason == "repeat":
            if self._score.reminders == 1:
                self._line(f"{_MAIL} {channel}: {message.text}", "dim")
                self._line(
                    f"{_MAIL} a reminder a day follows until somebody acknowledges; not shown here", "dim"
                )
        elif action is Action.EDIT or reason == "resolved":
            self._line(
                f"{_MAIL} {channel}: {'root edited: ' if action is Action.EDIT else ''}{message.text}", "dim"
            )
        elif self._console.is_terminal:
            self._console.print(post(message, channel=channel, reply=action is Action.REPLY))
        else:
            for line in post_lines(message, channel=channel, reply=action is Action.REPLY):
                self._line(line)

    def _decided(self, event: Decided) -> None:
        decision = event.decision
        if decision.request:
            sent = decision.outcome is Outcome.REQUESTED
            would = "request sent" if sent else "request that would have gone out"
            target = decision.target or "nobody"
            self._line(f"{self._day(event.at)}  retraining: {would} to {target}", "bold blue")
            for line in _request_lines(decision):
                self._line(f"             {line}")
        elif not self._held_back and {"data_quality"} <= {*decision.refused_by} <= {
            "data_quality",
            "cooldown",
        }:
            # Told once: it is the one refusal that a newcomer would take for a fault.
            self._held_back = True
            why = next(gate.why for gate in decision.gates if gate.name == "data_quality")
            self._line(
                f"{self._day(event.at)}  retraining held back: {why}; a broken feed looks like drift", "blue"
            )

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def _day(self, instant: datetime) -> str:
        return f"{instant.astimezone(self._zone):%a %d %b}"


def outcome(console: Console, found: list[Found]) -> None:
    """Which planted fault was met, when, and under which name."""
    for line in found:
        if line.window is None:
            text, style = f"NOT FOUND  {line.fault.column}: {line.fault.what}", "bold red"
        else:
            rank = "first" if line.rank == 1 else f"as number {line.rank}"
            named = f"named {line.change.replace('_', ' ')}" if line.change else "not named"
            text = f"paged in its {_ordinal(line.window)} day, {named}, ranked {rank}: {line.fault.what}"
            style = "green"
        console.print(Text(text, style=style), soft_wrap=True)


def _request_lines(decision: RetrainingDecision) -> list[str]:
    """The request's body, one line a member and one a list's entry; then the gates it passed."""
    lines: list[str] = []
    for name, value in decision.request.items():
        if isinstance(value, list) and value:
            lines.append(f"{name}:")
            lines += [f"  - {_inline(entry)}" for entry in value]
        else:
            lines.append(f"{name}: {_inline(value)}")
    passed = ", ".join(gate.name.replace("_", " ") for gate in decision.gates if gate.passed)
    return [*lines, f"gates passed: {passed}"]


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_inline(entry)}" for name, entry in value.items())
    return str(value)


def _ordinal(number: int) -> str:
    words = ("zeroth", "first", "second", "third")
    return words[number] if number < len(words) else f"{number}th"
