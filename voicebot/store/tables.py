"""The tables, once for SQLite and PostgreSQL. What they mean and how they hang together: docs/record.md.

A change here needs a migration (`migrations/versions`); a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

# Names for every constraint, so that later migrations can speak of them on both databases.
metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Json: Final = JSON().with_variant(JSONB(), "postgresql")


class Utc(TypeDecorator[datetime]):
    """An instant: aware in Python; in SQLite, which has no zones, written as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database. A naive datetime is a bug of the caller: `ValueError`."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an aware datetime is expected")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


STATES: Final = ("queued", "dialling", "ringing", "answered", "closed")
_ID: Final = String(64)

calls = Table(
    "calls",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("flow", String(64), nullable=False),
    Column("flow_version", String(128), nullable=False),
    Column("contact_ref", String(128), nullable=False),
    Column("contact_slots", Json, nullable=False),
    Column("target", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("dialled_at", Utc),
    Column("answered_at", Utc),
    Column("ended_at", Utc),
    Column("closed_at", Utc),
    Column("disposition", String(32), nullable=False),
    Column("grade", String(1), nullable=False),
    Column("sip_code", Integer, nullable=False),
    Column("sip_cause", String(32), nullable=False),
    Column("sip_reason", String(255), nullable=False),
    Column("ended_by_far_end", Boolean(create_constraint=False), nullable=False),
    Column("fault", Text, nullable=False),
    Column("asr", String(128), nullable=False),
    Column("nlu", String(128), nullable=False),
    Column("tts", String(128), nullable=False),
    Column("synthetic_ear", Boolean(create_constraint=False), nullable=False),
    Column("worker", String(64), nullable=False),
    Column("worker_pid", Integer, nullable=False),
    Column("disclosures", Json, nullable=False),
    Column("recording_path", String(255), nullable=False),
    Column("recording_sha256", String(64), nullable=False),
    Column("recording_ms", Integer, nullable=False),
    Column("recording_problem", Text, nullable=False),
    Column("response_p50_ms", Integer),
    Column("response_p95_ms", Integer),
    CheckConstraint(f"state IN {STATES}", name="state"),
    Index(None, "created_at"),
    Index(None, "worker", "state"),
)

call_events = Table(
    "call_events",
    metadata,
    Column("call_id", _ID, ForeignKey("calls.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    # Given by the writer, so that a batch sent again after a lost connection is not appended twice.
    Column("key", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("at_ms", Integer, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Column("payload", Json, nullable=False),
    UniqueConstraint("call_id", "key"),
)

turns = Table(
    "turns",
    metadata,
    Column("call_id", _ID, ForeignKey("calls.id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("role", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("end_ms", Integer, nullable=False),
    Column("intent", String(32), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("prompt", String(64), nullable=False),
    Column("complete", Boolean(create_constraint=False), nullable=False),
    Column("written", Text, nullable=False, server_default=""),
    CheckConstraint("role IN ('robot', 'callee')", name="role"),
)

leads = Table(
    "leads",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("call_id", _ID, ForeignKey("calls.id"), nullable=False, unique=True),
    Column("client", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("grade", String(1), nullable=False),
    Column("words", Text, nullable=False),
    Column("slots", Json, nullable=False),
    Column("complaint", Boolean(create_constraint=False), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Utc, nullable=False),
    Index(None, "owner", "status", "due_at"),
)

do_not_call = Table(
    "do_not_call",
    metadata,
    Column("number", String(255), primary_key=True),
    Column("since", Utc, nullable=False),
    Column("reason", Text, nullable=False),
    Column("call_id", _ID, ForeignKey("calls.id")),
)
