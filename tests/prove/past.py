"""What does a database say happened, wall clocks and row numbers aside, and is it sound?

Everything later passes depend on is here (ledger, verdicts, alert states, incidents, groups, outbox), so two
databases that agree go on alike.
"""

import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from tests import oracle_history
from tests.acceptance.database import Database

Past = dict[str, list[tuple[Any, ...]]]

QUERIES = {
    "windows": (
        "SELECT model, stream, window_start, window_end, revision, state, reason, rows, "
        "CASE WHEN folded_at IS NULL THEN 0 ELSE 1 END, CASE WHEN superseded_by IS NULL THEN 0 ELSE 1 END "
        "FROM v_windows ORDER BY window_start, stream, revision"
    ),
    "verdicts": (
        "SELECT window_start, revision, column_name, verdict, severity, rules, rank, value, z, p, harm, "
        "change, title, incident_id FROM v_verdicts ORDER BY 1, 2, 3"
    ),
    "incidents": (
        "SELECT incident_id, kind, severity, status, opened, since, resolved, resolved_reason, reopens, "
        "relapses, peak, acknowledged_by, escalation_step FROM v_incidents ORDER BY 1"
    ),
    # A step is written down when a channel took it: after a death that is later, beside other events.
    "events": (
        "SELECT incident_id, row_number() OVER (PARTITION BY incident_id ORDER BY seq), kind, actor, "
        "window_start FROM incident_event WHERE kind <> 'escalated' ORDER BY 1, 2"
    ),
    "escalations": (
        "SELECT incident_id, count(*) FROM incident_event WHERE kind = 'escalated' "
        "GROUP BY incident_id ORDER BY 1"
    ),
    "measurements": (
        "SELECT window_start, revision, column_name, metric, value, n FROM v_measurements ORDER BY 1, 2, 3, 4"
    ),
    "states": "SELECT fingerprint, state FROM alert_state ORDER BY 1",
    "groups": "SELECT key, channel, closed FROM notification_group ORDER BY 1",
    # Of queued edits only the newest leaves: which ones were overtaken depends on when they were sent.
    "told": (
        "SELECT key, channel, action, reason, CASE WHEN action = 'edit' AND state IN ('sent', 'cancelled') "
        "THEN 'over' ELSE state END FROM v_notifications ORDER BY 1"
    ),
    "last edits": (
        "SELECT o.lane, o.channel, o.key, o.state FROM outbox o WHERE o.action = 'edit' AND NOT EXISTS "
        "(SELECT 1 FROM outbox p WHERE p.lane = o.lane AND p.channel = o.channel AND p.action = 'edit' "
        "AND p.id > o.id) "
        "ORDER BY 1, 2"
    ),
    "retraining": "SELECT model, target, state, answer, reference_version FROM retraining ORDER BY requested",
    "retraining events": "SELECT retraining_id, seq, kind, actor FROM retraining_event ORDER BY 1, 2",
    "decisions": "SELECT model, outcome, target, request_id FROM retraining_decision ORDER BY id",
    "gates": "SELECT request_id, gates FROM retraining_decision ORDER BY id",
}
TELLING = frozenset({"told", "last edits"})  # the messages; what came of them is in "believed"
# After which windows it was weighed whether to ask, with what was known then; what was asked: "retraining".
WEIGHING = frozenset({"gates", "decisions"})
_GROUPS = "SELECT key, state FROM notification_group ORDER BY 1"
STUCK = (
    "SELECT 'window ' || id FROM ledger WHERE state = 'claimed'",
    "SELECT 'message ' || id FROM outbox WHERE state = 'sending'",
    "SELECT 'incident open twice ' || fingerprint FROM incident WHERE is_open GROUP BY fingerprint "
    "HAVING count(*) > 1",
    "SELECT 'key twice ' || key FROM outbox GROUP BY key HAVING count(*) > 1",
    "SELECT 'window folded without checkpoint ' || id FROM ledger WHERE folded_at IS NOT NULL "
    "AND superseded_by IS NULL AND state <> 'skipped' AND NOT EXISTS "
    "(SELECT 1 FROM checkpoint WHERE ledger_id = ledger.id)",
)
# The columns that tests/oracle_history.py reads.
_ORACLE = {
    "ledger": 'id, model, stream, kind, start, "end", state, folded_at, superseded_by',
    "verdict": "ledger_id, segment, column_name, version, verdict, severity_asked, sure, immediate",
    "incident": "model, segment, column_name, version, rule, opened, resolved, severity, relapses, reopens, "
    "resolved_reason",
}


def past(database: Database) -> Past:
    """The same rows on both databases."""
    found = {
        name: [tuple(map(_plain, row)) for row in database.rows(query)] for name, query in QUERIES.items()
    }
    groups = ((key, json.loads(str(_plain(state)))) for key, state in database.rows(_GROUPS))
    # What each channel was last told of each incident.
    return found | {"believed": [(key, json.dumps(state["told"], sort_keys=True)) for key, state in groups]}


def _plain(value: object) -> object:
    """A JSON value is text on one and parsed on the other; numbers and words stay."""
    if isinstance(value, str) and value[:1] == "{":
        value = json.loads(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return int(value) if isinstance(value, bool) else value


def differences(found: Past, expected: Past) -> list[str]:
    """Which parts differ, each with its first differing row."""
    said = []
    for part, wanted in expected.items():
        got = found[part]
        if got != wanted:
            pairs = zip([*got, *[None] * len(wanted)], [*wanted, *[None] * len(got)], strict=False)
            first = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
            said.append(f"{part}: {len(got)} rows for {len(wanted)}, first {first[0]} for {first[1]}")
    return said


def telling_aside(expected: Past) -> Past:
    """All that must be the same however it was told."""
    return {part: rows for part, rows in expected.items() if part not in TELLING}


def weighing_aside(expected: Past) -> Past:
    """All that must be the same whatever was known when retraining was weighed."""
    return {part: rows for part, rows in expected.items() if part not in WEIGHING}


def sent(found: Past) -> set[str]:
    """The keys of all posts and requests that the outbox says were accepted."""
    return {str(key) for key, _, action, _, state in found["told"] if state == "sent" and action != "edit"}


def lost_windows(found: Past, expected: Past) -> int:
    """Windows that ended in the undisturbed life and are missing, or did not end, in this one."""
    ended = ("done", "no_data", "low_volume", "failed", "skipped")
    mine = {row[:5] for row in found["windows"] if row[5] in ended}
    return sum(row[5] in ended and row[:5] not in mine for row in expected["windows"])


def unsound(database: Database) -> list[str]:
    """What must never be left: a damaged file, a row stuck in a lease, something twice."""
    said = [str(row[0]) for query in STUCK for row in database.rows(query)]
    if database.is_file:
        said += [f"integrity: {row[0]}" for row in database.rows("PRAGMA integrity_check") if row[0] != "ok"]
        said += [f"foreign key: {row}" for row in database.rows("PRAGMA foreign_key_check")]
    return said


def secrets(database: Database, canaries: tuple[str, ...]) -> list[str]:
    """Those of them that a SQLite file holds anywhere."""
    if not database.is_file:
        return []
    with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"))) as file:
        kept = "\n".join(file.iterdump())
    return [f"a secret is in the database: {canary}" for canary in canaries if canary in kept]


def against_oracle(database: Database) -> list[str]:
    """Where the incidents are not those that the independent fold tells from the verdicts (H4)."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "oracle.db"
        with closing(sqlite3.connect(copy)) as file:
            for name, columns in _ORACLE.items():
                # The verdicts in force know nothing of an incident that ended as revised.
                where = " WHERE resolved_reason <> 'revised'" if name == "incident" else ""
                rows = database.rows(f"SELECT {columns} FROM {name}{where}")
                file.execute(f"CREATE TABLE {name} ({columns})")
                file.executemany(
                    f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns.split(',')))})", rows
                )
            file.commit()
        told, expected = oracle_history.compare(copy, every_hours=24)
    series = sorted(set(told) | set(expected))
    return [
        f"oracle: {each.column or 'feed'} {each.rule}: {told.get(each)} for {expected.get(each)}"
        for each in series
        if told.get(each) != expected.get(each)
    ]
