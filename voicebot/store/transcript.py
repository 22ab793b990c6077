"""From the events of a call to what its record says: turns, response times, ending. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from voicebot import events
from voicebot.store.records import Turn


def turns_of(happened: Iterable[events.Event]) -> tuple[Turn, ...]:
    """The transcript, in the order in which the turns began."""
    found: list[Turn] = []
    last_heard: int | None = None
    for event in happened:
        match event:
            case events.Said(_, prompt, text, start_ms, end_ms, complete):
                found.append(Turn(0, "robot", text, start_ms, end_ms, prompt=prompt, complete=complete))
            case events.Heard(_, text, confidence, start_ms, end_ms, written):
                last_heard = len(found)
                found.append(Turn(0, "callee", text, start_ms, end_ms, confidence=confidence, written=written))
            case events.Understood(_, intents) if last_heard is not None and intents:
                found[last_heard] = replace(found[last_heard], intent=intents[0][0])
            case events.DtmfReceived(at_ms, digit):
                last_heard = len(found)
                found.append(Turn(0, "callee", f"〔按键 {digit}〕", at_ms, at_ms, confidence=1.0))
    found.sort(key=lambda turn: turn.start_ms)
    return tuple(replace(turn, n=n) for n, turn in enumerate(found, start=1))


def response_times(turns: Sequence[Turn]) -> tuple[int, ...]:
    """How long the robot took to answer, in ms, for each turn of the callee that it answered.

    A turn that the robot talked on over is no question to it (应声 during a disclosure), and of several turns in a row
    the last one counts.
    """
    times: list[int] = []
    for heard, said in pairwise(turns):
        if heard.role != "callee" or said.role != "robot" or said.start_ms < heard.end_ms:
            continue
        talked_over = any(
            t.role == "robot" and t.complete and t.start_ms <= heard.start_ms and heard.end_ms <= t.end_ms
            for t in turns
        )
        if not talked_over:
            times.append(said.start_ms - heard.end_ms)
    return tuple(times)


def percentile(times: Sequence[int], share: float) -> int | None:
    """The nearest-rank percentile (0 < share ≤ 1): a time that really occurred; None of nothing."""
    ordered = sorted(times)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None


@dataclass(frozen=True, slots=True)
class Findings:
    """What the events say of a call as a whole; None where they say nothing."""

    turns: tuple[Turn, ...]
    disclosures: tuple[str, ...]
    response_ms: tuple[int, ...]
    ended: events.Ended | None
    recorded: events.Recorded | None
    concluded: events.Concluded | None
    fault: str


def findings_of(happened: Sequence[events.Event]) -> Findings:
    """Read all events of a call, in order. Of an event that should come once, the last one counts."""
    turns = turns_of(happened)
    disclosures: dict[str, None] = {}
    ended: events.Ended | None = None
    recorded: events.Recorded | None = None
    concluded: events.Concluded | None = None
    faults: list[str] = []
    for event in happened:
        match event:
            case events.DisclosurePlayed(_, disclosure):
                disclosures[disclosure] = None
            case events.Ended():
                ended = event
            case events.Recorded():
                recorded = event
            case events.Concluded():
                concluded = event
            case events.Fault(_, part, reason):
                faults.append(f"{part}: {reason}")
    return Findings(
        turns=turns,
        disclosures=tuple(disclosures),
        response_ms=(concluded.response_ms if concluded and concluded.response_ms else response_times(turns)),
        ended=ended,
        recorded=recorded,
        concluded=concluded,
        fault="; ".join(faults),
    )
