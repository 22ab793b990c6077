"""The dialect of FunASR's real-time server (`funasr-wss-server-2pass`), as its `runtime/docs/websocket_protocol.md` and
`runtime/websocket/bin/websocket-server-2pass.cpp` have it.

    → {"mode": "2pass", "wav_name", "wav_format": "pcm", "audio_fs": 16000, "is_speaking": true, "chunk_size",
       "chunk_interval", "hotwords": "{…: 20}", "itn": false}
    → PCM, 16 kHz s16le         ← {"mode": "2pass-online", "text": the next piece, "wav_name", "is_final": false}
                                ← {"mode": "2pass-offline", "text": a whole stretch again, "timestamp": "[[ms, ms], …]"}
    → {"is_speaking": false}    ← the last of these, "is_final": true

It answers only when there is something to tell, so a server that is alive and hears nothing looks like a dead one
until the end of the utterance; the WebSocket's pings cover what lies between.

FunASR's Python server (`funasr_wss_server.py`) sets `is_final` also at endpoints of its own, and counts `timestamp`
from there. It says `"is_end": true` after everything when it is asked with `"is_end": true`, which the other one
ignores: whether it does is tried once when the ear is opened. Older Python servers end in silence and are refused then.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from voicebot.asr.conversation import Link, NonsenseError, Patience, Utterance
from voicebot.asr.recognizer import AsrFault, Word
from voicebot.asr.server import UNRATED, Address, ServerEar

_CHUNKS = [5, 10, 5]  # of 60 ms: 600 ms at a time, 300 ms of look-back and look-ahead, as FunASR's clients ask for
_HOT_WORD_WEIGHT = 20  # of FunASR's examples
_MODES = ("2pass", "online")
_PROBE_MS = 200
_PUNCTUATION = re.compile(r"[，。、？！；：,.?!;:]")
_TOKEN = re.compile(r"[A-Za-z']+|\S")


def open_ear(setting: str, patience: Patience | None = None) -> ServerEar:
    """The ear at `funasr+ws://HOST:PORT[#mode=online&synthetic&model=NAME]`. Raises `AsrFault` for a setting that is
    wrong and for a server that is not there or does not answer the end of an utterance.
    """
    address = Address.parse(setting, ("mode",))
    mode = address.remarks.get("mode", _MODES[0])
    if mode not in _MODES:
        raise AsrFault(f"VOICEBOT_ASR_MODEL: #mode={mode}: {' or '.join(_MODES)} is expected", permanent=True)
    patience = patience or Patience()
    acknowledges = _probe(Link(FunAsr(mode), address.url, address.shown, patience))
    return ServerEar(address, lambda phrases: FunAsr(mode, tuple(phrases), acknowledges=acknowledges), patience)


def _probe(link: Link) -> bool:
    """Whether the server marks the end with `is_end`. It is sent a little silence."""
    utterance = Utterance("probe")
    utterance.push(bytes(32 * _PROBE_MS))
    utterance.end()
    link.start(utterance)
    patience_s = link.patience.connect_s + link.patience.finish_s
    deadline = time.monotonic() + patience_s
    final_at: float | None = None
    try:
        while not utterance.wait(_GRACE_S / 10):
            now = time.monotonic()
            if final_at is None and utterance.text == _FINAL:
                final_at = now
            if final_at is not None and now - final_at > _GRACE_S:
                return False
            if utterance.fault is not None or now > deadline:
                raise utterance.fault or AsrFault(
                    f"{link.dialect.engine} server at {link.shown}: the end of an utterance is not answered within "
                    f"{patience_s:g} s; take FunASR's runtime (2pass) or a Python server that knows `is_end`"
                )
        return True
    finally:
        link.drop(utterance)


_FINAL = "\0"  # while it is being tried: in the place of a text, that the server said `is_final`
_GRACE_S = 0.5  # by then `is_end` has followed, if the server knows it


@dataclass(frozen=True, slots=True)
class FunAsr:
    """See `voicebot.asr.conversation.Dialect`. 60 ms a block: FunASR's Python server counts messages, not samples.

    `acknowledges`: None while it is being tried.
    """

    mode: str = _MODES[0]
    phrases: tuple[str, ...] = ()
    acknowledges: bool | None = None

    engine: ClassVar[str] = "funasr"
    block_ms: ClassVar[int] = 60
    greets: ClassVar[bool] = False
    answers_blocks: ClassVar[bool] = False

    def opening(self, name: str) -> str:
        """The configuration, with the hot words."""
        hot = {phrase: _HOT_WORD_WEIGHT for phrase in self.phrases if phrase.strip()}
        return json.dumps(
            {
                "mode": self.mode,
                "wav_name": name,
                "wav_format": "pcm",
                "audio_fs": 16000,
                "is_speaking": True,
                "chunk_size": _CHUNKS,
                "chunk_interval": _CHUNKS[1],
                "hotwords": json.dumps(hot, ensure_ascii=False) if hot else "",
                "itn": False,
            },
            ensure_ascii=False,
        )

    def ending(self, name: str) -> str:
        """The end of the utterance."""
        return json.dumps({"is_speaking": False, "is_end": True})

    def answers(self, name: str) -> FunAnswers:
        """Nothing said yet."""
        return FunAnswers(name, self.acknowledges)


@dataclass(slots=True)
class FunAnswers:
    """See `voicebot.asr.conversation.Answers`. Messages of another `wav_name` are not ours and are left alone."""

    name: str
    acknowledges: bool | None
    ready: bool = True
    answered: int = 0
    text: str = ""
    words: tuple[Word, ...] = ()
    done: bool = False
    _settled: list[str] = field(default_factory=list)  # stretches that were heard for the second time
    _pieces: str = ""  # heard since then, for the first time
    _timed: bool = True

    def take(self, message: Mapping[str, Any], *, ended: bool) -> None:
        """A piece, a whole stretch, or the end."""
        if message.get("wav_name", self.name) != self.name:
            return
        if error := message.get("error"):
            raise NonsenseError(f"it reports an error ({str(error)[:80]})")
        if "text" not in message and "is_end" not in message:
            raise NonsenseError("there is no `text` in its answer")
        text = message.get("text", "")
        if not isinstance(text, str):
            raise NonsenseError("its `text` is none")
        self._hear(_PUNCTUATION.sub("", text), message)
        self.text = "".join(self._settled) + self._pieces
        if not ended:
            return
        final = bool(message.get("is_final"))
        if self.acknowledges is None and final:
            self.text = _FINAL
        self.done = final if self.acknowledges is False else bool(message.get("is_end"))

    def _hear(self, text: str, message: Mapping[str, Any]) -> None:
        if not str(message.get("mode", "")).endswith("offline"):
            self._pieces += text
            return
        if not text:
            return
        self._settled.append(text)
        self._pieces = ""
        words = _words(text, message.get("timestamp")) if not self.acknowledges else ()
        self._timed = self._timed and bool(words)
        self.words = (*self.words, *words) if self._timed else ()


def _words(text: str, timestamp: object) -> tuple[Word, ...]:
    """Words from `timestamp`, a pair of ms for each character or Latin word; none where they do not fit the text (the
    server strings the lists of several stretches together).
    """
    try:
        spans = json.loads(timestamp) if isinstance(timestamp, str) else timestamp
        tokens = _TOKEN.findall(text)
        if not isinstance(spans, list) or len(spans) != len(tokens):
            return ()
        return tuple(
            Word(token, max(0, int(begin)), max(0, int(end)), UNRATED)
            for token, (begin, end) in zip(tokens, spans, strict=True)
        )
    except (TypeError, ValueError, OverflowError):
        return ()
