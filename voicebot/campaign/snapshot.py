"""What the gates look at, read from the database in a transaction of the caller's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, or_, select

from voicebot.campaign.book import Campaign
from voicebot.campaign.gates import Dial, Snapshot
from voicebot.campaign.policy import Policy
from voicebot.flow.model import Flow
from voicebot.store import tables
from voicebot.store.campaign_tables import attempts

# The longest that a cap looks back.
LOOK_BACK: Final = timedelta(days=7)
# Attempts that ended before any phone could ring: their numbers were not called.
NOT_DIALLED: Final = "not_dialled"
TRUNK_FAILED: Final = "trunk_failed"
SILENT_ENDINGS: Final = (NOT_DIALLED, TRUNK_FAILED)


def snapshots(
    connection: Connection,
    campaign: Campaign,
    contacts: Sequence[RowMapping],
    flow: Flow,
    policy: Policy,
    now: datetime,
    *,
    leave_out: str = "",
) -> dict[int, Snapshot]:
    """A snapshot of each contact (rows of `contacts`), by its id. `leave_out`: the attempt that asks, which is no
    earlier call of its own.
    """
    numbers = [row["number"] for row in contacts]
    recent = _recent(connection, numbers, now, leave_out)
    forbidden = _forbidden(connection, numbers)
    complaints = _complaints(connection, contacts)
    limits = policy.limits(campaign.kind)
    return {
        row["id"]: Snapshot(
            now=now,
            kind=campaign.kind,
            plan=campaign.plan,
            limits=limits,
            number=row["number"],
            zones=tuple(row["zone"].split(",")),
            slots=row["slots"],
            facts=row["facts"],
            suitability=_suitability(flow, row["slots"]),
            recent=tuple(recent.get(row["number"], ())),
            forbidden=forbidden.get(row["number"]),
            complaint_open=row["id"] in complaints,
            wished=bool(row["wish_call_id"]),
            spent=campaign.dials,
            dials=row["dials"],
            imported_at=campaign.created_at,
        )
        for row in contacts
    }


def _suitability(flow: Flow, slots: Mapping[str, Any]) -> tuple[str, str, str, str] | None:
    needs = flow.script.suitability
    if needs is None:
        return None
    client, product, until, consent = (
        str(slots.get(name, "")) for name in (needs.client, needs.product, needs.valid_until, needs.consent)
    )
    return client, product, until, consent


def _recent(connection: Connection, numbers: Sequence[str], now: datetime, leave_out: str) -> dict[str, list[Dial]]:
    query = (
        select(attempts.c.number, attempts.c.fenced_at, attempts.c.campaign_id, attempts.c.id)
        .where(attempts.c.number.in_(numbers), attempts.c.fenced_at > now - LOOK_BACK, attempts.c.id != leave_out)
        .where(attempts.c.rule.not_in(SILENT_ENDINGS))
        .order_by(attempts.c.fenced_at)
    )
    found: defaultdict[str, list[Dial]] = defaultdict(list)
    for number, at, campaign_id, attempt_id in connection.execute(query):
        found[number].append(Dial(at, campaign_id, attempt_id))
    return found


def _forbidden(connection: Connection, numbers: Sequence[str]) -> dict[str, tuple[datetime, str]]:
    list_ = tables.do_not_call.c
    query = select(list_.number, list_.since, list_.reason).where(list_.number.in_(numbers))
    return {number: (since, reason) for number, since, reason in connection.execute(query)}


def _complaints(connection: Connection, contacts: Sequence[RowMapping]) -> set[int]:
    """Contacts with a complaint that is still open: of the same client (the firm's key) or the same number."""
    refs = {row["ref"] for row in contacts if row["ref"]}
    numbers = {row["number"] for row in contacts}
    leads = tables.leads.c
    query = (
        select(leads.client, attempts.c.number)
        .select_from(tables.leads.outerjoin(attempts, attempts.c.call_id == leads.call_id))
        .where(leads.complaint.is_(True), leads.status == "open")
        .where(or_(leads.client.in_(refs), attempts.c.number.in_(numbers)))
    )
    found = connection.execute(query).all()
    clients, their_numbers = {client for client, _ in found if client}, {number for _, number in found if number}
    return {row["id"] for row in contacts if row["ref"] in clients or row["number"] in their_numbers}
