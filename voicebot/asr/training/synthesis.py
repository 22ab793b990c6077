"""Speaking the corpus: utterances in, speech at 8000 Hz with the place of every unit out.

espeak-ng crashes now and then and its sound depends on what the process said before, so chunks of a fixed size go to
one child process each: the same chunk always sounds the same, and a finished chunk is not made again.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr

from voicebot.asr.training.espeak import SAMPLE_RATE as ESPEAK_RATE
from voicebot.asr.training.espeak import Espeak, Manner, Phoneme
from voicebot.asr.training.phones import (
    GARBAGE,
    SILENCE,
    SYLLABLES,
    UNIT_ID,
    UNREADABLE,
    as_heard,
    split_syllables,
    toneless,
    units_of,
)

SAMPLE_RATE = 8000
CHUNK = 300  # utterances a child process; changing it changes the sound of the whole corpus
_CLOSURE_S = 0.07  # a shorter pause is a plosive's closure and belongs to the next sound (measured in the prototype)
_CHILD_TIMEOUT_S = 900
_TONE_NAMES = {"1": "55", "2": "35", "3": "214", "4": "51", "5": "11"}  # espeak's


@dataclass(frozen=True, slots=True)
class Utterance:
    """What to say: `words` of Hanzi (empty strings for mere syllables), and for each its tone syllables ("hao3").

    Another `language` (espeak's name) has words of its own and no syllables: it is to be heard as no words of ours.
    """

    words: tuple[str, ...]
    pinyin: tuple[tuple[str, ...], ...]
    language: str = ""

    @property
    def text(self) -> str:
        """The Hanzi, without spaces."""
        return "".join(self.words)


@dataclass(frozen=True, slots=True)
class Speech:
    """One spoken utterance: s16 samples at 8000 Hz; segments (unit, start, end) in samples, end to end; the
    syllables with the tones really spoken; the voice variant.
    """

    text: str
    variant: str
    syllables: tuple[str, ...]
    samples: np.ndarray
    segments: np.ndarray


def speak_all(
    utterances: Sequence[Utterance],
    variants: Sequence[str],
    directory: Path,
    *,
    seed: int,
    processes: int,
    progress: Callable[[str], None],
) -> list[Path]:
    """Speak everything into `directory`, chunk by chunk; gives the chunk files in order. Resumes what it finds there.

    Raises `RuntimeError` when a chunk keeps crashing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(utterances), CHUNK)
    paths = [directory / f"chunk-{number:04d}.npz" for number in range(len(starts))]

    def make(number: int) -> None:
        path = paths[number]
        if path.exists():
            return
        job = path.with_suffix(".json")
        chunk = utterances[starts[number] : starts[number] + CHUNK]
        items = [asdict(utterance) for utterance in chunk]
        skipped: list[int] = []
        while True:
            job.write_text(
                json.dumps({"items": items, "variants": list(variants), "seed": seed + number, "skip": skipped}),
                encoding="utf-8",
            )
            command = [sys.executable, "-m", "voicebot.asr.training.synthesis", str(job), str(path)]
            done = subprocess.run(command, capture_output=True, check=False, timeout=_CHILD_TIMEOUT_S)
            if not done.returncode:
                break
            at = path.with_suffix(".at")
            if done.returncode > 0 or not at.exists() or len(skipped) >= 10:
                raise RuntimeError(f"synthesis of {path.name} fails: {done.stderr.decode()[-500:]}")
            skipped.append(int(at.read_text()))  # killed by a signal: leave out what it was saying then
            progress(f"{path.name}: espeak-ng crashed, utterance {skipped[-1]} is left out")
        job.unlink()
        path.with_suffix(".at").unlink(missing_ok=True)
        if number % 10 == 0:
            progress(f"spoken: chunk {number} of {len(paths)}")

    with ThreadPoolExecutor(processes) as pool:
        for _ in pool.map(make, range(len(paths))):
            pass
    return paths


def read_chunk(path: Path) -> Iterator[Speech]:
    """The utterances of one chunk file."""
    with np.load(path) as data:
        meta = json.loads(bytes(data["meta"]).decode())
        samples, segments = data["samples"], data["segments"]
    at = segment_at = 0
    for text, variant, syllables, length, segment_count in meta:
        yield Speech(
            text,
            variant,
            tuple(syllables.split()),
            samples[at : at + length],
            segments[segment_at : segment_at + segment_count],
        )
        at += length
        segment_at += segment_count


def write_chunk(path: Path, speeches: Sequence[Speech]) -> None:
    """Write utterances, one at least, as a chunk file; it is there when it is whole."""
    meta = [(s.text, s.variant, " ".join(s.syllables), len(s.samples), len(s.segments)) for s in speeches]
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        meta=np.frombuffer(json.dumps(meta, ensure_ascii=False).encode(), np.uint8),
        samples=np.concatenate([speech.samples for speech in speeches]),
        segments=np.concatenate([speech.segments for speech in speeches]),
    )
    part.rename(path)


def seconds_of(path: Path) -> float:
    """How long a chunk's utterances last together."""
    with np.load(path) as data:
        meta = json.loads(bytes(data["meta"]).decode())
    return float(sum(length for _, _, _, length, _ in meta) / SAMPLE_RATE)


def speak(engine: Espeak, utterance: Utterance, manner: Manner, rng: random.Random) -> Speech | None:
    """Speak one utterance; None when it came out as something else (a character the engine reads as English)."""
    if utterance.language:
        samples, _ = engine.say(" ".join(utterance.words), manner, language=utterance.language)
        pcm = _at_telephone_rate(samples)
        return Speech("", manner.variant, (), pcm, np.array([[GARBAGE, 0, len(pcm)]], np.int32))
    as_hanzi = all(utterance.words) and rng.random() < 0.6
    for hanzi in (True, False) if as_hanzi else (False,):
        text = _hanzi(utterance, rng) if hanzi else _pinyin(utterance, rng)
        wanted = [syllable for word in utterance.pinyin for syllable in word]
        tones = engine.tones(text) if hanzi else "".join(syllable[-1] for syllable in wanted)
        samples, phonemes = engine.say(text, manner, pinyin=not hanzi)
        speech = _segmented(samples, phonemes, [[toneless(syllable)] for syllable in wanted], tones)
        if speech is not None:
            syllables, segments = speech
            return Speech(utterance.text, manner.variant, tuple(syllables), _at_telephone_rate(samples), segments)
    return None


def _at_telephone_rate(samples: np.ndarray) -> np.ndarray:
    pcm = soxr.resample(samples.astype(np.float32), ESPEAK_RATE, SAMPLE_RATE, "HQ")
    return np.asarray(np.clip(np.round(pcm), -32768, 32767).astype(np.int16))


def _hanzi(utterance: Utterance, rng: random.Random) -> str:
    """Mostly one breath; now and then a pause between words."""
    pause = 0.0 if rng.random() < 0.6 else 0.12
    return "".join(word + (", " if rng.random() < pause else "") for word in utterance.words)


def _pinyin(utterance: Utterance, rng: random.Random) -> str:
    join = rng.random() < 0.5
    groups: list[list[str]] = []
    for word in utterance.pinyin:
        readable = [_phonemes(s) if toneless(s) in UNREADABLE else s for s in word]
        groups += [readable] if join and readable == list(word) and len(word) <= 4 else [[s] for s in readable]
    return "".join("".join(group) + (", " if rng.random() < 0.04 else " ") for group in groups)


def _phonemes(syllable: str) -> str:
    return f"[[{UNREADABLE[toneless(syllable)]}{_TONE_NAMES[syllable[-1]]}]]"


def _segmented(
    samples: np.ndarray, phonemes: Sequence[Phoneme], expected: Sequence[Sequence[str]], tones: str
) -> tuple[Sequence[str], np.ndarray] | None:
    """Syllables and segments (unit, start, end at 8000 Hz) of what was said; None when it is not cut as expected."""
    sounds = [(p.name.lstrip("',%"), p.start) for p in phonemes]
    if any(name.startswith("(") for name, _ in sounds):
        return None  # it switched to another language
    syllables = split_syllables([name for name, _ in sounds if not name.startswith("_")], expected)
    if syllables is None or len(syllables) != len(tones):
        return None
    toned = [syllable + tone for syllable, tone in zip(syllables, tones, strict=True)]
    syllables_said = as_heard(toned, _breaks(sounds, syllables))
    # Every phoneme's unit, in order; a unit of several phonemes begins with its first.
    units: list[int | None] = []
    for syllable in syllables_said:
        for unit in units_of(syllable):
            units += [UNIT_ID[unit], *[None] * unit.count("_")]
    segments: list[list[int]] = []
    spoken = iter(units)
    for index, (name, start) in enumerate(sounds):
        end = sounds[index + 1][1] if index + 1 < len(sounds) else len(samples)
        unit_id = SILENCE if name.startswith("_") else next(spoken)
        if segments and (unit_id is None or (unit_id == SILENCE and segments[-1][0] == SILENCE)):
            segments[-1][2] = end
        elif unit_id is not None and end > start:
            segments.append([unit_id, start, end])
        elif unit_id is not None and unit_id != SILENCE:
            return None  # a sound without duration: events and sound do not fit
    merged: list[list[int]] = []
    carried: int | None = None
    for unit_id, start, end in segments:
        is_last = end == segments[-1][2]
        if unit_id == SILENCE and end - start < _CLOSURE_S * ESPEAK_RATE and not is_last:
            carried = start
            continue
        merged.append([unit_id, start if carried is None else carried, end])
        carried = None
    result = np.array(merged, np.int32)
    result[:, 1:] = result[:, 1:].astype(np.int64) * SAMPLE_RATE // ESPEAK_RATE
    return syllables_said, result


def _breaks(sounds: Sequence[tuple[str, int]], syllables: Sequence[str]) -> frozenset[int]:
    """After which syllables the speaker pauses (espeak's "_:" and "_"; "_|" only parts words)."""
    ends = {count: index for index, count in enumerate(itertools.accumulate(len(SYLLABLES[s]) for s in syllables))}
    breaks, spoken = set(), 0
    for name, _ in sounds:
        if not name.startswith("_"):
            spoken += 1
        elif name != "_|" and spoken in ends:
            breaks.add(ends[spoken])
    return frozenset(breaks)


def _child(job_path: Path, out: Path) -> None:
    """Speak one chunk; the number of the utterance in work lies beside it in case the engine crashes."""
    job = json.loads(job_path.read_text(encoding="utf-8"))
    engine = Espeak()
    speeches: list[Speech] = []
    at = out.with_suffix(".at")
    for index, item in enumerate(job["items"]):
        at.write_text(str(index))
        if index in job["skip"]:
            continue
        rng = random.Random(f"{job['seed']}:{index}")  # noqa: S311 - reproducible, not secret
        manner = Manner(
            variant=rng.choice(job["variants"]),
            rate=rng.randint(125, 235),
            pitch=rng.randint(15, 85),
            pitch_range=rng.randint(20, 80),
            word_gap=rng.choice([0, 0, 0, 0, 1, 2]),
        )
        utterance = Utterance(
            tuple(item["words"]), tuple(tuple(word) for word in item["pinyin"]), item.get("language", "")
        )
        speech = speak(engine, utterance, manner, rng)
        if speech is not None:
            speeches.append(speech)
    write_chunk(out, speeches)


if __name__ == "__main__":
    _child(Path(sys.argv[1]), Path(sys.argv[2]))
