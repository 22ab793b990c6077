"""A campaign as a file for people: its contacts, its calls, and why whom was not called. Masked, unless who asks may
see more and says so; every export is noted in the campaign's log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, and_, func, select

from voicebot.campaign import book, chinese, people
from voicebot.campaign.book import Campaign
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.masking import SEES, mask_number, masked_ref, may_see, scrubbed, shown_number
from voicebot.campaign.sheets import Column, Sheet, Value, arriving, write
from voicebot.campaign.snapshot import SILENT_ENDINGS
from voicebot.store.campaign_tables import attempts, contacts, gate_log
from voicebot.store.store import Store
from voicebot.store.tables import calls


class What(StrEnum):
    """The sheets there are."""

    CONTACTS = "contacts"
    ATTEMPTS = "attempts"
    REFUSALS = "refusals"


KINDS: Final = (".csv", ".xlsx")
# So many rows at a time come from the database.
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """An export to make. `to`: a CSV or XLSX file; `what`: None for all sheets of an XLSX, for the contacts of a CSV;
    `who` asks for it; times are shown in `zone`.
    """

    to: Path
    who: str
    zone: ZoneInfo
    unmasked: bool = False
    what: What | None = None

    @property
    def sheets(self) -> tuple[What, ...]:
        """The sheets it has."""
        if self.what is not None:
            return (self.what,)
        return tuple(What) if self.to.suffix == ".xlsx" else (What.CONTACTS,)


def export(store: Store, campaign: str, wanted: Wanted, now: datetime) -> dict[str, int]:
    """Write the file, each sheet as one moment of the database has it, and note it; gives the rows of each sheet.
    Raises `CampaignFault` where it may not be, or cannot be written: then there is no file, and an older one stays.
    """
    if wanted.to.suffix not in KINDS:
        raise CampaignFault(f"{wanted.to.name}: an export is a .csv or .xlsx file")
    with arriving(wanted.to) as part:
        with store.reading() as connection:
            found = book.find(connection, campaign)
            if wanted.unmasked and not may_see(people.roles_of(connection, wanted.who)):
                roles = ", ".join(sorted(SEES))
                raise CampaignFault(
                    f"{wanted.who} may not see numbers unmasked: that needs one of the roles {roles};"
                    " without --unmasked the export is masked"
                )
            sheets = [_sheet(connection, found, name, wanted) for name in wanted.sheets]
            write(part, sheets)
        rows = {sheet.name: sheet.written for sheet in sheets}
        with store.writing() as connection:
            book.find(connection, found.id, lock=True)
            data = {"file": wanted.to.name, "masked": not wanted.unmasked, "rows": rows}
            book.note(connection, found.id, now, wanted.who, "exported", data=data)
    return rows


def _sheet(connection: Connection, campaign: Campaign, name: What, wanted: Wanted) -> Sheet:
    query, heads, cells = {
        What.CONTACTS: (_contacts, _CONTACTS, _contact),
        What.ATTEMPTS: (_attempts, _ATTEMPTS, _attempt),
        What.REFUSALS: (_verdicts, _REFUSALS, _verdict),
    }[name]
    rows = _streamed(connection, query(campaign.id), cells, wanted)
    if name is What.REFUSALS:
        rows = chain(rows, _streamed(connection, _gates(campaign.id), _gate, wanted))
    columns = [Column(f"{c.head} ({wanted.zone.key})", c.width) if c.width == _TIME else c for c in heads]
    if name is What.CONTACTS and wanted.unmasked:
        columns.append(Column("数据 data", 40))
    return Sheet(name.value, columns, rows, wanted.zone)


def _streamed(
    connection: Connection,
    query: Select[Any],
    cells: Callable[[Row[Any], Wanted], list[Value]],
    wanted: Wanted,
) -> Iterator[list[Value]]:
    for row in connection.execute(query.execution_options(yield_per=_BATCH)):
        yield cells(row, wanted)


# ------------------------------------------------------------ what the sheets hold

_TIME: Final = 28
_WHO: Final = (Column("行 row", 8), Column("客户号 ref", 16), Column("号码 number", 18))
_RULE: Final = (Column("规则 rule", 16), Column("规则名 rule name", 14), Column("依据 evidence", 40))

_CONTACTS: Final = (
    *_WHO,
    Column("状态 state", 12),
    Column("状态名 state name", 12),
    *_RULE,
    Column("尝试 attempts", 10),
    Column("拨打 calls", 10),
    Column("结果 outcome", 16),
    Column("结果名 outcome name", 14),
    Column("最近呼叫 last call", _TIME),
    Column("通话秒数 talk s", 12),
    Column("呼叫编号 call id", 30),
    Column("下次拨打 next due", _TIME),
)
_ATTEMPTS: Final = (
    *_WHO,
    Column("第几次 n", 8),
    Column("类别 kind", 10),
    Column("状态 state", 12),
    Column("状态名 state name", 12),
    Column("入队 queued", _TIME),
    Column("拨出 placed", _TIME),
    Column("接通 answered", _TIME),
    Column("结束 ended", _TIME),
    Column("通话秒数 talk s", 12),
    Column("结果 outcome", 16),
    Column("结果名 outcome name", 14),
    Column("SIP", 8),
    Column("呼叫编号 call id", 30),
    Column("中继 trunk", 12),
    Column("主机 host", 16),
    *_RULE,
    Column("核实人 decided by", 14),
    Column("备注 note", 30),
)
_REFUSALS: Final = (
    *_WHO,
    Column("时间 at", _TIME),
    Column("环节 stage", 12),
    *_RULE,
    Column("可再拨 not before", _TIME),
)


def _contacts(campaign_id: str) -> Select[Any]:
    """Every contact with the last call placed to it."""
    placed = (
        attempts.c.contact_id == contacts.c.id,
        attempts.c.fenced_at.is_not(None),
        attempts.c.rule.not_in(SILENT_ENDINGS),
    )
    last = select(func.max(attempts.c.n)).where(*placed).correlate(contacts).scalar_subquery()
    return (
        select(contacts, attempts.c.fenced_at, attempts.c.call_id, calls.c.answered_at, calls.c.ended_at)
        .select_from(
            contacts.outerjoin(
                attempts, and_(attempts.c.contact_id == contacts.c.id, attempts.c.n == last)
            ).outerjoin(calls, calls.c.id == attempts.c.call_id)
        )
        .where(contacts.c.campaign_id == campaign_id)
        .order_by(contacts.c.row)
    )  # fmt: skip


def _contact(row: Row[Any], wanted: Wanted) -> list[Value]:
    cells: list[Value] = [
        *_who(row, wanted),
        row.state,
        chinese.CONTACT[row.state],
        *_rule(row, wanted),
        row.attempts,
        row.dials,
        row.outcome,
        chinese.outcome(row.outcome),
        row.fenced_at,
        _talk_s(row),
        row.call_id or "",
        row.due_at if row.state == "waiting" else None,
    ]
    return [*cells, row.slots] if wanted.unmasked else cells


def _attempts(campaign_id: str) -> Select[Any]:
    return (
        select(
            attempts, contacts.c.row, contacts.c.ref, contacts.c.given,
            calls.c.answered_at, calls.c.ended_at, calls.c.sip_code,
        )
        .select_from(
            attempts.join(contacts, contacts.c.id == attempts.c.contact_id)
            .outerjoin(calls, calls.c.id == attempts.c.call_id)
        )
        .where(contacts.c.campaign_id == campaign_id)
        .order_by(contacts.c.row, attempts.c.n)
    )  # fmt: skip


def _attempt(row: Row[Any], wanted: Wanted) -> list[Value]:
    return [
        *_who(row, wanted),
        row.n,
        row.kind,
        row.state,
        chinese.ATTEMPT[row.state],
        row.queued_at,
        row.fenced_at,
        row.answered_at,
        row.ended_at or row.closed_at,
        _talk_s(row),
        row.disposition,
        chinese.outcome(row.disposition),
        row.sip_code or None,
        row.call_id,
        row.trunk,
        row.host,
        *_rule(row, wanted),
        row.decided_by,
        row.note if wanted.unmasked else scrubbed(row.note),
    ]


def _verdicts(campaign_id: str) -> Select[Any]:
    """Rows that were refused when the list was read: they have no number."""
    return (
        select(contacts)
        .where(contacts.c.campaign_id == campaign_id, contacts.c.state == "refused", contacts.c.number.is_(None))
        .order_by(contacts.c.row)
    )


def _verdict(row: Row[Any], wanted: Wanted) -> list[Value]:
    return [*_who(row, wanted), row.settled_at, "import", *_rule(row, wanted), None]


def _gates(campaign_id: str) -> Select[Any]:
    """Every no of a gate, in order, those among them that only said "later"."""
    return (
        select(gate_log, contacts.c.row, contacts.c.ref, contacts.c.number, contacts.c.given)
        .select_from(gate_log.join(contacts, contacts.c.id == gate_log.c.contact_id))
        .where(gate_log.c.campaign_id == campaign_id)
        .order_by(gate_log.c.id)
    )


def _gate(row: Row[Any], wanted: Wanted) -> list[Value]:
    return [*_who(row, wanted), row.at, row.stage, *_rule(row, wanted), row.until]


def _who(row: Row[Any], wanted: Wanted) -> tuple[Value, ...]:
    number = row.number or row.given
    if wanted.unmasked:
        return row.row, row.ref, shown_number(number)
    return row.row, masked_ref(row.ref, number), mask_number(number)


def _rule(row: Row[Any], wanted: Wanted) -> tuple[Value, ...]:
    evidence = row.evidence if wanted.unmasked else scrubbed(row.evidence)
    return row.rule, chinese.rule(row.rule), evidence


def _talk_s(row: Row[Any]) -> float | None:
    if row.answered_at is None or row.ended_at is None:
        return None
    lasted: timedelta = row.ended_at - row.answered_at
    return round(lasted.total_seconds(), 1)
