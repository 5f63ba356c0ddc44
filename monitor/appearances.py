"""What is there for the first time: a model version, a column of the source? One event each, no incident."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitor.logs import logger
from storage import daemon_events

# Facts of an evaluated window, and the event that tells each of them once.
VERSIONS = "new_versions"
COLUMNS = "new_columns"
_EVENTS = {VERSIONS: ("version.appeared", "version"), COLUMNS: ("schema.column_appeared", "column")}
# What a reference's lineage knows.
KNOWN_VERSIONS = "model_versions"
MODEL_VERSION = "model_version"  # where all rows of the reference are of one
KNOWN_COLUMNS = "columns"


def appearances(
    lineage: Mapping[str, Any], *, versions: Iterable[str], columns: Iterable[str]
) -> dict[str, list[str]]:
    """Of a window's model versions and its source's columns, those the reference did not have.

    A reference built before it was asked for columns says nothing of them.
    """
    new = {VERSIONS: _new(versions, lineage.get(KNOWN_VERSIONS, ()))}
    if KNOWN_COLUMNS in lineage:
        new[COLUMNS] = _new(columns, lineage[KNOWN_COLUMNS])
    return {fact: names for fact, names in new.items() if names}


def tell(conn: Connection, model: str, facts: Mapping[str, object], now: datetime) -> None:
    """In the transaction that ends the window: killed anywhere, each is told once."""
    for fact, (event, noun) in _EVENTS.items():
        names = facts.get(fact)
        if not isinstance(names, list):
            continue
        told = [str(each.get(noun)) for each in daemon_events.facts_of(conn, event, model)]
        for name in _new(names, told):
            daemon_events.add(conn, event, now, {noun: name}, model=model)
            logger().info(event, model=model, **{noun: name})


def _new(names: Iterable[str], known: Iterable[str]) -> list[str]:
    return sorted({*names} - {*known} - {""})
