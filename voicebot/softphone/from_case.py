"""A persona that says what a script's case has its callee say: one line after the other, each time the robot spoke.

The conversation in text tells how often the robot speaks before the next line, and what it is saying when the callee
hangs up in the middle. The robot learns none of that: the file is read by the softphone's process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tts.readable import readable
from voicebot.flow.cases import Case, turn
from voicebot.flow.chat import Chat, HungUp, Line
from voicebot.flow.dialogue import Digit, EarLost, Silence

# The embedded voice at the robot's rate spoke 3.3–4.4 characters a second (voicebot/flow/rules.py).
_CHARACTERS_PER_S = 3.8
_BREATH_MS = 200
# Where the robot says nothing more, a callee goes on by itself after so long.
_PAUSE_MS = 2000
_VOICE = {"variant": "m3", "rate": 175, "pitch": 45}


def why_not(case: Case) -> str:
    """Why a case cannot be played by a telephone, "" if it can."""
    silent = False
    for text in case.callee:
        match turn(text):
            case EarLost():
                return f"{text}: a recogniser cannot be lost on purpose in a real call"
            case HungUp(during) if during and silent:
                return f"{text}: hanging up in the middle of a prompt after a silence is not to be timed"
            case str() if not any(map(str.isalnum, readable(text))) or "[unk]" in text:
                return f"{text}: that cannot be spoken"
            case taken:
                silent = isinstance(taken, Silence)
    return ""


def persona_of(case: Case, held: Chat, *, insists: bool = False) -> dict[str, Any]:
    """The persona as its YAML file has it. `held`: the case's conversation in text; `insists`: asked once more, because
    the ear heard it otherwise, it says its last line again.
    """
    callee = [line.text for line in held.lines if line.role == "callee"]
    last = readable(callee[-1]) if callee and isinstance(turn(callee[-1]), str) else ""
    return {
        "about": case.name,
        "expect": case.disposition,
        "answer": {"ring_ms": 500},
        "voice": _VOICE,
        "turns": list(_entries(held)),
        **({"repeat": last} if insists and held.over and last else {}),
    }


def write_persona(file: Path, case: Case, held: Chat, *, insists: bool = False) -> None:
    """`persona_of` as a file. Raises `OSError`."""
    persona = persona_of(case, held, insists=insists)
    file.write_text(yaml.safe_dump(persona, allow_unicode=True, sort_keys=False), encoding="utf-8")


def lines_of(held: Chat) -> list[str]:
    """What the persona says, as it is spoken."""
    return [entry["say"] for entry in _entries(held) if "say" in entry]


def _entries(held: Chat) -> Iterator[dict[str, Any]]:
    spoken = 0  # how often the robot has spoken since the callee's last line
    robot: list[Line] = []
    first = True
    for line in held.lines:
        if line.role == "robot":
            robot.append(line)
            continue
        spoken += bool(robot)
        match turn(line.text):
            case Silence():
                robot = []
                continue
            case Digit(digit):
                entry: dict[str, Any] = {**_when(spoken, first=first), "press": digit}
            case str(text):
                entry = {**_when(spoken, first=first), "say": readable(text)}
            case _:
                entry = _hang_up(held, robot, spoken, first=first)
        yield entry
        spoken, robot, first = 0, [], False
    if not held.over:
        yield {**_when(spoken + bool(robot), first=first), "hang_up": True}


def _when(spoken: int, *, first: bool) -> dict[str, Any]:
    if spoken:
        return {"after": "robot", "nth": spoken}
    return {"after": "answer" if first else "line", "delay_ms": _PAUSE_MS}


def _hang_up(held: Chat, robot: Sequence[Line], spoken: int, *, first: bool) -> dict[str, Any]:
    names = [line.prompt for line in robot]
    if not held.cut or held.cut not in names:
        return {**_when(spoken, first=first), "hang_up": True}
    at = names.index(held.cut)
    before = sum(_ms(line) + _BREATH_MS for line in robot[:at])
    return {"over": "robot", "delay_ms": before + min(1500, _ms(robot[at]) // 2), "hang_up": True}


def _ms(line: Line) -> int:
    return round(1000 * sum(map(str.isalnum, readable(line.text))) / _CHARACTERS_PER_S)
