"""The espeak-ng engine's own process: `python -m tts.espeak_process`, driven by `tts.espeak` over its pipes.

Request, one JSON line on stdin: `{"text", "voice", "rate", "pitch"}`. Answer on stdout: one JSON line, either
`{"rate": 22050, "bytes": n}` followed by n bytes of mono s16le, or `{"fault": "…", "permanent": bool}`. It ends when
stdin does.

pyttsx3 2.99 needs care, each point seen in its source and reproduced:

- It opens `libespeak-ng.so.1` by name, so the library of `espeakng-loader` is loaded first, which satisfies that name.
- `runAndWait` returns 10 ms after an utterance started when it is the engine's first, whether it is finished or not:
  `finished-utterance` says when the WAV is written.
- `runAndWait` first stops what still plays, and a rate or pitch just set counts as that, because espeak-ng queues it:
  the next utterance is then cancelled (195 of 300 were) or the loop never ends. So the queue is waited for in between.
- Before the first `runAndWait` nothing is set, only noted, so an empty one comes first.
- An empty text makes `runAndWait` wait for ever. The parent never sends one.
- Errors while a property is set are only notified, and its driver prints on stdout, which is ours for the answers.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import threading
import time
import wave
from pathlib import Path
from typing import Any, BinaryIO

import espeakng_loader

_FINISH_TIMEOUT_S = 60.0  # the parent's own, shorter time-out comes first; this one only frees a lonely child


def main() -> None:
    """Answer requests until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes stdin
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever pyttsx3 or the library prints goes to stderr
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        # pyttsx3's driver announces every file it writes.
        _serve(answers)


def _serve(answers: BinaryIO) -> None:
    engine = _Engine()
    for line in sys.stdin.buffer:
        request: dict[str, Any] = json.loads(line)
        try:
            rate, pcm = engine.speak(request["text"], request["voice"], request["rate"], request["pitch"])
        except _Refused as refusal:
            _answer(answers, {"fault": str(refusal), "permanent": refusal.permanent}, b"")
        else:
            _answer(answers, {"rate": rate, "bytes": len(pcm)}, pcm)


class _Refused(Exception):
    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class _Engine:
    def __init__(self) -> None:
        os.environ["ESPEAK_DATA_PATH"] = espeakng_loader.get_data_path()
        ctypes.CDLL(espeakng_loader.get_library_path(), mode=ctypes.RTLD_GLOBAL)
        import pyttsx3  # only now: importing its driver opens the library
        from pyttsx3.drivers import _espeak

        self._espeak = _espeak
        self._engine = pyttsx3.init("espeak")
        self._languages = {voice.id.rsplit("/", 1)[-1] for voice in self._engine.getProperty("voices")}
        self._variants = {file.name for file in (Path(espeakng_loader.get_data_path()) / "voices" / "!v").iterdir()}
        self._errors: list[str] = []
        self._finished = threading.Event()
        self._complete = False
        self._engine.connect("error", lambda name, exception: self._errors.append(str(exception)))
        self._engine.connect("finished-utterance", self._on_finished)
        self._engine.runAndWait()

    def speak(self, text: str, voice: str, rate: int, pitch: int) -> tuple[int, bytes]:
        """Sample rate and s16le of `text`."""
        language, _, variant = voice.partition("+")
        # espeak-ng accepts an unknown variant without a word and speaks with its default.
        if language not in self._languages or (variant and variant not in self._variants):
            raise _Refused(f"espeak-ng has no voice {voice!r}", permanent=True)
        self._errors.clear()
        self._finished.clear()
        with _Memory() as file:
            self._engine.setProperty("voice", voice)
            self._engine.setProperty("rate", rate)
            self._engine.setProperty("pitch", pitch)
            self._engine.setProperty("volume", 1.0)
            self._settle()
            self._engine.save_to_file(text, file.path)
            self._engine.runAndWait()
            finished = self._finished.wait(_FINISH_TIMEOUT_S)
            self._settle()
            if self._errors:
                raise _Refused(f"espeak-ng: {self._errors[0]}", permanent=False)
            if not (finished and self._complete):
                raise _Refused("espeak-ng broke off", permanent=False)
            with wave.open(file.path, "rb") as wav:
                return wav.getframerate(), wav.readframes(wav.getnframes())

    def _settle(self) -> None:
        self._espeak.Synchronize()
        for _ in range(1000):
            if not self._espeak.IsPlaying():
                return
            time.sleep(0.001)
        raise _Refused("espeak-ng does not come to rest", permanent=False)

    def _on_finished(self, name: str | None, completed: bool) -> None:
        self._complete = completed
        self._finished.set()


class _Memory:
    """A file that lies in memory, so that a full disk does not silence the robot."""

    def __enter__(self) -> _Memory:
        self._fd = os.memfd_create("speech")
        self.path = f"/proc/self/fd/{self._fd}"
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _answer(answers: BinaryIO, head: dict[str, object], pcm: bytes) -> None:
    answers.write(json.dumps(head).encode() + b"\n")
    answers.write(pcm)
    answers.flush()


if __name__ == "__main__":
    main()
