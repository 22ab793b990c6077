"""What nobody knows 待裁定: attempts of which it is uncertain whether a phone rang, and what people decide of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, RowMapping, Select, select, update

from voicebot.campaign import book, people
from voicebot.campaign.book import Campaign
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.masking import mask_number
from voicebot.store.campaign_tables import attempts, contacts
from voicebot.store.store import Store

Choice = Literal["redial", "close"]
CHOICES: Final[tuple[Choice, ...]] = ("redial", "close")
ROLES: Final = ("operations", "supervisor")
_ENDED: Final = ("done", "cancelled")


@dataclass(frozen=True, slots=True)
class Uncertain:
    """An attempt to be decided about. `row`: the contact's in its list; `number`: masked; `fenced_at`: its phone may
    have rung from then on; `note`: what is known of how its process ended.
    """

    attempt_id: str
    contact_id: int
    row: int
    ref: str
    number: str
    fenced_at: datetime
    host: str
    call_id: str
    note: str


def unknown_of(store: Store, campaign: Campaign) -> list[Uncertain]:
    """What is to be decided in a campaign, in the order of its list."""
    with store.reading() as connection:
        return [_of_row(row) for row in connection.execute(_undecided(campaign.id)).mappings()]


def decide(
    store: Store,
    name: str,
    which: int | str,
    choice: Choice,
    who: str,
    why: str,
    now: datetime,
    redial_after: timedelta | None = None,
) -> Uncertain:
    """Call a contact again (after the plan's `redial_after`, or another) or close it as unknown. `name`: the
    campaign's; `which`: the contact's row in the list, or the attempt's id. Raises `CampaignFault`: nothing is to be
    decided there.
    """
    with store.writing() as connection:
        people.require(connection, who, *ROLES, act="decide 裁定")
        # Campaign, attempt, contact: the order in which settlement holds them too.
        campaign = book.find(connection, name, lock=True)
        if not why.strip():
            raise CampaignFault(f"{campaign.name}: say why: --why TEXT")
        if choice == "redial" and campaign.state in _ENDED:
            raise CampaignFault(f"{campaign.name} is {campaign.state}: it calls nobody again; `close` is left")
        found = _found(connection, campaign, which)
        mine = (attempts.c.id == found.attempt_id, attempts.c.state == "unknown", attempts.c.decided_by == "")
        told = f"{choice}: {why.strip()}"
        note = f"{found.note}; {told}" if found.note else told
        if connection.execute(update(attempts).where(*mine).values(decided_by=who, note=note)).rowcount == 0:
            raise CampaignFault(f"{campaign.name}: row {found.row} is decided or known by now")
        due_at = now + (campaign.plan.redial_after if redial_after is None else redial_after)
        # Its outcome stays `unknown`: by that, its next attempt is known as a redial.
        change: dict[str, Any] = {"state": "waiting", "due_at": due_at}
        if choice == "close":
            change = {"state": "done", "settled_at": now}
        connection.execute(
            update(contacts).where(contacts.c.id == found.contact_id).values(outcome="unknown", **change)
        )
        data = {"attempt": found.attempt_id, "row": found.row, "choice": choice}
        book.note(connection, campaign.id, now, who, "decided", why, data)
        return found


def _found(connection: Connection, campaign: Campaign, which: int | str) -> Uncertain:
    place = contacts.c.row == which if isinstance(which, int) else attempts.c.id == which
    row = connection.execute(_undecided(campaign.id).where(place)).mappings().first()
    if row is None:
        told = f"row {which}" if isinstance(which, int) else f"attempt {which}"
        raise CampaignFault(
            f"{campaign.name}: nothing is to be decided about {told}: `voicebot campaign unknown {campaign.name}` shows"
            " what is"
        )
    return _of_row(row)


def _undecided(campaign_id: str) -> Select[Any]:
    names = ("fenced_at", "host", "call_id", "note", "number", "contact_id")
    return (
        select(attempts.c.id, contacts.c.row, contacts.c.ref, *(attempts.c[name] for name in names))
        .join(contacts, contacts.c.id == attempts.c.contact_id)
        .where(
            attempts.c.campaign_id == campaign_id,
            attempts.c.state == "unknown",
            attempts.c.decided_by == "",
            # An earlier one, or one that the plan has decided about: its contact went on.
            attempts.c.n == contacts.c.attempts,
            contacts.c.state == "unknown",
        )
        .order_by(contacts.c.row)
    )


def _of_row(row: RowMapping) -> Uncertain:
    own = {name: row[name] for name in Uncertain.__slots__ if name not in ("attempt_id", "number")}
    return Uncertain(attempt_id=row["id"], number=mask_number(row["number"]), **own)
