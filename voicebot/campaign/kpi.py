"""Key figures 指标 of a campaign, each with its definition (docs/domain.md §5). Both counts and definitions are per
call, not per contact: somebody who was called three times counts three times among the calls placed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, extract, func, select

from voicebot.campaign.snapshot import SILENT_ENDINGS
from voicebot.campaign.terms import Kind
from voicebot.flow.dispositions import Disposition
from voicebot.store.campaign_tables import attempts
from voicebot.store.tables import calls, leads

# Answered, yet nobody was spoken with: machines, silence, what broke, and what a network announces after it "answered".
NO_CONVERSATION: Final = frozenset(
    {
        "",
        Disposition.VOICEMAIL,
        Disposition.SILENT,
        Disposition.FAULT,
        Disposition.UNKNOWN,
        Disposition.CANCELLED,
        Disposition.BUSY,
        Disposition.NO_ANSWER,
        Disposition.REJECTED,
        Disposition.EMPTY_NUMBER,
        Disposition.OUT_OF_SERVICE,
        Disposition.POWERED_OFF,
        Disposition.UNREACHABLE,
    }
)
REACHED_GOAL: Final = frozenset({Disposition.ACKNOWLEDGED, Disposition.WILL_DO, Disposition.DONE_ALREADY})
# A marketing call has come to something when somebody now has to do something for the client.
_LEADS: Final = ("plan", "human")


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls of a campaign, counted. `dialled`: fenced attempts, those under way among them, but for those that ended
    before any phone could ring, which are `failed`, by rule (the trunk's fault, or ours); `connected`: answered
    (200 OK); `outcomes`: by disposition, all that have one; `conversed`: connected, with somebody there, by
    disposition; `disclosed`: connected, by the set of statements that were played to their end; `talk_s`: seconds from
    answer to end of the `talks` that are over; `converted_leads`: conversations that reached their goal and left a
    lead; `people`: contacts called at least once.
    """

    dialled: int = 0
    connected: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    conversed: Mapping[str, int] = field(default_factory=dict)
    disclosed: Mapping[frozenset[str], int] = field(default_factory=dict)
    talks: int = 0
    talk_s: float = 0.0
    converted_leads: int = 0
    people: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)

    @property
    def conversations(self) -> int:
        """All of `conversed`."""
        return sum(self.conversed.values())


@dataclass(frozen=True, slots=True)
class Kpi:
    """A key figure. `value` = `numerator` ÷ `denominator`, None while that is 0 or the figure does not apply; `unit`:
    "%" for a share from 0 to 1, "s", or "" for a plain number.
    """

    name: str
    english: str
    chinese: str
    definition: str
    numerator: float
    denominator: int
    value: float | None
    unit: str = "%"

    @property
    def shown(self) -> str:
        """The value for people: "45.0%", "32.5 s", "1.40", "—"."""
        if self.value is None:
            return "—"
        if self.unit == "%":
            return f"{self.value:.1%}"
        return f"{self.value:.1f} s" if self.unit == "s" else f"{self.value:.2f}"


def count(connection: Connection, campaign_id: str) -> Tally:
    """Count a campaign's calls, one pass over its attempts. Seconds for a million of them."""
    answered = calls.c.answered_at.is_not(None)
    over = extract("epoch", calls.c.ended_at) - extract("epoch", calls.c.answered_at)
    query = (
        select(
            attempts.c.rule,
            attempts.c.disposition,
            answered.label("answered"),
            calls.c.disclosures,
            leads.c.kind.label("lead"),
            func.count().label("calls"),
            func.count(over).label("talks"),
            func.sum(over).label("talk_s"),
        )
        .select_from(
            attempts.outerjoin(calls, calls.c.id == attempts.c.call_id).outerjoin(leads, leads.c.call_id == calls.c.id)
        )
        .where(attempts.c.campaign_id == campaign_id, attempts.c.fenced_at.is_not(None))
        .group_by(attempts.c.rule, attempts.c.disposition, answered, calls.c.disclosures, leads.c.kind)
    )
    dialled, connected, talks, talk_s, converted = 0, 0, 0, 0.0, 0
    outcomes: Counter[str] = Counter()
    conversed: Counter[str] = Counter()
    disclosed: Counter[frozenset[str]] = Counter()
    failed: Counter[str] = Counter()
    for row in connection.execute(query):
        if row.rule in SILENT_ENDINGS:
            failed[row.rule] += row.calls
            continue
        dialled += row.calls
        if row.disposition:
            outcomes[row.disposition] += row.calls
        if not row.answered:
            continue
        connected += row.calls
        disclosed[frozenset(row.disclosures or ())] += row.calls
        talks += row.talks
        talk_s += float(row.talk_s or 0)
        if row.disposition not in NO_CONVERSATION:
            conversed[row.disposition] += row.calls
            converted += row.calls if row.lead in _LEADS and row.disposition in REACHED_GOAL else 0
    people = select(func.count(attempts.c.contact_id.distinct())).where(
        attempts.c.campaign_id == campaign_id,
        attempts.c.fenced_at.is_not(None),
        attempts.c.rule.not_in(SILENT_ENDINGS),
    )
    called: int = connection.execute(people).scalar_one()
    return Tally(dialled, connected, outcomes, conversed, disclosed, talks, talk_s, converted, called, failed)


@dataclass(frozen=True, slots=True)
class _Definition:
    name: str
    english: str
    chinese: str
    definition: str
    numerator: Callable[[Tally, Collection[str]], float]
    denominator: Callable[[Tally], int]
    unit: str = "%"


def _of(*dispositions: str) -> Callable[[Tally, Collection[str]], float]:
    return lambda tally, _required: sum(tally.conversed.get(disposition, 0) for disposition in dispositions)


def _connected(tally: Tally) -> int:
    return tally.connected


def _fully_disclosed(tally: Tally, required: Collection[str]) -> int:
    wanted = frozenset(required)
    return sum(calls for played, calls in tally.disclosed.items() if wanted <= played)


_CONVERSION: Final[Mapping[Kind, _Definition]] = {
    "service": _Definition(
        "conversion_rate", "conversion", "转化率",
        "acknowledged, will do or done already ÷ conversations 已告知确认、已承诺处理、已处理 ÷ 有效通话",
        _of(*REACHED_GOAL), lambda tally: tally.conversations,
    ),
    "marketing": _Definition(
        "conversion_rate", "conversion", "转化率",
        "interested, with a lead left for an advisor ÷ conversations 有意向且生成商机 ÷ 有效通话",
        lambda tally, _required: tally.converted_leads, lambda tally: tally.conversations,
    ),
}  # fmt: skip
_BEFORE: Final = (
    _Definition(
        "connect_rate", "connected", "接通率", "calls answered ÷ calls placed 接通 ÷ 拨出",
        lambda tally, _required: tally.connected, lambda tally: tally.dialled,
    ),
    _Definition(
        "conversation_rate", "conversations", "有效通话率",
        "answered by somebody who was there ÷ answered; voicemail, assistants, silence are none"
        " 有人应答 ÷ 接通，留言、助理、静默不计",
        lambda tally, _required: tally.conversations, _connected,
    ),
    _Definition(
        "disclosure_rate", "disclosure heard out", "完播率",
        "all required statements played to their end ÷ answered 必要告知完整播放 ÷ 接通",
        _fully_disclosed, _connected,
    ),
    _Definition(
        "transfer_rate", "to a human", "转人工率", "handed to a human ÷ answered 转人工 ÷ 接通",
        _of(Disposition.TRANSFER_HUMAN), _connected,
    ),
)  # fmt: skip
_AFTER: Final = (
    _Definition(
        "do_not_call_rate", "do not call", "免打扰率", "asked never to be called again ÷ answered 要求勿扰 ÷ 接通",
        _of(Disposition.DO_NOT_CALL), _connected,
    ),
    _Definition(
        "complaint_rate", "complaints", "投诉率", "complained ÷ answered 投诉 ÷ 接通",
        _of(Disposition.COMPLAINT), _connected,
    ),
    _Definition(
        "talk_time", "talk time", "平均通话时长", "from answer to end, of calls that are over 接通至结束，已结束的通话",
        lambda tally, _required: tally.talk_s, lambda tally: tally.talks, "s",
    ),
    _Definition(
        "calls_per_contact", "calls per contact", "人均拨打次数",
        "calls placed ÷ contacts called at least once 拨出 ÷ 拨打过的联系人",
        lambda tally, _required: tally.dialled, lambda tally: tally.people, "",
    ),
)  # fmt: skip


def kpis(tally: Tally, kind: Kind, required: Collection[str]) -> tuple[Kpi, ...]:
    """The key figures. `kind`: of the campaign, on which conversion depends; `required`: the script's statements that
    a client must hear to their end; without any there is no rate of them.
    """
    return tuple(_figure(made, tally, required) for made in (*_BEFORE, _CONVERSION[kind], *_AFTER))


def _figure(made: _Definition, tally: Tally, required: Collection[str]) -> Kpi:
    numerator, denominator = made.numerator(tally, required), made.denominator(tally)
    applies = denominator > 0 and (required or made.name != "disclosure_rate")
    value = numerator / denominator if applies else None
    return Kpi(
        made.name, made.english, made.chinese, made.definition, numerator, denominator, value, made.unit
    )  # fmt: skip
