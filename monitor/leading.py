"""With what may this process plan, fold, flush and prune, if at all?

On SQLite the owner of the file leads. On PostgreSQL one of the daemons does, by a lease; its writes are
refused as soon as another one has taken over.
"""

from dataclasses import replace

from alerting.incident import Incident
from monitor.logs import logger
from monitor.promotion import close_removed, note_rules
from monitor.runtime import Runtime
from monitor.telling import mark_untold


def leads(runtime: Runtime) -> bool:
    """Whether what is the leader's to do is this process's now. A new leader first enters its office."""
    leader = runtime.leader
    if leader is None:
        return True
    if leader.leads and leader.entered != leader.fence:
        term = leader.fence
        enter(led(runtime))
        leader.entered = term
    return leader.leads


def led(runtime: Runtime) -> Runtime:
    """The same runtime, whose writes are refused when this process does not lead (any more)."""
    return (
        runtime
        if runtime.leader is None
        else replace(runtime, store=runtime.store.guarded(runtime.leader.check))
    )


def enter(runtime: Runtime) -> None:
    """What a new leader does first: end what nobody watches any more, tell what was never told."""
    with runtime.store.write() as conn:
        closed = close_removed(conn, runtime.config, runtime.clock.now())
        changed = note_rules(conn, runtime.config, runtime.clock.now())
    for incident in closed:
        logger().warning("incident.resolved", **_names(incident), reason=incident.resolved_reason)
    for name in changed:
        logger().info("rules.changed", model=name)
    mark_untold(runtime)


def _names(incident: Incident) -> dict[str, object]:
    return {
        "model": incident.series.model,
        "column": incident.series.column,
        "severity": incident.severity,
        "incident": incident.id[:8],
    }
