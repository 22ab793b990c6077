"""From what the script says to PCM: figures are read by their type, prompts known before the dial are rendered then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from tts.normalise import readable, spoken
from tts.voice import Style, Voice, VoiceFault
from voicebot.flow.dialogue import Say, Text

log = logging.getLogger(__name__)


def spoken_form(say: Say) -> str:
    """The prompt as it is heard: "维持担保比例为百分之一百二十八点五"."""
    return "".join(
        readable(segment.text) if isinstance(segment, Text) else spoken(segment.type, segment.value)
        for segment in say.segments
    )


class Speaker:
    """A voice with a memory: what was rendered once in this call is not rendered again."""

    def __init__(self, voice: Voice, style: Style) -> None:
        self._voice = voice
        self._style = style
        self._ready: dict[str, bytes] = {}

    async def prepare(self, says: Iterable[Say]) -> int:
        """Render ahead, before the dial. Gives how many prompts are ready; one that fails is left for later."""
        texts = dict.fromkeys(spoken_form(say) for say in says)
        results = await asyncio.gather(*(self._render(text) for text in texts), return_exceptions=True)
        failed = [r for r in results if isinstance(r, BaseException)]
        for fault in failed:
            if not isinstance(fault, VoiceFault):
                raise fault
            log.warning("a prompt could not be rendered ahead: %s", fault)
        return len(texts) - len(failed)

    async def pcm(self, say: Say) -> bytes:
        """The prompt as s16le 8000 Hz. Raises `VoiceFault`."""
        return await self._render(spoken_form(say))

    async def _render(self, text: str) -> bytes:
        if text not in self._ready:
            self._ready[text] = await self._voice.render(text, self._style)
        return self._ready[text]
