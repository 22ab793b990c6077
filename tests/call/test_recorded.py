"""A whole call of a script with recorded phrases: what the callee's end hears is the recording."""

from __future__ import annotations

import shutil
import wave

import numpy as np

from tests import takes
from tests.call.stage import raise_curtain
from tts.scripted import ScriptedVoice
from voicebot import events
from voicebot.flow import recorded
from voicebot.flow.loading import draft, find


class Counting(ScriptedVoice):
    def __init__(self):
        super().__init__()
        self.texts: list[str] = []

    async def render(self, text, style):
        self.texts.append(text)
        return await super().render(text, style)


def share_of(hz: float, samples: np.ndarray) -> float:
    """How much of a sound lies within 3 Hz of a tone and its harmonics; the scripted voice's pitch is elsewhere."""
    spectrum = np.square(np.abs(np.fft.rfft(samples)))
    frequencies = np.fft.rfftfreq(len(samples), 1 / 8000)
    near = np.abs(frequencies / hz - np.rint(frequencies / hz)) * hz < 12
    return float(spectrum[near & (frequencies > hz / 2)].sum() / spectrum.sum())


async def test_a_recorded_piece_is_what_goes_out(tmp_path):
    folder = shutil.copytree(find("margin_call"), tmp_path / "margin_call")
    takes.write(folder / "audio" / "is_it_you.wav", takes.syllables(7, 44100, hz=523))
    takes.write(folder / "audio" / "notice.a2.wav", takes.syllables(19, 16000, hz=523, dbfs=-32), 16000)
    _, flow = draft(folder)
    _, accepted = recorded.accept(folder, flow.prompts, name="audio")
    assert sorted(accepted) == ["is_it_you.wav", "notice.a2.wav"]
    voice = Counting()
    stage = await raise_curtain(tmp_path / "calls", ["对我是"], voice=voice, script=folder)
    await stage.robot_finished()
    await stage.say()
    await stage.robot_finished()
    await stage.callee.hang_up()
    await stage.over()
    assert "请问是您本人吗？" not in voice.texts
    assert "王建国先生您好，这里是海川证券。" in voice.texts  # the rest of the notice, in one breath
    [tape] = (tmp_path / "calls").rglob("*.wav")
    with wave.open(str(tape)) as file:
        robot = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[:, 0].astype(float)
    said = {e.prompt: robot[e.start_ms * 8 : e.end_ms * 8] for e in stage.events if isinstance(e, events.Said)}
    assert share_of(523, said["is_it_you"]) > 0.9
    assert share_of(523, said["warning"]) < 0.5
    half = len(said["notice"]) // 2
    assert share_of(523, said["notice"][:half]) < 0.5 < 0.9 < share_of(523, said["notice"][half + 4000 :])
    written = [e.text for e in stage.events if isinstance(e, events.Said) and e.prompt == "notice"]
    assert written == ["王建国先生您好，这里是海川证券。本次通话语音由人工智能合成，通话将被录音。"]
