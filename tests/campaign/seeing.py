"""A campaign as it is after some days, straight into the tables: what status, export and why are tried on.

Nothing here is of a client; names and numbers are made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from voicebot.campaign.plan import Plan
from voicebot.store import tables
from voicebot.store.campaign_tables import attempts, campaign_log, campaigns, contacts, gate_log, hosts, people, trunks
from voicebot.store.records import NewCall
from voicebot.store.store import Store, insert_call

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)  # Wednesday, 14:00 in Shanghai
START = NOW - timedelta(hours=4)
ZONE = "Asia/Shanghai"
NAME = "王建国"


@dataclass(frozen=True)
class Call:
    """A call placed: `ago` minutes before now; `talk_s` None: not answered; `over`: it has an outcome."""

    outcome: str
    ago: float = 60.0
    talk_s: float | None = None
    disclosures: tuple[str, ...] = ()
    lead: str = ""
    state: str = "closed"
    rule: str = ""


def number(row: int) -> str:
    return f"+861380013{8000 + row}"


def campaign(store: Store, id_: str = "c1", **changed: Any) -> str:
    plan = Plan.model_validate(changed.pop("plan", {}))
    row = {
        "id": id_, "name": f"{id_}-warning", "flow": "margin_call", "flow_version": "ab" * 32, "kind": "service",
        "author": "ops", "state": "running", "state_since": START, "state_why": "", "priority": plan.priority,
        "trunk": plan.trunk, "plan": plan.as_json(), "contacts_sha256": "cd" * 32, "rows_read": 0,
        "contacts_accepted": 0, "zones": [ZONE], "approval": None, "dials": 0, "created_at": START,
        "started_at": START, "ended_at": None, "admitted_at": None,
    }  # fmt: skip
    with store.writing() as connection:
        connection.execute(insert(campaigns), {**row, **changed})
        first = {"campaign_id": id_, "seq": 1, "at": START, "who": "ops", "change": "imported", "why": "", "data": {}}
        connection.execute(insert(campaign_log), first)
    return id_


def contact(
    store: Store,
    row: int,
    *placed: Call,
    campaign: str = "c1",
    state: str = "done",
    due_in: float = -240.0,
    **changed: Any,
) -> int:
    """A contact and the calls that were placed to it; `due_in`: minutes from now."""
    values: dict[str, Any] = {
        "campaign_id": campaign, "row": row, "ref": f"client-{row}", "number": number(row), "given": number(row),
        "zone": ZONE, "slots": {"name": NAME, "shortfall": "120000.00"}, "facts": {}, "state": state, "rule": "",
        "evidence": {}, "attempts": len(placed), "dials": len(placed), "due_at": NOW + timedelta(minutes=due_in),
        "wish_call_id": "", "outcome": placed[-1].outcome if placed else "", "settled_at": None,
    }  # fmt: skip
    values |= changed
    with store.writing() as connection:
        id_: int = connection.execute(insert(contacts).values(values).returning(contacts.c.id)).scalar_one()
        for n, call in enumerate(placed, start=1):
            _place(connection, campaign, id_, row, n, call)
        connection.execute(
            update(campaigns).where(campaigns.c.id == campaign).values(dials=campaigns.c.dials + len(placed))
        )
    return id_


def _place(connection: Any, campaign: str, contact_id: int, row: int, n: int, call: Call) -> None:
    at = NOW - timedelta(minutes=call.ago)
    call_id = f"call-{contact_id}-{n}"
    ended = at + timedelta(seconds=10 + (call.talk_s or 0))
    over = call.state == "closed"
    connection.execute(
        insert(attempts),
        {
            "id": f"{contact_id}:{n}", "campaign_id": campaign, "contact_id": contact_id, "n": n,
            "kind": "first" if n == 1 else "retry", "number": number(row), "trunk": "default", "state": call.state,
            "queued_at": at - timedelta(seconds=5), "handed": 1, "handed_at": at - timedelta(seconds=5),
            "host": "host-1", "token": f"token-{contact_id}-{n}", "fenced_at": at, "call_id": call_id,
            "closed_at": ended if over else None, "disposition": call.outcome if over else "", "rule": call.rule,
            "evidence": {}, "decided_by": "", "note": "",
        },
    )  # fmt: skip
    insert_call(connection, NewCall(call_id, "margin_call", "ab" * 32, number(row), created_at=at))
    answered = at + timedelta(seconds=10) if call.talk_s is not None else None
    connection.execute(
        update(tables.calls)
        .where(tables.calls.c.id == call_id)
        .values(
            state="closed" if over else "answered", answered_at=answered, ended_at=ended if over else None,
            disposition=call.outcome, disclosures=list(call.disclosures), sip_code=200 if answered else 486,
        )
    )  # fmt: skip
    if call.lead:
        lead = {
            "id": call_id, "call_id": call_id, "client": f"client-{row}", "kind": call.lead, "rule": call.lead,
            "rule_version": 1, "evidence": {}, "grade": "B", "words": "", "slots": {}, "complaint": False,
            "owner": "advisor", "due_at": NOW, "status": "open", "created_at": at,
        }  # fmt: skip
        connection.execute(insert(tables.leads), lead)


def refused_row(store: Store, row: int, rule: str, given: str, *, campaign: str = "c1", **evidence: Any) -> int:
    """A row that was refused when the list was read."""
    return contact(
        store, row, campaign=campaign, state="refused", number=None, given=given, slots={}, rule=rule,
        evidence=evidence, settled_at=START,
    )  # fmt: skip


def gate(
    store: Store,
    contact_id: int,
    rule: str,
    *,
    stage: str = "enqueue",
    ago: float = 30.0,
    until: datetime | None = None,
    campaign: str = "c1",
    **evidence: Any,
) -> None:
    row = {
        "campaign_id": campaign, "contact_id": contact_id, "at": NOW - timedelta(minutes=ago), "stage": stage,
        "rule": rule, "evidence": evidence, "until": until,
    }  # fmt: skip
    with store.writing() as connection:
        connection.execute(insert(gate_log), row)


def host(store: Store, name: str, *, channels: int = 4, busy: int = 0, ago_s: float = 1.0, lost: bool = False) -> None:
    row = {
        "name": name, "boot": "b", "machine": "m", "pid": 1, "channels": channels, "busy": busy, "load": 0.5,
        "started_at": START, "seen_at": NOW - timedelta(seconds=ago_s), "lost": lost,
    }  # fmt: skip
    with store.writing() as connection:
        connection.execute(insert(hosts), row)


def trunk(store: Store, *, failures: int, open_until: datetime | None, why: str = "503") -> None:
    row = {
        "name": "default", "failures": failures, "open_until": open_until, "opened": 1, "probe": "", "why": why,
        "next_dial_at": None,
    }  # fmt: skip
    with store.writing() as connection:
        connection.execute(insert(trunks), row)


def person(store: Store, name: str, *roles: str) -> None:
    with store.writing() as connection:
        row = {"name": name, "roles": list(roles), "active": True, "created_at": START}
        connection.execute(insert(people), row)


def log_of(store: Store, campaign: str = "c1") -> Sequence[Any]:
    with store.reading() as connection:
        query = campaign_log.select().where(campaign_log.c.campaign_id == campaign).order_by(campaign_log.c.seq)
        return connection.execute(query).mappings().all()
