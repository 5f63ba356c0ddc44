"""What ends open incidents other than recovery? Another reference, or a model that left the config."""

import hashlib
import json
from datetime import datetime

from sqlalchemy import Connection

from alerting.fold import rebaseline, recount
from alerting.grouping import mark_dirty
from alerting.incident import Incident, ResolveReason, Transition, TransitionKind
from monitor.config import Config
from monitor.routing import escalation_groups, groups_of
from storage import checkpoints, daemon_events, groups, incidents, ledger, profiles
from storage.profiles import Reference, ReferenceStatus


def promote(
    conn: Connection, config: Config, reference: Reference, now: datetime, *, moved: bool = False
) -> list[Incident]:
    """Put a reference in force; returns the incidents this ended. Promoting the active one does nothing.

    A trailing reference that only `moved` on ends none: it has not learnt from what is wrong.
    """
    if reference.status is ReferenceStatus.ACTIVE:
        return []
    replaced = profiles.active(conn, reference.model)
    profiles.promote(conn, reference.id, now)
    # Judged against the one before, they would open incidents that nobody asked for.
    ledger.measure_again(conn, reference.model, now, "another reference was promoted before it was judged")
    facts: dict[str, object] = {"version": reference.version}
    facts |= {"replaces": replaced.version if replaced else None, "moved": moved}
    daemon_events.add(conn, "reference.promoted", now, facts, model=reference.model)
    if moved:
        return []
    return _close(conn, config, reference.model, ResolveReason.REBASELINED, now)


def close_removed(conn: Connection, config: Config, now: datetime) -> list[Incident]:
    """Nothing can recover in a model that is watched no more: its incidents end, and nobody is reminded.

    A model that is paused is not watched either; its incidents end as paused.
    """
    watched = {"", *config.models}  # "" is Leeway itself
    gone = {incident.series.model for incident in incidents.open_incidents(conn)}.difference(watched)
    paused = {name for name, model in config.models.items() if model.paused}
    ended = [(model, ResolveReason.REMOVED) for model in sorted(gone)]
    ended += [(model, ResolveReason.PAUSED) for model in sorted(paused)]
    return [each for model, reason in ended for each in _close(conn, config, model, reason, now)]


def note_rules(conn: Connection, config: Config, now: datetime) -> list[str]:
    """The models whose rules are others than when this was last looked at.

    Breaches counted by the old rules do not count by the new; what is open stays open, with an event.
    """
    changed = []
    for name, model in config.models.items():
        rules = {"policy": model.policy.model_dump(mode="json"), "min_rows": model.window.min_rows}
        digest = hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()[:16]
        known = daemon_events.facts_of(conn, "rules.in_force", name)
        if known and known[-1]["digest"] == digest:
            continue
        daemon_events.add(conn, "rules.in_force", now, {"digest": digest}, model=name)
        if not known:
            continue
        changed.append(name)
        for state in checkpoints.alert_states(conn, name).values():
            if (after := recount(state)) != state:
                checkpoints.set_alert_state(conn, after)
        for incident in incidents.open_incidents(conn, name):
            facts = {"rules": digest, "before": known[-1]["digest"]}
            incidents.add_event(
                conn, incident.id, now=now, kind="rules_changed", actor="leeway", payload=facts
            )
    return changed


def resolve_by_hand(
    conn: Connection, config: Config, incident_id: str, *, by: str, reason: str, now: datetime
) -> Incident:
    """A person closes it, and says why; firing again soon it is the same incident. ValueError: it is over."""
    before = incidents.get(conn, incident_id)
    if before is None or not before.is_open:
        standing = "not known" if before is None else before.status.value
        raise ValueError(f"incident {incident_id}: cannot be resolved, it is {standing}")
    if not reason.strip():
        raise ValueError(f"incident {incident_id}: to resolve it by hand needs a reason")
    state = checkpoints.alert_states(conn, before.series.model).get(before.fingerprint)
    if state is not None and state.incident_id == incident_id and state.is_open:
        after, transitions = rebaseline(state, ResolveReason.MANUAL, now)
        checkpoints.set_alert_state(conn, after)
    else:  # Leeway's own trouble is in no fold
        transitions = (_by_hand(before, now),)
    (done,) = incidents.apply(conn, transitions, now, actor=by, comment=reason.strip())
    _mark(conn, config, done, now)
    return done


def _by_hand(incident: Incident, now: datetime) -> Transition:
    return Transition(
        kind=TransitionKind.RESOLVED,
        series=incident.series,
        incident_id=incident.id,
        incident_kind=incident.kind,
        severity=incident.severity,
        start=now,
        end=now,
        since=incident.since,
        reason=ResolveReason.MANUAL,
    )


def _mark(conn: Connection, config: Config, incident: Incident, now: datetime) -> None:
    for group in (*groups_of(config, incident), *escalation_groups(config, incident)):
        if (known := groups.get(conn, group.key)) is not None:
            groups.save(conn, mark_dirty(known, now))


def _close(
    conn: Connection, config: Config, model: str, reason: ResolveReason, now: datetime
) -> list[Incident]:
    resolved: list[Incident] = []
    for state in checkpoints.alert_states(conn, model).values():
        after, transitions = rebaseline(state, reason, now)
        checkpoints.set_alert_state(conn, after)
        resolved += incidents.apply(conn, transitions, now)
    for incident in resolved:
        _mark(conn, config, incident, now)
    return resolved
