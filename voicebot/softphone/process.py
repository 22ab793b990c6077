"""A softphone in a process of its own, for whoever needs somebody to call."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from voicebot.softphone.fault import SoftphoneFault

_READY_S: Final = 60
_LEAVES_S: Final = 10

Told = Callable[[Mapping[str, Any]], None]
"""Gets each event of the softphone (docs/softphone.md)."""


@asynccontextmanager
async def answering(*options: str, told: Told = lambda _event: None) -> AsyncIterator[str]:
    """`voicebot softphone` with these options: gives the SIP URI it answers at, and ends the process afterwards; by
    then `told` has had every event. Raises `SoftphoneFault` when it does not start.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicebot", "softphone", *options, "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
    )
    assert process.stdout is not None  # noqa: S101 - asked for above
    assert process.stderr is not None  # noqa: S101
    readers: list[asyncio.Task[Any]] = []
    try:
        try:
            uri = await asyncio.wait_for(_ready(process.stdout), _READY_S)
        except TimeoutError:
            raise SoftphoneFault(f"the softphone was not ready in {_READY_S} s") from None
        if uri is None:
            said = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
            why = said[-1].removeprefix("voicebot: error: ") if said else "no reason given"
            raise SoftphoneFault(f"the softphone did not start: {why}", permanent=True)
        # Its pipes are read on, or it would stop when they are full.
        readers = [
            asyncio.create_task(_events(process.stdout, told)),
            asyncio.create_task(_drain(process.stderr)),
        ]
        yield uri
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _LEAVES_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        await asyncio.gather(*readers)


async def _ready(stdout: asyncio.StreamReader) -> str | None:
    while line := await stdout.readline():
        event = json.loads(line)
        if event.get("event") == "ready":
            return str(event["uri"])
    return None


async def _events(stdout: asyncio.StreamReader, told: Told) -> None:
    while line := await stdout.readline():
        told(json.loads(line))


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass
