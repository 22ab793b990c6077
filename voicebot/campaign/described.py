"""A plan in words, beside what the firm's policy gives: what whoever approves it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import Policy
from voicebot.campaign.terms import WEEKDAYS, Kind, Window, shown_span, shown_window

_AS_POLICY = "as the policy 同制度"
_HOLIDAYS = {"skip": "no calls 不拨", "call": "calls too 照拨"}
_UNKNOWN = {"ask": "a person decides 人工裁定", "close": "it is closed 关闭", "redial": "it is called again 重拨"}


@dataclass(frozen=True, slots=True)
class Term:
    """A line: what, and what plan and policy say of it; "" where that one says nothing."""

    name: str
    chinese: str
    plan: str
    policy: str


def terms(plan: Plan, policy: Policy, kind: Kind) -> tuple[Term, ...]:
    """Everything that an approval of this plan approves. The policy's word always holds beside the plan's."""
    limits = policy.limits(kind)
    dates = f"{plan.first_day or '…'} – {plan.last_day or '…'}" if plan.first_day or plan.last_day else "any 不限"
    unknown = _UNKNOWN[plan.unknown]
    if plan.unknown == "redial":
        unknown += f", after {shown_span(plan.redial_after)}"
    return (
        Term("hours", "拨打时段", _AS_POLICY if plan.hours is None else hours(plan.hours), hours(limits.hours)),
        Term(
            "public holidays",
            "法定节假日",
            _AS_POLICY if plan.holidays is None else _HOLIDAYS[plan.holidays],
            _HOLIDAYS[limits.holidays],
        ),
        Term("days", "日期", dates, ""),
        Term("calls at once", "并发", f"{plan.channels}", f"{policy.channels} in all"),
        Term("calls to one contact", "每位客户", f"at most {plan.dials}", ""),
        Term(
            "calls to one number a day",
            "每号每日",
            _AS_POLICY if plan.per_day is None else f"{plan.per_day}",
            f"{limits.per_day}",
        ),
        Term("calls to one number a week", "每号每周", _AS_POLICY, f"{limits.per_week}"),
        Term("between two of them", "间隔", _AS_POLICY, shown_span(limits.gap)),
        Term("calls in all", "总量", "any number 不限" if plan.budget is None else f"{plan.budget}", ""),
        Term("ringing", "振铃", f"{plan.ring_s} s", ""),
        Term("data not older than", "数据时效", _AS_POLICY, shown_span(limits.data_age)),
        Term("contacts called for", "名单有效期", _AS_POLICY, shown_span(limits.retention)),
        Term("where nobody knows if it rang", "结果不明", unknown, ""),
        Term("priority", "优先级", f"{plan.priority}", ""),
        Term("trunk", "线路", plan.trunk, ""),
    )


def hours(by_day: Mapping[str, tuple[Window, ...]]) -> str:
    """Hours of the week: "mon–fri 09:00-20:00; sat 10:00-12:00"."""
    told = []
    for windows, same in groupby(WEEKDAYS, key=lambda day: by_day.get(day, ())):
        days = list(same)
        if windows:
            span = days[0] if len(days) == 1 else f"{days[0]}–{days[-1]}"
            told.append(f"{span} {', '.join(map(shown_window, windows))}")
    return "; ".join(told) or "none 无"
