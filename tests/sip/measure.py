"""Figures for docs/sip.md: `python -m tests.sip.measure [SECONDS]`, on a machine as quiet as you can make it.

Four two-way calls to a phone in a second process, which timestamps every RTP packet of ours as it arrives.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from sip.line import Answered, Line, TrunkOptions
from sip.pjsua import open_trunk
from tests.sip.scripts import Dialog, Phone, alaw_decode, strength, tone

CALLS = 4


def far_end(pipe: Connection) -> None:
    async def run() -> None:
        results: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def script(dialog: Dialog) -> None:
            dialog.respond(180, "Ringing")
            await asyncio.sleep(0.5)
            answered = asyncio.get_running_loop().time()
            dialog.rtp.stream(dialog.far_rtp, tone(700, 1))
            await dialog.answer()
            await dialog.wait_bye(patience_s=3600)
            heard = dialog.rtp.heard
            voice = [at for at, kind, data in heard if kind == 8 and strength(alaw_decode(data), 440) > 4000]
            gaps = [(later[0] - earlier[0]) * 1000 for earlier, later in itertools.pairwise(heard)]
            results.put_nowait({"first_voice_ms": (voice[0] - answered) * 1000, "gaps_ms": gaps})

        phone = await Phone(script).open()
        pipe.send(phone.uri)
        pipe.send([await results.get() for _ in range(CALLS)])
        await phone.close()

    asyncio.run(run())


def percentile(values: list[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 1)


async def main(seconds: float) -> None:
    ours, theirs = multiprocessing.Pipe()
    phone = multiprocessing.get_context("spawn").Process(target=far_end, args=(theirs,))
    phone.start()
    uri = await asyncio.to_thread(ours.recv)
    started = time.monotonic()
    trunk = await open_trunk(TrunkOptions())
    opened_ms = (time.monotonic() - started) * 1000
    lines: list[Line] = [await trunk.dial(uri) for _ in range(CALLS)]
    for line in lines:
        line.play(tone(440, seconds))  # rendered ahead, as the robot does
    for line in lines:
        async for event in line.events():
            if isinstance(event, Answered):
                break
    used = time.process_time()
    frames = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for line in lines:
            frames += len(await asyncio.to_thread(line.frames.get, 0.02) or ())
    cpu = (time.process_time() - used) / seconds
    for line in lines:
        await line.hang_up()
    results = await asyncio.to_thread(ours.recv)
    await trunk.close()
    phone.join()
    gaps = [gap for result in results for gap in result["gaps_ms"]]
    figures = {
        "open_ms": round(opened_ms, 1),
        "answer_to_first_voice_ms": [round(result["first_voice_ms"], 1) for result in results],
        "rtp_gap_ms": {"p50": percentile(gaps, 0.5), "p99": percentile(gaps, 0.99), "max": round(max(gaps), 1)},
        "frames_heard_of_due": round(frames / (CALLS * seconds * 50), 3),
        "cpu_of_one_core": round(cpu, 3),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0))
