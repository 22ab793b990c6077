"""The espeak-ng of the package `espeakng-loader`: speech with the exact place of every phoneme.

The library keeps one state for the process and crashes now and then in long runs, so it belongs into child processes;
its sound depends on everything said before in the same process.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from ctypes import CFUNCTYPE, POINTER, Structure, Union, c_char, c_char_p, c_int, c_short, c_uint, c_void_p
from dataclasses import dataclass

import espeakng_loader
import numpy as np

SAMPLE_RATE = 22050

_AUDIO_OUTPUT_SYNCHRONOUS = 2  # no thread of its own, hence no 20 ms of polling a sentence
_PHONEME_EVENTS = 1
_CHARS_UTF8 = 1
_PHONEME_INPUT = 0x100  # "[[...]]" in the text is phonemes
TONES = {"55": "1", "35": "2", "214": "3", "51": "4", "11": "5"}  # espeak's names of the tones
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7
_EVENT_PHONEME = 7


class _EventId(Union):
    _fields_ = [("number", c_int), ("name", c_char_p), ("string", c_char * 8)]


class _Event(Structure):
    _fields_ = [
        ("type", c_int),
        ("unique_identifier", c_uint),
        ("text_position", c_int),
        ("length", c_int),
        ("audio_position", c_int),
        ("sample", c_int),
        ("user_data", c_void_p),
        ("id", _EventId),
    ]


_SYNTH_CALLBACK = CFUNCTYPE(c_int, POINTER(c_short), c_int, POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak. `variant`: a voice variant's name ("" = none); `rate`: words a minute; `pitch` and `pitch_range`:
    0–99; `word_gap`: pause between words in units of 10 ms.
    """

    variant: str = ""
    rate: int = 175
    pitch: int = 50
    pitch_range: int = 50
    word_gap: int = 0


@dataclass(frozen=True, slots=True)
class Phoneme:
    """An espeak mnemonic (pauses begin with "_") and the sample at which it starts."""

    name: str
    start: int


class Espeak:
    """The engine, one a process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        path = espeakng_loader.get_data_path().encode()
        rate = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, path, _PHONEME_EVENTS)
        if rate != SAMPLE_RATE:
            raise RuntimeError(f"espeak-ng did not start (it answers {rate}); is the package espeakng-loader whole?")
        self._pcm: list[bytes] = []
        self._phonemes: list[Phoneme] = []
        self._callback = _SYNTH_CALLBACK(self._take)  # kept: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_TextToPhonemes.restype = c_char_p

    def say(
        self, text: str, manner: Manner, *, pinyin: bool = False, language: str = "cmn"
    ) -> tuple[np.ndarray, Sequence[Phoneme]]:
        """Speak Hanzi, or with `pinyin` syllables with tone digits ("ni3 hao3"), or another `language` (espeak's name):
        int16 samples at 22050 Hz, phonemes. Raises `ValueError` for an unknown language or variant.
        """
        voice = "cmn-latn-pinyin" if pinyin else language
        if manner.variant:
            voice += "+" + manner.variant
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"espeak-ng has no voice {voice}")
        settings = {_RATE: manner.rate, _PITCH: manner.pitch, _RANGE: manner.pitch_range, _WORD_GAP: manner.word_gap}
        for parameter, value in {**settings, _VOLUME: 100}.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._pcm.clear()
        self._phonemes.clear()
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _CHARS_UTF8 | _PHONEME_INPUT, None, None)
        self._library.espeak_Synchronize()
        return np.frombuffer(b"".join(self._pcm), np.int16), tuple(self._phonemes)

    def read(self, text: str) -> str:
        """The phonemes of Hanzi as espeak would speak them, clauses joined; "(en)" in it marks what it cannot read."""
        self._library.espeak_SetVoiceByName(b"cmn")
        buffer = ctypes.create_string_buffer(text.encode())
        rest = c_void_p(ctypes.addressof(buffer))
        clauses: list[str] = []
        while rest.value:
            clause = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, ord(" ") << 8)
            clauses.append((clause or b"").decode("utf-8", "replace"))
        return " ".join(clauses)

    def tones(self, text: str) -> str:
        """The tone digit of every syllable of Hanzi, by espeak's dictionary and before the sandhi of third tones."""
        return "".join(TONES[name] for name in re.findall(r"\d+", self.read(text)) if name in TONES)

    def _take(self, wav: object, count: int, events: object) -> int:
        if count > 0 and wav:
            self._pcm.append(ctypes.string_at(wav, count * 2))  # type: ignore[arg-type] # ctypes has no type for it
        index = 0
        while (event := events[index]).type:  # type: ignore[index] # a C array, ended by an event of type 0
            if event.type == _EVENT_PHONEME:
                self._phonemes.append(Phoneme(event.id.string.decode("utf-8", "replace"), event.sample))
            index += 1
        return 0
