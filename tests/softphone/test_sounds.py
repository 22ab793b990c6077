"""What a persona sounds like."""

import numpy as np
import pytest

from tts import wav
from tts.scripted import ScriptedVoice
from voicebot.softphone.fault import PersonaError
from voicebot.softphone.persona import Persona
from voicebot.softphone.replies import level_dbfs
from voicebot.softphone.sounds import TONES, amplify, mix, noise, render, tone


def samples(pcm):
    return np.frombuffer(pcm, "<i2")


@pytest.mark.parametrize("name", TONES)
def test_tones_are_450_hz_in_their_cadence(name):
    sound = samples(tone(name, 6000))
    assert len(sound) == 48000
    on = round(TONES[name][0] * 8000)
    spectrum = np.abs(np.fft.rfft(sound[:on]))
    assert abs(spectrum.argmax() * 8000 / on - 450) <= 8000 / on
    off = round(TONES[name][1] * 8000)
    assert np.abs(sound[on : on + off]).max() == 0
    assert np.abs(sound[on + off : on + off + 800]).max() > 1000


def test_noise_has_its_level_and_is_the_same_every_time():
    assert level_dbfs(noise(-50, 2000)) == pytest.approx(-50, abs=0.5)
    assert noise(-50, 200) == noise(-50, 200)


def test_gain_and_mixing():
    quiet = noise(-40, 1000)
    assert level_dbfs(amplify(quiet, 6)) == pytest.approx(-34, abs=0.2)
    assert np.abs(samples(amplify(noise(-3, 1000), 12)).astype(int)).max() == 32767  # clipped, not wrapped
    assert level_dbfs(mix(noise(-40, 1000), tone("ringback", 1000))) > -20


async def test_all_sounds_of_a_persona(tmp_path):
    wav.write(tmp_path / "announcement.wav", noise(-20, 500))
    persona = Persona.model_validate(
        {
            "name": "x", "folder": tmp_path, "about": "x", "expect": "empty_number",
            "answer": {
                "early_media": [
                    {"tone": "ringback", "for_ms": 2000}, {"wav": "announcement.wav"}, {"quiet_ms": 300},
                    {"say": "您拨打的号码是空号"},
                ],
            },
            "voice": {"variant": "f2", "noise_dbfs": -55},
            "turns": [{"say": "你好"}], "repeat": "再见",
        }
    )  # fmt: skip
    voice = ScriptedVoice()
    sounds = await render(persona, voice)
    assert len(sounds.lines) == 2
    assert voice.rendered == 3
    assert len(sounds.early) > 2 * 8 * (2000 + 500 + 300)
    assert sounds.early[: 2 * 16000] == tone("ringback", 2000)
    assert level_dbfs(sounds.noise) == pytest.approx(-55, abs=0.5)


async def test_a_missing_announcement_is_told(tmp_path):
    persona = Persona.model_validate(
        {"name": "x", "folder": tmp_path, "about": "x", "expect": "busy",
         "answer": {"early_media": [{"wav": "nothing.wav"}], "reject": 486}}
    )  # fmt: skip
    with pytest.raises(PersonaError, match=r"persona x: .*nothing\.wav"):
        await render(persona, ScriptedVoice())
