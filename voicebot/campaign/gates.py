"""Gates 合规闸门: pure rules that say whether a contact may be dialled now. Checked when an attempt is enqueued and
again, over a fresh snapshot, in the transaction that fences it just before the INVITE. Missing data is a no.

Each rule has the name of its function, and a row in docs/compliance.md with its source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.hours import local, midnight, next_opening, on_holidays, open_at, windows
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import Limits
from voicebot.campaign.retries import dials_allowed
from voicebot.campaign.terms import Kind, shown_span
from voicebot.campaign.workdays import holiday


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
Rule = Callable[[Snapshot], Refusal | None]

CHINESE: Final = {
    "do_not_call": "勿扰名单",
    "zone": "时区不明",
    "retention": "超过保存期限",
    "stale_data": "数据过旧",
    "consent": "无有效营销同意",
    "grade_valid": "测评过期",
    "suitability": "适当性不匹配",
    "margin_call": "追保状态",
    "open_complaint": "投诉未结",
    "campaign_over": "活动已过期",
    "budget": "活动预算用完",
    "attempts_spent": "拨打次数用完",
    "campaign_ahead": "活动未开始",
    "calling_hours": "非拨打时段",
    "gap": "间隔不足",
    "per_day": "超过每日次数",
    "per_week": "超过每周次数",
}

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_DATE_LENGTH: Final = len("2026-11-25")
_CLIENT_GRADE: Final = re.compile(r"C([1-5])")
_PRODUCT_GRADE: Final = re.compile(r"R([1-5])")


def judge(snapshot: Snapshot) -> Verdict:
    """The first rule that says never; if none does, the one that holds longest, so that a contact is not asked for
    again only to be refused by the next rule.
    """
    later: Refusal | None = None
    for rule in RULES:
        refusal = rule(snapshot)
        if refusal is None:
            continue
        if refusal.until is None:
            return refusal
        if later is None or later.until is None or refusal.until > later.until:
            later = refusal
    return later or Pass()


# ------------------------------------------------------------ the number and its data


def do_not_call(snapshot: Snapshot) -> Refusal | None:
    """Nobody who said so is called again, by any campaign. The reason stays in the list: people write names there."""
    if snapshot.forbidden is None:
        return None
    return Refusal("do_not_call", {"since": snapshot.forbidden[0].isoformat()})


def zone(snapshot: Snapshot) -> Refusal | None:
    """Without a clock for the number no rule about days and hours can be kept."""
    try:
        clocks = [local(snapshot.now, name) for name in snapshot.zones]
    except CampaignFault:
        return Refusal("zone", {"unreadable": "zone"})
    return None if clocks else Refusal("zone", {"missing": "zone"})


def retention(snapshot: Snapshot) -> Refusal | None:
    """A contact's data may be used only so long after its import."""
    ends = snapshot.imported_at + snapshot.limits.retention
    return Refusal("retention", {"ended": ends.isoformat()}) if snapshot.now >= ends else None


def stale_data(snapshot: Snapshot) -> Refusal | None:
    """Figures are spoken only while they are fresh. A date without an hour stands for its whole day; a service call
    without one takes the day of the import.
    """
    given = snapshot.facts.get("as_of", "").strip()
    if not given and snapshot.kind == "marketing":
        return Refusal("stale_data", {"missing": "as_of"})
    span = _span_of(given, snapshot) if given else (snapshot.imported_at, snapshot.imported_at)
    if span is None:
        return Refusal("stale_data", {"unreadable": "as_of"})
    begins, ends = span
    if begins > snapshot.now:
        return Refusal("stale_data", {"as_of": begins.isoformat(), "why": "still to come"})
    if snapshot.now - ends < snapshot.limits.data_age:
        return None
    return Refusal("stale_data", {"as_of": begins.isoformat(), "limit": shown_span(snapshot.limits.data_age)})


# ------------------------------------------------------------ marketing: all of these, or no call


def consent(snapshot: Snapshot) -> Refusal | None:
    """A live consent, with its reference; where its end is given, that day is not over."""
    if snapshot.kind != "marketing":
        return None
    if snapshot.suitability is None or not snapshot.suitability[3].strip():
        return Refusal("consent", {"missing": "consent"})
    if (given := snapshot.facts.get("consent_until", "").strip()) == "":
        return None
    return _still("consent", "consent_until", given, snapshot)


def grade_valid(snapshot: Snapshot) -> Refusal | None:
    """The client's 风险测评 has not expired."""
    if snapshot.kind != "marketing":
        return None
    if snapshot.suitability is None or not (given := snapshot.suitability[2].strip()):
        return Refusal("grade_valid", {"missing": "grade_valid_until"})
    return _still("grade_valid", "grade_valid_until", given, snapshot)


def suitability(snapshot: Snapshot) -> Refusal | None:
    """C1 → R1, C2 → R1–R2 … C5 → R1–R5."""
    if snapshot.kind != "marketing":
        return None
    if snapshot.suitability is None:
        return Refusal("suitability", {"missing": "client and product grade"})
    client = _CLIENT_GRADE.fullmatch(snapshot.suitability[0].strip())
    product = _PRODUCT_GRADE.fullmatch(snapshot.suitability[1].strip())
    if client is None or product is None:
        return Refusal("suitability", {"missing": "client grade" if client is None else "product grade"})
    if int(client[1]) >= int(product[1]):
        return None
    return Refusal("suitability", {"client": client[0], "product": product[0]})


def margin_call(snapshot: Snapshot) -> Refusal | None:
    """Nothing is offered to a client who has to put up collateral."""
    return _must_be_no("margin_call", snapshot)


def open_complaint(snapshot: Snapshot) -> Refusal | None:
    """Nothing is offered to a client whose complaint is open, by the list or by our own records."""
    if snapshot.kind == "marketing" and snapshot.complaint_open:
        return Refusal("open_complaint", {"open_complaint": "yes", "by": "our records"})
    return _must_be_no("open_complaint", snapshot)


# ------------------------------------------------------------ the campaign


def campaign_over(snapshot: Snapshot) -> Refusal | None:
    """The plan's last day is over in one of the zones."""
    last = snapshot.plan.last_day
    if last is None or _latest_day(snapshot) <= last:
        return None
    return Refusal("campaign_over", {"last_day": last.isoformat()})


def budget(snapshot: Snapshot) -> Refusal | None:
    """The campaign has placed the calls that it was given."""
    limit = snapshot.plan.budget
    if limit is None or snapshot.spent < limit:
        return None
    return Refusal("budget", {"calls": snapshot.spent, "limit": limit})


def attempts_spent(snapshot: Snapshot) -> Refusal | None:
    """The contact has had the calls that the plan gives it; a call that it asked for may go beyond."""
    limit = dials_allowed(snapshot.plan, wished=snapshot.wished)
    if snapshot.dials < limit:
        return None
    return Refusal("attempts_spent", {"calls": snapshot.dials, "limit": limit})


def campaign_ahead(snapshot: Snapshot) -> Refusal | None:
    """The plan's first day has not begun in one of the zones."""
    first = snapshot.plan.first_day
    if first is None or all(local(snapshot.now, name).date() >= first for name in snapshot.zones):
        return None
    begins = max(midnight(first, name) for name in snapshot.zones)
    return Refusal("campaign_ahead", {"first_day": first.isoformat()}, begins)


def calling_hours(snapshot: Snapshot) -> Refusal | None:
    """It is calling time in all zones that the number may lie in, and no public holiday; a wish does not change it."""
    hours, holidays = windows(snapshot.plan, snapshot.limits), on_holidays(snapshot.plan, snapshot.limits)
    if open_at(snapshot.now, snapshot.zones, hours, holidays):
        return None
    clocks = {name: local(snapshot.now, name) for name in snapshot.zones}
    seen: dict[str, Any] = {"local": {name: f"{clock:%a %Y-%m-%d %H:%M}" for name, clock in clocks.items()}}
    named = {name: holiday(clock.date(), name) for name, clock in clocks.items()}
    if holidays == "skip" and any(named.values()):
        seen["holiday"] = next(filter(None, named.values()))
    return Refusal("calling_hours", seen, next_opening(snapshot.now, snapshot.zones, hours, holidays))


# ------------------------------------------------------------ how often one number is called, over all campaigns


def gap(snapshot: Snapshot) -> Refusal | None:
    """Time between two calls to a number; who asked for the call does not wait."""
    if snapshot.wished or not snapshot.recent:
        return None
    last = max(dial.at for dial in snapshot.recent)
    until = last + snapshot.limits.gap
    return Refusal("gap", {"last": last.isoformat()}, until) if snapshot.now < until else None


def per_day(snapshot: Snapshot) -> Refusal | None:
    """Calls in 24 h, the smaller of policy and plan; a call that the callee asked for may be one more."""
    limit = min(snapshot.limits.per_day, snapshot.plan.per_day or snapshot.limits.per_day)
    return _capped("per_day", snapshot, limit + snapshot.wished, _DAY)


def per_week(snapshot: Snapshot) -> Refusal | None:
    """Calls in 7 days."""
    return _capped("per_week", snapshot, snapshot.limits.per_week, _WEEK)


RULES: Final[tuple[Rule, ...]] = (
    do_not_call,
    zone,
    retention,
    stale_data,
    consent,
    grade_valid,
    suitability,
    margin_call,
    open_complaint,
    campaign_over,
    budget,
    attempts_spent,
    campaign_ahead,
    calling_hours,
    gap,
    per_day,
    per_week,
)


# ------------------------------------------------------------ how they reckon


def _must_be_no(fact: str, snapshot: Snapshot) -> Refusal | None:
    if snapshot.kind != "marketing":
        return None
    given = snapshot.facts.get(fact, "").strip()
    if given == "no":
        return None
    if given == "yes":
        return Refusal(fact, {fact: "yes"})
    return Refusal(fact, {"unreadable" if given else "missing": fact})


def _still(rule: str, name: str, given: str, snapshot: Snapshot) -> Refusal | None:
    """Refuses where the day is over in one of the zones, or is none."""
    try:
        last = date.fromisoformat(given)
    except ValueError:
        return Refusal(rule, {"unreadable": name})
    return Refusal(rule, {name: given}) if _latest_day(snapshot) > last else None


def _capped(rule: str, snapshot: Snapshot, limit: int, window: timedelta) -> Refusal | None:
    dials = sorted(dial.at for dial in snapshot.recent if dial.at > snapshot.now - window)
    if len(dials) < limit:
        return None
    seen = {"calls": len(dials), "limit": limit, "last": dials[-1].isoformat()}
    return Refusal(rule, seen, dials[-limit] + window)


def _latest_day(snapshot: Snapshot) -> date:
    """Today where it is latest."""
    return max(local(snapshot.now, name).date() for name in snapshot.zones)


def _span_of(given: str, snapshot: Snapshot) -> tuple[datetime, datetime] | None:
    """From when to when data of a date (its whole day) or of a moment is, in the zone where that is earliest. None for
    what is neither.
    """
    try:
        if len(given) == _DATE_LENGTH:
            day = date.fromisoformat(given)
            begins, ends = (min(midnight(each, name) for name in snapshot.zones) for each in (day, day + _DAY))
            return begins, ends
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None:
            moment = min(moment.replace(tzinfo=local(snapshot.now, name).tzinfo) for name in snapshot.zones)
    except (ValueError, OverflowError):
        return None
    return moment, moment
