"""The tables of campaigns, once for SQLite and PostgreSQL. What they mean: docs/campaigns.md.

They share `voicebot.store.tables.metadata`; a change here needs a migration, and a test compares the two.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from voicebot.store.tables import Json, Utc, metadata

CAMPAIGN_STATES: Final = ("importing", "draft", "submitted", "approved", "running", "paused", "done", "cancelled")
# waiting: may be admitted from `due_at` on; admitted: an attempt is under way; done: nothing more to do; refused: by a
# row's verdict or a gate, for good; unknown: a phone may have rung and somebody has to decide; cancelled: with its
# campaign.
CONTACT_STATES: Final = ("waiting", "admitted", "done", "refused", "unknown", "cancelled")
# queued: admitted, nothing dialled; dialling: fenced, a phone may ring from here on; closed: with an outcome; unknown:
# a phone may have rung, nobody knows; refused: a gate said no before the fence.
ATTEMPT_STATES: Final = ("queued", "dialling", "closed", "unknown", "refused")

_ID: Final = String(64)
_NAME: Final = String(64)
_NUMBER: Final = String(255)
# SQLite counts up by itself only in a column that is INTEGER to the letter.
_COUNTED: Final = BigInteger().with_variant(Integer(), "sqlite")

people = Table(
    "people",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("roles", Json, nullable=False),
    Column("active", Boolean(create_constraint=False), nullable=False),
    Column("created_at", Utc, nullable=False),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", _NAME, nullable=False, unique=True),
    Column("flow", _NAME, nullable=False),
    Column("flow_version", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("author", _NAME, nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_since", Utc, nullable=False),
    Column("state_why", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("trunk", _NAME, nullable=False),
    Column("plan", Json, nullable=False),
    Column("contacts_sha256", String(64), nullable=False),
    Column("rows_read", Integer, nullable=False),
    Column("contacts_accepted", Integer, nullable=False),
    # The zones of its contacts, so that the feeder need not look at those where it is night.
    Column("zones", Json, nullable=False),
    # What was approved, by whom, when; NULL without a valid approval.
    Column("approval", Json),
    # Calls placed so far (fenced attempts): what the budget is spent on.
    Column("dials", Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("started_at", Utc),
    Column("ended_at", Utc),
    Column("admitted_at", Utc),
    CheckConstraint(f"state IN {CAMPAIGN_STATES}", name="state"),
    CheckConstraint("kind IN ('service', 'marketing')", name="kind"),
    Index(None, "state"),
)

campaign_log = Table(
    "campaign_log",
    metadata,
    Column("campaign_id", _ID, ForeignKey("campaigns.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("who", _NAME, nullable=False),
    Column("change", String(32), nullable=False),
    Column("why", Text, nullable=False),
    Column("data", Json, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", _COUNTED, primary_key=True),
    Column("campaign_id", _ID, ForeignKey("campaigns.id"), nullable=False),
    Column("row", Integer, nullable=False),
    Column("ref", String(128), nullable=False),
    # Canonical (voicebot.store.number); NULL where the row was refused, so that only accepted ones must differ.
    Column("number", _NUMBER),
    Column("given", _NUMBER, nullable=False),
    Column("zone", String(128), nullable=False),
    Column("slots", Json, nullable=False),
    # What the gates ask for and no script says: consent, its end, 追保 state, open complaint, the data's date.
    Column("facts", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("evidence", Json, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("dials", Integer, nullable=False),
    Column("due_at", Utc, nullable=False),
    # The callee asked to be called at `due_at` (约回拨); in that call.
    Column("wish_call_id", _ID, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("settled_at", Utc),
    UniqueConstraint("campaign_id", "number"),
    CheckConstraint(f"state IN {CONTACT_STATES}", name="state"),
    Index("ix_contacts_due", "campaign_id", "state", "zone", "due_at"),
    Index(None, "campaign_id", "row"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("campaign_id", _ID, ForeignKey("campaigns.id"), nullable=False),
    Column("contact_id", _COUNTED, ForeignKey("contacts.id"), nullable=False),
    Column("n", Integer, nullable=False),
    # first, retry, wish (the callee asked for it), redial (decided after an unknown one)
    Column("kind", String(16), nullable=False),
    Column("number", _NUMBER, nullable=False),
    Column("trunk", _NAME, nullable=False),
    Column("state", String(16), nullable=False),
    Column("queued_at", Utc, nullable=False),
    # How often it was handed to the queue: an attempt whose workflow was lost is handed over again.
    Column("handed", Integer, nullable=False),
    Column("handed_at", Utc, nullable=False),
    Column("host", _NAME, nullable=False),
    Column("token", _ID, nullable=False),
    Column("fenced_at", Utc),
    Column("call_id", _ID, nullable=False),
    Column("closed_at", Utc),
    Column("disposition", String(32), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("evidence", Json, nullable=False),
    Column("decided_by", _NAME, nullable=False),
    Column("note", Text, nullable=False),
    UniqueConstraint("contact_id", "n"),
    CheckConstraint(f"state IN {ATTEMPT_STATES}", name="state"),
    # What is not over is found at a cost that does not grow with how much is.
    Index(None, "state"),
    Index(None, "campaign_id", "state"),
    Index(None, "trunk", "state"),
    Index(None, "host", "state"),
    # The dials of a number over all campaigns: what the frequency caps count.
    Index(None, "number", "fenced_at"),
    Index(None, "call_id"),
)

# Every refusal by a gate, also those that only say "later".
gate_log = Table(
    "gate_log",
    metadata,
    Column("id", _COUNTED, primary_key=True),
    Column("campaign_id", _ID, ForeignKey("campaigns.id"), nullable=False),
    Column("contact_id", _COUNTED, ForeignKey("contacts.id"), nullable=False),
    Column("at", Utc, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("evidence", Json, nullable=False),
    Column("until", Utc),
    CheckConstraint("stage IN ('enqueue', 'dial')", name="stage"),
    Index(None, "campaign_id", "rule"),
    Index(None, "contact_id"),
)

# A row a number, held while one of its attempts is fenced: two campaigns cannot pass the caps at the same moment.
numbers = Table(
    "numbers",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("dialled_at", Utc),
)

trunks = Table(
    "trunks",
    metadata,
    Column("name", _NAME, primary_key=True),
    # The circuit breaker: failures in a row; open until then (NULL: closed); the attempt that probes it.
    Column("failures", Integer, nullable=False),
    Column("open_until", Utc),
    Column("opened", Integer, nullable=False),
    Column("probe", _ID, nullable=False),
    Column("why", Text, nullable=False),
    # Calls per second: no INVITE before this moment.
    Column("next_dial_at", Utc),
)

hosts = Table(
    "hosts",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("boot", _ID, nullable=False),
    Column("machine", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("busy", Integer, nullable=False),
    Column("load", Float, nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    # Given up by another host: whatever it comes back with, it must register anew before it dials.
    Column("lost", Boolean(create_constraint=False), nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("holder", _ID, nullable=False),
    Column("until", Utc, nullable=False),
)
