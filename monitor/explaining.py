"""Which stored verdict does a person ask about, and how is it introduced?"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from alerting.series import Series
from monitor.config import Config
from monitor.exits import CommandError
from monitor.moments import zone_of
from monitor.windows import window_at
from storage import history, verdicts
from storage.history import Filter
from storage.verdicts import StoredVerdict


def find_verdict(
    conn: Connection,
    config: Config,
    verdict_id: int | None,
    *,
    model: str | None,
    column: str | None,
    segment: str,
    at: datetime | None,
) -> StoredVerdict:
    """By number, or by model, column and a time inside the window (None: the latest)."""
    if verdict_id is not None:
        found = verdicts.get(conn, verdict_id)
        if found is None:
            raise CommandError(f"no verdict {verdict_id}; `leeway history verdicts` lists them")
        return found
    if model not in config.models:
        known = ", ".join(sorted(config.models)) or "none"
        raise CommandError(f"no model {model!r} in the config; there is {known}")
    start = _latest(conn, model) if at is None else window_at(config.models[model].window.spec, at).start
    series = Series(model=model, column=column or "", segment=segment)
    found = verdicts.find(conn, series, start) if start is not None else None
    if found is None:
        place = f"{model}, column {column!r}" + (f", {segment}" if segment else "")
        when = f"in the window of {start:%Y-%m-%d %H:%M} UTC" if start else "yet"
        raise CommandError(
            f"no verdict on {place} {when}; `leeway history verdicts --model {model}` lists them"
        )
    return found


def heading(stored: StoredVerdict, config: Config) -> list[str]:
    """What was said, about which window, in the model's own zone."""
    said = stored.verdict
    zone = ZoneInfo(zone_of(config, said.series.model))
    start, end = said.start.astimezone(zone), said.end.astimezone(zone)
    place = said.series.column or "the data feed"
    lines = [
        f"verdict {stored.id}: {said.series.model}, {place}, {start:%a %d %b %Y %H:%M} to {end:%d %b %H:%M} "
        f"({zone.key})",
        f"{said.kind.value}, {stored.severity.value} after the fold"
        + (f", incident {stored.incident_id[:12]}" if stored.incident_id else ""),
    ]
    return [*lines, said.title] if said.title else lines


def _latest(conn: Connection, model: str) -> datetime | None:
    newest = history.verdicts(conn, Filter(model=model, last=1))
    return datetime.fromisoformat(newest[0]["window_start"]) if newest else None
