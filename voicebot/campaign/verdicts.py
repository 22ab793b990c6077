"""The verdict on each row of a list, before anything is dialled: pure, from the row alone. What needs the database
(duplicates, the do-not-call list) is judged where rows are written (`voicebot.campaign.arrivals`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from voicebot.campaign import numbers, rows
from voicebot.campaign.columns import AS_OF, CONSENT_UNTIL, Columns
from voicebot.campaign.facts import fact, iso
from voicebot.campaign.rows import Row
from voicebot.campaign.zones import zones_of
from voicebot.flow.advance import begin
from voicebot.flow.model import Flow
from voicebot.flow.problems import SlotError

DUPLICATE: Final = "duplicate"
DO_NOT_CALL: Final = "do_not_call"
# The rules of rows, with their Chinese names; the gates have their own (`voicebot.campaign.gates.CHINESE`).
CHINESE: Final[Mapping[str, str]] = {
    rows.FORMULA: "单元格是公式",
    rows.CELL_ERROR: "单元格是错误值",
    rows.DIGITS_LOST: "数字位数丢失",
    rows.ROW_TOO_LONG: "列数超出表头",
    "number": "号码无效",
    "ref": "客户编号过长",
    "zone": "时区不明",
    "slots": "数据不符合话术",
    "facts": "合规数据有误",
    "suitability": "适当性不匹配",
    "grade_valid": "测评过期",
    "consent": "无有效营销同意",
    DO_NOT_CALL: "勿扰名单",
    DUPLICATE: "重复号码",
}

_REF_MAX: Final = 128
_GIVEN_MAX: Final = 255
_WHY_MAX: Final = 500
_DATES: Final = ("date", "full_date", "datetime")


@dataclass(frozen=True, slots=True)
class Accepted:
    """May be dialled, as far as the row says. `given`: the number's cell; `number`: canonical; `zones`: all it may lie
    in; `slots`: canonical, only those given; `facts`: see `voicebot.campaign.facts`.
    """

    row: int
    given: str
    ref: str
    number: str
    zones: tuple[str, ...]
    slots: Mapping[str, str]
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """Is not dialled in this campaign. `rule`: one of `CHINESE`; `evidence`: ready for JSON, without number or name."""

    row: int
    given: str
    ref: str
    rule: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


Verdict = Accepted | Refused


def judge_row(row: Row, columns: Columns, flow: Flow, now: datetime, zone: ZoneInfo) -> Verdict:
    """The verdict on a row; whatever is in its cells, it raises nothing. `zone`: the firm's, by which days end."""
    local = now.astimezone(zone)
    given = _printable(row.cells[columns.number])[:_GIVEN_MAX]
    ref = _printable(row.cells[columns.ref]) if columns.ref is not None else ""

    def refused(rule: str, **evidence: Any) -> Refused:
        return Refused(row.number, given, ref[:_REF_MAX], rule, evidence)

    if row.faults:
        worst = row.faults[0]
        name = columns.header[worst.column] if worst.column < len(columns.header) else str(worst.column + 1)
        return refused(worst.rule, column=name, why=worst.why)
    if len(ref) > _REF_MAX:
        return refused("ref", why=f"longer than {_REF_MAX} characters")
    try:
        number = numbers.dialled(row.cells[columns.number])
    except ValueError as error:
        return refused("number", why=str(error))
    try:
        zones = zones_of(number, row.cells[columns.zone] if columns.zone is not None else "", zone)
    except ValueError as error:
        return refused("zone", why=str(error))
    try:
        slots = begin(flow, _slots(row, columns, flow), local).slots
    except SlotError as error:
        why = str(error).removeprefix(f"flow {flow.name}: ")
        return refused(_rule_of(why, flow), why=_printable(why)[:_WHY_MAX])
    told = {name: text for name, column in columns.facts.items() if (text := row.cells[column])}
    if AS_OF in slots and flow.script.slots[AS_OF].type in _DATES:
        told[AS_OF] = slots[AS_OF]  # the day of the figures that the script says is the day of the data
    facts: dict[str, str] = {}
    for name, text in told.items():
        try:
            facts[name] = fact(name, text, local)
        except ValueError as error:
            return refused("facts", fact=name, why=str(error))
    until = facts.get(CONSENT_UNTIL, "")
    if flow.kind == "marketing" and until and until < local.date().isoformat():
        return refused("consent", consent_until=until)
    return Accepted(row.number, given, ref, number, zones, slots, facts)


def _slots(row: Row, columns: Columns, flow: Flow) -> dict[str, str]:
    specs = flow.script.slots
    return {
        name: iso(text) if specs[name].type in _DATES else text
        for name, column in columns.slots.items()
        if (text := row.cells[column])
    }


def _rule_of(why: str, flow: Flow) -> str:
    """Data that a script asks for its suitability breaks a rule of its own, if nothing else is wrong."""
    needs = flow.script.suitability
    if needs is None:
        return "slots"
    rules = {needs.client: "suitability", needs.product: "suitability"}
    rules |= {needs.valid_until: "grade_valid", needs.consent: "consent"}
    broken = {rules.get(part.partition(":")[0], "slots") for part in why.split("; ")}
    return next(rule for rule in ("slots", "suitability", "grade_valid", "consent") if rule in broken)


def _printable(text: str) -> str:
    """Without what breaks a line, a terminal or a database (PostgreSQL keeps no NUL)."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)
