"""From what the script says to PCM: recorded phrases are played, figures are read by their type, prompts known before
the dial are rendered then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from tts.cache import SpeechCache
from tts.normalise import readable, spoken
from tts.splice import Piece, Recorded, Splicer, Spoken
from tts.voice import Style, Voice, VoiceFault
from voicebot.flow.dialogue import Say, Segment, Text
from voicebot.flow.model import Flow
from voicebot.flow.recorded import takes_of

log = logging.getLogger(__name__)


def pieces_of(flow: Flow, say: Say) -> tuple[Piece, ...]:
    """The prompt as it is heard, "维持担保比例为百分之一百二十八点五", each part recorded or to be spoken."""
    pieces: list[Piece] = []
    for segment, take in zip(say.segments, takes_of(flow, say), strict=True):
        text = _words(segment)
        pieces.append(Spoken(text) if take is None else Recorded(take.path, take.sha256, text))
    return tuple(pieces)


def spoken_form(say: Say) -> str:
    """The prompt as a voice that records nothing reads it, in one breath."""
    return "".join(_words(segment) for segment in say.segments)


def _words(segment: Segment) -> str:
    return readable(segment.text) if isinstance(segment, Text) else spoken(segment.type, segment.value)


class Speaker:
    """A voice, the script's recordings, and a memory: what was rendered once in this call is not rendered again."""

    def __init__(self, voice: Voice, style: Style, flow: Flow, cache: SpeechCache | None = None) -> None:
        self._splicer = Splicer(voice, cache)
        self._style = style
        self._flow = flow
        self._ready: dict[tuple[Piece, ...], bytes] = {}

    async def prepare(self, says: Iterable[Say]) -> int:
        """Render ahead, before the dial. Gives how many prompts are ready; one that fails is left for later."""
        wanted = dict.fromkeys(pieces_of(self._flow, say) for say in says)
        results = await asyncio.gather(*(self._render(pieces) for pieces in wanted), return_exceptions=True)
        failed = [r for r in results if isinstance(r, BaseException)]
        for fault in failed:
            if not isinstance(fault, VoiceFault):
                raise fault
            log.warning("a prompt could not be rendered ahead: %s", fault)
        return len(wanted) - len(failed)

    async def pcm(self, say: Say) -> bytes:
        """The prompt as s16le 8000 Hz. Raises `VoiceFault`."""
        return await self._render(pieces_of(self._flow, say))

    async def _render(self, pieces: tuple[Piece, ...]) -> bytes:
        if pieces not in self._ready:
            self._ready[pieces] = await self._splicer.render(pieces, self._style)
        return self._ready[pieces]
