"""Calls with their append-only events, turns, leads, and the do-not-call list.

Types are spelled out here and not taken from tables.py: a migration stays what it was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_UTC = sa.DateTime(timezone=True)
_ID = sa.String(64)


def upgrade() -> None:
    """Make the tables and the guards of `call_events`."""
    op.create_table(
        "calls",
        sa.Column("id", _ID, nullable=False),
        sa.Column("flow", sa.String(64), nullable=False),
        sa.Column("flow_version", sa.String(128), nullable=False),
        sa.Column("contact_ref", sa.String(128), nullable=False),
        sa.Column("contact_slots", _JSON, nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("dialled_at", _UTC),
        sa.Column("answered_at", _UTC),
        sa.Column("ended_at", _UTC),
        sa.Column("closed_at", _UTC),
        sa.Column("disposition", sa.String(32), nullable=False),
        sa.Column("grade", sa.String(1), nullable=False),
        sa.Column("sip_code", sa.Integer(), nullable=False),
        sa.Column("sip_cause", sa.String(32), nullable=False),
        sa.Column("sip_reason", sa.String(255), nullable=False),
        sa.Column("ended_by_far_end", sa.Boolean(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("asr", sa.String(128), nullable=False),
        sa.Column("nlu", sa.String(128), nullable=False),
        sa.Column("tts", sa.String(128), nullable=False),
        sa.Column("synthetic_ear", sa.Boolean(), nullable=False),
        sa.Column("worker", sa.String(64), nullable=False),
        sa.Column("worker_pid", sa.Integer(), nullable=False),
        sa.Column("disclosures", _JSON, nullable=False),
        sa.Column("recording_path", sa.String(255), nullable=False),
        sa.Column("recording_sha256", sa.String(64), nullable=False),
        sa.Column("recording_ms", sa.Integer(), nullable=False),
        sa.Column("recording_problem", sa.Text(), nullable=False),
        sa.Column("response_p50_ms", sa.Integer()),
        sa.Column("response_p95_ms", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sa.CheckConstraint("state IN ('queued', 'dialling', 'ringing', 'answered', 'closed')", name="ck_calls_state"),
    )
    op.create_index("ix_calls_created_at", "calls", ["created_at"])
    op.create_index("ix_calls_worker_state", "calls", ["worker", "state"])
    op.create_table(
        "call_events",
        sa.Column("call_id", _ID, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.Column("recorded_at", _UTC, nullable=False),
        sa.Column("payload", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "seq", name="pk_call_events"),
        sa.UniqueConstraint("call_id", "key", name="uq_call_events_call_id_key"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_call_events_call_id"),
    )
    op.create_table(
        "turns",
        sa.Column("call_id", _ID, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("start_ms", sa.Integer(), nullable=False),
        sa.Column("end_ms", sa.Integer(), nullable=False),
        sa.Column("intent", sa.String(32), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("prompt", sa.String(64), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "n", name="pk_turns"),
        sa.CheckConstraint("role IN ('robot', 'callee')", name="ck_turns_role"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_turns_call_id"),
    )
    op.create_table(
        "leads",
        sa.Column("id", _ID, nullable=False),
        sa.Column("call_id", _ID, nullable=False),
        sa.Column("client", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("evidence", _JSON, nullable=False),
        sa.Column("grade", sa.String(1), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("slots", _JSON, nullable=False),
        sa.Column("complaint", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("due_at", _UTC, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_leads"),
        sa.UniqueConstraint("call_id", name="uq_leads_call_id"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_leads_call_id"),
    )
    op.create_index("ix_leads_owner_status_due_at", "leads", ["owner", "status", "due_at"])
    op.create_table(
        "do_not_call",
        sa.Column("number", sa.String(255), nullable=False),
        sa.Column("since", _UTC, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("call_id", _ID),
        sa.PrimaryKeyConstraint("number", name="pk_do_not_call"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_do_not_call_call_id"),
    )
    _guard_events()


def _guard_events() -> None:
    """No row of call_events is changed or removed, whoever asks."""
    if op.get_context().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER call_events_no_{verb.lower()} BEFORE {verb} ON call_events "
                "BEGIN SELECT RAISE(ABORT, 'call_events is append-only'); END"
            )
        # INSERT OR REPLACE deletes without asking the delete trigger.
        op.execute(
            "CREATE TRIGGER call_events_no_replace BEFORE INSERT ON call_events WHEN EXISTS (SELECT 1 FROM call_events "
            "WHERE call_id = NEW.call_id AND (seq = NEW.seq OR key = NEW.key)) "
            "BEGIN SELECT RAISE(ABORT, 'call_events is append-only'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION call_events_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'call_events is append-only' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER call_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON call_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION call_events_append_only()"
    )
