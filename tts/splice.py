"""Recordings and synthesis in one sentence (录音+TTS 拼接): what a speaker recorded is played, the rest is spoken."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from tts import wav
from tts.cache import SpeechCache
from tts.joining import join, to_line
from tts.levels import Samples
from tts.voice import Style, Voice, VoiceFault

_LOG = logging.getLogger(__name__)
_SHAPE = 1  # to be raised whenever joining changes what is heard: cached speech is then made anew
_PLAIN = Style()

# Silence where two pieces meet, by the punctuation between them. Of ours, slower than espeak-ng (50 ms at ，, 190 ms at
# 。) and nearer to a person who reads. Without punctuation: a plosive's closure, so that a word is not torn apart.
_TIGHT_MS = 50
_PAUSES_MS = {"、": 110, "，": 180, "：": 220, "；": 240, "。": 320, "？": 320, "！": 320}


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words to be synthesised, in spoken form."""

    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording: mono s16 WAV of any rate. `sha256` (hex) of the file that was checked; `text`: what it says, in
    spoken form.
    """

    path: Path
    sha256: str
    text: str


Piece = Spoken | Recorded


class _Lost(Exception):
    def __init__(self, piece: Recorded, why: str) -> None:
        super().__init__(why)
        self.piece = piece


class Splicer:
    """Renders sentences of pieces with a voice, and keeps them in a cache by their content."""

    def __init__(self, voice: Voice, cache: SpeechCache | None = None) -> None:
        self._voice = voice
        self._cache = cache

    async def render(self, pieces: Sequence[Piece], style: Style = _PLAIN) -> bytes:
        """The sentence as s16le 8000 Hz, like `Voice.render`. `style` goes for what is synthesised, its volume for all.

        A recording that is not there any more, or not the one that was checked, is synthesised instead and a warning
        says so. Raises `VoiceFault`.
        """
        while True:
            runs = _runs(pieces)
            if not any(isinstance(run, Recorded) for run in runs):
                return await self._voice.render("".join(run.text for run in runs), style)
            try:
                return await self._kept(runs, style)
            except _Lost as lost:
                _LOG.warning("%s %s: synthesised instead", lost.piece.path.name, lost)
                pieces = [Spoken(p.text) if p == lost.piece else p for p in pieces]

    async def _kept(self, runs: tuple[Piece, ...], style: Style) -> bytes:
        if self._cache is None:
            return await self._splice(runs, style)
        parts = [["recorded", run.sha256, run.text] if isinstance(run, Recorded) else [run.text] for run in runs]
        key = ["splice", _SHAPE, self._voice.key, astuple(style), parts]
        return await self._cache.get(key, lambda: self._splice(runs, style))

    async def _splice(self, runs: tuple[Piece, ...], style: Style) -> bytes:
        sounding = [i for i, run in enumerate(runs) if any(map(str.isalnum, run.text))]
        pauses = [
            _pause_ms("".join(run.text for run in runs[a : b + 1]), runs[a].text, runs[b].text)
            for a, b in pairwise(sounding)
        ]
        # One after the other: the engine speaks one at a time anyway.
        sounds = [await self._sound(runs[i], runs[i + 1 : i + 2], style) for i in sounding]
        pcm = await asyncio.to_thread(join, sounds, pauses, style.volume)
        if not pcm:
            raise VoiceFault("nothing audible in the recordings", permanent=True)
        return pcm

    async def _sound(self, run: Piece, following: tuple[Piece, ...], style: Style) -> Samples:
        if isinstance(run, Recorded):
            return await asyncio.to_thread(_read, run)
        text = run.text
        if following and text[-1] not in _PAUSES_MS:  # otherwise the engine reads it as the end of the sentence
            text += following[0].text[0] if following[0].text[0] in _PAUSES_MS else "，"
        pcm = await self._voice.render(text, replace(style, volume=1.0))
        return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def _runs(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Neighbours that are synthesised become one text, so that they are spoken in one breath."""
    runs: list[Piece] = []
    for piece in pieces:
        last = runs[-1] if runs else None
        if isinstance(piece, Spoken) and isinstance(last, Spoken):
            runs[-1] = Spoken(last.text + piece.text)
        elif piece.text:
            runs.append(piece)
    return tuple(runs)


def _pause_ms(between: str, left: str, right: str) -> int:
    """The longest pause that the punctuation asks for between the last word of `left` and the first of `right`."""
    start = len(left.rstrip("".join(_PAUSES_MS)))
    end = len(between) - len(right.lstrip("".join(_PAUSES_MS)))
    return max((_PAUSES_MS.get(character, 0) for character in between[start:end]), default=0) or _TIGHT_MS


def _read(piece: Recorded) -> Samples:
    try:
        data = piece.path.read_bytes()
    except OSError as error:
        raise _Lost(piece, f"cannot be read ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != piece.sha256:
        raise _Lost(piece, "is not the recording that was checked")
    try:
        samples, rate = wav.decode(data, piece.path)
    except ValueError as error:
        raise _Lost(piece, "is no recording") from error
    return to_line(samples.mean(axis=1).astype(np.int16), rate)
