"""The dialect of PaddleSpeech's streaming recognition server (`/paddlespeech/asr/streaming`), as its wiki page
"PaddleSpeech Server WebSocket API" and `paddlespeech/server/ws/asr_api.py` of 1.5.0 have it.

    → {"name", "signal": "start", "nbest": 1}   ← {"status": "ok", "signal": "server_ready"}
    → PCM, 16 kHz s16le                         ← {"result": text so far} to every block
    → {"name", "signal": "end", "nbest": 1}     ← {"status": "ok", "signal": "finished", "result", "times"}; it closes

`times` are `{"w", "bg", "ed"}` in s, and only conformer models with attention rescoring give them. They are boundaries
half way between the decoder's peaks, the first word begins with the audio and the last one ends with it; the recogniser
cuts them to where there was sound. There is no confidence and there are no hot words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from voicebot.asr.conversation import NonsenseError, Patience
from voicebot.asr.recognizer import Word
from voicebot.asr.server import UNRATED, Address, ServerEar

PATH = "/paddlespeech/asr/streaming"


def open_ear(setting: str, patience: Patience | None = None) -> ServerEar:
    """The ear at `paddlespeech+ws://HOST:PORT[/PATH][#synthetic&model=NAME]`. Raises `AsrFault` for a setting that is
    wrong and for a server that is not there.
    """
    address = Address.parse(setting).at(PATH)
    ear = ServerEar(address, lambda phrases: PaddleSpeech(), patience)
    ear.open().close()
    return ear


@dataclass(frozen=True, slots=True)
class PaddleSpeech:
    """See `voicebot.asr.conversation.Dialect`. 80 ms a block, as PaddleSpeech's own client sends them."""

    engine: ClassVar[str] = "paddlespeech"
    block_ms: ClassVar[int] = 80
    greets: ClassVar[bool] = True
    answers_blocks: ClassVar[bool] = True

    def opening(self, name: str) -> str:
        """The signal `start`."""
        return json.dumps({"name": name, "signal": "start", "nbest": 1})

    def ending(self, name: str) -> str:
        """The signal `end`."""
        return json.dumps({"name": name, "signal": "end", "nbest": 1})

    def answers(self, name: str) -> PaddleAnswers:
        """Nothing said yet."""
        return PaddleAnswers()


@dataclass(slots=True)
class PaddleAnswers:
    """See `voicebot.asr.conversation.Answers`."""

    ready: bool = False
    answered: int = 0
    text: str = ""
    words: tuple[Word, ...] = ()
    done: bool = False

    def take(self, message: Mapping[str, Any], *, ended: bool) -> None:
        """One of the three answers above, `finished` also by an endpoint of the server's own."""
        if not self.ready:
            if message.get("signal") != "server_ready":
                raise NonsenseError("it does not answer `start` with `server_ready`")
            self.ready = True
            return
        result = message.get("result")
        if not isinstance(result, str):
            raise NonsenseError("there is no text in its `result`")
        self.text = result
        if message.get("signal") == "finished":
            self.words = _words(message.get("times"))
            self.done = True
        else:
            self.answered += 1


def _words(times: object) -> tuple[Word, ...]:
    if not isinstance(times, Sequence):
        return ()
    try:
        return tuple(Word(str(t["w"]), _ms(t["bg"]), _ms(t["ed"]), UNRATED) for t in times)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise NonsenseError("its `times` are no words with `bg` and `ed`") from None


def _ms(seconds: float) -> int:
    return max(0, round(1000 * float(seconds)))
