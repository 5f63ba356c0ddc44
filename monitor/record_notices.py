"""Which windows of the reference were unlike all others, and what can be done about them?

How far the reference's own windows went is what later windows are compared with, so one storm or outage that
is left in keeps its columns from alerting on the next one.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from detectors._noise import RecordWindow
from monitor.floors import floor_word
from monitor.policy import DATA_QUALITY, UPWARD, JudgePolicy, least_rows
from monitor.windows import WindowSpec
from storage.span import Span

_OF_ROWS = ("share", "errors", *DATA_QUALITY)  # floors of shares of rows
_LINES = 5
_COLUMNS = 3  # named in a line
_FAR = 100  # robust sd: further says nothing more


def record_notices(
    records: Sequence[RecordWindow],
    windows: Sequence[Span],
    spec: WindowSpec,
    policy: JudgePolicy,
) -> list[str]:
    """One line a window, the worst first, five at most; what is too small to alert is left out."""
    worst: dict[int, dict[str, tuple[float, str]]] = defaultdict(dict)
    for record in records:
        if _matters(record, policy):
            columns = worst[record.window]
            found = record.robust_sd, _what(record)
            columns[record.column] = max(found, columns.get(record.column, found))
    order = sorted(worst, key=lambda window: (-max(worst[window].values())[0], window))
    lines = [_line(windows[window], worst[window], spec) for window in order[:_LINES]]
    if len(order) > _LINES:
        lines.append(f"and {len(order) - _LINES} more reference windows as unlike the others")
    return lines


def _matters(record: RecordWindow, policy: JudgePolicy) -> bool:
    """Whether a window like it could alert at all if it came again."""
    if record.component in UPWARD and record.effect <= 0.0:
        return False
    word = floor_word(record.component)
    if word in _OF_ROWS and abs(record.effect) * record.rows < least_rows(record.component):
        return False
    return abs(record.effect) >= policy.floor(record.column, word)


def _what(record: RecordWindow) -> str:
    part = record.component
    return f"{record.column} {part.replace('_', ' ')}" if part in DATA_QUALITY else record.column


def _line(window: Span, columns: dict[str, tuple[float, str]], spec: WindowSpec) -> str:
    zone = ZoneInfo(spec.zone)
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    ordered = sorted(columns.values(), key=lambda found: (-found[0], found[1]))
    named = ", ".join(f"{what} ({_size(far)} robust sd)" for far, what in ordered[:_COLUMNS])
    more = f" and {len(ordered) - _COLUMNS} more" if len(ordered) > _COLUMNS else ""
    whole_days = start.time() == end.time() == datetime.min.time()
    day = f"{start:%a} {start.day} {start:%b %Y}" + ("" if whole_days else f" {start:%H:%M}")
    return (
        f"{day} is unlike the other windows in {named}{more}; if it was not normal: "
        f"reference.exclude = [{{ from = {_toml(start, whole_days)}, to = {_toml(end, whole_days)} }}]"
    )


def _size(robust_sd: float) -> str:
    return f"{robust_sd:.0f}" if robust_sd < _FAR else f"over {_FAR}"


def _toml(at: datetime, whole_days: bool) -> str:
    return at.date().isoformat() if whole_days else at.isoformat(timespec="seconds")
