"""What every voice must do, asked of each."""

import asyncio

import numpy as np
import pytest

from tts.cache import CachedVoice
from tts.espeak import EspeakVoice
from tts.scripted import ScriptedVoice
from tts.voice import SAMPLE_RATE, Style, VoiceFault

SENTENCE = "您好，请问您是王建国先生吗？"


@pytest.fixture(params=["scripted", "espeak", "cached"])
async def voice(request, tmp_path):
    match request.param:
        case "scripted":
            made = ScriptedVoice()
        case "espeak":
            made = EspeakVoice()
        case _:
            made = CachedVoice(ScriptedVoice(), tmp_path / "speech")
    yield made
    await made.close()


def samples(pcm: bytes) -> np.ndarray:
    return np.frombuffer(pcm, "<i2").astype(float) / 32768


def quiet_ms(signal: np.ndarray) -> int:
    """How much of the beginning is silence: 10 ms steps 28 dB under active speech."""
    energies = (signal[: len(signal) // 80 * 80].reshape(-1, 80) ** 2).mean(axis=1)
    active = energies[energies > energies.max() / 1000].mean()
    return int(np.flatnonzero(energies > active * 10**-2.8)[0]) * 10


async def test_speech_is_as_long_as_speech(voice):
    one, many = await voice.render("好"), await voice.render(SENTENCE)
    assert 0.1 < len(one) / 2 / SAMPLE_RATE < 1.0
    assert 1.5 < len(many) / 2 / SAMPLE_RATE < 6.0
    assert len(many) % 2 == 0


@pytest.mark.parametrize("text", ["好", SENTENCE, "一二三四五六七八九十。" * 8])
async def test_ends_are_trimmed_and_loudness_is_level(voice, text):
    signal = samples(await voice.render(text))
    assert quiet_ms(signal) <= 60
    assert quiet_ms(signal[::-1]) <= 60
    assert np.abs(signal).max() < 0.9
    frames = signal[: len(signal) // 160 * 160].reshape(-1, 160)
    energies = (frames**2).mean(axis=1)
    active = energies[energies > energies.max() / 1000].mean()
    assert -24 < 10 * np.log10(active) < -17


async def test_volume_is_kept_apart_from_levelling(voice):
    loud = samples(await voice.render(SENTENCE))
    soft = samples(await voice.render(SENTENCE, Style(volume=0.25)))
    assert np.std(soft) / np.std(loud) == pytest.approx(0.25, rel=0.1)


async def test_rate_and_variant_change_the_sound(voice):
    plain = await voice.render(SENTENCE)
    assert len(await voice.render(SENTENCE, Style(rate=260))) < 0.9 * len(plain)
    assert len(await voice.render(SENTENCE, Style(rate=130))) > 1.1 * len(plain)
    assert await voice.render(SENTENCE, Style(variant="m3")) != plain
    assert await voice.render(SENTENCE, Style(pitch=80)) != plain


@pytest.mark.parametrize("text", ["", "   ", "。，！", "😀", "\n\t", "“”"])
async def test_nothing_speakable_is_a_permanent_fault(voice, text):
    with pytest.raises(VoiceFault, match="nothing speakable") as caught:
        await voice.render(text)
    assert caught.value.permanent


@pytest.mark.parametrize("variant", ["nobody", "cmn+../../phondata", "cmn+nobody", "x+f2"])
async def test_unknown_variant_is_a_permanent_fault(voice, variant):
    with pytest.raises(VoiceFault) as caught:
        await voice.render(SENTENCE, Style(variant=variant))
    assert caught.value.permanent
    assert await voice.render(SENTENCE)  # and it still speaks


async def test_many_at_once_get_their_own_speech(voice):
    texts = ["一" * length for length in range(1, 9)]
    lengths = [len(pcm) for pcm in await asyncio.gather(*(voice.render(text) for text in texts))]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == len(lengths)


async def test_a_cancelled_caller_leaves_the_voice_in_order(voice):
    texts = ["我明天转二十万进去。" * 10, "好"]
    first = asyncio.create_task(voice.render(texts[0]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)  # the scripted voice may have finished already
    assert len(await voice.render(texts[1])) < SAMPLE_RATE * 2


async def test_closing_twice_is_harmless(voice):
    await voice.render("好")
    await voice.close()
    await voice.close()


async def test_the_key_names_the_engine(voice):
    assert voice.key
    assert "\n" not in voice.key
