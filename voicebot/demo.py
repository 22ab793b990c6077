"""The demonstration: the simulated softphone in a second process, the robot in a third, one real SIP call between them.

What the robot knows of the callee comes from SIP and RTP alone; the persona's file is read by the softphone's process
and, for the outcome to expect, by the measurement in `repeat`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from voicebot import events
from voicebot.calling import call_once
from voicebot.flow import cases
from voicebot.flow.loading import find
from voicebot.flow.model import Flow
from voicebot.flow.problems import FlowError, Problem
from voicebot.flow.sample import SAMPLE, contact, sample_slots
from voicebot.nlu.lexicon import load as load_lexicon
from voicebot.robot import load_flow, open_store
from voicebot.settings import Settings
from voicebot.softphone.from_case import why_not, write_persona
from voicebot.softphone.persona import load as load_persona
from voicebot.softphone.persona import shipped
from voicebot.softphone.process import answering
from voicebot.store.records import CallRecord
from voicebot.store.store import Store
from voicebot.store.transcript import percentile
from voicebot.workers import Pool

# A softphone that never answers must not keep the demo waiting for a network's 45 s.
RING_S = 20.0
# A persona of its own in a script's folder; without one, and without a shipped one that fits, its first case is played.
PERSONA = "persona.yaml"
_FITTING = {"margin_call": "cooperative"}


@dataclass(frozen=True, slots=True)
class Callee:
    """Who answers. `persona`: a shipped name or a file; `called`: how the demo calls it; `slots`: the contact."""

    persona: str
    called: str
    slots: dict[str, str]


def callee_for(settings: Settings, flow_name: str, persona: str | None, folder: Path) -> Callee:
    """The callee of a demonstration: `persona` if one is named, else the script's own, else its first case that can be
    spoken, as a persona written to `folder`. Raises `FlowError`, `SlotError`, `PersonaError`.
    """
    home = find(flow_name, flows=settings.flows_dir)
    now = datetime.now(settings.zone)
    persona = persona or (str(home / PERSONA) if (home / PERSONA).is_file() else _FITTING.get(flow_name))
    if persona is not None:
        load_persona(persona, settings.personas_dir)  # a bad file is told before anything starts
        return Callee(persona, persona, sample_slots(home, now))
    file = cases.read(home)
    playable = ((case, line) for case, line in zip(file.content.cases, file.lines, strict=True) if not why_not(case))
    case, line = next(playable, (None, 1))
    if case is None:
        fix = "add a case in which words are spoken, or name a persona"
        raise FlowError([Problem(file.name, 1, "no_cases", "no case that a telephone can play", fix)])
    slots = cases.contact_of(case, contact(home / SAMPLE, now) if (home / SAMPLE).is_file() else {}, now)
    held = cases.run(case, load_flow(settings, flow_name), slots, load_lexicon(), now)
    written = folder / "first_case.yaml"
    write_persona(written, case, held, insists=True)
    return Callee(str(written), f"{case.name} ({file.name}:{line})", slots)


async def run(settings: Settings, flow_name: str, callee: Callee, follow: Callable[[events.Event], None]) -> CallRecord:
    """One call from the robot to `callee`; a script that is switched off is tried too. Raises the parts' faults, each
    one line.
    """
    home = find(flow_name, flows=settings.flows_dir).resolve()
    changed = {"ring_timeout_s": min(settings.ring_timeout_s, RING_S), "flows_dir": home.parent}
    settings = settings.model_copy(update=changed)
    flow = load_flow(settings, home.name)
    store = await asyncio.to_thread(open_store, settings)
    pool = Pool(settings, store)
    try:
        async with softphone(callee.persona) as uri:
            await pool.start(1)
            return await call_once(
                settings, store, pool, flow, uri, callee.slots, contact_ref="demo", trial=bool(flow.script.off),
                follow=follow,
            )  # fmt: skip
    finally:
        await pool.close()
        store.close()


async def repeat(settings: Settings, personas: Sequence[str] | None, runs: int, parallel: int) -> list[dict[str, Any]]:
    """Each persona `runs` times on the margin_call script, `parallel` calls at once; a row of figures each."""
    settings = settings.model_copy(update={"ring_timeout_s": min(settings.ring_timeout_s, RING_S)})
    flow = load_flow(settings, "margin_call")
    slots = sample_slots(find("margin_call", flows=settings.flows_dir))
    store = await asyncio.to_thread(open_store, settings)
    pool = Pool(settings, store)
    try:
        await pool.start(settings.workers)
        return [
            await _repeat_one(settings, store, pool, flow, slots, name, runs, parallel)
            for name in personas or shipped(settings.personas_dir)
        ]
    finally:
        await pool.close()
        store.close()


async def _repeat_one(
    settings: Settings,
    store: Store,
    pool: Pool,
    flow: Flow,
    slots: dict[str, str],
    persona: str,
    runs: int,
    parallel: int,
) -> dict[str, Any]:
    expected = load_persona(persona, settings.personas_dir).expect
    gate = asyncio.Semaphore(parallel)

    async def once() -> CallRecord:
        async with gate, softphone(persona) as uri:
            return await call_once(settings, store, pool, flow, uri, slots, contact_ref="bench")

    records = await asyncio.gather(*(once() for _ in range(runs)))
    outcomes = Counter(record.disposition for record in records)
    p50s = [r.response_p50_ms for r in records if r.response_p50_ms is not None]
    p95s = [r.response_p95_ms for r in records if r.response_p95_ms is not None]
    return {
        "persona": persona,
        "expected": expected,
        "runs": runs,
        "as_expected": outcomes[expected],
        "outcomes": dict(outcomes),
        "response_p50_ms": percentile(p50s, 0.5),
        "response_p95_ms": percentile(p95s, 0.95),
        "call_ids": [record.id for record in records],
    }


@asynccontextmanager
async def softphone(persona: str, *, port: int = 0, save: Path | None = None) -> AsyncIterator[str]:
    """A softphone process that plays `persona`; gives the SIP URI it answers at, ends the process afterwards."""
    options = ["--persona", persona, "--port", str(port), *(["--save", str(save)] if save is not None else [])]
    async with answering(*options) as uri:
        yield uri
