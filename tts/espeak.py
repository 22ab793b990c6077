"""The embedded voice: pyttsx3 on the espeak-ng 1.52 that `espeakng-loader` carries, in a process of its own.

espeak-ng keeps one state for the process, crashes now and then (2 of 12,643 sentences) and pyttsx3 can hang: so a child
process speaks, and one that dies or does not answer in time is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from importlib.metadata import version

from tts.levels import shape
from tts.lexicon import respell
from tts.readable import readable
from tts.voice import Style, Voice, VoiceFault

DEFAULT_VARIANT = "f2"
_SHAPE = 2  # to be raised whenever lexicon, reading or levels change what is heard: cached speech is then made anew
_PLAIN = Style()


class EspeakVoice(Voice):
    """Chinese by espeak-ng. `Style.variant` is one of its variants ("f2", "m3", "Annie") or a whole voice ("cmn+m3");
    "" is `f2`.

    `timeout_s` is what one rendering may take before the child is killed and a new one tried, once. Renderings queue:
    the engine speaks one at a time, some hundred times faster than real time.
    """

    def __init__(self, *, timeout_s: float = 10.0) -> None:
        self.key = f"espeak-ng-loader {version('espeakng-loader')}, pyttsx3 {version('pyttsx3')}, shape {_SHAPE}"
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._process: Process | None = None
        self._closed = False

    async def render(self, text: str, style: Style = _PLAIN) -> bytes:
        """See `Voice.render`. Text that is not yet in spoken form is read by `tts.readable`."""
        words = readable(text)
        if not any(map(str.isalnum, words)):
            raise VoiceFault("nothing speakable in the text", permanent=True)
        variant = style.variant or DEFAULT_VARIANT
        request = {
            "text": respell(words),
            "voice": variant if "cmn" in variant else f"cmn+{variant}",
            "rate": style.rate,
            "pitch": style.pitch,
        }
        async with self._lock:
            rate, pcm = await self._speak(json.dumps(request).encode() + b"\n")
        shaped = await asyncio.to_thread(shape, pcm, rate, style.volume)
        if not shaped:
            raise VoiceFault("espeak-ng spoke nothing audible", permanent=True)
        return shaped

    async def close(self) -> None:
        """See `Voice.close`."""
        self._closed = True
        async with self._lock:
            await self._stop()

    async def _speak(self, request: bytes) -> tuple[int, bytes]:
        trouble = ""
        for _attempt in range(2):
            process = await self._start()
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await _ask(process, request)
            except TimeoutError:
                trouble = f"espeak-ng did not answer within {self._timeout_s:g} s"
            except (asyncio.IncompleteReadError, ConnectionError):
                trouble = "the espeak-ng process died"
            except VoiceFault as fault:
                if fault.permanent:
                    raise
                trouble = str(fault)  # on a busy machine it breaks off now and then, and succeeds when asked again
            except asyncio.CancelledError:
                # Its answer would be taken for that of the next request.
                await self._stop()
                raise
            await self._stop()
        raise VoiceFault(f"{trouble}, twice")

    async def _start(self) -> Process:
        if self._closed:
            raise VoiceFault("the voice is closed", permanent=True)
        if self._process is None:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tts.espeak_process", stdin=PIPE, stdout=PIPE
                )
            except OSError as error:
                raise VoiceFault(f"cannot start espeak-ng: {error}") from error
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # it holds nothing worth a polite end
        assert process.stdin is not None  # noqa: S101 # opened with PIPE
        process.stdin.close()
        await process.communicate()


async def _ask(process: Process, request: bytes) -> tuple[int, bytes]:
    assert process.stdin is not None  # noqa: S101 # opened with PIPE
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(request)
    await process.stdin.drain()
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise asyncio.IncompleteReadError(line, None)
    head = json.loads(line)
    if "fault" in head:
        raise VoiceFault(head["fault"], permanent=head["permanent"])
    return head["rate"], await process.stdout.readexactly(head["bytes"])
