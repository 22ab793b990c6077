"""Calls to other people's phones: baresip and SIPp (Debian packages), which share no code with our engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from sip.line import Answered, Cause, Ending, Line, Ringing, Trunk
from tests.interop_peers import Peer, write_wav
from tests.sip.ends import frames_of
from tests.sip.scripts import strength, tone

pytestmark = [pytest.mark.interop, pytest.mark.sip]

Answering = Callable[..., AbstractAsyncContextManager[Peer]]


async def until(line: Line, kind: type) -> None:
    async def wait() -> None:
        async for event in line.events():
            if isinstance(event, kind):
                return
        raise AssertionError(f"the line ended without {kind.__name__}")

    await asyncio.wait_for(wait(), 15)


def voiced(line: Line, hertz: float) -> int:
    """How many 20 ms frames of this tone were heard."""
    return sum(strength(frame.rx, hertz) > 4000 for frame in frames_of(line))


async def test_baresip_answers_speaks_and_hears(trunk: Trunk, baresip: Answering, tmp_path: Path) -> None:
    async with baresip(write_wav(tmp_path / "speech.wav", tone(700, 30))) as peer:
        line = await trunk.dial(peer.uri)
        await until(line, Answered)
        line.play(tone(440, 1.0))
        await asyncio.sleep(1.5)
        assert voiced(line, 700) > 50
        line.send_dtmf("1")
        await asyncio.sleep(0.3)
        assert (await line.hang_up()).cause is Cause.COMPLETED
        await asyncio.sleep(0.3)
        heard = peer.heard()
    assert strength(heard, 440) * len(heard) / 2 > 7000 * 7000, "a second of our voice arrived"


async def test_sipp_rings_answers_streams_and_hangs_up(trunk: Trunk, sipp: Answering, tmp_path: Path) -> None:
    async with sipp(write_wav(tmp_path / "speech.wav", tone(700, 1)), hang_up_after_s=1.5) as peer:
        line = await trunk.dial(peer.uri)
        await until(line, Ringing)
        await until(line, Answered)
        line.play(tone(440, 5))
        await until(line, Ending)
    ending = await line.hang_up()
    assert (ending.cause, ending.by_far_end) == (Cause.COMPLETED, True)
    frames = frames_of(line)
    assert 45 <= sum(strength(frame.rx, 700) > 4000 for frame in frames) <= 60, "one second, and its concealed end"
    assert not any(frame.last for frame in frames)


async def test_sipp_echoes_our_own_voice(trunk: Trunk, sipp: Answering) -> None:
    async with sipp() as peer:
        line = await trunk.dial(peer.uri)
        await until(line, Answered)
        line.play(tone(440, 1.0))
        await asyncio.sleep(1.5)
        assert 45 <= voiced(line, 440) <= 60
        assert (await line.hang_up()).cause is Cause.COMPLETED


async def test_four_calls_to_one_sipp(trunk: Trunk, sipp: Answering, tmp_path: Path) -> None:
    async with sipp(write_wav(tmp_path / "speech.wav", tone(700, 1)), repeat=True) as peer:
        lines = await asyncio.gather(*(trunk.dial(peer.uri) for _ in range(4)))
        await asyncio.gather(*(until(line, Answered) for line in lines))
        await asyncio.sleep(1.5)
        assert all(voiced(line, 700) > 50 for line in lines)
        endings = await asyncio.gather(*(line.hang_up() for line in lines))
        assert {ending.cause for ending in endings} == {Cause.COMPLETED}
