"""A call's recording: stereo WAV, 8000 Hz, s16le, left the robot and right the callee, written while the call runs.

The file is playable at any moment: samples are appended about once a second, and then the header is brought up to
date. A process that is killed leaves at most a second unheard by players behind what the header counts; `repair` gives
it back. A full disk or a missing folder never reaches the call: the recording stops and remembers the `problem`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import struct
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

log = logging.getLogger(__name__)

SAMPLE_RATE: Final = 8000
FRAME_BYTES: Final = 320  # 20 ms of one side, as in sip.line
_BLOCK: Final = 4  # bytes of one stereo sample
_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_WRITE_EVERY_FRAMES: Final = 50  # 1 s
_LONGEST: Final = (2**32 - 1 - _HEADER.size) // _BLOCK * _BLOCK  # sizes in a WAV header have 32 bits: 37 hours


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A finished recording. `path`: below the recordings folder, "" if there is no file; `sha256`: hex, of the whole
    file; `problem`: why it is missing or incomplete, "" if it is whole.
    """

    path: str
    sha256: str
    duration_ms: int
    problem: str = ""


def path_of(call_id: str, day: date) -> str:
    """Where a call's recording lies below the recordings folder: `YYYY-MM-DD/<call_id>.wav`. Raises `ValueError` for an
    id that is no plain name.
    """
    if not call_id.isascii() or not call_id.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"a call id of letters, digits, '-' and '_' is expected, not {call_id!r}")
    return f"{day.isoformat()}/{call_id}.wav"


class Recording:
    """Writes one call's recording. All methods are for one thread (the call's listener); none raises for the disk."""

    def __init__(self, recordings_dir: Path, call_id: str, day: date) -> None:
        """Open the file (mode 0600, in a folder for `day`, the day of the dial in the firm's zone)."""
        self.problem = ""
        self._name = path_of(call_id, day)
        self._file = recordings_dir / self._name
        self._left = bytearray()
        self._right = bytearray()
        self._written = 0  # bytes of samples in the file
        self._fd = -1
        self._created = False
        self._finished: RecordingFile | None = None
        try:
            with contextlib.suppress(FileExistsError):  # a file where the folder should be: opening below it says so
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # O_EXCL: a recording is never overwritten.
            self._fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._stop(error)
            return
        self._created = True
        self._save(b"")

    @property
    def duration_ms(self) -> int:
        """How much was taken in, written or waiting."""
        return (self._written // _BLOCK + len(self._left) // 2) * 1000 // SAMPLE_RATE

    def write(self, rx: bytes, tx: bytes) -> None:
        """Take one tick: `rx` heard and `tx` spoken, s16le 8000 Hz mono, equally long (320 bytes)."""
        if self._fd < 0:
            return
        if len(rx) != len(tx) or len(rx) % 2:
            raise ValueError(f"both sides of a frame are equally long: {len(rx)} and {len(tx)} bytes given")
        self._left += tx
        self._right += rx
        if len(self._left) >= _WRITE_EVERY_FRAMES * FRAME_BYTES:
            self._flush()

    def finish(self) -> RecordingFile:
        """Write what waits, close and hash the file. Idempotent."""
        if self._finished is None:
            if self._fd >= 0:
                self._flush()
            if self._fd >= 0:
                try:
                    os.fsync(self._fd)  # the record is going to vouch for this file
                except OSError as error:
                    self._stop(error)
            self._close()
            self._finished = self._hashed()
        return self._finished

    def _hashed(self) -> RecordingFile:
        if not self._written:
            if self._created:  # a header without a sample is no recording
                self._remove()
            return RecordingFile("", "", 0, self.problem)
        try:
            sha256 = _sha256(self._file)
        except OSError as error:
            return RecordingFile(self._name, "", self.duration_ms, self.problem or _said(error))
        return RecordingFile(self._name, sha256, self.duration_ms, self.problem)

    def _flush(self) -> None:
        stereo = np.empty((len(self._left) // 2, 2), dtype="<i2")
        stereo[:, 0] = np.frombuffer(self._left, dtype="<i2")
        stereo[:, 1] = np.frombuffer(self._right, dtype="<i2")
        self._left.clear()
        self._right.clear()
        self._save(stereo.tobytes())

    def _save(self, samples: bytes) -> None:
        """Append samples, then count them in the header: in this order a kill in between only leaves uncounted ones."""
        if self._written + len(samples) > _LONGEST:
            self._stop(OSError(errno.EFBIG, "longer than a WAV file can be"))
            return
        try:
            done = 0
            try:
                while done < len(samples):
                    done += os.pwrite(self._fd, samples[done:], _HEADER.size + self._written + done)
            finally:
                self._written += done // _BLOCK * _BLOCK
                os.pwrite(self._fd, _header(self._written), 0)
        except OSError as error:
            self._stop(error)

    def _stop(self, error: OSError) -> None:
        at_s = self._written // _BLOCK / SAMPLE_RATE
        self.problem = f"{_said(error)} after {at_s:.1f} s" if self._written else _said(error)
        log.error("recording stopped: %s", self.problem, extra={"call_id": self._file.stem})
        self._left.clear()
        self._right.clear()
        if self._fd >= 0:
            with contextlib.suppress(OSError):  # a torn last sample: players skip it, so it may stay if it must
                os.ftruncate(self._fd, _HEADER.size + self._written)
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError as error:  # network file systems report a full disk only here
                self.problem = self.problem or _said(error)

    def _remove(self) -> None:
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            self.problem = self.problem or _said(error)


def repair(recordings_dir: Path, path: str, problem: str = "the process that wrote it died") -> RecordingFile:
    """Make whole what a killed writer left: count all samples in the header, cut a torn one off, hash the file.

    `path`: below the recordings folder, as `path_of` gives it. The result carries `problem`; if there is no such file
    or it is no recording of ours, its `path` is "" and the problem says so. Does not raise for the disk.
    """
    file = recordings_dir / path
    try:
        with file.open("r+b") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            head = stream.read(_HEADER.size)
            if head[:4] not in (b"RIFF", b"") or head[8:16] not in (b"WAVEfmt ", b""):
                return RecordingFile("", "", 0, f"{problem}; what it left is no WAV file")
            samples = max(0, size - _HEADER.size) // _BLOCK * _BLOCK
            stream.truncate(_HEADER.size + samples)
            stream.seek(0)
            stream.write(_header(samples))
            stream.flush()
            os.fsync(stream.fileno())
        if not samples:
            file.unlink()
            return RecordingFile("", "", 0, problem)
        return RecordingFile(path, _sha256(file), samples // _BLOCK * 1000 // SAMPLE_RATE, problem)
    except OSError as error:
        return RecordingFile("", "", 0, f"{problem}; {_said(error)}")


def find(recordings_dir: Path, call_id: str) -> str | None:
    """Where below the recordings folder this call's recording lies, whatever the day; None if there is none."""
    name = Path(path_of(call_id, date.min)).name
    found = sorted(recordings_dir.glob(f"????-??-??/{name}"))
    return found[-1].relative_to(recordings_dir).as_posix() if found else None


def _header(samples: int) -> bytes:
    """The 44 bytes before `samples` bytes of s16le stereo (RIFF WAVE, PCM)."""
    return _HEADER.pack(
        b"RIFF", _HEADER.size - 8 + samples, b"WAVE",
        b"fmt ", 16, 1, 2, SAMPLE_RATE, SAMPLE_RATE * _BLOCK, _BLOCK, 16,
        b"data", samples,
    )  # fmt: skip


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
