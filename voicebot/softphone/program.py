"""The softphone's process: opens a trunk, says where it can be reached, plays for every call the persona that its board
has at the number called.

asyncio.run(run(Board.of(load("cooperative")), Options(json=True)))
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip import pjsua
from sip.line import Line, SipFault, Trunk, TrunkOptions
from sip.uri import SipUri
from tts import wav
from tts.cache import CachedVoice
from tts.espeak import EspeakVoice
from tts.voice import Voice
from voicebot.softphone.board import Board
from voicebot.softphone.fault import SoftphoneFault
from voicebot.softphone.persona import Persona
from voicebot.softphone.phone import Call, stereo
from voicebot.softphone.sounds import Sounds, render
from voicebot.store.number import canonical

OpenTrunk = Callable[[TrunkOptions], Awaitable[Trunk]]


@dataclass(frozen=True, slots=True)
class Options:
    """How to run. `bind`, `port` (0: any free one): where it answers; `calls`: end after so many (0: go on until
    SIGTERM or SIGINT); `save`: stereo WAV of each call (left heard, right said; the second call goes to NAME-2.wav);
    `json`: one JSON object a line on stdout instead of text; `cache`: folder of the speech cache, None for none.
    """

    bind: str = "127.0.0.1"
    port: int = 0
    calls: int = 0
    save: Path | None = None
    json: bool = False
    cache: Path | None = None


async def run(
    board: Board, options: Options, *, open_trunk: OpenTrunk = pjsua.open_trunk, voice: Voice | None = None
) -> None:
    """Answer calls until enough were taken or a signal ends it. All speech is made before the telephone can ring.

    Raises `SoftphoneFault` (a persona's WAV file cannot be read, no folder for `save`), `VoiceFault` and `SipFault`
    (a port in use). A recording that cannot be written when its call is over is told and does not end the process.
    """
    if options.save is not None and not os.access(options.save.parent, os.W_OK):
        raise SoftphoneFault(f"{options.save}: no folder that can be written", permanent=True)
    async with contextlib.AsyncExitStack() as stack:
        if voice is None:
            espeak = EspeakVoice()
            voice = CachedVoice(espeak, options.cache) if options.cache else espeak
        stack.push_async_callback(voice.close)
        sounds = {persona: await render(persona, voice) for persona in board.personas}
        stop = stack.enter_context(_signals())
        trunk = await open_trunk(TrunkOptions(bind=options.bind, port=options.port, user="callee", accept=True))
        stack.push_async_callback(trunk.close)
        desk = _Desk(_Cast(board, sounds), options, stop)
        desk.tell("ready", uri=trunk.uri, port=SipUri.parse(trunk.uri).port, persona=board.name)
        await desk.serve(trunk)


class _Cast:
    """Who plays the next call to a number, by the calls it has had."""

    def __init__(self, board: Board, sounds: Mapping[Persona, Sounds]) -> None:
        self._board = board
        self._sounds = sounds
        self._calls: Counter[str] = Counter()

    def pick(self, called: str) -> tuple[Persona, Sounds]:
        """For a call that has just come in."""
        number = canonical(called)
        self._calls[number] += 1
        persona = self._board.answering(number, self._calls[number])
        return persona, self._sounds[persona]


class _Desk:
    def __init__(self, cast: _Cast, options: Options, stop: asyncio.Event) -> None:
        self._cast = cast
        self._options = options
        self._stop = stop
        self._taken = 0
        self._over = 0

    def tell(self, event: str, **facts: Any) -> None:
        """Say what happens on stdout. A reader who went away (the parent ended) ends this process as well."""
        if self._options.json:
            text = json.dumps({"event": event, **facts}, ensure_ascii=False)
        else:
            text = _in_words(event, facts)
        try:
            print(text, flush=True)  # noqa: T201 - the program's output
        except BrokenPipeError:
            # Python would complain once more at exit when it flushes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._stop.set()

    async def serve(self, trunk: Trunk) -> None:
        """Take calls; returns when enough are over or it shall stop."""
        calls: set[asyncio.Task[None]] = set()
        lines = aiter(trunk.incoming())
        stopping = asyncio.create_task(self._stop.wait())
        incoming = asyncio.create_task(_next(lines))
        try:
            while not self._stop.is_set():
                done, _ = await asyncio.wait({stopping, incoming, *calls}, return_when=asyncio.FIRST_COMPLETED)
                if incoming in done:
                    line = incoming.result()
                    if line is None:
                        raise SipFault("the telephone stopped")
                    calls.add(asyncio.create_task(self._take(line)))
                    incoming = asyncio.create_task(_next(lines))
                for task in done & calls:
                    calls.discard(task)
                    task.result()
        finally:
            tasks = {stopping, incoming, *calls}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, line: Line) -> None:
        if self._options.calls and self._taken >= self._options.calls:
            await line.reject(486)
            return
        self._taken += 1
        number = self._taken

        def tell(event: str, **facts: Any) -> None:
            self.tell(event, call=number, **facts)

        persona, sounds = self._cast.pick(line.called)
        tell("incoming", remote=line.remote, called=line.called, persona=persona.name)
        call = Call(line, persona, sounds, tell)
        ending = await call.run()
        tell("ended", cause=str(ending.cause), code=ending.code, by_far_end=ending.by_far_end)
        if self._options.save is not None and call.tape:
            path = self._options.save
            path = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
            try:
                await asyncio.to_thread(wav.write, path, stereo(call.tape), channels=2)
                tell("saved", file=str(path))
            except OSError as error:
                tell("not_saved", file=str(path), reason=error.strerror or str(error))
        self._over += 1
        if self._over == self._options.calls:
            self._stop.set()


async def _next(lines: AsyncIterator[Line]) -> Line | None:
    return await anext(lines, None)


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set; where there are no such handlers (another thread) it is only an event."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    handled: list[signal.Signals] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, stop.set)
            handled.append(number)
    try:
        yield stop
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


def _in_words(event: str, facts: dict[str, Any]) -> str:
    at = f"{facts['at_ms'] / 1000:7.2f} s  " if "at_ms" in facts else ""
    match event:
        case "ready":
            return f"{facts['persona']} answers at {facts['uri']} (stop with Ctrl-C)"
        case "incoming":
            return f"call {facts['call']} from {facts['remote']} to {facts['called']}: {facts['persona']}"
        case "ringing":
            return "rings" + (", with early media" if facts["early_media"] else "")
        case "rejects":
            return f"rejects with {facts['code']}"
        case "robot_turn":
            return (
                f"{facts['end_ms'] / 1000:7.2f} s  robot spoke for {(facts['end_ms'] - facts['start_ms']) / 1000:.1f} s"
            )
        case "says":
            return f"{at}says: {facts['text']}"
        case "presses":
            return f"{at}presses {facts['keys']}"
        case "key_heard":
            return f"{at}hears key {facts['key']}"
        case "hangs_up":
            return f"{at}hangs up"
        case "ended":
            who = "by the caller" if facts["by_far_end"] else "here"
            return f"ended {who}: {facts['cause']} ({facts['code']})"
        case "saved":
            return f"saved {facts['file']}"
        case "not_saved":
            return f"cannot save {facts['file']}: {facts['reason']}"
        case _:
            return event
