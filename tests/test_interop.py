"""Whole calls by `voicebot call` to other people's phones, which answer and play a spoken WAV."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

from tests.interop_peers import write_wav
from tts.espeak import EspeakVoice
from tts.voice import Style
from voicebot.flow.loading import find
from voicebot.flow.sample import sample_slots

pytestmark = pytest.mark.interop


async def spoken(path: Path, after_s: float, text: str, quiet_s: float) -> Path:
    """A WAV of silence, speech, silence."""
    voice = EspeakVoice()
    try:
        pcm = await voice.render(text, Style(variant="f2", rate=160))
    finally:
        await voice.close()
    return write_wav(path, bytes(int(after_s * 16000)) + pcm + bytes(int(quiet_s * 16000)))


async def call(target: str, folder: Path) -> dict[str, Any]:
    """`voicebot call --json`, as a person would type it."""
    slots = [f"--slot={name}={value}" for name, value in sample_slots(find("margin_call")).items()]
    env = os.environ | {
        "VOICEBOT_DATABASE_URL": f"sqlite:///{folder}/voicebot.db",
        "VOICEBOT_RECORDINGS_DIR": str(folder / "recordings"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voicebot", "call", "--flow", "margin_call", "--to", target, *slots, "--json",
        env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), 150)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


@pytest.mark.parametrize("phone", ["baresip", "sipp"])
async def test_the_robot_holds_a_call_with_somebody_elses_phone(phone, request, tmp_path):
    # The opening takes about ten seconds; the callee speaks after it, once.
    file = await spoken(tmp_path / "callee.wav", 13, "你打错了，这里没有这个人", 45)
    peer_of = request.getfixturevalue(phone)
    async with peer_of(file) as peer:
        result = await call(peer.uri, tmp_path)
    assert result["disposition"] == "wrong_number", result["turns"]
    assert result["sip"]["code"] == 200
    heard = [turn for turn in result["turns"] if turn["role"] == "callee"]
    assert [turn["intent"] for turn in heard] == ["wrong_number"]
    with wave.open(result["recording"]) as recording:
        assert recording.getnframes() > 8000 * 10
