"""Which stored verdict does a person ask about, and how is it introduced?"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from alerting.series import PLAIN, Series
from detectors._column import PSEUDO
from monitor.config import Config
from monitor.exits import CommandError
from monitor.lineage import lineage_of
from monitor.moments import zone_of
from monitor.windows import window_at
from storage import ledger, profiles, verdicts
from storage.verdicts import StoredVerdict


def find_verdict(
    conn: Connection,
    config: Config,
    verdict_id: int | None,
    *,
    model: str | None,
    column: str | None,
    segment: str,
    version: str,
    at: datetime | None,
) -> StoredVerdict:
    """By number, or by model, column and a time inside the window (None: the latest of that column)."""
    if verdict_id is not None:
        found = verdicts.get(conn, verdict_id)
        if found is None:
            raise CommandError(f"no verdict {verdict_id}; `leeway history verdicts` lists them")
        return found
    if model not in config.models:
        known = ", ".join(sorted(config.models)) or "none"
        raise CommandError(f"no model {model!r} in the config; there is {known}")
    start = None if at is None else window_at(config.models[model].window.spec, at).start
    found = None
    for name in _names(column or ""):
        series = Series(model=model, column=name, segment=segment, version=version)
        found = found or verdicts.find(conn, series, start)
    if found is None:
        place = ", ".join(part for part in (model, f"column {column!r}", segment, version) if part)
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
    series = said.series
    parts = (
        PLAIN.get(series.column, series.column),
        series.segment,
        series.version and f"version {series.version}",
    )
    place = ", ".join(part for part in parts if part)
    lines = [
        f"verdict {stored.id}: {said.series.model}, {place}, {start:%a %d %b %Y %H:%M} to {end:%d %b %H:%M} "
        f"({zone.key})",
        f"{said.kind.value}, {stored.severity.value} after the fold"
        + (f", incident {stored.incident_id[:12]}" if stored.incident_id else ""),
    ]
    return [*lines, said.title] if said.title else lines


def origin(conn: Connection, stored: StoredVerdict) -> dict[str, object]:
    """What its window came of: data, model, reference, run, config and program."""
    window = ledger.get(conn, stored.ledger_id)
    if window is None:
        return {}
    known = None if window.reference_id is None else profiles.get(conn, window.reference_id)
    return lineage_of(window, known)


def _names(column: str) -> tuple[str, ...]:
    """A column, or what is told like one: "performance" is __performance__ where no column has that name."""
    pseudo = f"__{column}__"
    return (column, pseudo) if pseudo in PSEUDO else (column,)
