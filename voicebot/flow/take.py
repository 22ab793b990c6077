"""One recording (a take, as a studio says): what its file says of itself, and whether a call can use it."""

from __future__ import annotations

import hashlib
import io
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicebot.flow.problems import FlowFault

RATES = (8000, 16000, 22050, 24000, 44100, 48000)
LONGEST_S = 30.0  # a disclosure may take 25 s; a file far over it holds more than one piece
QUIET_DBFS = -40.0  # 20 dB under what the line is given: levelled up, its noise would be heard as well
_SILENT_DBFS = -60.0
_ACTIVE = 1e-3  # within 30 dB of the loudest 20 ms: as `tts.levels` measures it
_FLATS = 5  # places where three neighbours are at full scale, as no voice makes them
_MOST_BYTES = int(4 * LONGEST_S * max(RATES))

_EXPORT = "export it as 16-bit PCM WAV, mono, 16000 to 48000 Hz: ffmpeg -i TAKE -ac 1 -ar 48000 -c:a pcm_s16le {name}"


class BadTake(FlowFault):
    """A file that no call can use: what is wrong, and the mend."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}; {fix}")
        self.message, self.fix = message, fix


@dataclass(frozen=True, slots=True)
class Take:
    """A usable recording. `sha256` (hex) of the file; `rate` in Hz; `seconds` in all, `spoken_s` from the first sound
    to the last; `dbfs`: RMS while something is said; `clipped`: its peaks were cut off.
    """

    path: Path
    sha256: str
    rate: int
    seconds: float
    spoken_s: float
    dbfs: float
    clipped: bool


def read(path: Path) -> Take:
    """Read and measure a recording: mono s16 WAV of one of `RATES`. Raises `BadTake`, whatever the file holds."""
    export = _EXPORT.format(name=path.name)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadTake(f"far over {LONGEST_S:.0f} s", "keep one piece in one file")
        data = path.read_bytes()
    except OSError as error:
        raise BadTake(f"cannot read it ({error.strerror})", "give a file that can be read") from error
    try:
        with wave.open(io.BytesIO(data)) as wav:
            channels, width, rate, length = wav.getparams()[:4]
            frames = wav.readframes(length)
    except (wave.Error, EOFError, RuntimeError) as error:  # RuntimeError: a chunk longer than the file
        # "unknown format: 3" is float, 65534 a header with more in it than mono needs.
        raise BadTake(f"no PCM WAV file ({str(error) or 'its header is cut off'})", export) from error
    if channels != 1:
        raise BadTake(f"{channels} channels, one is wanted", export)
    if width != 2:
        raise BadTake(f"{8 * width} bits a sample, 16 are wanted", export)
    if rate not in RATES:
        raise BadTake(f"{rate} Hz; one of {', '.join(map(str, RATES))} is wanted", export)
    if len(frames) < 2 * length:
        raise BadTake(f"cut off: its header promises {length / rate:.1f} s, {len(frames) / 2 / rate:.1f} s are there",
                      "copy or export it again")  # fmt: skip
    if length > LONGEST_S * rate:
        raise BadTake(f"{length / rate:.0f} s, over {LONGEST_S:.0f}", "keep one piece in one file")
    return _measured(path, hashlib.sha256(data).hexdigest(), rate, np.frombuffer(frames, "<i2"))


def _measured(path: Path, sha256: str, rate: int, samples: np.ndarray) -> Take:
    frame = rate // 50
    whole = samples[: len(samples) // frame * frame].astype(np.float32) / 32768
    if not len(whole):
        raise BadTake("empty, or shorter than 20 ms", "record it again")
    energies = np.square(whole - whole.mean()).reshape(-1, frame).mean(axis=1, dtype=np.float64)
    active = np.flatnonzero(energies > energies.max() * _ACTIVE)
    dbfs = float(10 * np.log10(energies[active].mean())) if len(active) else -np.inf
    if dbfs < _SILENT_DBFS:
        raise BadTake("nothing is heard in it", "record it again; is the microphone on?")
    spoken_s = float(active[-1] + 1 - active[0]) / 50
    return Take(path, sha256, rate, len(samples) / rate, spoken_s, dbfs, _clipped(samples))


def _clipped(samples: np.ndarray) -> bool:
    if samples.max() < 32767 and samples.min() > -32767:  # nearly always, and looked at quickly
        return False
    full = (samples >= 32767) | (samples <= -32767)
    return int((full[:-2] & full[1:-1] & full[2:]).sum()) >= _FLATS
