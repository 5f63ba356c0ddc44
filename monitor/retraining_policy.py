"""By which rules may a model be trained again, as the config says? Light to import: commands decide, too."""

from alerting.retraining_facts import Ask, Mode, RetrainingPolicy
from alerting.verdict import Severity
from monitor.config_model import RetrainingConfig


def policy_of(config: RetrainingConfig) -> RetrainingPolicy:
    return RetrainingPolicy(
        mode=Mode(config.mode),
        ask=Ask(config.ask),
        target=config.target or "",
        breached=config.breached,
        within=config.within,
        min_rows=config.min_rows,
        min_severity=Severity(config.min_severity),
        cooldown=config.cooldown,
        max_a_day=config.max_a_day,
        max_in_30_days=config.max_in_30_days,
        approve_within=config.approve_within,
        in_flight_limit=config.in_flight_limit,
        improve_within=config.improve_within,
    )
