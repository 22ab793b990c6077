"""A script's cases over the telephone: real SIP on this machine, the simulated softphone says the callee's lines, the
robot hears, speaks and decides as in any call. What comes of it is held against the case.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tts.readable import readable
from voicebot import events
from voicebot.asr.evaluate import distance, plain
from voicebot.calling import call_once
from voicebot.demo import RING_S, softphone
from voicebot.flow import cases
from voicebot.flow.advance import advance, begin, known_slots
from voicebot.flow.cases import Case
from voicebot.flow.chat import Chat, Line
from voicebot.flow.dialogue import Act, Action, Digit, Heard, Input, Played, Say, Silence, Start, State
from voicebot.flow.dispositions import Disposition
from voicebot.flow.model import Flow
from voicebot.flow.problems import SlotError
from voicebot.flow.replay import CaseResult, FlowResult, Tryable, as_text
from voicebot.flow.sample import SAMPLE, contact
from voicebot.nlu.understanding import Intent, Slot, Understander, Understanding
from voicebot.robot import open_store
from voicebot.settings import Settings
from voicebot.softphone.from_case import lines_of, why_not, write_persona
from voicebot.store.records import CallRecord
from voicebot.store.store import Store
from voicebot.workers import Pool, WorkerFault


@dataclass(frozen=True, slots=True)
class Call:
    """A call as its case sees it: what a `Chat` is for one in text."""

    flow: Flow
    state: State
    disposition: Disposition
    acts: tuple[Act, ...]
    lines: tuple[Line, ...]


async def try_over_sip(
    settings: Settings,
    script: Tryable,
    understander: Understander,
    *,
    only: str = "",
    parallel: int = 1,
    follow: Callable[[CaseResult], None] = lambda _result: None,
) -> FlowResult:
    """Call for every case, or for those whose name holds `only`, `parallel` calls at once; `follow` gets each result.
    Database and recordings are put away afterwards. Raises the parts' faults, each one line.
    """
    with tempfile.TemporaryDirectory(prefix="voicebot-trial-") as folder:
        own = settings.model_copy(
            update={
                "flows_dir": script.folder.resolve().parent,
                "database_url": f"sqlite:///{folder}/voicebot.db",
                "recordings_dir": Path(folder) / "recordings",
                "ring_timeout_s": min(settings.ring_timeout_s, RING_S),
            }
        )
        store = await asyncio.to_thread(open_store, own)
        pool = Pool(own, store)
        gate = asyncio.Semaphore(parallel)
        room = _Room(own, script, understander, store, pool, Path(folder))

        async def one(case: Case, line: int) -> tuple[CaseResult, State | None]:
            async with gate:
                tried = await room.hold(case, line)
            follow(tried[0])
            return tried

        try:
            await pool.start(1)
            tried = await asyncio.gather(*(one(case, line) for case, line in script.chosen(only)))
        finally:
            await pool.close()
            store.close()
    return script.result([result for result, _ in tried], [state for _, state in tried if state is not None])


@dataclass(frozen=True, slots=True)
class _Room:
    """Where the calls are made."""

    settings: Settings
    script: Tryable
    understander: Understander
    store: Store
    pool: Pool
    folder: Path

    async def hold(self, case: Case, line: int) -> tuple[CaseResult, State | None]:
        if why := why_not(case):
            return CaseResult(case, line, skipped=why), None
        began = time.perf_counter()
        flow, now = self.script.flow, datetime.now(self.settings.zone)
        sample = self.script.folder / SAMPLE
        slots = cases.contact_of(case, contact(sample, now) if sample.is_file() else {}, now)
        happened: list[events.Event] = []
        try:
            text = cases.run(case, flow, slots, self.understander, now)
            persona = self.folder / f"case-{line}.yaml"
            write_persona(persona, case, text)
            async with softphone(str(persona)) as uri:
                record = await call_once(
                    self.settings, self.store, self.pool, flow, uri, slots, trial=bool(flow.script.off),
                    follow=happened.append,
                )  # fmt: skip
        except SlotError as error:
            return CaseResult(case, line, (f"today it cannot be called: {error}",)), None
        except WorkerFault as fault:
            if fault.permanent:
                raise
            return CaseResult(case, line, (f"no call: {fault}",), seconds=time.perf_counter() - began), None
        call = call_of(flow, slots, now, record, happened)
        result = CaseResult(
            case,
            line,
            tuple(cases.differences(_today(case, text), call)),
            tuple(map(as_text, call.lines)),
            time.perf_counter() - began,
            notes=tuple(_misheard(lines_of(text), call.lines)),
        )
        return result, call.state


def _today(case: Case, text: Chat) -> Case:
    """A case with the days that its words mean today, as the conversation in text has them."""
    known = known_slots(text.flow, text.state)
    specs = text.flow.script.slots
    days = {name: known[name] for name in case.slots
            if name in known and specs[name].type in ("date", "datetime")}  # fmt: skip
    return case.model_copy(update={"slots": {**case.slots, **days}})


def _misheard(said: Sequence[str], lines: Sequence[Line]) -> list[str]:
    """Lines that the ear heard otherwise than they were said, with the share of wrong characters."""
    heard = [line.text for line in lines if line.meaning is not None]
    if len(heard) != len(said):
        if plain("".join(heard)) == plain("".join(said)):
            return []
        return [f"said {' | '.join(said)}, heard {' | '.join(heard) or 'nothing'}"]
    told = []
    for wanted, came in zip(said, heard, strict=True):
        if errors := distance(plain(wanted), plain(readable(came) if "[" not in came else came)):
            share = 100 * errors / max(1, len(plain(wanted)))
            told.append(f"said {wanted}, heard {came} ({share:.0f} % of the characters wrong)")
    return told


# ---------------------------------------------------------------- a call, from its record


def call_of(
    flow: Flow, slots: dict[str, str], now: datetime, record: CallRecord, happened: Sequence[events.Event]
) -> Call:
    """What came of a call. `happened`: its events; `advance` is pure, so the same inputs lead the same way."""
    again = _Again(flow, begin(flow, slots, now, trial=True))
    for event in happened:
        again.take(event)
    return Call(flow, again.state, Disposition(record.disposition), tuple(again.acts), tuple(again.lines))


class _Again:
    """Goes through a call's events once more."""

    def __init__(self, flow: Flow, state: State) -> None:
        self._flow = flow
        self.state = state
        self.acts: list[Act] = []
        self.lines: list[Line] = []
        self._waiting: list[Say] = []  # asked for and not yet over
        self._held_back: list[Digit] = []
        self._asked: defaultdict[str, list[tuple[int, bool]]] = defaultdict(list)  # prompt → when, whether identified
        self._heard = events.Heard(0, "", 0, 0, 0)

    def take(self, event: events.Event) -> None:
        """One event, in the order of the record."""
        match event:
            case events.Answered():
                self._step(Start(), event.at_ms)
            case events.Heard():
                self._heard = event
            case events.Understood():
                meaning = Understanding(
                    self._heard.text,
                    tuple(Intent(name, confidence) for name, confidence in event.intents),
                    tuple(Slot(type_, said, value, 0, 0) for type_, said, value in event.slots),
                )
                names = tuple(intent.name for intent in meaning.intents)
                self.lines.append(Line("callee", self._heard.text, names, meaning=meaning))
                self._turn(Heard(meaning), event.at_ms)
            case events.DtmfReceived():
                self.lines.append(Line("callee", f"（按{event.digit}）"))
                if self._unbreakable:
                    self._held_back.append(Digit(event.digit))
                else:
                    self._turn(Digit(event.digit), event.at_ms)
            case events.SilenceNoticed():
                self.lines.append(Line("callee", "（静默）"))
                self._step(Silence(), event.at_ms)
            case events.BargeIn():
                self._waiting.clear()
            case events.Said():
                self._said(event)
            case events.Acted():
                self.acts.append(Act(event.action, event.data))
            case events.Ended() if event.by_far_end:
                self.lines.append(Line("callee", "（挂断）"))
            case _:
                pass

    @property
    def _unbreakable(self) -> bool:
        return any(not say.interruptible for say in self._waiting)

    def _said(self, event: events.Said) -> None:
        before = [identified for at_ms, identified in self._asked[event.prompt] if at_ms <= event.start_ms]
        told = before[-1] if before else self.state.identified
        self.lines.append(Line("robot", event.text, (), event.prompt, told))
        if self._waiting and self._waiting[0].prompt == event.prompt:
            del self._waiting[0]
        self.state, _ = advance(self._flow, self.state, Played(event.prompt, complete=event.complete))
        if self._held_back and not self._unbreakable:
            key, self._held_back = self._held_back[-1], []
            self._turn(key, event.at_ms)

    def _turn(self, happened: Input, at_ms: int) -> None:
        self._waiting.clear()
        self._step(happened, at_ms)

    def _step(self, happened: Input, at_ms: int) -> None:
        self.state, actions = advance(self._flow, self.state, happened)
        for say in _says(actions):
            self._waiting.append(say)
            self._asked[say.prompt].append((at_ms, self.state.identified))


def _says(actions: Sequence[Action]) -> list[Say]:
    return [action for action in actions if isinstance(action, Say)]
