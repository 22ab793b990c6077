"""意向等级: a call's grade A–F by a table in configuration (`grades.yaml`, docs/domain.md §5)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from voicebot.flow.dispositions import Disposition
from voicebot.leads.conversation import Conversation
from voicebot.leads.table import Ids, Intents, read

GRADES: Final = Path(__file__).with_name("grades.yaml")


class GradeRule(BaseModel):
    """A row: it holds when everything it names holds. Counts are over the whole call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grade: Literal["A", "B", "C", "D", "E", "F"]
    dispositions: tuple[Disposition, ...] = ()
    connected: bool | None = None
    min_turns: int = 0
    min_questions: int = 0
    min_affirmations: int = 0
    min_refusals: int = 0
    max_refusals: int | None = None


class GradeTable(BaseModel):
    """The whole table. Its last row must hold for every call, so that every call has a grade."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    questions: Intents
    affirmations: Intents
    refusals: Intents
    rules: tuple[GradeRule, ...]

    @model_validator(mode="after")
    def _ends(self) -> GradeTable:
        if not self.rules or self.rules[-1] != GradeRule(grade=self.rules[-1].grade):
            raise ValueError("the last rule must be a grade alone, for every call that no other rule takes")
        return self


def read_grades(file: Path = GRADES) -> GradeTable:
    """Read a table. Raises `LeadsFault` with file and place."""
    return read(file, GradeTable)


@cache
def shipped_grades() -> GradeTable:
    """The table in the package."""
    return read_grades()


def grade(call: Conversation, table: GradeTable | None = None) -> str:
    """A call's grade, "A" to "F"."""
    table = table or shipped_grades()
    # Heard but meaning nothing that is known ("[unk]" and noise) is no conversation.
    turns = [turn for turn in call.turns if not turn.text or any(intent != "unknown" for intent in turn.intents)]
    questions = sum(intent in table.questions for turn in turns for intent in turn.intents)
    affirmations = sum(_any(turn.intents, table.affirmations) for turn in turns)
    refusals = sum(_any(turn.intents, table.refusals) for turn in turns)
    for rule in table.rules:
        if (
            (not rule.dispositions or call.disposition in rule.dispositions)
            and (rule.connected is None or rule.connected == call.connected)
            and len(turns) >= rule.min_turns
            and questions >= rule.min_questions
            and affirmations >= rule.min_affirmations
            and refusals >= rule.min_refusals
            and (rule.max_refusals is None or refusals <= rule.max_refusals)
        ):
            return rule.grade
    raise AssertionError("a checked table has a last rule for every call")


def _any(intents: tuple[str, ...], wanted: Ids) -> bool:
    return any(intent in wanted for intent in intents)
