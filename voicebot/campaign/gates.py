"""Gates 合规闸门: pure rules that say whether a contact may be dialled now. Checked when an attempt is enqueued and
again, over a fresh snapshot, in the transaction that fences it just before the INVITE. Missing data is a no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import Limits
from voicebot.campaign.terms import Kind


@dataclass(frozen=True, slots=True)
class Dial:
    """An earlier call to the same number, by any campaign."""

    at: datetime
    campaign_id: str
    attempt_id: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the rules look at, as one moment of the database had it. Instants are aware.

    `zones`: IANA names of all zones the number may lie in; `facts`: columns of the list that are no slots, as text
    (`voicebot.campaign.columns`); `suitability`: (client's grade, product's grade, last day of the 测评, consent
    reference) as the script's slots give them, None for a script without; `recent`: the number's dials in the last
    7 days, this attempt's not among them; `forbidden`: the do-not-call entry's day and reason, None if there is none;
    `complaint_open`: a complaint of this client or number that nobody has closed, in our own records; `wished`: the
    callee asked for this call; `spent`: calls of the campaign so far; `imported_at`: of the contact's data.
    """

    now: datetime
    kind: Kind
    plan: Plan
    limits: Limits
    number: str
    zones: tuple[str, ...]
    slots: Mapping[str, str]
    facts: Mapping[str, str]
    suitability: tuple[str, str, str, str] | None
    recent: tuple[Dial, ...]
    forbidden: tuple[datetime, str] | None
    complaint_open: bool
    wished: bool
    spent: int
    dials: int
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class Pass:
    """May be dialled now."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """May not be dialled. `rule`: its name; `evidence`: what it saw, ready for JSON, no clear number or name in it;
    `until`: when to ask again, None for never in this campaign.
    """

    rule: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    until: datetime | None = None


Verdict = Pass | Refusal
