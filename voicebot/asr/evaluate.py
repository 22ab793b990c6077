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

from voicebot.asr.recognizer import AsrFault, Ear, Transcript
from voicebot.asr.telephone import through_alaw, through_ulaw
from voicebot.asr.transcribe import wav_frames

SAMPLE_RATE = 8000
FRAME_BYTES = 320
_CODECS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"pcma": through_alaw, "pcmu": through_ulaw}
_UNKNOWN = "[unk]"
_UNKNOWN_MARK = "\N{REPLACEMENT CHARACTER}"  # one wrong character


@dataclass(frozen=True, slots=True)
class Recording:
    """Something to hear: s16le 8000 Hz mono, what is said in it, and what to group it by (field → value)."""

    pcm: bytes
    text: str
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Tally:
    utterances: int = 0
    right: int = 0
    characters: int = 0
    errors: int = 0

    def add(self, wanted: str, heard: str) -> None:
        errors = distance(wanted, heard)
        self.utterances += 1
        self.right += not errors
        self.characters += len(wanted)
        self.errors += errors

    def rates(self) -> dict[str, Any]:
        return {
            "utterances": self.utterances,
            "cer": round(self.errors / max(1, self.characters), 5),
            "sentence_accuracy": round(self.right / max(1, self.utterances), 5),
        }


def evaluate(ear: Ear, manifest: Path, codec: str | None = None) -> dict[str, Any]:
    """Hear every recording of `manifest` (JSON lines `{"audio", "text", …}`, WAV files beside it, any rate).

    `codec`: "pcma" or "pcmu" sends the audio through it first. Gives `{"utterances", "cer", "sentence_accuracy",
    "rtf", "by"}`: rates as fractions, `rtf` as seconds of work a second of audio, `by` the same rates for each value of
    each further field. Raises `AsrFault(permanent=True)` for a manifest or a file that cannot be used.
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
        began = time.perf_counter()
        finals = hear(ear, recording.pcm)
        worked += time.perf_counter() - began
        heard_s += len(recording.pcm) / 2 / SAMPLE_RATE
        wanted, heard = plain(recording.text), plain("".join(final.text for final in finals))
        total.add(wanted, heard)
        for name, value in recording.groups.items():
            groups[name][value].add(wanted, heard)
    by = {name: {value: tally.rates() for value, tally in sorted(values.items())} for name, values in groups.items()}
    return {**total.rates(), "rtf": round(worked / max(heard_s, 1e-9), 5), "by": by}


def hear(ear: Ear, pcm: bytes) -> list[Transcript]:
    """The finals of one recording on a stream of its own."""
    recognizer = ear.open()
    try:
        frames = (pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES))
        finals = [heard for frame in frames if (heard := recognizer.accept(frame)) and heard.final]
        finals.append(recognizer.finish())
    finally:
        recognizer.close()
    return [final for final in finals if final.text]


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


def _recordings(manifest: Path, codec: str | None) -> Iterator[Recording]:
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AsrFault(f"{manifest}: cannot be read as a manifest ({error})", permanent=True) from error
    usable = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not usable:
        raise AsrFault(f"{manifest}: no recordings in it", permanent=True)
    for number, line in usable:
        try:
            entry = json.loads(line)
            audio, text = str(entry.pop("audio")), str(entry.pop("text"))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            wanted = 'a line is {"audio": "a.wav", "text": "…"}'
            raise AsrFault(f"{manifest}, line {number}: {wanted}", permanent=True) from error
        pcm = b"".join(wav_frames(manifest.parent / audio))
        if codec is not None:
            pcm = _CODECS[codec](np.frombuffer(pcm, np.int16)).tobytes()
        yield Recording(pcm, text, {name: str(value) for name, value in entry.items()})
