"""The first schema: references, ledger, results, verdicts, incidents, outbox, retraining, and the views."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from alerting import failpoint

revision = "0001"
down_revision = None


def upgrade() -> None:
    _tables()
    failpoint.hit("mid_migration")
    # One statement a paragraph: triggers hold semicolons of their own.
    script = (
        Path(__file__).with_name(f"0001_views.{op.get_bind().dialect.name}.sql").read_text(encoding="utf-8")
    )
    for statement in script.split("\n\n"):
        if statement.strip() and not statement.startswith("--"):
            op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop the history")


def _tables() -> None:
    op.create_table(
        "channel_state",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("blocked_until", sa.BigInteger(), nullable=True),
        sa.Column("broken_since", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("last_probe", sa.BigInteger(), nullable=True),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_state")),
    )
    op.create_table(
        "daemon_event",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_daemon_event")),
    )
    op.create_index("ix_daemon_event_at", "daemon_event", ["at"], unique=False)
    op.create_table(
        "incident",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), server_default="", nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("rule", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=False),
        sa.Column("window_end", sa.BigInteger(), nullable=False),
        sa.Column("resolved", sa.BigInteger(), nullable=True),
        sa.Column("resolved_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("reopens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("relapses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("peak", sa.Double(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("change", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), server_default="", nullable=False),
        sa.Column("acknowledged_until", sa.BigInteger(), nullable=True),
        sa.Column("lock_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index("ix_incident_model", "incident", ["model", "opened"], unique=False)
    op.create_index(
        "uq_incident_open",
        "incident",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text("is_open"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_table(
        "lane",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_lane")),
    )
    op.create_table(
        "notification_group",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("dirty_since", sa.BigInteger(), nullable=True),
        sa.Column("last_flush", sa.BigInteger(), nullable=True),
        sa.Column("flush_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("closed", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notification_group")),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_try", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_try", sa.BigInteger(), nullable=True),
        sa.Column("plain", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("uncertain", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(
        "ix_outbox_open",
        "outbox",
        ["lane", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'sending', 'uncertain')"),
        postgresql_where=sa.text("state IN ('queued', 'sending', 'uncertain')"),
    )
    op.create_table(
        "reference",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("promoted", sa.BigInteger(), nullable=True),
        sa.Column("span_start", sa.BigInteger(), nullable=True),
        sa.Column("span_end", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("config_digest", sa.Text(), server_default="", nullable=False),
        sa.Column("score", sa.Text(), nullable=True),
        sa.Column("notices", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference")),
        sa.UniqueConstraint("model", "version", name=op.f("uq_reference_model_version")),
    )
    op.create_index(
        "uq_reference_active",
        "reference",
        ["model"],
        unique=True,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "retraining",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("in_flight", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("notification_key", sa.Text(), nullable=True),
        sa.Column("requested", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retraining")),
        sa.UniqueConstraint("notification_key", name=op.f("uq_retraining_notification_key")),
    )
    op.create_index(
        "uq_retraining_in_flight",
        "retraining",
        ["model"],
        unique=True,
        sqlite_where=sa.text("in_flight"),
        postgresql_where=sa.text("in_flight"),
    )
    op.create_table(
        "attempt",
        sa.Column("outbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("failure", sa.Text(), server_default="", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_attempt_outbox_id")),
        sa.PrimaryKeyConstraint("outbox_id", "number", name=op.f("pk_attempt")),
    )
    op.create_table(
        "incident_event",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=True),
        sa.Column("window_end", sa.BigInteger(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_event_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "seq", name=op.f("pk_incident_event")),
    )
    op.create_table(
        "ledger",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("config_digest", sa.Text(), server_default="", nullable=False),
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("recheck", sa.BigInteger(), nullable=False),
        sa.Column("give_up", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("source_fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("error_class", sa.Text(), server_default="", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("folded_at", sa.BigInteger(), nullable=True),
        sa.Column("superseded_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["reference_id"], ["reference.id"], name=op.f("fk_ledger_reference_id")),
        sa.ForeignKeyConstraint(["superseded_by"], ["ledger.id"], name=op.f("fk_ledger_superseded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint(
            "model",
            "stream",
            "start",
            "end",
            "revision",
            name=op.f("uq_ledger_model_stream_start_end_revision"),
        ),
    )
    op.create_index(
        "ix_ledger_open",
        "ledger",
        ["due", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('planned', 'claimed')"),
        postgresql_where=sa.text("state IN ('planned', 'claimed')"),
    )
    op.create_index("ix_ledger_start", "ledger", ["model", "stream", "start", "revision"], unique=False)
    op.create_index(
        "ix_ledger_unfolded",
        "ledger",
        ["model", "stream", "start", "revision"],
        unique=False,
        sqlite_where=sa.text("folded_at IS NULL"),
        postgresql_where=sa.text("folded_at IS NULL"),
    )
    op.create_table(
        "noise_model",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("window_spec", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("learnt_from", sa.Text(), nullable=False),
        sa.Column("windows", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["reference_id"], ["reference.id"], name=op.f("fk_noise_model_reference_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_noise_model")),
        sa.UniqueConstraint(
            "reference_id",
            "window_spec",
            "version",
            name=op.f("uq_noise_model_reference_id_window_spec_version"),
        ),
    )
    op.create_table(
        "reference_column",
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["reference.id"], name=op.f("fk_reference_column_reference_id")
        ),
        sa.PrimaryKeyConstraint("reference_id", "column_name", name=op.f("pk_reference_column")),
    )
    op.create_table(
        "alert_state",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), server_default="", nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("rule", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ledger_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], name=op.f("fk_alert_state_ledger_id")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_alert_state")),
    )
    op.create_index("ix_alert_state_model", "alert_state", ["model"], unique=False)
    op.create_table(
        "checkpoint",
        sa.Column("ledger_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("judge_state", sa.Text(), nullable=False),
        sa.Column("alert_states", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], name=op.f("fk_checkpoint_ledger_id")),
        sa.PrimaryKeyConstraint("ledger_id", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "column_result",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("ledger_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("segment", sa.Text(), server_default="", nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("missing_rows", sa.BigInteger(), nullable=False),
        sa.Column("psi", sa.Double(), nullable=True),
        sa.Column("ks", sa.Double(), nullable=True),
        sa.Column("jensen_shannon", sa.Double(), nullable=True),
        sa.Column("hellinger", sa.Double(), nullable=True),
        sa.Column("wasserstein", sa.Double(), nullable=True),
        sa.Column("chi_square", sa.Double(), nullable=True),
        sa.Column("missing", sa.Double(), nullable=True),
        sa.Column("unseen", sa.Double(), nullable=True),
        sa.Column("out_of_range", sa.Double(), nullable=True),
        sa.Column("stuck", sa.Double(), nullable=True),
        sa.Column("mean", sa.Double(), nullable=True),
        sa.Column("sd", sa.Double(), nullable=True),
        sa.Column("harm", sa.Double(), nullable=True),
        sa.Column("harm_error", sa.Double(), nullable=True),
        sa.Column("pull", sa.Double(), nullable=True),
        sa.Column("measurements", sa.Text(), nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("bins", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], name=op.f("fk_column_result_ledger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_column_result")),
        sa.UniqueConstraint(
            "ledger_id",
            "segment",
            "column_name",
            "version",
            name=op.f("uq_column_result_ledger_id_segment_column_name_version"),
        ),
    )
    op.create_index("ix_column_result_column", "column_result", ["column_name", "ledger_id"], unique=False)
    op.create_table(
        "retraining_decision",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("ledger_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("gates", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("retraining_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], name=op.f("fk_retraining_decision_ledger_id")),
        sa.ForeignKeyConstraint(
            ["retraining_id"], ["retraining.id"], name=op.f("fk_retraining_decision_retraining_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retraining_decision")),
    )
    op.create_index("ix_retraining_decision_model", "retraining_decision", ["model", "at"], unique=False)
    op.create_table(
        "verdict",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("ledger_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), server_default="", nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("rule", sa.Text(), server_default="", nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("incident_kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("severity_asked", sa.Text(), nullable=False),
        sa.Column("sure", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("immediate", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("change", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("z", sa.Double(), nullable=True),
        sa.Column("p", sa.Double(), nullable=True),
        sa.Column("harm", sa.Double(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_verdict_incident_id")),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], name=op.f("fk_verdict_ledger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
        sa.UniqueConstraint(
            "ledger_id",
            "segment",
            "column_name",
            "version",
            name=op.f("uq_verdict_ledger_id_segment_column_name_version"),
        ),
    )
    op.create_index("ix_verdict_column", "verdict", ["column_name", "ledger_id"], unique=False)
    op.create_index("ix_verdict_incident", "verdict", ["incident_id"], unique=False)
