"""线索 of a service call: what a human has to do after it, by a table in configuration (`follow_up.yaml`).

A service call never pitches (docs/domain.md §3.1): interest in products leaves nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from voicebot.flow.dispositions import Disposition
from voicebot.flow.vocabulary import ACTS
from voicebot.leads.conversation import Conversation
from voicebot.leads.table import Intents, read
from voicebot.store.records import Lead

FOLLOW_UP: Final = Path(__file__).with_name("follow_up.yaml")
# "明天" without an hour is due when calls may begin (docs/domain.md §3.4).
_MORNING: Final = time(9)


def _known_acts(acts: frozenset[str]) -> frozenset[str]:
    unknown = sorted(act for act in acts if act.partition(":")[0] not in ACTS)
    if unknown:
        raise ValueError(f"no such act: {', '.join(unknown)}")
    return acts


class When(BaseModel):
    """Any of these makes the rule hold. An act is an action (`callback`) or one with its reason (`lead:extend`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    acts: Annotated[frozenset[str], AfterValidator(_known_acts)] = frozenset()
    intents: Intents = frozenset()
    dispositions: frozenset[Disposition] = frozenset()


class Due(BaseModel):
    """By when: the time in `slot` (said by the callee, else of the contact's data), else `minutes` after the call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: int = Field(gt=0)
    slot: str = ""


class FollowUpRule(BaseModel):
    """A row of the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, max_length=64)
    kind: Literal["complaint", "human", "callback", "plan", "none"]
    when: When
    owner: str = Field(default="", max_length=64)
    due: Due | None = None
    words: Intents = frozenset()

    @model_validator(mode="after")
    def _whole(self) -> FollowUpRule:
        if self.kind != "none" and (not self.owner or self.due is None):
            raise ValueError("a lead needs an owner and a due time")
        return self


class FollowUpTable(BaseModel):
    """The whole table; the first rule that holds counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    rules: tuple[FollowUpRule, ...]


def read_follow_up(file: Path = FOLLOW_UP) -> FollowUpTable:
    """Read a table. Raises `LeadsFault` with file and place."""
    return read(file, FollowUpTable)


@cache
def shipped_follow_up() -> FollowUpTable:
    """The table in the package."""
    return read_follow_up()


def lead_for(call: Conversation, grade: str, now: datetime, table: FollowUpTable | None = None) -> Lead | None:
    """What a service call leaves to be done, None if nothing. `now`: when it ended, in the firm's zone, in which times
    without a zone are meant.
    """
    table = table or shipped_follow_up()
    acts = {action for action, _ in call.acts} | {f"{action}:{data.get('reason', '')}" for action, data in call.acts}
    for rule in table.rules:
        intents = call.intents & rule.when.intents
        if not (acts & rule.when.acts or intents or call.disposition in rule.when.dispositions):
            continue
        if rule.due is None:
            return None
        said = call.said()
        return Lead(
            kind=rule.kind,
            client=call.client,
            rule=rule.id,
            rule_version=table.version,
            grade=grade,
            words=call.words(rule.words),
            owner=rule.owner,
            due_at=_due(rule.due, said, call.known, now),
            evidence={
                "disposition": call.disposition,
                "acts": [{"action": action, **data} for action, data in call.acts],
                "intents": sorted(call.intents),
            },
            slots=said,
            complaint=rule.kind == "complaint",
            created_at=now,
        )
    return None


def _due(due: Due, said: Mapping[str, str], known: Mapping[str, str], now: datetime) -> datetime:
    at = _moment(said.get(due.slot) or known.get(due.slot, ""), now.tzinfo)
    return at if at is not None else now + timedelta(minutes=due.minutes)


def _moment(value: str, zone: tzinfo | None) -> datetime | None:
    """An ISO 8601 date or datetime; None if it is none, as when a client's "有空的时候" was kept as words."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if len(value) <= len("2026-11-25"):
        moment = datetime.combine(moment.date(), _MORNING)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
