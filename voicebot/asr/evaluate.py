"""How well an ear hears: character error rate over transcribed recordings."""

from __future__ import annotations

import json
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.asr.audio import audio_frames
from voicebot.asr.recognizer import AsrFault, Ear, Transcript, confidence_of
from voicebot.asr.telephone import through_alaw, through_ulaw

SAMPLE_RATE = 8000
FRAME_BYTES = 320
_CODECS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"pcma": through_alaw, "pcmu": through_ulaw}
SURE = 0.9  # a recogniser as sure as that is believed, and what it then hears wrongly nobody asks about
_UNKNOWN = "[unk]"
_UNKNOWN_MARK = "\N{REPLACEMENT CHARACTER}"  # one wrong character


@dataclass(frozen=True, slots=True)
class Recording:
    """Something to hear: s16le 8000 Hz mono, what is said in it, and what to group it by (field → value).

    `pcm`: as a whole, or in frames of 20 ms that are read when they are needed.
    """

    pcm: bytes | Iterable[bytes]
    text: str
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Tally:
    utterances: int = 0
    right: int = 0
    characters: int = 0
    errors: int = 0
    confident_wrong: int = 0

    def add(self, wanted: str, heard: str, confidence: float) -> None:
        errors = distance(wanted, heard)
        self.utterances += 1
        self.right += not errors
        self.confident_wrong += bool(errors) and confidence >= SURE
        self.characters += len(wanted)
        self.errors += errors

    def rates(self) -> dict[str, Any]:
        return {
            "utterances": self.utterances,
            "cer": round(self.errors / max(1, self.characters), 5),
            "sentence_accuracy": round(self.right / max(1, self.utterances), 5),
            "confident_wrong": round(self.confident_wrong / max(1, self.utterances), 5),
        }


def evaluate(ear: Ear, manifest: Path, codec: str | None = None) -> dict[str, Any]:
    """Hear every recording of `manifest` (JSON lines `{"audio", "text", …}`, the files beside it, any rate).

    `codec`: "pcma" or "pcmu" sends the audio through it first. Gives `{"utterances", "cer", "sentence_accuracy",
    "confident_wrong", "rtf", "by"}`: rates as fractions, `rtf` as seconds of work a second of audio, `by` the same
    rates for each value of each further field. `confident_wrong` is the share of the utterances that are wrong with a
    confidence (that of the least sure final, as in a call) of 0.9 and more. Raises `AsrFault(permanent=True)` for a
    manifest or a file that cannot be used.
    """
    if codec is not None and codec not in _CODECS:
        raise AsrFault(f"unknown codec {codec}: choose one of {', '.join(_CODECS)}", permanent=True)
    return measure(ear, _recordings(manifest, codec))


def measure(ear: Ear, recordings: Iterable[Recording]) -> dict[str, Any]:
    """Hear the recordings in frames of 20 ms, as a call does; see `evaluate` for what it gives."""
    total = _Tally()
    groups: defaultdict[str, defaultdict[str, _Tally]] = defaultdict(lambda: defaultdict(_Tally))
    worked = heard_s = 0.0
    for recording in recordings:
        clock = _Clock(_frames(recording.pcm))
        finals = hear(ear, clock)
        worked += clock.work_s
        heard_s += clock.bytes / 2 / SAMPLE_RATE
        wanted, heard = plain(recording.text), plain("".join(final.text for final in finals))
        confidence = confidence_of(finals)
        total.add(wanted, heard, confidence)
        for name, value in recording.groups.items():
            groups[name][value].add(wanted, heard, confidence)
    by = {name: {value: tally.rates() for value, tally in sorted(values.items())} for name, values in groups.items()}
    return {**total.rates(), "rtf": round(worked / max(heard_s, 1e-9), 5), "by": by}


def hear(ear: Ear, pcm: bytes | Iterable[bytes]) -> list[Transcript]:
    """The finals of one recording, whole or in frames, on a stream of its own."""
    recognizer = ear.open()
    try:
        finals = [heard for frame in _frames(pcm) if (heard := recognizer.accept(frame)) and heard.final]
        finals.append(recognizer.finish())
    finally:
        recognizer.close()
    return [final for final in finals if final.text]


class _Clock:
    """Hands frames on and counts them, and the time that their taker works; reading files is not the ear's work."""

    def __init__(self, frames: Iterator[bytes]) -> None:
        self._frames = frames
        self._began = time.perf_counter()
        self._read_s = 0.0
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            began = time.perf_counter()
            frame = next(self._frames, None)
            self._read_s += time.perf_counter() - began
            if frame is None:
                return
            self.bytes += len(frame)
            yield frame

    @property
    def work_s(self) -> float:
        """Time since the clock was made, less what was spent on getting frames."""
        return time.perf_counter() - self._began - self._read_s


def _frames(pcm: bytes | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(pcm, bytes):
        return (pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES))
    return iter(pcm)


def plain(text: str) -> str:
    """What counts of a text: letters and figures, whatever their width; an unknown word is one mark."""
    folded = unicodedata.normalize("NFKC", text.replace(_UNKNOWN, _UNKNOWN_MARK)).casefold()
    return "".join(character for character in folded if character.isalnum() or character == _UNKNOWN_MARK)


def distance(wanted: str, heard: str) -> int:
    """Characters to change, leave out or put in (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for index, character in enumerate(wanted, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(heard, 1):
            change = diagonal + (character != other)
            diagonal = row[column]
            row[column] = min(change, row[column] + 1, row[column - 1] + 1)
    return row[-1]


def right_characters(wanted: str, heard: str) -> list[bool]:
    """For each character heard, whether the best alignment finds it at its place in what was said."""
    rows = [list(range(len(heard) + 1))]
    for index, character in enumerate(wanted, 1):
        last = rows[-1]
        row = [index]
        for column, other in enumerate(heard, 1):
            row.append(min(last[column - 1] + (character != other), last[column] + 1, row[-1] + 1))
        rows.append(row)
    right = [False] * len(heard)
    index, column = len(wanted), len(heard)
    while index and column:
        same = wanted[index - 1] == heard[column - 1]
        if rows[index][column] == rows[index - 1][column - 1] + (not same):
            right[column - 1] = same
            index, column = index - 1, column - 1
        elif rows[index][column] == rows[index - 1][column] + 1:
            index -= 1
        else:
            column -= 1
    return right


def _recordings(manifest: Path, codec: str | None) -> Iterator[Recording]:
    try:
        lines = manifest.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no UTF-8 text"
        raise AsrFault(f"{manifest}: cannot be read as a manifest: {why}", permanent=True) from error
    usable = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not usable:
        raise AsrFault(f"{manifest}: no recordings in it", permanent=True)
    for number, line in usable:
        try:
            entry = json.loads(line)
            audio, text = entry.pop("audio"), entry.pop("text")
            if not (isinstance(audio, str) and audio and isinstance(text, str)):
                raise TypeError
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            wanted = 'a line is {"audio": "a.wav", "text": "…"}'
            raise AsrFault(f"{manifest}, line {number}: {wanted}", permanent=True) from error
        frames = audio_frames(manifest.parent / audio)
        if codec is not None:
            frames = (_CODECS[codec](np.frombuffer(frame, np.int16)).tobytes() for frame in frames)
        yield Recording(frames, text, {name: str(value) for name, value in entry.items()})
