"""The media port: where pjmedia's clock thread meets a line's audio, 320 bytes every 20 ms.

`bytes(frame.buf)` walks the vector element by element (128 µs measured for 320 bytes); copying from the address that
the C++ vector holds takes 1.2 µs. That relies on the vector being three pointers, so it is verified once at start.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from sip.frames import LineAudio
from sip.line import FRAME_BYTES, FRAME_MS, SAMPLE_RATE, SILENCE

_POINTER = ctypes.sizeof(ctypes.c_void_p)
_word_at = ctypes.c_size_t.from_address
_string_at = ctypes.string_at
_memmove = ctypes.memmove

Read = Callable[[Any], bytes]
Write = Callable[[Any, bytes], None]


def _read_fast(frame: Any) -> bytes:
    return _string_at(_word_at(int(frame.buf.this)).value, FRAME_BYTES)


def _write_fast(frame: Any, pcm: bytes) -> None:
    buffer = frame.buf
    buffer.resize(FRAME_BYTES)
    _memmove(_word_at(int(buffer.this)).value, pcm, FRAME_BYTES)
    frame.size = FRAME_BYTES
    frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO


def _read_plain(frame: Any) -> bytes:
    return bytes(frame.buf)


def _write_plain(frame: Any, pcm: bytes) -> None:
    frame.buf = pj.ByteVector(pcm)
    frame.size = FRAME_BYTES
    frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO


def frame_copy() -> tuple[Read, Write]:
    """The fast way to read and write a frame where this build's vectors allow it, else the plain one.

    Reads only memory that belongs to the vector object until begin, end and end of storage proved to be what they
    should be; then a known pattern must come through in both directions.
    """
    pattern = bytes(range(256)) + bytes(range(FRAME_BYTES - 256))
    frame = pj.MediaFrame()
    frame.buf = pj.ByteVector(pattern)
    frame.size = FRAME_BYTES
    address = int(frame.buf.this)
    begin, end, storage = (_word_at(address + i * _POINTER).value for i in range(3))
    if not (begin and end - begin == FRAME_BYTES and storage >= end):
        return _read_plain, _write_plain
    if _read_fast(frame) != pattern:
        return _read_plain, _write_plain
    _write_fast(frame, pattern[::-1])
    if bytes(frame.buf) != pattern[::-1]:
        return _read_plain, _write_plain
    return _read_fast, _write_fast


class MediaPort(pj.AudioMediaPort):  # type: ignore[misc]  # pjsua2 has no types
    """A permanent port of the conference bridge; `audio` is the line it serves now, or None.

    Made once after `libStart` and freed just before `libDestroy`: a port freed while the clock runs crashes.
    """

    def __init__(self, name: str, copy: tuple[Read, Write]) -> None:
        super().__init__()
        self.audio: LineAudio | None = None
        self._read, self._write = copy
        form = pj.MediaFormatAudio()
        form.init(pj.PJMEDIA_FORMAT_PCM, SAMPLE_RATE, 1, FRAME_MS * 1000, 16)
        self.createPort(name, form)

    # The bridge asks all ports first and gives to all ports afterwards, in one pass every 20 ms: so a request opens a
    # line's tick and a reception closes it. Nothing may raise here: an exception would cross into C++ and abort.
    def onFrameRequested(self, frame: Any) -> None:  # noqa: N802  # pjsua2's name
        """20 ms to send to the far end."""
        audio = self.audio
        self._write(frame, SILENCE if audio is None else audio.next_tx())

    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802  # pjsua2's name
        """20 ms heard from the far end; an empty frame while nothing is connected."""
        audio = self.audio
        if audio is not None:
            audio.put_rx(self._read(frame) if frame.size == FRAME_BYTES else SILENCE)
