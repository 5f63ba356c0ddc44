"""Which stored numbers does the picture of an incident show? Nothing is read from a source.

On the left the window that was last told of, bin by bin; on the right the measure that decided, over the last
windows.
"""

from sqlalchemy import Connection

from alerting.answers import diagnosis
from alerting.incident import Incident
from alerting.phrases import window as named_window
from alerting.phrases import zone as zone_of
from alerting.sanitise import clean
from alerting.series import AGAINST_FIXED, CREEP, LABEL_FEED, Series
from alerting.verdict import VerdictKind
from detectors._column import PERFORMANCE
from monitor.picture import WINDOWS, Picture
from monitor.picture_course import course_of
from monitor.picture_shares import shares_of
from monitor.windows import WindowSpec
from monitor.wording import column_name
from storage import courses
from storage.due_window import Stream
from storage.measurements import ColumnStatus

_HEADING, _SAID = 56, 100  # characters


def picture_of(conn: Connection, incident: Incident, spec: WindowSpec) -> Picture | None:
    """None where nothing was measured that could be drawn: a silent feed, a column that is gone."""
    series = incident.series
    if series.column in ("", LABEL_FEED) or not series.model:
        return None
    stream = Stream.LABELS if series.column == PERFORMANCE else Stream.INPUTS
    passed = courses.latest(conn, series, stream, incident.window_start, 2 * WINDOWS)
    passed = [each for each in passed if each.result.status is ColumnStatus.OK]
    # The last breach, which is what the incident's words are about: what came after it is easing.
    last = next((each for each in reversed(passed) if each.said is VerdictKind.BREACH), None)
    if last is None:
        return None
    before = [each for each in passed if each.span.start < incident.since][-WINDOWS:]
    shares = shares_of(last, before)
    course = course_of(conn, incident, spec, passed[-WINDOWS:])
    if shares is None and course is None:
        return None
    zone = zone_of(spec.zone)
    return Picture(
        heading=clean(f"{series.model}: {_place(series)}", _HEADING),
        line=clean(diagnosis(_line(incident)), _SAID),
        window=named_window(last.span.start, last.span.end, last.span.end, zone),
        rows=last.result.rows,
        latest=course is None or course.starts[-1] == last.span.start,
        zone=spec.zone,
        shares=shares,
        course=course,
    )


def _line(incident: Incident) -> dict[str, object]:
    series = incident.series
    return {
        "column": series.column,
        "segment": series.segment,
        "version": series.version,
        "change": incident.change,
        "title": incident.title,
    }


def _place(series: Series) -> str:
    name = column_name(series.column)
    where = AGAINST_FIXED if series.segment.startswith(f"{CREEP}=") else series.segment
    more = ", ".join(part for part in (where, series.version and f"version {series.version}") if part)
    return f"{name} ({more})" if more else name
