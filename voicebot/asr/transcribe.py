"""Reading WAV files for an ear: any rate in, telephone audio (s16le, 8000 Hz, mono) out."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr

from voicebot.asr.recognizer import AsrFault, Ear, Transcript

SAMPLE_RATE = 8000
FRAME_BYTES = 320  # 20 ms
_LEAST_RATE, _MOST_RATE = 4000, 384000
_BLOCK_S = 1  # read and resampled at a time: an hour's file never lies in memory as a whole


def transcribe(ear: Ear, wav_path: Path) -> list[Transcript]:
    """The finals that `ear` hears in a mono PCM WAV file of any rate, empty ones left out.

    Raises `AsrFault(permanent=True)` with one line for a file that is none, stereo, empty or truncated.
    """
    recognizer = ear.open()
    try:
        finals = [heard for frame in wav_frames(wav_path) if (heard := recognizer.accept(frame)) and heard.final]
        finals.append(recognizer.finish())
    finally:
        recognizer.close()
    return [final for final in finals if final.text]


def wav_frames(wav_path: Path) -> Iterator[bytes]:
    """Frames of 20 ms (320 bytes, the last one padded with silence) of a mono PCM WAV file, resampled to 8000 Hz.

    Raises `AsrFault(permanent=True)` before the first frame for a file that cannot be used.
    """
    with _opened(wav_path) as wav:
        rate, width = wav.getframerate(), wav.getsampwidth()
        resampler = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16")
        rest = b""
        while block := wav.readframes(rate * _BLOCK_S):
            samples = _s16(block, width)
            if resampler is not None:
                samples = resampler.resample_chunk(samples)
            rest += samples.tobytes()
            whole = len(rest) - len(rest) % FRAME_BYTES
            for start in range(0, whole, FRAME_BYTES):
                yield rest[start : start + FRAME_BYTES]
            rest = rest[whole:]
        if resampler is not None:
            rest += resampler.resample_chunk(np.zeros(0, np.int16), last=True).tobytes()
        for start in range(0, len(rest), FRAME_BYTES):
            yield rest[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")


def _opened(path: Path) -> wave.Wave_read:
    """An open file that was found usable."""

    def refuse(what: str) -> AsrFault:
        return AsrFault(f"{path}: {what}", permanent=True)

    try:
        wav = wave.open(str(path), "rb")  # noqa: SIM115 - handed to the caller, who closes it
    except FileNotFoundError as error:
        raise refuse("no such file") from error
    except IsADirectoryError as error:
        raise refuse("is a directory; name one WAV file") from error
    except EOFError as error:
        raise refuse("is empty or cut off inside its header; export it again as PCM WAV") from error
    except wave.Error as error:
        raise refuse(f"is no PCM WAV file ({error}); convert it to 16-bit PCM WAV") from error
    except OSError as error:
        raise refuse(f"cannot be read ({error.strerror})") from error
    try:
        if wav.getnchannels() != 1:
            raise refuse(f"has {wav.getnchannels()} channels; split it and give one channel at a time")
        if not _LEAST_RATE <= wav.getframerate() <= _MOST_RATE:
            raise refuse(f"has a sample rate of {wav.getframerate()} Hz; 8000 or 16000 Hz is what is meant")
        frames = wav.getnframes()
        if not frames:
            raise refuse("holds no audio")
        wav.setpos(frames - 1)
        if len(wav.readframes(1)) < wav.getsampwidth():
            raise refuse(f"is truncated: its header promises {frames} samples; copy or export it again")
        wav.rewind()
    except BaseException:
        wav.close()
        raise
    return wav


def _s16(block: bytes, width: int) -> np.ndarray:
    """Samples of 1 (unsigned), 2, 3 or 4 bytes as s16."""
    if width == 2:
        return np.frombuffer(block, "<i2")
    if width == 1:
        return ((np.frombuffer(block, np.uint8).astype(np.int16) - 128) << 8).astype(np.int16)
    # The two most significant bytes of each sample.
    top = np.frombuffer(block, np.uint8).reshape(-1, width)[:, width - 2 :]
    return np.ascontiguousarray(top).view("<i2").reshape(-1)
