"""Writing down a whole recording."""

from __future__ import annotations

from pathlib import Path

from voicebot.asr.audio import audio_frames
from voicebot.asr.recognizer import Ear, Transcript
from voicebot.asr.written import with_written


def transcribe(ear: Ear, recording: Path) -> list[Transcript]:
    """The finals that `ear` hears in a mono recording (see `voicebot.asr.audio.audio_frames`), with their `written`
    form, empty ones left out.

    Raises `AsrFault(permanent=True)` with one line for a file that is none, stereo, empty or truncated.
    """
    recognizer = ear.open()
    try:
        finals = [heard for frame in audio_frames(recording) if (heard := recognizer.accept(frame)) and heard.final]
        finals.append(recognizer.finish())
    finally:
        recognizer.close()
    return [with_written(final) for final in finals if final.text]
