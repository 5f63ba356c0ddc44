"""Laws of what a reference build says of windows unlike the others."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from detectors._noise import RecordWindow
from monitor.policy import JudgePolicy
from monitor.record_notices import record_notices
from monitor.windows import WindowSpec, windows
from storage.span import Span

ZONE = "America/New_York"
DAYS = WindowSpec.parse("1d", zone=ZONE)


def spans(spec: WindowSpec, count: int = 30) -> list[Span]:
    start = datetime(2013, 3, 4, tzinfo=ZoneInfo(spec.zone))
    return list(windows(spec, start, start + timedelta(days=40)))[:count]


def record(
    column: str, window: int, sd: float, *, component: str = "c1", effect: float = 2.0
) -> RecordWindow:
    return RecordWindow(
        column=column, component=component, window=window, robust_sd=sd, effect=effect, rows=900
    )


def test_a_window_is_one_line_with_its_date_and_the_remedy() -> None:
    """Whatever number of columns it stands out in; the worst first, each once."""
    found = [
        record("temp", 4, 7.0),
        record("dewp", 4, 8_056.0),
        record("dewp", 4, 8.0, component="c2"),
        record("humid", 4, 9.4, component="missing", effect=0.2),
        record("wind", 4, 6.5),
    ]
    assert record_notices(found, spans(DAYS), DAYS, JudgePolicy()) == [
        "Fri 8 Mar 2013 is unlike the other windows in dewp (over 100 robust sd), humid missing (9 robust "
        "sd), temp (7 robust sd) and 1 more; if it was not normal: "
        "reference.exclude = [{ from = 2013-03-08, to = 2013-03-09 }]"
    ]


def test_the_worst_windows_come_first_and_five_are_named() -> None:
    """Nobody reads forty."""
    lines = record_notices([record("x", at, 7.0 + at) for at in range(8)], spans(DAYS), DAYS, JudgePolicy())
    assert [line[:10] for line in lines[:2]] == ["Mon 11 Mar", "Sun 10 Mar"]
    assert len(lines) == 6
    assert lines[-1] == "and 3 more reference windows as unlike the others"


def test_what_could_not_alert_is_not_listed() -> None:
    """Under its floor, too few rows, or less of what only a rise of means anything."""
    assert not record_notices(
        [
            record("x", 1, 75.0, component="stuck", effect=0.002),
            record("y", 1, 9.0, effect=0.05),
            record("z", 1, 9.0, component="stuck", effect=-0.4),
            RecordWindow(column="c", component="level:a", window=2, robust_sd=9.0, effect=0.4, rows=6),
        ],
        spans(DAYS),
        DAYS,
        JudgePolicy(),
    )


def test_windows_shorter_than_a_day_name_their_hour() -> None:
    """With the zone's offset, so that it can be copied into the config."""
    spec = WindowSpec.parse("1h", zone=ZONE)
    (line,) = record_notices([record("x", 6, 9.0)], spans(spec), spec, JudgePolicy())
    assert line.startswith("Mon 4 Mar 2013 06:00 is unlike")
    assert line.endswith("[{ from = 2013-03-04T06:00:00-05:00, to = 2013-03-04T07:00:00-05:00 }]")
