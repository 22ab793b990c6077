"""Reading recordings for an ear: WAV, FLAC or Ogg of any rate in, telephone audio (s16le, 8000 Hz, mono) out."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
import soxr

from voicebot.asr.recognizer import AsrFault

SAMPLE_RATE = 8000
FRAME_BYTES = 320  # 20 ms
_LEAST_RATE, _MOST_RATE = 4000, 384000
_BLOCK_S = 1  # read and resampled at a time: an hour's file never lies in memory as a whole
_OGG, _FLAC = b"OggS", b"fLaC"
_LARGEST_OGG_PAGE = 65_307  # RFC 3533
_LAST_OGG_PAGE = 4  # bit of a page's header type


def audio_frames(path: Path) -> Iterator[bytes]:
    """Frames of 20 ms (320 bytes, the last one padded with silence) of a mono recording, resampled to 8000 Hz.

    WAV may be PCM of 8 to 32 bits, A-law, µ-law or float; FLAC and Ogg (Vorbis, Opus) are read too. Raises
    `AsrFault(permanent=True)` with one line: before the first frame for a file that cannot be used, later only for
    damage in the middle of a compressed one.
    """
    with _opened(path) as source:
        rate = source.rate
        resampler = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16")
        rest = b""
        while len(samples := source.read(rate * _BLOCK_S)):
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


class _Source(Protocol):
    """An open recording: `rate` in Hz, `length` in samples, `read(most)` gives s16 samples, none at its end.

    `cut_off()`: it ends before the length that it tells; asked before anything is read.
    """

    rate: int
    channels: int
    length: int

    def read(self, most: int) -> np.ndarray: ...
    def cut_off(self) -> bool: ...
    def close(self) -> None: ...
    def __enter__(self) -> _Source: ...
    def __exit__(self, *_: object) -> None: ...


class _Closing:
    def __enter__(self: _Source) -> _Source:
        return self

    def __exit__(self: _Source, *_: object) -> None:
        self.close()


class _PcmWav(_Closing):
    """By Python's own module, which tells a truncated file from a short one."""

    def __init__(self, path: Path) -> None:
        self._wav = wave.open(str(path), "rb")  # noqa: SIM115 - closed by `close`
        self.rate, self.channels, self.length = (
            self._wav.getframerate(),
            self._wav.getnchannels(),
            self._wav.getnframes(),
        )

    def read(self, most: int) -> np.ndarray:
        width = self._wav.getsampwidth()
        block = self._wav.readframes(most)
        return _s16(block[: len(block) - len(block) % width], width)

    def cut_off(self) -> bool:
        self._wav.setpos(self.length - 1)
        last = self.read(1)
        self._wav.rewind()
        return not len(last)

    def close(self) -> None:
        self._wav.close()


class _Coded(_Closing):
    """By libsndfile: everything compressed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = soundfile.SoundFile(path)
        self.rate, self.channels, self.length = self._file.samplerate, self._file.channels, self._file.frames

    def read(self, most: int) -> np.ndarray:
        try:
            # As float, because libsndfile does not scale float files to integers.
            samples = self._file.read(most, dtype="float32")
        except soundfile.LibsndfileError as error:
            raise AsrFault(f"{self._path}: is damaged; copy or export it again", permanent=True) from error
        scaled: np.ndarray = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
        return scaled

    def cut_off(self) -> bool:
        if self._file.format != "FLAC":  # of the others the containers were looked at; some cannot seek
            return False
        try:
            self._file.seek(self.length - 1)
            last = self._file.read(1)
            self._file.seek(0)
        except soundfile.LibsndfileError:
            return True
        return not len(last)

    def close(self) -> None:
        self._file.close()


def _opened(path: Path) -> _Source:
    """An open file that was found usable."""

    def refuse(what: str) -> AsrFault:
        return AsrFault(f"{path}: {what}", permanent=True)

    try:
        source = _by_content(path)
    except FileNotFoundError as error:
        raise refuse("no such file") from error
    except IsADirectoryError as error:
        raise refuse("is a directory; name one recording") from error
    except (wave.Error, soundfile.LibsndfileError) as error:
        raise refuse("is no WAV, FLAC or Ogg recording; convert it to 16-bit PCM WAV") from error
    except (EOFError, RuntimeError) as error:  # the latter, of which libsndfile's is one, for a chunk past the end
        raise refuse("is empty or cut off inside its header; export it again") from error
    except OSError as error:
        raise refuse(f"cannot be read ({error.strerror})") from error
    try:
        if source.channels != 1:
            raise refuse(f"has {source.channels} channels; split it and give one channel at a time")
        if not _LEAST_RATE <= source.rate <= _MOST_RATE:
            raise refuse(f"has a sample rate of {source.rate} Hz; 8000 or 16000 Hz is what is meant")
        if not source.length:
            raise refuse("holds no audio")
        if source.cut_off():
            raise refuse(f"is truncated: its header promises {source.length} samples; copy or export it again")
    except BaseException:
        source.close()
        raise
    return source


def _by_content(path: Path) -> _Source:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(max(0, size - _LARGEST_OGG_PAGE))
        tail = file.read() if start.startswith(_OGG) else b""
    if len(start) < 12:
        raise EOFError
    if start.startswith(_OGG) and not _ends_whole(tail):
        raise AsrFault(f"{path}: is truncated: its last page is missing; copy or export it again", permanent=True)
    if start.startswith((_OGG, _FLAC)):
        return _Coded(path)
    try:
        return _PcmWav(path)
    except wave.Error as error:
        if not str(error).startswith("unknown format"):
            raise
    promised = int.from_bytes(start[4:8], "little") + 8
    # Recorders that never came to finish their header leave 0 or the largest number there; some leave out a last pad.
    if 8 < promised < 0xFFFFFFFF and promised > size + 1:
        message = f"{path}: is truncated: its header promises {promised} bytes; copy or export it again"
        raise AsrFault(message, permanent=True)
    return _Coded(path)


def _ends_whole(tail: bytes) -> bool:
    """Whether the last Ogg page is marked as the stream's last, and all there (RFC 3533, 6)."""
    _, mark, page = tail.rpartition(_OGG)
    if not mark or len(page) < 23 or not page[1] & _LAST_OGG_PAGE:
        return False
    segments = page[22]
    return len(page) >= 23 + segments + sum(page[23 : 23 + segments])


def _s16(block: bytes, width: int) -> np.ndarray:
    """Samples of 1 (unsigned), 2, 3 or 4 bytes as s16."""
    if width == 2:
        return np.frombuffer(block, "<i2")
    if width == 1:
        return ((np.frombuffer(block, np.uint8).astype(np.int16) - 128) << 8).astype(np.int16)
    # The two most significant bytes of each sample.
    top = np.frombuffer(block, np.uint8).reshape(-1, width)[:, width - 2 :]
    return np.ascontiguousarray(top).view("<i2").reshape(-1)
