"""Campaigns with their contacts, attempts and log; what dispatch keeps: numbers, trunks, hosts, leases; people.

Types are spelled out here and not taken from the tables: a migration stays what it was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_UTC = sa.DateTime(timezone=True)
_ID = sa.String(64)
_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables and the guards of what is only appended to."""
    op.create_table(
        "campaigns",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _ID, nullable=False),
        sa.Column("flow", _ID, nullable=False),
        sa.Column("flow_version", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("author", _ID, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_since", _UTC, nullable=False),
        sa.Column("state_why", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("trunk", _ID, nullable=False),
        sa.Column("plan", _JSON, nullable=False),
        sa.Column("contacts_sha256", _ID, nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("contacts_accepted", sa.Integer(), nullable=False),
        sa.Column("zones", _JSON, nullable=False),
        sa.Column("approval", _JSON),
        sa.Column("dials", sa.Integer(), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("started_at", _UTC),
        sa.Column("ended_at", _UTC),
        sa.Column("admitted_at", _UTC),
        sa.CheckConstraint("kind IN ('service', 'marketing')", name="ck_campaigns_kind"),
        sa.CheckConstraint(
            "state IN ('importing', 'draft', 'submitted', 'approved', 'running', 'paused', 'done', 'cancelled')",
            name="ck_campaigns_state",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("name", name="uq_campaigns_name"),
    )
    op.create_index("ix_campaigns_state", "campaigns", ["state"])
    op.create_table(
        "hosts",
        sa.Column("name", _ID, nullable=False),
        sa.Column("boot", _ID, nullable=False),
        sa.Column("machine", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("busy", sa.Integer(), nullable=False),
        sa.Column("load", sa.Float(), nullable=False),
        sa.Column("started_at", _UTC, nullable=False),
        sa.Column("seen_at", _UTC, nullable=False),
        sa.Column("lost", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_hosts"),
    )
    op.create_table(
        "leases",
        sa.Column("name", _ID, nullable=False),
        sa.Column("holder", _ID, nullable=False),
        sa.Column("until", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "numbers",
        sa.Column("number", sa.String(255), nullable=False),
        sa.Column("dialled_at", _UTC),
        sa.PrimaryKeyConstraint("number", name="pk_numbers"),
    )
    op.create_table(
        "people",
        sa.Column("name", _ID, nullable=False),
        sa.Column("roles", _JSON, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_people"),
    )
    op.create_table(
        "trunks",
        sa.Column("name", _ID, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", _UTC),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("probe", _ID, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("next_dial_at", _UTC),
        sa.PrimaryKeyConstraint("name", name="pk_trunks"),
    )
    op.create_table(
        "campaign_log",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _UTC, nullable=False),
        sa.Column("who", _ID, nullable=False),
        sa.Column("change", sa.String(32), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("data", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_campaign_log_campaign_id"),
        sa.PrimaryKeyConstraint("campaign_id", "seq", name="pk_campaign_log"),
    )
    op.create_table(
        "contacts",
        sa.Column("id", _COUNTED, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(128), nullable=False),
        sa.Column("number", sa.String(255)),
        sa.Column("given", sa.String(255), nullable=False),
        sa.Column("zone", sa.String(128), nullable=False),
        sa.Column("slots", _JSON, nullable=False),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rule", _ID, nullable=False),
        sa.Column("evidence", _JSON, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("dials", sa.Integer(), nullable=False),
        sa.Column("due_at", _UTC, nullable=False),
        sa.Column("wish_call_id", _ID, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("settled_at", _UTC),
        sa.CheckConstraint(
            "state IN ('waiting', 'admitted', 'done', 'refused', 'unknown', 'cancelled')", name="ck_contacts_state"
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_contacts_campaign_id"),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("campaign_id", "number", name="uq_contacts_campaign_id_number"),
    )
    op.create_index("ix_contacts_campaign_id_row", "contacts", ["campaign_id", "row"])
    op.create_index("ix_contacts_due", "contacts", ["campaign_id", "state", "zone", "due_at"])
    op.create_table(
        "attempts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("contact_id", _COUNTED, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("number", sa.String(255), nullable=False),
        sa.Column("trunk", _ID, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("queued_at", _UTC, nullable=False),
        sa.Column("handed", sa.Integer(), nullable=False),
        sa.Column("handed_at", _UTC, nullable=False),
        sa.Column("host", _ID, nullable=False),
        sa.Column("token", _ID, nullable=False),
        sa.Column("fenced_at", _UTC),
        sa.Column("call_id", _ID, nullable=False),
        sa.Column("closed_at", _UTC),
        sa.Column("disposition", sa.String(32), nullable=False),
        sa.Column("rule", _ID, nullable=False),
        sa.Column("evidence", _JSON, nullable=False),
        sa.Column("decided_by", _ID, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'dialling', 'closed', 'unknown', 'refused')", name="ck_attempts_state"),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_attempts_campaign_id"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_attempts_contact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint("contact_id", "n", name="uq_attempts_contact_id_n"),
    )
    op.create_index("ix_attempts_call_id", "attempts", ["call_id"])
    op.create_index("ix_attempts_campaign_id_state", "attempts", ["campaign_id", "state"])
    op.create_index("ix_attempts_host_state", "attempts", ["host", "state"])
    op.create_index("ix_attempts_number_fenced_at", "attempts", ["number", "fenced_at"])
    op.create_index("ix_attempts_state", "attempts", ["state"])
    op.create_index("ix_attempts_trunk_state", "attempts", ["trunk", "state"])
    op.create_table(
        "gate_log",
        sa.Column("id", _COUNTED, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("contact_id", _COUNTED, nullable=False),
        sa.Column("at", _UTC, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("rule", _ID, nullable=False),
        sa.Column("evidence", _JSON, nullable=False),
        sa.Column("until", _UTC),
        sa.CheckConstraint("stage IN ('enqueue', 'dial')", name="ck_gate_log_stage"),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_gate_log_campaign_id"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_gate_log_contact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gate_log"),
    )
    op.create_index("ix_gate_log_campaign_id_rule", "gate_log", ["campaign_id", "rule"])
    op.create_index("ix_gate_log_contact_id", "gate_log", ["contact_id"])

    for table in ("campaign_log", "gate_log"):
        _guard(table)


def _guard(table: str) -> None:
    """No row of the table is changed or removed, whoever asks."""
    if op.get_context().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )
