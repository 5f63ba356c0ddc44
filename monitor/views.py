"""What do the command line, the API and the pages show of history? The same records, in the same bytes."""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from monitor.terminal import sparkline
from storage import history
from storage.history import Filter, Record
from storage.tables.views import v_incidents, v_measurements, v_verdicts, v_windows

_BRIEF: Mapping[str, str] = {
    "windows": "model window_start stream state rows reason folded_at",
    "measurements": "model window_start column_name segment version metric value noise_limit p n",
    "verdicts": "verdict_id window_start column_name segment version verdict severity z p harm change "
    "incident_id",
    "incidents": "incident_id kind severity status opened resolved column_name title acknowledged_by",
}
_VIEWS = {
    "windows": v_windows,
    "measurements": v_measurements,
    "verdicts": v_verdicts,
    "incidents": v_incidents,
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SPARKED = {"measurements": "value", "verdicts": "z"}


def records(conn: Connection, about: str, chosen: Filter) -> list[Record]:
    """Records of one view, in the order of time."""
    readers: Mapping[str, Callable[[Connection, Filter], list[Record]]] = {
        "windows": history.windows,
        "measurements": history.measurements,
        "verdicts": history.verdicts,
        "incidents": history.incident_list,
    }
    return readers[about](conn, chosen)


def columns_of(about: str, *, brief: bool = False) -> tuple[str, ...]:
    """All columns of a view, or those that fit a screen."""
    return tuple(_BRIEF[about].split()) if brief else tuple(column.name for column in _VIEWS[about].columns)


def shown_of(about: str, found: Sequence[Record], *, revisions: bool = False) -> tuple[str, ...]:
    """Those that fit a screen; segment and version only where a record has one."""
    names = tuple(
        name
        for name in columns_of(about, brief=True)
        if name not in ("segment", "version") or any(record[name] for record in found)
    )
    if not revisions or about == "incidents":
        return names
    after = names.index("window_start") + 1
    beside = ("revision", "superseded_by") if about == "windows" else ("revision",)
    return (*names[:after], *beside, *names[after:])


def shorter(name: str, value: Any) -> Any:
    """A cell that fits a screen: ids as far as people type them, times to the minute."""
    if name == "incident_id" and value:
        return value[:12]
    return f"{value[:16]}Z" if isinstance(value, str) and _TIME.fullmatch(value) else value


def write(found: Sequence[Record], columns: Sequence[str], form: str, output: Path | None) -> None:
    """As JSON, CSV or Parquet, to a file or to standard output."""
    if form == "parquet" and output is not None:
        from monitor.sources._write import write_parquet  # noqa: PLC0415  polars, only where it is asked for

        write_parquet(found, columns, output)
        return
    text = (
        json.dumps(list(found), indent=2, ensure_ascii=False) + "\n"
        if form == "json"
        else _csv(found, columns)
    )
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def sparks(about: str, found: Sequence[Record]) -> list[str]:
    """One line a series, where there are few of them: its values over the windows shown."""
    name = _SPARKED.get(about)
    series: dict[tuple[str, ...], list[float | None]] = {}
    if name is None:
        return []
    for record in found:
        keys = ("model", "column_name", "metric", "segment", "version")
        series.setdefault(tuple(record[key] for key in keys if record.get(key)), []).append(record[name])
    if not 1 <= len(series) <= 5:
        return []
    return [
        f"{' '.join(labels)} {name}: {sparkline(values)}"
        for labels, values in series.items()
        if len(values) > 1
    ]


def _csv(found: Sequence[Record], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(record[name]) for name in columns] for record in found)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Spreadsheets run a cell that begins like a formula; names in data may (owasp.org, CSV injection)."""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    # The csv module quotes a line feed, not a lone carriage return, which readers take for a new row.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else text
