"""Speech kept on disk: the same text in the same style, or of the same recordings, is made once."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from tts.voice import Style, Voice

_LOG = logging.getLogger(__name__)
_MAGIC = b"VBPCM1\n"
_DIGEST = hashlib.sha256().digest_size
_LOW_WATER = 0.9  # after a clearing, so that not every new sentence clears again
_STALE_S = 600.0  # a half-written file this old belongs to a process that died
_PLAIN = Style()


class SpeechCache:
    """PCM by what it is made of, in `directory`.

    At most `max_bytes` are kept, the longest unused go first; processes may share a directory (each then counts what it
    saw there itself, so the bound holds approximately). A damaged entry is made again. Where the disk cannot be read or
    written everything is made anew, and a warning says so once. Texts themselves are not stored.
    """

    def __init__(self, directory: Path, max_bytes: int = 512 * 1024 * 1024) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._held = -1  # bytes on disk as far as known; −1: not looked yet
        self._warned = False
        self._making: dict[str, asyncio.Task[bytes]] = {}

    async def get(self, key: Sequence[Any], make: Callable[[], Awaitable[bytes]]) -> bytes:
        """What was kept under `key` (JSON: everything that changes the sound), or else is made now. Callers that want
        the same at the same time wait for one making.
        """
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        task = self._making.get(name)
        if task is None:
            task = asyncio.create_task(self._remember(name, make))
            self._making[name] = task
            task.add_done_callback(lambda done: self._forget(name, done))
        # Shielded: one caller that gives up must not take the speech from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is being made. Idempotent."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, name: str, done: asyncio.Task[bytes]) -> None:
        del self._making[name]
        if not done.cancelled():
            done.exception()  # looked at, although every caller may have given up

    async def _remember(self, name: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        path = self._directory / name[:2] / f"{name}.pcm"
        pcm = await asyncio.to_thread(self._load, path)
        if pcm is None:
            pcm = await make()
            await asyncio.to_thread(self._store, path, pcm)
        return pcm

    def _load(self, path: Path) -> bytes | None:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn(error)
            return None
        head = len(_MAGIC) + _DIGEST
        pcm = data[head:]
        if data[:head] != _MAGIC + hashlib.sha256(pcm).digest() or not pcm:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # its age is how long nobody wanted it
        return pcm

    def _store(self, path: Path, pcm: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(suffix=".part", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_MAGIC + hashlib.sha256(pcm).digest() + pcm)
                Path(part).replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(part).unlink()
                raise
            self._bound(len(_MAGIC) + _DIGEST + len(pcm))
        except OSError as error:
            self._warn(error)

    def _bound(self, added: int) -> None:
        if self._held >= 0:
            self._held += added
            if self._held <= self._max_bytes:
                return
        entries: list[tuple[float, int, Path]] = []
        for path in self._directory.glob("??/*"):
            try:
                status = path.stat()
                if path.suffix == ".part" and time.time() - status.st_mtime > _STALE_S:
                    path.unlink()
                elif path.suffix == ".pcm":
                    entries.append((status.st_mtime, status.st_size, path))
            except FileNotFoundError:
                continue  # another process cleared it
        self._held = sum(size for _, size, _ in entries)
        if self._held <= self._max_bytes:
            return
        for _, size, path in sorted(entries):
            if self._held <= self._max_bytes * _LOW_WATER:
                break
            path.unlink(missing_ok=True)
            self._held -= size

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            _LOG.warning("speech cache unusable, speaking without it: %s", error.strerror or type(error).__name__)


class CachedVoice(Voice):
    """A voice that remembers in a `SpeechCache`, by its key, style and text."""

    def __init__(self, voice: Voice, directory: Path, max_bytes: int = 512 * 1024 * 1024) -> None:
        self.key = voice.key
        self.cache = SpeechCache(directory, max_bytes)
        self._voice = voice

    async def render(self, text: str, style: Style = _PLAIN) -> bytes:
        """See `Voice.render`. Callers that want the same at the same time wait for one rendering."""
        return await self.cache.get([self.key, astuple(style), text], lambda: self._voice.render(text, style))

    async def close(self) -> None:
        """See `Voice.close`. Closes the voice underneath as well."""
        await self.cache.close()
        await self._voice.close()
