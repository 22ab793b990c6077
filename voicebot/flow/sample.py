"""The made-up contact that comes with a script (`sample.yaml`): for the demo, the tests and the text chat."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

from voicebot.flow import document
from voicebot.flow.problems import FlowError, Problem

SAMPLE = "sample.yaml"
_DAY = re.compile(r"T([+-][0-9]{1,3})(?:[ T]([0-9]{2}:[0-9]{2}))?")


def sample_slots(folder: Path, now: datetime | None = None) -> dict[str, str]:
    """The sample contact in a script's folder, its slots as text. "T+2 15:00" means the second working day (Monday to
    Friday) after today's date in `now` (the machine's clock if not given), so that a sample never grows old. Raises
    `FlowError`.
    """
    return contact(folder / SAMPLE, now or datetime.now())


def contact(file: Path, now: datetime) -> dict[str, str]:
    """A contact's slots from a YAML (or JSON) file of `slot: value` lines. Raises `FlowError` naming the line."""
    doc = document.read(file, name=str(file), strings=True)
    if not isinstance(doc.content, dict):
        raise FlowError([Problem(doc.file, 1, "contact", "no slots in it", "write one `slot: value` a line")])
    slots: dict[str, str] = {}
    for name, value in doc.content.items():
        if value is None:
            continue
        if not isinstance(value, str):
            fix = "write one `slot: value` a line"
            raise FlowError([Problem(doc.file, doc.line_of(name), "contact", f"{name} holds more than a value", fix)])
        slots[name] = dated(value, now)
    return slots


def dated(value: str, now: datetime) -> str:
    """A value in which "T+2 15:00" has become a date and time, any other as it is."""
    match = _DAY.fullmatch(value)
    if match is None:
        return value
    day = _working_day(now.date(), int(match[1])).isoformat()
    return f"{day}T{match[2]}" if match[2] else day


def _working_day(day: date, away: int) -> date:
    step = timedelta(days=1 if away > 0 else -1)
    while away:
        day += step
        if day.weekday() < 5:
            away -= 1 if away > 0 else -1
    return day
