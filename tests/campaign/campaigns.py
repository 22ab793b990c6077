"""Campaigns made straight in the tables, for tests of what happens to them."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import insert

from voicebot.campaign import book, people
from voicebot.campaign.fingerprint import contacts_hash
from voicebot.campaign.plan import Plan
from voicebot.flow.loading import load
from voicebot.store.campaign_tables import campaigns, contacts

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
STAFF = {
    "ann": ["operations"],
    "bo": ["operations"],
    "cy": ["compliance"],
    "su": ["supervisor"],
    "adv": ["advisor"],
    "root": ["admin"],
}
FLOW = load("margin_call")
SLOTS = {
    "firm": "海川证券",
    "name": "王建国",
    "title": "先生",
    "level": "追保",
    "ratio": "128.5",
    "line": "140",
    "shortfall": "120000",
    "deadline": "2099-01-05 15:00",
}


def changed_flow(version="another"):
    return replace(FLOW, version=version)


def add_staff(store):
    for name, roles in STAFF.items():
        people.add(store, name, roles)


def make(store, name="spring", *, accepted=3, refused=(), state="draft", author="ann", plan=None, now=NOW):
    """A campaign as an import leaves it (or in any `state`, without what led there); `refused`: a rule a row."""
    plan = plan or Plan()
    row = {
        "id": f"id-{name}",
        "name": name,
        "flow": FLOW.name,
        "flow_version": FLOW.version,
        "kind": FLOW.kind,
        "author": author,
        "state": state,
        "state_since": now,
        "state_why": "",
        "priority": plan.priority,
        "trunk": plan.trunk,
        "plan": plan.as_json(),
        "contacts_sha256": "",
        "rows_read": accepted + len(refused),
        "contacts_accepted": accepted,
        "zones": ["Asia/Shanghai"],
        "dials": 0,
        "created_at": now,
    }
    with store.writing() as connection:
        connection.execute(insert(campaigns).values(row))
        for n in range(1, accepted + 1):
            add_contact(connection, row["id"], n)
        for n, rule in enumerate(refused, accepted + 1):
            add_contact(connection, row["id"], n, number=None, state="refused", rule=rule)
        sha256 = contacts_hash(connection, row["id"])
        connection.execute(campaigns.update().where(campaigns.c.id == row["id"]).values(contacts_sha256=sha256))
        held = book.find(connection, name, lock=True)
        book.note(connection, held.id, now, author, "imported", data={"refused": len(refused)})
        return book.find(connection, name)


def add_contact(connection, campaign_id, row, **values):
    given = {
        "campaign_id": campaign_id,
        "row": row,
        "ref": f"c{row}",
        "number": f"+861380000{row:04}",
        "given": "",
        "zone": "Asia/Shanghai",
        "slots": SLOTS,
        "facts": {},
        "state": "waiting",
        "rule": "",
        "evidence": {},
        "attempts": 0,
        "dials": 0,
        "due_at": NOW,
        "wish_call_id": "",
        "outcome": "",
    }
    return connection.execute(insert(contacts).values({**given, **values})).inserted_primary_key[0]
