"""What a finished call is worth, and whom it leaves something to do for: grade and lead from its events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from voicebot import events
from voicebot.leads.conversation import conversation_of
from voicebot.leads.follow_up import lead_for
from voicebot.leads.grading import grade
from voicebot.store.records import CallRecord
from voicebot.store.store import Judgement

# The markets', in which contact data and callees name times. A firm elsewhere passes its own.
_ZONE: Final = ZoneInfo("Asia/Shanghai")


def judge(record: CallRecord, happened: Sequence[events.Event], disposition: str, *, zone: tzinfo = _ZONE) -> Judgement:
    """Grade a call and find its lead (a `voicebot.store.store.Judge`). `happened`: all its events, in order."""
    call = conversation_of(record, happened, disposition)
    given = grade(call)
    return Judgement(given, lead_for(call, given, datetime.now(UTC).astimezone(zone)))
