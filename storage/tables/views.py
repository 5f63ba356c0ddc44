"""Which columns do the views have, in which order? (docs/history-schema.md; migrations/ makes them.)"""

from sqlalchemy import TableClause, column, table


def _view(name: str, columns: str) -> TableClause:
    return table(name, *(column(each) for each in columns.split()))


v_windows = _view(
    "v_windows",
    "window_id model stream kind window_start window_end revision state reason rows attempt "
    "reference_version config_digest source_fingerprint error_class error due "
    "planned_at finished_at folded_at superseded_by provisional refolded_at rechecked_at "
    "profile_digest data_version run_id program",
)
v_measurements = _view(
    "v_measurements",
    "model version window_start window_end revision segment column_name metric value noise_limit n "
    "n_reference p direction status window_id windows value_min value_max",
)
v_verdicts = _view(
    "v_verdicts",
    "verdict_id model version window_start window_end revision segment column_name verdict severity rules "
    "rank value z p harm change incident_id title window_id known_from "
    "reference_version profile_digest config_digest data_version run_id program",
)
v_past_verdicts = _view(
    "v_past_verdicts",
    "verdict_id model version window_start window_end revision segment column_name verdict severity rules "
    "rank value z p harm change incident_id title window_id known_from known_until "
    "reference_version profile_digest config_digest data_version run_id program",
)
v_incidents = _view(
    "v_incidents",
    "incident_id model version segment column_name rule kind severity status opened since resolved "
    "resolved_reason window_start window_end reopens relapses peak rank change title acknowledged_by "
    "acknowledged_until events false_page_by flapping escalation_step "
    "reference_version profile_digest config_digest data_version run_id program",
)
v_notifications = _view(
    "v_notifications",
    "notification_id key channel lane action reason model severity state tries uncertain created deadline "
    "next_try sent error",
)
v_silences = _view(
    "v_silences",
    "silence_id matchers starts ends over_at author comment created expired expired_by replaces",
)
v_audit = _view("v_audit", "audit_id at kind subject actor facts")
v_retraining = _view(
    "v_retraining",
    "retraining_id model ask target mode state requested deadline sent ended updated detail model_version "
    "reference_version answer answer_by answered events request",
)
v_retraining_decisions = _view(
    "v_retraining_decisions",
    "decision_id model at mode outcome target request_id retraining_id gates window_id",
)
VIEWS = (
    v_windows,
    v_measurements,
    v_verdicts,
    v_past_verdicts,
    v_incidents,
    v_notifications,
    v_silences,
    v_audit,
    v_retraining,
    v_retraining_decisions,
)
