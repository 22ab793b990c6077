"""How espeak reads words by themselves: its tones differ from pypinyin's now and then, and both are spoken."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping

from voicebot.asr.training.espeak import TONES, Espeak
from voicebot.asr.training.lexicon import Reading, tones_of
from voicebot.asr.training.phones import as_heard, split_syllables, toneless

_SOUND = re.compile(rf"[',%]*(.*?)({'|'.join(TONES)})?")


def espeak_readings(words: Iterable[str]) -> dict[str, Reading]:
    """The reading of each word that espeak reads as Chinese; in a child process, for the library may crash.

    Raises `RuntimeError` when it does.
    """
    expected = {word: [[toneless(syllable)] for syllable in tones_of((word,))[0]] for word in words}
    done = subprocess.run(
        [sys.executable, "-m", "voicebot.asr.training.reading"],
        input=json.dumps(list(expected)),
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"espeak-ng fails on the lexicon: {done.stderr.strip()[-300:]}")
    phonemes: Mapping[str, str] = json.loads(done.stdout)
    found = {word: _reading(phonemes[word], expected[word]) for word in expected}
    return {word: reading for word, reading in found.items() if reading}


def _reading(phonemes: str, expected: list[list[str]]) -> Reading:
    """Syllables with tones of espeak's phonemes; empty when they are not cut as expected."""
    if "(" in phonemes:
        return ()
    sounds = [_SOUND.fullmatch(sound) for sound in phonemes.split() if not sound.startswith("_")]
    syllables = split_syllables([sound[1] for sound in sounds if sound], expected)
    tones = [TONES[sound[2]] for sound in sounds if sound and sound[2]]
    if syllables is None or len(syllables) != len(tones):
        return ()
    return as_heard([syllable + tone for syllable, tone in zip(syllables, tones, strict=True)])


def _child() -> None:
    engine = Espeak()
    sys.stdout.write(json.dumps({word: engine.read(word) for word in json.load(sys.stdin)}))


if __name__ == "__main__":
    _child()
