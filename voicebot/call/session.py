"""One call from dial to record: the script speaks and listens through a line, and everything that happens is noted.

The session lives in the event loop; audio stays on the listener's thread (`hearing`). It decides nothing itself: the
turn policy says when, the script says what, and the line says how it ended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sip.line import Answered, Cause, Dtmf, Ending, Held, Line, LineEvent, Ringing, SipFault, TransferRefused, Trunk
from tts.voice import VoiceFault
from voicebot import events
from voicebot.asr.recognizer import AsrFault, Ear
from voicebot.call import hearing, turns
from voicebot.call.hot_words import hot_words
from voicebot.call.speaking import Speaker
from voicebot.flow import dialogue
from voicebot.flow.advance import advance, begin, conclude, prompts_known
from voicebot.flow.dispositions import Disposition
from voicebot.flow.model import Flow
from voicebot.nlu.understanding import Understander, Understanding
from voicebot.store.recording import Recording

log = logging.getLogger(__name__)

# Between two prompts said in a row: 200 ms of silence, a speaker's breath.
_BREATH = bytes(2 * 8000 * 200 // 1000)
# After the last word the far end still hears what its jitter buffer holds; then we hang up.
_TAIL_S = 0.3
_STALLED_S = 5.0  # a recogniser that gets nowhere for so long after the hang-up is given up

# Words that only show that somebody listens do not stop the robot. Said over a disclosure, assent counts as little: a
# "对对对" before the statement was heard out acknowledges nothing, and the script asks afterwards anyway.
_ATTENTION = frozenset({"backchannel", "greeting"})
_ASSENT = _ATTENTION | {"affirm", "acknowledged"}

# A call that nobody took, by what SIP said (docs/domain.md §4; a 404 is 空号 in the networks' own mapping).
UNANSWERED = {
    Cause.BUSY: Disposition.BUSY,
    Cause.NO_ANSWER: Disposition.NO_ANSWER,
    Cause.REJECTED: Disposition.REJECTED,
    Cause.WRONG_NUMBER: Disposition.EMPTY_NUMBER,
    Cause.UNREACHABLE: Disposition.UNREACHABLE,
    Cause.CANCELLED: Disposition.CANCELLED,
    Cause.COMPLETED: Disposition.HUNG_UP,
    Cause.FAULT: Disposition.FAULT,
}


@dataclass(frozen=True, slots=True)
class Order:
    """A call to make: `target` is a SIP URI, `slots` the contact's data as the flow's checks gave it; `trial`: to a
    telephone of our own, so a script that is switched off may be tried too. `flow_version`: the one that was approved,
    "" for any; `dial_before`: the INVITE leaves before then (`time.monotonic`) or never; `headers`: `X-` ones of the
    INVITE.
    """

    call_id: str
    flow: str
    target: str
    slots: dict[str, str]
    ring_timeout_s: float = 45.0
    trial: bool = False
    flow_version: str = ""
    dial_before: float | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Engines:
    """What a call is made with."""

    trunk: Trunk
    ear: Ear
    understander: Understander
    speaker: Callable[[Flow], Speaker]


@dataclass(slots=True)
class Outcome:
    """What is left when the line is gone; the store makes the record of it."""

    ending: Ending
    disposition: str
    state: dialogue.State
    answered: bool
    response_ms: list[int] = field(default_factory=list)
    acts: list[dialogue.Act] = field(default_factory=list)


@dataclass(slots=True)
class _Spoken:
    """A prompt on its way to the wire."""

    say: dialogue.Say
    start_ms: int | None = None
    dropped: bool = False  # the script already knows that it was cut


class Session:
    """Runs one order. `note` takes every event as it happens (it must not block)."""

    def __init__(
        self,
        order: Order,
        flow: Flow,
        engines: Engines,
        tape: Recording,
        note: Callable[[events.Event], None],
        now: datetime,
        timing: turns.Timing | None = None,
    ) -> None:
        self._order = order
        self._flow = flow
        self._engines = engines
        self._tape = tape
        self._note = note
        self._now = now
        self._state = begin(flow, order.slots, now, trial=order.trial)
        self._speaker = engines.speaker(flow)
        self._policy = turns.TurnPolicy(timing or turns.Timing(), self._is_backchannel)
        self._inbox: asyncio.Queue[hearing.Sensed | LineEvent] = asyncio.Queue()
        self._line: Line | None = None
        self._listener: hearing.Listener | None = None
        self._queue: dict[int, _Spoken] = {}
        self._listen: dialogue.Listen | None = None
        self._hang_up = False
        self._held_back: list[turns.TurnOver | dialogue.Digit] = []
        self._unanswered_since_ms: int | None = None
        self._answered_at_ms: int | None = None
        self._response_ms: list[int] = []
        self._acts: list[dialogue.Act] = []
        self._cancelled = False
        self._deaf = False  # the recogniser is lost and the script does not know it yet

    # ------------------------------------------------------------ the whole call

    async def run(self) -> Outcome:
        """Prepare, dial, talk, and say how it ended. Never raises for what a network or callee can do."""
        if self._order.flow_version not in ("", self._flow.version):
            return self._not_dialled("flow", "the script is not the one that was approved for this call")
        await self._speaker.prepare(prompts_known(self._flow, self._state))
        try:
            # Before the dial: nobody's phone rings for a robot that cannot hear.
            recognizer = await asyncio.to_thread(
                self._engines.ear.open, hot_words(self._flow, self._state.slots, self._engines.understander)
            )
        except AsrFault as fault:
            return self._not_dialled("asr", str(fault))
        if self._cancelled or (self._order.dial_before is not None and time.monotonic() > self._order.dial_before):
            await asyncio.to_thread(recognizer.close)
            return self._not_dialled("sip", "cancelled" if self._cancelled else "it was too late to dial")
        self._note(events.Dialling(at_ms=0, target=self._order.target))
        try:
            self._line = line = await self._engines.trunk.dial(
                self._order.target, ring_timeout_s=self._order.ring_timeout_s, headers=self._order.headers
            )
        except SipFault as fault:
            await asyncio.to_thread(recognizer.close)
            self._note(events.Fault(at_ms=0, part="sip", reason=str(fault)))
            return self._conclude(Ending(Cause.FAULT, reason=str(fault)))
        loop = asyncio.get_running_loop()

        def post(event: hearing.Sensed) -> None:
            loop.call_soon_threadsafe(self._inbox.put_nowait, event)

        self._listener = listener = hearing.Listener(recognizer, self._tape, post)
        listener.start(line.frames, self._order.call_id)
        follower = asyncio.create_task(self._follow(line))
        try:
            if self._cancelled:  # while prompts were rendered
                await line.hang_up()
            ending = await self._talk()
            if not await asyncio.to_thread(listener.join, _STALLED_S):
                log.error("call_id=%s the recogniser is stuck, last words may be lost", self._order.call_id)
            await asyncio.sleep(0)
            self._last_words()
        finally:
            await line.hang_up()
            await follower
            await asyncio.to_thread(recognizer.close)
        return self._conclude(ending)

    async def cancel(self) -> None:
        """Somebody on our side wants the call to end now."""
        self._cancelled = True
        if self._line is not None:
            await self._line.hang_up()

    async def _follow(self, line: Line) -> None:
        async for event in line.events():
            self._inbox.put_nowait(event)

    async def _talk(self) -> Ending:
        while True:
            event = await self._inbox.get()
            if isinstance(event, Ending):
                return event
            try:
                await self._handle(event)
            except VoiceFault as fault:
                # A robot that cannot speak must not leave a client with a silent line.
                log.error("call_id=%s voice failed: %s", self._order.call_id, fault)
                self._note(events.Fault(at_ms=self._at_ms, part="tts", reason=str(fault)))
                assert self._line is not None  # noqa: S101 - nothing is handled before there is a line
                await self._line.hang_up()

    @property
    def _at_ms(self) -> int:
        return self._listener.now_ms if self._listener is not None else 0

    async def _handle(self, event: hearing.Sensed | LineEvent) -> None:
        match event:
            case Ringing(code, early_media):
                self._note(events.Ringing(at_ms=self._at_ms, code=code, early_media=early_media))
            case Answered():
                assert self._listener is not None  # noqa: S101 - set before the line's events are read
                self._answered_at_ms = self._at_ms
                self._listener.open_ears()
                self._note(events.Answered(at_ms=self._at_ms))
                await self._step(dialogue.Start())
            case Dtmf(digit):
                self._note(events.DtmfReceived(at_ms=self._at_ms, digit=digit))
                await self._take(dialogue.Digit(digit))
            case Held(held):
                self._note(events.HeldByFarEnd(at_ms=self._at_ms, held=held))
                if held:
                    self._policy.stop_listening()
                elif self._listen is not None and not self._queue:
                    self._policy.listen(self._at_ms, self._listen.silence_ms)
            case TransferRefused(_):
                self._note(events.TransferRefused(at_ms=self._at_ms))
            case hearing.PlayBegan(at_ms, utterance):
                self._play_began(utterance, at_ms)
            case hearing.PlayEnded(at_ms, utterance, complete):
                await self._play_ended(utterance, at_ms, complete=complete)
            case hearing.HeardPartial(at_ms, text):
                self._note(events.HeardPartial(at_ms=at_ms, text=text))
                await self._decide(event)
            case hearing.EarLost(at_ms, reason):
                self._note(events.Fault(at_ms=at_ms, part="asr", reason=reason))
                self._deaf = True
                await self._decide(event)
                if not self._queue:
                    await self._robot_done(at_ms)
            case Ending():
                pass  # `_talk` returns it
            case _:
                await self._decide(event)

    def _not_dialled(self, part: str, why: str) -> Outcome:
        log.error("call_id=%s not dialled (%s): %s", self._order.call_id, part, why)
        self._note(events.Fault(at_ms=0, part=part, reason=why))
        return self._conclude(Ending(Cause.CANCELLED if self._cancelled else Cause.FAULT, reason=why))

    def _conclude(self, ending: Ending) -> Outcome:
        answered = self._answered_at_ms is not None
        if answered and ending.cause is not Cause.FAULT:
            disposition = conclude(self._flow, self._state, answered=True, hung_up_by_callee=ending.by_far_end)
            if disposition is Disposition.FAULT and self._cancelled:
                disposition = Disposition.CANCELLED
        else:
            disposition = UNANSWERED[ending.cause]
        self._note(
            events.Ended(at_ms=self._at_ms, cause=ending.cause, code=ending.code, reason=ending.reason,
                         by_far_end=ending.by_far_end)
        )  # fmt: skip
        return Outcome(ending, disposition, self._state, answered, self._response_ms, self._acts)

    # ------------------------------------------------------------ hearing

    async def _decide(self, event: hearing.Sensed) -> None:
        for decision in self._policy.feed(event):
            match decision:
                case turns.AskFinal():
                    assert self._listener is not None  # noqa: S101
                    self._listener.finish()
                case turns.GiveWay():
                    self._note(events.BargeIn(at_ms=self._at_ms, text=self._policy.text))
                    self._fall_silent()
                case turns.TooQuiet():
                    self._note(events.SilenceNoticed(at_ms=self._at_ms))
                    await self._step(dialogue.Silence())
                case turns.TurnOver():
                    await self._take(decision)

    async def _take(self, turn: turns.TurnOver | dialogue.Digit) -> None:
        """The callee said or pressed something: now, or after a disclosure that nothing interrupts."""
        if self._unbreakable:
            self._held_back.append(turn)
            return
        self._fall_silent()
        if isinstance(turn, dialogue.Digit):
            self._unanswered_since_ms = self._at_ms
            await self._step(turn)
            return
        self._unanswered_since_ms = turn.end_ms
        await self._step(dialogue.Heard(self._understand(turn)))

    def _understand(self, turn: turns.TurnOver) -> Understanding:
        expecting = self._listen.expecting if self._listen is not None else frozenset[str]()
        meaning = self._engines.understander.understand(turn.text, expecting=expecting, now=self._now)
        self._note(
            events.Heard(at_ms=self._at_ms, text=turn.text, confidence=turn.confidence,
                         start_ms=turn.start_ms, end_ms=turn.end_ms, written=turn.written)
        )  # fmt: skip
        self._note(
            events.Understood(
                at_ms=self._at_ms,
                intents=tuple((i.name, i.confidence) for i in meaning.intents),
                slots=tuple((s.type, s.text, s.value) for s in meaning.slots),
            )
        )
        return meaning

    def _is_backchannel(self, text: str) -> bool:
        return self._means_only(text, _ATTENTION)

    def _means_only(self, text: str, intents: frozenset[str]) -> bool:
        meaning = self._engines.understander.understand(text, now=self._now)
        return all(intent.name in intents for intent in meaning.intents)

    def _last_words(self) -> None:
        """After the end: what was still being said is understood and noted; the robot no longer answers."""
        turns_over: list[turns.TurnOver | dialogue.Digit] = list(self._held_back)
        while not self._inbox.empty():
            event = self._inbox.get_nowait()
            if isinstance(event, hearing.PlayEnded):
                self._close_prompt(event.utterance, event.at_ms, complete=event.complete)
            elif not isinstance(event, LineEvent):
                if isinstance(event, hearing.EarLost):
                    self._note(events.Fault(at_ms=event.at_ms, part="asr", reason=event.reason))
                turns_over += [d for d in self._policy.feed(event) if isinstance(d, turns.TurnOver)]
        for utterance in list(self._queue):
            self._close_prompt(utterance, self._at_ms, complete=False)
        for turn in turns_over:
            heard = turn if isinstance(turn, dialogue.Digit) else dialogue.Heard(self._understand(turn))
            self._state, actions = advance(self._flow, self._state, heard)
            for action in actions:
                if isinstance(action, dialogue.Act):
                    self._act(action)

    # ------------------------------------------------------------ the script

    async def _step(self, happened: dialogue.Input) -> None:
        self._policy.stop_listening()
        self._state, actions = advance(self._flow, self._state, happened)
        self._listen = None
        for action in actions:
            match action:
                case dialogue.Say():
                    await self._say(action)
                case dialogue.Listen():
                    self._listen = action
                case dialogue.HangUp():
                    self._hang_up = True
                case dialogue.Act():
                    self._act(action)
        if not self._queue:
            await self._robot_done(self._at_ms)

    def _act(self, action: dialogue.Act) -> None:
        self._acts.append(action)
        self._note(events.Acted(at_ms=self._at_ms, action=action.kind, data=dict(action.data)))

    # ------------------------------------------------------------ speaking

    async def _say(self, say: dialogue.Say) -> None:
        assert self._line is not None  # noqa: S101 - the script starts after the answer
        pcm = await self._speaker.pcm(say)
        follows = any(not spoken.dropped for spoken in self._queue.values())
        if not follows:
            self._policy.robot_speaks(interruptible=say.interruptible)
        utterance = self._line.play(_BREATH + pcm if follows else pcm)
        self._queue[utterance] = _Spoken(say)

    def _play_began(self, utterance: int, at_ms: int) -> None:
        spoken = self._queue.get(utterance)
        if spoken is None:
            return
        spoken.start_ms = at_ms
        self._policy.robot_speaks(interruptible=spoken.say.interruptible)
        if self._unanswered_since_ms is not None:
            self._response_ms.append(at_ms - self._unanswered_since_ms)
            self._unanswered_since_ms = None

    async def _play_ended(self, utterance: int, at_ms: int, *, complete: bool) -> None:
        self._close_prompt(utterance, at_ms, complete=complete)
        if not self._unbreakable and (turn := self._release_held_back(at_ms)) is not None:
            await self._take(turn)
        elif not self._queue:
            await self._robot_done(at_ms)

    @property
    def _unbreakable(self) -> bool:
        """Whether a prompt that nothing interrupts is on its way."""
        return any(not spoken.say.interruptible for spoken in self._queue.values())

    def _release_held_back(self, at_ms: int) -> turns.TurnOver | dialogue.Digit | None:
        """What was said over a disclosure, as one turn that ends now. A key outranks words; assent is no turn."""
        held, self._held_back = self._held_back, []
        digits = [turn for turn in held if isinstance(turn, dialogue.Digit)]
        if digits:
            return digits[-1]
        words = [t for t in held if isinstance(t, turns.TurnOver) and not self._means_only(t.text, _ASSENT)]
        if not words:
            return None
        confidence = min(turn.confidence for turn in words)
        text, written = "".join(turn.text for turn in words), "".join(turn.written for turn in words)
        return turns.TurnOver(text, words[0].start_ms, at_ms, confidence, written)

    def _close_prompt(self, utterance: int, at_ms: int, *, complete: bool) -> None:
        spoken = self._queue.pop(utterance, None)
        if spoken is None:
            return
        say = spoken.say
        if spoken.start_ms is not None:
            self._note(
                events.Said(at_ms=at_ms, prompt=say.prompt, text=say.written, start_ms=spoken.start_ms,
                            end_ms=at_ms, complete=complete)
            )  # fmt: skip
            if say.disclosure and complete:
                self._note(events.DisclosurePlayed(at_ms=at_ms, disclosure=say.disclosure))
        if not spoken.dropped:
            self._state, _ = advance(self._flow, self._state, dialogue.Played(say.prompt, complete=complete))

    def _fall_silent(self) -> None:
        """Drop what is queued. A prompt on the wire is noted when the listener sees it stop."""
        if not self._queue:
            return
        assert self._line is not None  # noqa: S101
        self._line.clear()
        for utterance, spoken in list(self._queue.items()):
            spoken.dropped = True
            self._state, _ = advance(self._flow, self._state, dialogue.Played(spoken.say.prompt, complete=False))
            if spoken.start_ms is None:
                del self._queue[utterance]
        self._policy.robot_silent(self._at_ms)

    async def _robot_done(self, at_ms: int) -> None:
        """Everything was said: it is the callee's turn, or the end."""
        self._policy.robot_silent(at_ms)
        if self._hang_up:
            self._hang_up = False
            await asyncio.sleep(_TAIL_S)
            assert self._line is not None  # noqa: S101
            await self._line.hang_up()
        elif self._deaf and not self._state.ended:
            self._deaf = False
            await self._step(dialogue.EarLost())
        elif self._listen is not None:
            self._policy.listen(at_ms, self._listen.silence_ms)
