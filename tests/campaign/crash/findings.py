"""What a campaign left behind, held against what really rang: the sink's log is believed, our tables are judged.

`judge` is pure; every fault it can find is planted in test_findings.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from tests.campaign.crash.sink import Invite
from tests.campaign.crash.stage import dialled
from voicebot.store import tables
from voicebot.store.campaign_tables import attempts, campaigns, contacts
from voicebot.store.store import Store

NOT_DIALLED = "not_dialled"
# Rules of attempts that reached no phone and so do not count towards the caps.
UNCOUNTED = (NOT_DIALLED, "trunk_failed")


@dataclass(frozen=True, slots=True)
class Contact:
    """Of a row of `contacts`, what is judged."""

    id: int
    state: str
    attempts: int
    dials: int
    outcome: str
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Of a row of `attempts`, what is judged."""

    id: str
    contact_id: int
    n: int
    number: str
    state: str
    host: str
    token: str
    fenced_at: datetime | None
    closed_at: datetime | None
    call_id: str
    disposition: str
    rule: str
    note: str


@dataclass(frozen=True, slots=True)
class Left:
    """Everything that is there at the end. `calls`: state of each call's record, by id."""

    campaign: str
    dials: int
    contacts: tuple[Contact, ...]
    attempts: tuple[Attempt, ...]
    calls: dict[str, str]
    invites: tuple[Invite, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """Counts for a reader, and what is wrong, a line each: none is what the tests want."""

    counts: dict[str, int]
    double_dials: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All of it."""
        return [*self.double_dials, *self.lost, *self.contradictions]


def read(store: Store, invites: Sequence[Invite]) -> Left:
    """The only campaign of a database."""
    with store.reading() as connection:

        def rows(of: type[Any], table: Any, *order: Any) -> tuple[Any, ...]:
            found = connection.execute(select(table).order_by(*order)).mappings()
            return tuple(of(**{name: row[name] for name in of.__slots__}) for row in found)

        campaign = connection.execute(select(campaigns.c.state, campaigns.c.dials)).one()
        calls = {row.id: row.state for row in connection.execute(select(tables.calls.c.id, tables.calls.c.state))}
        return Left(
            campaign.state,
            campaign.dials,
            rows(Contact, contacts, contacts.c.id),
            rows(Attempt, attempts, attempts.c.contact_id, attempts.c.n),
            calls,
            tuple(invites),
        )


def judge(left: Left) -> Findings:
    """Compare. An attempt that was fenced and then certainly not dialled (`not_dialled`) must not have rung."""
    by_attempt = Counter(invite.attempt for invite in left.invites)
    known = {attempt.id: attempt for attempt in left.attempts}
    states = Counter(attempt.state for attempt in left.attempts)
    findings = Findings(
        {
            "contacts": len(left.contacts),
            "attempts": len(left.attempts),
            "invites": len(left.invites),
            **{state: states[state] for state in ("closed", "unknown", "refused", "queued", "dialling")},
            "not_dialled": sum(attempt.rule == NOT_DIALLED for attempt in left.attempts),
            "unknown_that_rang": sum(a.state == "unknown" and by_attempt[a.id] > 0 for a in left.attempts),
        }
    )
    findings.double_dials.extend(_double_dials(left, by_attempt, known))
    findings.lost.extend(_lost(left))
    for attempt in left.attempts:
        findings.contradictions.extend(f"{attempt.id}: {what}" for what in _contradictions(attempt, left, by_attempt))
    findings.contradictions.extend(_orders(left))
    return findings


def _double_dials(left: Left, by_attempt: Counter[str], known: dict[str, Attempt]) -> list[str]:
    found = [f"{attempt}: {count} INVITEs" for attempt, count in by_attempt.items() if count > 1]
    for invite in left.invites:
        attempt = known.get(invite.attempt)
        if attempt is None:
            found.append(f"{invite.attempt or 'no attempt'}: an INVITE that no attempt of ours explains")
        elif attempt.fenced_at is None:
            found.append(f"{attempt.id}: an INVITE without a fence ({attempt.state})")
        elif dialled(attempt.number) != invite.number:
            found.append(f"{attempt.id}: an INVITE for the number of another attempt")
    # And without believing the header: a number rings no more often than it was fenced.
    fenced = Counter(dialled(attempt.number) for attempt in left.attempts if attempt.fenced_at is not None)
    rung = Counter(invite.number for invite in left.invites)
    return found + [
        f"a number: {n} INVITEs, {fenced[number]} fences" for number, n in rung.items() if n > fenced[number]
    ]


def _lost(left: Left) -> list[str]:
    found = [] if left.campaign == "done" else [f"the campaign is {left.campaign}, not done"]
    found += [f"{a.id}: still {a.state}" for a in left.attempts if a.state in ("queued", "dialling")]
    found += [
        f"contact {c.id}: still {c.state}" for c in left.contacts if c.state in ("waiting", "admitted", "unknown")
    ]
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for attempt in left.attempts:
        numbers[attempt.contact_id].append(attempt.n)
    for contact in left.contacts:
        if numbers[contact.id] != list(range(1, contact.attempts + 1)):
            found.append(f"contact {contact.id}: counts {contact.attempts} attempts, has {numbers[contact.id]}")
        if not numbers[contact.id]:
            found.append(f"contact {contact.id}: never attempted")
    return found


def _contradictions(attempt: Attempt, left: Left, by_attempt: Counter[str]) -> list[str]:
    fenced = attempt.fenced_at is not None
    call = left.calls.get(attempt.call_id)
    rules: list[tuple[bool, str]] = [
        (attempt.state == "closed" and not attempt.disposition, "closed without an outcome"),
        (attempt.state == "closed" and attempt.closed_at is None, "closed at no time"),
        (
            attempt.state == "closed" and call != "closed" and attempt.rule != NOT_DIALLED,
            "closed, its call's record not",
        ),
        (attempt.state in ("closed", "unknown") and not fenced, f"{attempt.state} without a fence"),
        (attempt.state == "refused" and not attempt.rule, "refused by no rule"),
        (attempt.state == "refused" and fenced, "refused behind the fence"),
        (fenced and call is None, "fenced without a call's record"),
        (fenced and not (attempt.host and attempt.token), "fenced by nobody"),
        (attempt.rule == NOT_DIALLED and by_attempt[attempt.id] > 0, "said to be not dialled, but rang"),
    ]
    return [what for holds, what in rules if holds]


def _orders(left: Left) -> list[str]:
    """Attempts of one contact follow each other, and the sums agree."""
    found = []
    before: Attempt | None = None
    for attempt in left.attempts:
        follows = before is not None and before.contact_id == attempt.contact_id
        if follows and before.closed_at and attempt.fenced_at and attempt.fenced_at < before.closed_at:
            found.append(f"{attempt.id}: fenced before {before.id} was closed")
        before = attempt
    counted = (a for a in left.attempts if a.fenced_at is not None and a.rule not in UNCOUNTED)
    spent = Counter(attempt.contact_id for attempt in counted)
    found += [
        f"contact {contact.id}: counts {contact.dials} dials, has {spent[contact.id]}"
        for contact in left.contacts
        if contact.dials != spent[contact.id]
    ]
    if left.dials != sum(spent.values()):
        found.append(f"the campaign counts {left.dials} dials, its attempts {sum(spent.values())}")
    return found
