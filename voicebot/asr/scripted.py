"""An ear that hears what it is told to: for tests and rehearsals of everything above the recogniser.

It listens to loudness only: every stretch of sound is taken for the next line of its script.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from voicebot.asr.recognizer import AsrFault, EarInfo, Transcript, Word

SAMPLE_RATE = 8000
UNKNOWN = "[unk]"
_BLOCK = 160  # 20 ms, the step in which loudness is judged
_LOUD = 300.0  # root mean square of s16 samples (about −41 dBFS): above a telephone line's idle noise


class ScriptedEar:
    """An ear whose recognisers each hear `lines` in order, then `[unk]`.

    `endpoint_ms`: how much quiet ends an utterance; `confidence`: of every known word.
    """

    def __init__(self, lines: Sequence[str], *, endpoint_ms: int = 700, confidence: float = 0.95) -> None:
        self.info = EarInfo("scripted", "script", "1", "Apache-2.0", synthetic=True)
        self._lines = tuple(lines)
        self._endpoint_ms = endpoint_ms
        self._confidence = confidence

    def open(self, phrases: Sequence[str] = ()) -> ScriptedRecognizer:
        """A new stream that starts the script afresh. `phrases` are ignored."""
        return ScriptedRecognizer(iter(self._lines), self._endpoint_ms, self._confidence)


class ScriptedRecognizer:
    """One stream; partials grow by a character every 100 ms of sound. See `voicebot.asr.recognizer.Recognizer`."""

    def __init__(self, lines: Iterator[str], endpoint_ms: int, confidence: float) -> None:
        self._lines = lines
        self._endpoint_ms = endpoint_ms
        self._confidence = confidence
        self._rest = b""
        self._closed = False
        self._clock_ms = 0
        self._line: str | None = None  # what is being "said" now
        self._onset_ms = 0
        self._last_sound_ms = 0
        self._partial = ""

    def accept(self, pcm: bytes) -> Transcript | None:
        """See `Recognizer.accept`. Raises `AsrFault` on a closed stream."""
        self._check_open()
        data = self._rest + pcm
        size = _BLOCK * 2
        blocks = len(data) // size
        self._rest = data[blocks * size :]
        news: Transcript | None = None
        for index in range(blocks):
            samples = np.frombuffer(data, np.int16, _BLOCK, index * size).astype(np.float64)
            # An endpoint ends the search for news: a partial after it would hide the final.
            told = self._hear(loud=float(np.sqrt(np.mean(samples**2))) > _LOUD)
            if told is not None and (news is None or not news.final):
                news = told
        return news

    def finish(self) -> Transcript:
        """See `Recognizer.finish`. Raises `AsrFault` on a closed stream."""
        self._check_open()
        return self._final()

    def close(self) -> None:
        """Free the stream. Idempotent."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise AsrFault("this recogniser is closed; open another from the ear", permanent=True)

    def _hear(self, *, loud: bool) -> Transcript | None:
        if loud:
            if self._line is None:
                self._line = next(self._lines, UNKNOWN)
                self._onset_ms = self._clock_ms
            self._last_sound_ms = self._clock_ms + 20
        self._clock_ms += 20
        if self._line is None:
            return None
        if self._clock_ms - self._last_sound_ms >= self._endpoint_ms:
            final = self._final()
            return final if final.text else None
        heard_ms = self._last_sound_ms - self._onset_ms
        partial = self._line if self._line == UNKNOWN else self._line[: heard_ms // 100]
        if partial == self._partial:
            return None
        self._partial = partial
        return Transcript(partial, final=False)

    def _final(self) -> Transcript:
        line, self._line, self._partial = self._line, None, ""
        if not line:
            return Transcript("", final=True)
        tokens = [line] if line == UNKNOWN else list(line)
        confidence = 0.0 if line == UNKNOWN else self._confidence
        step = (self._last_sound_ms - self._onset_ms) / len(tokens)
        words = tuple(
            Word(token, round(self._onset_ms + i * step), round(self._onset_ms + (i + 1) * step), confidence)
            for i, token in enumerate(tokens)
        )
        return Transcript(line, final=True, words=words, confidence=confidence)
