"""What do the gates of retraining get to see? One reading of the database and the config."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting.retraining_facts import Mode, RetrainingFacts, RetrainingPolicy
from monitor.config import Config
from monitor.kill_switch import switched_off
from monitor.targets import allowed, targets
from storage import (
    incidents,
    judged,
    measurements,
    profiles,
    retraining,
    retraining_past,
    silences,
)
from storage.due_window import DueWindow, Stream
from storage.measurements import ColumnStatus
from storage.restored import restored_at

DAY = timedelta(days=1)


def gather(
    conn: Connection,
    config: Config,
    model: str,
    policy: RetrainingPolicy,
    now: datetime,
    *,
    stream: Stream = Stream.INPUTS,
    past: bool = False,
    but: str = "",
    config_digest: str = "",
    lineage: Mapping[str, object] | None = None,
) -> RetrainingFacts:
    """The facts about one model now.

    `stream`: days lie between what inputs and labels say of one window, so each counts its own. `past`: what
    is judged is history. `lineage`: what the window came of. `but`: the request that is decided again, which
    does not stand in its own way.
    """
    reference = profiles.active(conn, model)
    flying = retraining.in_flight(conn, model)
    previous = retraining_past.previous(conn, model, but=but)
    latest = _latest_inputs(conn, model)
    return RetrainingFacts(
        model=model,
        incidents=incidents.open_incidents(conn, model),
        windows=retraining_past.judged_windows(conn, model, policy.within, stream),
        targets=targets(config, rehearsed=policy.mode is Mode.DRY_RUN),
        allowed=allowed(config),
        silenced=frozenset(silences.covering(conn, now, model)),
        past=past,
        killed=switched_off(conn, config, model),
        restored_at=restored_at(conn),
        schema_changed=latest is not None and _is_unfit(conn, latest),
        in_flight=flying.id if flying and flying.id != but else "",
        previous=previous[0] if previous else "",
        previous_at=previous[1] if previous else None,
        asked_in_a_day=retraining_past.asked_since(conn, model, now - DAY, but=but),
        asked_in_30_days=retraining_past.asked_since(conn, model, now - 30 * DAY, but=but),
        success=retraining_past.last_success(conn, model),
        versions=() if latest is None else retraining_past.versions_in(conn, latest.id),
        unanswered=next((each.id for each in retraining.waiting_for_answer(conn, model)), ""),
        breaker=retraining_past.breaker_of(conn, model),
        reference_version=reference.version if reference else 0,
        reference_digest=reference.digest if reference else "",
        config_digest=config_digest,
        lineage=lineage or {},
        call_back=config.web.call_back if config.web else "",
    )


def _latest_inputs(conn: Connection, model: str) -> DueWindow | None:
    """Labels know nothing of columns and versions: the latest judged window of the inputs does."""
    return judged.latest(conn, model, Stream.INPUTS)


def _is_unfit(conn: Connection, window: DueWindow) -> bool:
    unfit = (ColumnStatus.ABSENT, ColumnStatus.RETYPED)
    return any(result.status in unfit for result in measurements.load(conn, window.id))
