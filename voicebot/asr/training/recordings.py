"""A firm's own transcribed recordings: what is usable of them, which of them only judge, and their sound.

A folder holds `manifest.jsonl`, lines `{"audio": "a.wav", "text": "…", "speaker": "…"}`, and the files beside it (see
`voicebot.asr.audio`). What cannot be used is named by its line and left out; nothing told of it repeats what was said.
"""

from __future__ import annotations

import hashlib
import json
import random
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicebot.asr.audio import audio_frames
from voicebot.asr.recognizer import AsrFault
from voicebot.asr.training.alignment import possible_readings
from voicebot.asr.training.lexicon import Reading, readings_of, words_of

MANIFEST = "manifest.jsonl"
SAMPLE_RATE = 8000
LONGEST_S = 60
_SHORTEST_S = 0.3
_FASTEST = 11.0  # syllables a second; hurried speech has 8
_SLOWEST_S, _BESIDE_S = 1.5, 6.0  # a syllable, and of silence around all of them
_QUIETEST = 30  # the largest sample of a recording with nothing in it (−60 dBFS)
_ODD_SIGNS = frozenset("%‰&@#*/\\§")  # punctuation by its class, but read aloud
_BRACKETS = frozenset("()[]{}<>（）［］｛｝【】〔〕〖〗")
_JUDGING = 0.1  # of the recordings
_LARGEST_JUDGE = 0.3  # a speaker with more of the recordings than this trains
_JUDGING_SPEAKERS = 5  # at least, of four times as many

Report = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One usable line: its number, the file, what is said in it as words with their readings, and who says it ("" if
    no line tells).
    """

    line: int
    audio: Path
    words: tuple[str, ...]
    readings: tuple[tuple[Reading, ...], ...]
    speaker: str

    @property
    def text(self) -> str:
        """The Hanzi, without spaces."""
        return "".join(self.words)

    @property
    def syllables(self) -> int:
        """How many are spoken."""
        return sum(map(len, self.words))


@dataclass(frozen=True, slots=True)
class Split:
    """Entries that train and entries that judge, in an order of their own. `by`: "speaker" when nobody is in both,
    else "sentence": then no sentence is, but a voice may be. `kept_apart`: how many do neither.
    """

    train: tuple[Entry, ...]
    judge: tuple[Entry, ...]
    by: str
    kept_apart: int


def read_entries(directory: Path, left_out: Report) -> list[Entry]:
    """The usable lines of a folder; `left_out(line number, why)` is told of each other one. Looks into no audio.

    Raises `AsrFault` for a manifest that cannot be read or holds nothing usable.
    """
    entries: list[Entry] = []
    seen: dict[Path, int] = {}
    for number, line in _lines(directory):
        try:
            entry = _entry(directory, number, line)
            first = seen.setdefault(entry.audio.resolve(), number)
            if first != number:
                raise ValueError(f"{entry.audio.name} is on line {first} already")
        except ValueError as problem:
            left_out(number, str(problem))
            continue
        entries.append(entry)
    if any(entry.speaker for entry in entries):
        # Somebody unnamed may be anybody, one of those who judge too.
        for entry in entries:
            if not entry.speaker:
                left_out(entry.line, "names no speaker, though other lines do")
        entries = [entry for entry in entries if entry.speaker]
    if not entries:
        raise AsrFault(f"{directory / MANIFEST}: none of its lines can be used", permanent=True)
    return entries


def digest(directory: Path) -> str:
    """SHA-256 over the manifest and the lengths of the files beside it: whether these are the recordings of before."""
    sha = hashlib.sha256((directory / MANIFEST).read_bytes())
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        sha.update(f"{path.relative_to(directory)}:{path.stat().st_size}\n".encode())
    return sha.hexdigest()


def split(entries: Sequence[Entry], seed: int, kept_apart: Collection[str]) -> Split:
    """Put a tenth of the recordings aside to judge: all of some speakers where speakers are named, else all of some
    sentences. `kept_apart`: texts that judge the model anyway and must not train.
    """
    shuffled = list(entries)
    random.Random(f"recordings:{seed}").shuffle(shuffled)  # noqa: S311 - reproducible, not secret
    amounts = Counter(entry.speaker for entry in entries)
    if len(amounts) > 1:
        judges = _judging_speakers(amounts)
        by = "speaker"
        chosen = [entry.speaker in judges for entry in shuffled]
    else:
        by = "sentence"
        chosen = [zlib.crc32(entry.text.encode()) % 100 < 100 * _JUDGING for entry in shuffled]
    train = tuple(e for e, judges_it in zip(shuffled, chosen, strict=True) if not judges_it)
    judge = tuple(e for e, judges_it in zip(shuffled, chosen, strict=True) if judges_it)
    usable = tuple(entry for entry in train if entry.text not in kept_apart)
    return Split(usable, judge, by, len(train) - len(usable))


def sound_of(entry: Entry) -> np.ndarray:
    """The samples of a recording (s16, 8000 Hz, mono). Raises `ValueError` saying what is wrong with it or with its
    text's length.
    """
    blocks: list[bytes] = []
    try:
        for index, frame in enumerate(audio_frames(entry.audio)):
            if index >= LONGEST_S * 50:
                raise ValueError(f"is longer than {LONGEST_S} s; cut it into sentences")
            blocks.append(frame)
    except AsrFault as fault:
        raise ValueError(str(fault)) from fault
    samples = np.frombuffer(b"".join(blocks), "<i2")
    seconds = len(samples) / SAMPLE_RATE
    if seconds < _SHORTEST_S:
        raise ValueError(f"lasts {seconds:.2f} s only; at least {_SHORTEST_S} s are needed")
    if seconds * _FASTEST < entry.syllables:
        raise ValueError(f"has {entry.syllables} syllables in {seconds:.1f} s; nobody speaks so fast")
    if seconds > entry.syllables * _SLOWEST_S + _BESIDE_S:
        raise ValueError(f"has only {entry.syllables} syllables in {seconds:.1f} s; write all that is said, or cut it")
    if np.abs(samples.astype(np.int32)).max() < _QUIETEST:
        raise ValueError("holds silence only")
    return samples


def spoken_text(text: str) -> str:
    """A transcript without spaces and punctuation. Raises `ValueError` naming the place (from 1) of the first
    character that is not written as it is spoken.
    """
    kept = []
    for place, character in enumerate(text, 1):
        kind = unicodedata.category(character)
        if character in _BRACKETS:
            raise ValueError(f"a bracket (character {place} of its text); write only what is spoken")
        if character.isdecimal() or kind == "No":
            raise ValueError(f"a figure (character {place} of its text); write it in Hanzi, as it is spoken")
        if kind[0] == "S" or character in _ODD_SIGNS:
            raise ValueError(f"a sign (character {place} of its text); write it in Hanzi, as it is spoken")
        if kind[0] in "PZC":
            continue
        if not readings_of(character):
            raise ValueError(f"a letter or character (the {place}. of its text) that the model has no sound for")
        kept.append(character)
    if not kept:
        raise ValueError("an empty text")
    return "".join(kept)


def _lines(directory: Path) -> Iterator[tuple[int, str]]:
    path = directory / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no UTF-8 text"
        raise AsrFault(f"{path}: cannot be read: {why}", permanent=True) from error
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _entry(directory: Path, number: int, line: str) -> Entry:
    """One line. Raises `ValueError` with what is wrong with it."""
    try:
        given = json.loads(line)
        audio, text, speaker = given["audio"], given["text"], given.get("speaker", "")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ValueError('is not {"audio": "a.wav", "text": "…", "speaker": "…"}') from None
    if not (isinstance(audio, str) and audio and isinstance(text, str) and isinstance(speaker, str | int)):
        raise ValueError('is not {"audio": "a.wav", "text": "…", "speaker": "…"}')
    path = directory / audio
    if not path.is_file():
        raise ValueError(f"{audio}: no such file")
    try:
        words = words_of(spoken_text(text))
    except ValueError as problem:
        raise ValueError(f"has {problem}") from None
    try:
        readings = possible_readings(words)
    except ValueError:  # which repeats the word
        raise ValueError("has a word that the model has no sound for") from None
    return Entry(number, path, words, readings, str(speaker).strip())


def _judging_speakers(amounts: Counter[str]) -> set[str]:
    total = sum(amounts.values())
    by_hash = sorted(amounts, key=lambda speaker: hashlib.sha256(speaker.encode()).digest())
    least = min(_JUDGING_SPEAKERS, max(1, len(amounts) // 4))
    judges: set[str] = set()
    judged = 0
    for speaker in by_hash:
        if judged >= _JUDGING * total and len(judges) >= least:
            break
        if amounts[speaker] <= max(_LARGEST_JUDGE * total, min(amounts.values())):
            judges.add(speaker)
            judged += amounts[speaker]
    return judges
