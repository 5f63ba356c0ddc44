"""Do we ask for the model to be trained again, and what exactly is asked?

The gates (alerting/gates.py) say yes or no. What is asked is derived from facts alone, so the same incidents
and the same request before make the same id, however often a crash has it decided again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from alerting.gates import Gate, gates, is_breached, severe
from alerting.retraining_facts import Ask, Mode, RetrainingFacts, RetrainingPolicy


class Outcome(StrEnum):
    """What became of one decision."""

    REFUSED = "refused"
    DRY_RUN = "dry_run"
    PROPOSED = "proposed"  # a person is asked
    APPROVED = "approved"  # a person said yes, and every gate was still open
    REQUESTED = "requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingDecision:
    """What was decided, and on what grounds."""

    outcome: Outcome
    mode: Mode
    ask: Ask = Ask.RETRAINING
    target: str
    request_id: str  # the same for the same incidents and the same previous request: stable over retries
    gates: tuple[Gate, ...]
    request: Mapping[str, object] = field(default_factory=dict)  # JSON; empty when refused

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Names of the gates that are shut."""
        return tuple(gate.name for gate in self.gates if not gate.passed)


_OUTCOMES = {
    Mode.DRY_RUN: Outcome.DRY_RUN,
    Mode.APPROVE: Outcome.PROPOSED,
    Mode.AUTO: Outcome.REQUESTED,
}


def decide(policy: RetrainingPolicy, facts: RetrainingFacts, now: datetime) -> RetrainingDecision:
    """What is done about it. The store has the last word on one in flight: a unique index."""
    looked_at = gates(policy, facts, now)
    cause = sorted(incident.id for incident in severe(policy, facts))
    id_ = _digest(policy.ask, facts.model, policy.target, facts.previous, *cause)
    outcome = _OUTCOMES.get(policy.mode, Outcome.REFUSED)
    if not all(gate.passed for gate in looked_at):
        outcome = Outcome.REFUSED
    return RetrainingDecision(
        outcome=outcome,
        mode=policy.mode,
        ask=policy.ask,
        target=policy.target,
        request_id=id_,
        gates=looked_at,
        request={} if outcome is Outcome.REFUSED else _request(policy, facts, id_, cause),
    )


def _request(
    policy: RetrainingPolicy, facts: RetrainingFacts, id_: str, cause: Sequence[str]
) -> dict[str, object]:
    request: dict[str, object] = {
        "id": id_,
        "event": policy.ask.event,
        "model": facts.model,
        "model_versions": list(facts.versions),
        "incidents": list(cause),
        "windows": [
            {
                "start": window.start.isoformat(),
                "end": window.end.isoformat(),
                "rows": window.rows,
                "severity": window.severity.value,
            }
            for window in facts.windows[-policy.within :]
            if is_breached(window, policy)
        ],
        "reference": {"version": facts.reference_version, "digest": facts.reference_digest},
        "config_digest": facts.config_digest,
        "lineage": dict(facts.lineage),
    }
    if facts.call_back:
        request["call_back"] = f"{facts.call_back}/{id_}"
    return request


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
