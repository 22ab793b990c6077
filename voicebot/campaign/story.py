"""The whole story of a contact, in order: why each call to it was or was not made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select

from voicebot.campaign import book, chinese
from voicebot.campaign.book import Campaign
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.masking import mask_number, masked_ref, scrubbed
from voicebot.store.campaign_tables import attempts, contacts, gate_log
from voicebot.store.store import Store
from voicebot.store.tables import calls

# What was done to the campaign and touches none of its contacts.
_ASIDE: Final = frozenset({"exported"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the contact, or to its campaign. `what`: its id; `rule`: that said no, "" if none did;
    `data`: what else is known, masked.
    """

    at: datetime
    what: str
    told: str
    rule: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """A contact, its number masked, and all that happened. `due_at`: when it may be dialled next, None if never; only
    while the campaign runs (`campaign_state`).
    """

    campaign: str
    campaign_state: str
    row: int
    ref: str
    number: str
    state: str
    outcome: str
    rule: str
    due_at: datetime | None
    wished: bool
    events: tuple[Event, ...]


def tell(store: Store, campaign: str, contact: str) -> Story:
    """The story of a contact by its row or `ref` in the list. Raises `CampaignFault` where there is none, or several;
    `StoreFault`.
    """
    with store.reading() as connection:
        of = book.find(connection, campaign)
        row = _contact(connection, of, contact)
        events = [
            *_campaigns(connection, of, row),
            *_gates(connection, row["id"]),
            *_attempts(connection, row["id"]),
        ]
    number = row["number"] or row["given"]
    return Story(
        campaign=of.name,
        campaign_state=of.state,
        row=row["row"],
        ref=masked_ref(row["ref"], number),
        number=mask_number(number),
        state=row["state"],
        outcome=row["outcome"],
        rule=row["rule"],
        due_at=row["due_at"] if row["state"] == "waiting" else None,
        wished=bool(row["wish_call_id"]),
        events=tuple(sorted(events, key=lambda event: event.at)),
    )


def _contact(connection: Connection, campaign: Campaign, wanted: str) -> RowMapping:
    kind, colon, rest = wanted.partition(":")
    if colon and kind in ("row", "ref"):
        by_row, by_ref, key = kind == "row", kind == "ref", rest
    else:
        by_row, by_ref, key = True, True, wanted
    found: list[RowMapping] = []
    here = select(contacts).where(contacts.c.campaign_id == campaign.id)
    if by_row and key.isascii() and key.isdecimal() and len(key) < 10:
        found += connection.execute(here.where(contacts.c.row == int(key)).limit(2)).mappings()
    if by_ref:
        found += connection.execute(here.where(contacts.c.ref == key).order_by(contacts.c.row).limit(3)).mappings()
    ids = {row["id"] for row in found}
    if not ids:
        raise CampaignFault(
            f"{campaign.name} has no contact in row {key!r} of its list, nor with that ref:"
            f" `voicebot campaign export {campaign.name} --to contacts.csv` lists them"
        )
    if len(ids) > 1:
        rows = ", ".join(str(row["row"]) for row in found)
        raise CampaignFault(f"{key!r} may be the contact in row {rows}: say which, such as row:{found[0]['row']}")
    return found[0]


def _campaigns(connection: Connection, campaign: Campaign, contact: RowMapping) -> Iterator[Event]:
    """What was done to the campaign, and the verdict on the contact's row, which belongs to its import."""
    log = [entry for entry in book.log_of(connection, campaign.id) if entry.change not in _ASIDE]
    imported = next((entry.at for entry in log if entry.change == "imported"), campaign.created_at)
    for entry in log:
        why = f": {scrubbed(entry.why)}" if entry.why else ""
        yield Event(entry.at, "campaign", f"campaign {entry.change} by {entry.who}{why}")
    evidence = scrubbed(contact["evidence"])
    if contact["number"] is None:
        yield Event(imported, "refused", f"row {contact['row']} refused at import", contact["rule"], evidence)
    else:
        yield Event(imported, "accepted", f"row {contact['row']} accepted at import 导入通过")
        if contact["state"] == "refused" and contact["settled_at"] is not None:
            yield Event(contact["settled_at"], "refused", "refused for good 不再拨打", contact["rule"], evidence)


def _gates(connection: Connection, contact_id: int) -> Iterator[Event]:
    query = select(gate_log).where(gate_log.c.contact_id == contact_id).order_by(gate_log.c.id)
    for row in connection.execute(query).mappings():
        stage = f"{row['stage']} {chinese.STAGE[row['stage']]}"
        data = dict(scrubbed(row["evidence"]))
        if row["until"] is not None:
            data["until"] = row["until"]
        when = "not now 暂不拨打" if row["until"] is not None else "never 不再拨打"
        yield Event(row["at"], "gate", f"gate ({stage}): {when}", row["rule"], data)


def _attempts(connection: Connection, contact_id: int) -> Iterator[Event]:
    query = (
        select(attempts, calls.c.answered_at, calls.c.ended_at, calls.c.sip_code, calls.c.disclosures)
        .select_from(attempts.outerjoin(calls, calls.c.id == attempts.c.call_id))
        .where(attempts.c.contact_id == contact_id)
        .order_by(attempts.c.n)
    )
    for row in connection.execute(query).mappings():
        yield from _attempt(row)


def _attempt(row: RowMapping) -> Iterator[Event]:
    name = f"attempt {row['n']}"
    kind = f"{row['kind']} {chinese.KIND.get(row['kind'], '')}".strip()
    yield Event(row["queued_at"], "queued", f"{name} ({kind}) queued 排队", data={"trunk": row["trunk"]})
    if row["fenced_at"] is not None:
        data = {"host": row["host"], "token": row["token"], "call": row["call_id"]}
        yield Event(row["fenced_at"], "dialled", f"{name} fenced, the call goes out 拨出", data=data)
    if row["answered_at"] is not None:
        yield Event(row["answered_at"], "answered", f"{name} answered 接通")
    evidence = scrubbed(row["evidence"])
    last = row["closed_at"] or row["ended_at"] or row["fenced_at"] or row["queued_at"]
    match row["state"]:
        case "closed":
            told = f"{name} closed: {row['disposition']} {chinese.outcome(row['disposition'])}"
            data = {"SIP": row["sip_code"]} if row["sip_code"] else {}
            if row["disclosures"]:
                data["disclosures"] = ", ".join(row["disclosures"])
            yield Event(last, "closed", told, row["rule"], {**data, **evidence})
        case "refused":
            yield Event(last, "refused", f"{name} refused before the call 拨打前拒绝", row["rule"], evidence)
        case "unknown":
            data = {"why": scrubbed(row["note"])} if row["note"] else {}
            told = f"{name} uncertain: a phone may have rung 待核实"
            yield Event(last, "unknown", told, row["rule"], {**data, **evidence})
    if row["decided_by"]:
        yield Event(last, "decided", f"{name} decided by {row['decided_by']}: {scrubbed(row['note'])}")


def as_json(story: Story) -> dict[str, Any]:
    """For programs. Times are ISO 8601."""
    told = asdict(story) | {"due_at": story.due_at.isoformat() if story.due_at else None}
    told["events"] = [
        {
            "at": event.at.isoformat(),
            "what": event.what,
            "told": event.told,
            "rule": event.rule,
            "data": {k: v.isoformat() if isinstance(v, datetime) else v for k, v in event.data.items()},
        }
        for event in story.events
    ]
    return told
