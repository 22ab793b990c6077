"""Sound files: 8000 Hz s16le WAV, as everything on the telephone."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from tts.voice import SAMPLE_RATE


def write(path: Path, pcm: bytes, *, channels: int = 1) -> None:
    """Write s16le 8000 Hz, `channels` interleaved. Whoever reads `path` sees all of it or nothing. Raises `OSError`."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file, wave.open(file, "wb") as wav:
            wav.setnchannels(channels)
            wav.setsampwidth(2)
            wav.setframerate(SAMPLE_RATE)
            wav.writeframes(pcm)
        os.chmod(name, 0o666 & ~_umask())  # noqa: PTH101 # mkstemp makes it private; a WAV is an ordinary file
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def read(path: Path) -> bytes:
    """s16le 8000 Hz mono of a 16-bit PCM WAV file of any rate; of several channels the mean is taken.

    Raises `OSError`, and `ValueError` with one line for a file of another kind.
    """
    samples, rate = decode(path.read_bytes(), path)
    if rate == SAMPLE_RATE and samples.shape[1] == 1:
        return samples.tobytes()
    mixed = soxr.resample(samples.mean(axis=1, dtype=np.float32), rate, SAMPLE_RATE, quality="HQ")
    return np.asarray(np.clip(np.rint(mixed), -32768, 32767), "<i2").tobytes()


def decode(data: bytes, path: Path) -> tuple[npt.NDArray[np.int16], int]:
    """What a 16-bit PCM WAV file holds, as samples × channels, and its rate. `path` is for the message. Raises
    `ValueError` with one line for a file of another kind.
    """
    try:
        with wave.open(io.BytesIO(data)) as wav:
            if wav.getsampwidth() != 2:
                raise ValueError(f"{path}: only 16-bit PCM WAV files can be read")
            rate, channels = wav.getframerate(), wav.getnchannels()
            frames = wav.readframes(wav.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:  # RuntimeError: a chunk longer than the file
        raise ValueError(f"{path}: not a WAV file ({str(error) or 'it is cut off'})") from error
    return np.frombuffer(frames[: len(frames) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels), rate


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
