"""What the gates ask for and no script says: in the one form in which the gates read it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from voicebot.campaign.columns import AS_OF, CONSENT_UNTIL, FACTS
from voicebot.flow.values import canonical

_YES: Final = frozenset({"yes", "y", "true", "1", "是", "有"})
_NO: Final = frozenset({"no", "n", "false", "0", "否", "无"})
# As Excel writes days in China; year first leaves no doubt which is the month.
_DAY: Final = re.compile(
    r"([0-9]{4})[/.年-]([0-9]{1,2})[/.月-]([0-9]{1,2})日?(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::00)?)?"
)


def iso(text: str) -> str:
    """A day, or day and time, in ISO 8601 if it is written as in China (2026/1/5, 2026年1月5日 9:30); else as it is."""
    given = _DAY.fullmatch(text)
    if given is None:
        return text
    day = f"{given[1]}-{int(given[2]):02}-{int(given[3]):02}"
    return f"{day}T{int(given[4]):02}:{given[5]}" if given[4] else day


def fact(name: str, text: str, now: datetime) -> str:
    """A fact's canonical form: "yes", "no", a day or a moment in ISO 8601. `now`: by the firm's clock. Raises
    `ValueError` with what is wanted instead.
    """
    if name == CONSENT_UNTIL:
        return canonical("date", iso(text))
    if name == AS_OF:
        written = iso(text)
        value = canonical("datetime" if len(written) > len("2026-11-25") else "date", written)
        if value > now.replace(tzinfo=None).isoformat()[: len(value)]:
            raise ValueError("it lies ahead")
        return value
    word = text.casefold()
    if word in _YES:
        return "yes"
    if word in _NO:
        return "no"
    raise ValueError(f"{FACTS[name][1]} is wanted (是 or 否)")
