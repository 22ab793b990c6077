"""Recordings and synthesis joined: loudness, joins, pauses, content; all measured on the samples."""

import asyncio
import hashlib
import logging
from itertools import pairwise

import numpy as np
import pytest

from tests import takes
from tts import joining
from tts.cache import CachedVoice
from tts.levels import ACTIVE_DBFS, MARGIN_MS, active_dbfs
from tts.scripted import ScriptedVoice
from tts.splice import Recorded, Splicer, Spoken
from tts.voice import SAMPLE_RATE, Style, VoiceFault

MS = SAMPLE_RATE // 1000


def floats(pcm):
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768


def recorded(path, text="录音", samples=None, rate=44100, **how):
    takes.write(path, takes.syllables(4, rate, **how) if samples is None else samples, rate)
    return Recorded(path, hashlib.sha256(path.read_bytes()).hexdigest(), text)


def spans(samples, gap_ms=32):
    """Where something sounds: (start, end) of stretches at least `gap_ms` apart, to 1 ms."""
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    cuts = np.flatnonzero(np.diff(loud) > gap_ms * MS)
    starts = [loud[0], *loud[cuts + 1]]
    return list(zip(starts, [*loud[cuts], loud[-1]], strict=True))


def pitch(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * SAMPLE_RATE))
    return spectrum[: 8 * 1000].argmax() / 8


# ---------------------------------------------------------------- the sound

STUDIOS = [
    {"rate": 44100, "dbfs": -20},
    {"rate": 16000, "dbfs": -32},
    {"rate": 48000, "dbfs": -8},
    {"rate": 44100, "dbfs": -20, "dc": 0.1},
    {"rate": 22050, "dbfs": -32, "dc": -0.05},
    {"rate": 8000, "dbfs": -14, "silence_ms": 0},
]


def take(rate, **how):
    return joining.to_line(takes.syllables(4, rate, **how), rate)


def test_pieces_of_any_loudness_come_out_alike():
    """±12 dB, DC and every rate: within 1.5 dB of one another after splicing."""
    pieces = [take(**studio) for studio in STUDIOS]
    whole = floats(joining.join(pieces, [320] * 5))
    found = spans(whole, gap_ms=200)
    assert len(found) == len(STUDIOS)
    levels = [active_dbfs(whole[a:b]) for a, b in found]
    assert max(levels) - min(levels) < 1.5
    assert all(abs(level - ACTIVE_DBFS) < 1.0 for level in levels)
    assert abs(whole.mean()) < 1e-3


@pytest.mark.parametrize("pause_ms", [50, 110, 180, 320])
@pytest.mark.parametrize("silence_ms", [0, 5, 300])
def test_no_join_clicks(pause_ms, silence_ms):
    """Within 10 ms of a join no step between samples is larger than those inside the pieces, even where a recording was
    cut without any silence or carries a DC offset.
    """
    pieces = [take(rate, silence_ms=silence_ms, hz=hz, dc=dc)
              for rate, hz, dc in [(44100, 220, 0), (16000, 180, 0.1), (48000, 330, -0.1)]]  # fmt: skip
    # Cut at a peak: the worst that a careless cut can leave.
    pieces = [piece[np.argmax(piece[:400]) :] if silence_ms == 0 else piece for piece in pieces]
    whole = floats(joining.join(pieces, [pause_ms] * 2))
    steps = np.abs(np.diff(whole))
    joins = [x for (_, a), (b, _) in pairwise(spans(whole)) for x in (a, b)]
    assert len(joins) == 4
    near = np.zeros(len(steps), bool)
    for join in joins:
        near[max(join - 10 * MS, 0) : join + 10 * MS] = True
    assert steps[near].max() <= steps[~near].max() * 1.05


def test_a_piece_cut_in_the_middle_of_a_sound_is_faded():
    tone = (np.sin(2 * np.pi * 300 * np.arange(8000) / 8000) * 0.3).astype(np.float32)
    whole = floats(joining.join([tone[7:-7], tone[5:-9]], [50]))
    [(_, end), (start, _)] = spans(whole, gap_ms=20)
    assert np.abs(whole[end - 3 : end + 3]).max() < 0.03
    assert np.abs(whole[start - 3 : start + 3]).max() < 0.03


@pytest.mark.parametrize("pause_ms", [50, 110, 180, 320])
def test_the_pause_is_as_long_as_asked(pause_ms):
    pieces = [take(44100), take(16000, silence_ms=5)]
    whole = floats(joining.join(pieces, [pause_ms]))
    (_, end), (start, _) = spans(whole)
    assert abs((start - end) / MS - pause_ms) <= 20  # frames of 10 ms at both ends


def test_what_is_around_the_sentence_stays_short():
    whole = floats(joining.join([take(44100), take(44100)], [180]))
    found = spans(whole)
    assert found[0][0] <= (MARGIN_MS + 20) * MS
    assert len(whole) - found[-1][1] <= (MARGIN_MS + 20) * MS


def test_peaks_are_turned_down_and_nothing_else():
    time = np.arange(8000) / 8000
    sound = (0.3 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    sound[4000:4010] = 1.5
    limited = joining.limit(sound)
    assert np.abs(limited).max() <= 10 ** (-1 / 20) + 1e-6
    assert np.array_equal(limited[:3900], sound[:3900])
    assert np.array_equal(limited[4110:], sound[4110:])
    assert np.abs(np.diff(limited[4000:4010])).max() < 0.05  # turned down, not cut off


def test_a_peaky_voice_is_as_loud_as_the_others_and_within_full_scale():
    peaky = take(16000)
    peaky[::200] *= 16
    whole = floats(joining.join([peaky, take(16000)], [320]))
    (a, b), (c, d) = spans(whole, gap_ms=200)
    assert abs(active_dbfs(whole[a:b]) - active_dbfs(whole[c:d])) < 1.5
    assert np.abs(whole).max() <= 10 ** (-1 / 20) + 1e-4


def test_hum_under_the_voice_goes():
    """35 Hz at a third of the voice: it neither counts as loudness nor keeps the silence from being cut."""
    samples = takes.syllables(4, 16000, hz=330, silence_ms=500)
    hum = 0.03 * np.sin(2 * np.pi * 35 * np.arange(len(samples)) / 16000)
    clean, hummed = (joining.to_line(np.rint(samples + x * 32768).astype("<i2"), 16000) for x in (0 * hum, hum))
    assert abs(len(clean) - len(hummed)) <= 20 * MS
    assert abs(active_dbfs(clean) - active_dbfs(hummed)) < 0.1


def test_silence_gives_nothing():
    assert joining.join([], []) == b""
    assert joining.join([np.zeros(800, np.float32)], []) == b""
    assert len(joining.to_line(np.zeros(0, np.int16), 44100)) == 0


# ---------------------------------------------------------------- the sentence


class ListedVoice(ScriptedVoice):
    """Remembers what it was asked for."""

    def __init__(self):
        super().__init__()
        self.texts = []

    async def render(self, text, style=Style()):  # noqa: B008
        self.texts.append(text)
        return await super().render(text, style)


async def test_order_and_content(tmp_path):
    """Recorded 250 Hz, synthesis, recorded 400 Hz: heard in this order, at this pitch, with 180 and 320 ms between."""
    voice = ListedVoice()
    pieces = [recorded(tmp_path / "a.wav", "低于警戒线，", hz=250), Spoken("百分之"), Spoken("一百三十"),
              recorded(tmp_path / "b.wav", "。请您留意", hz=400, rate=16000)]  # fmt: skip
    whole = floats(await Splicer(voice).render(pieces))
    assert voice.texts == ["百分之一百三十。"]  # one breath, and told that the sentence ends here
    first, middle, last = spans(whole, gap_ms=100)
    assert abs(pitch(whole[slice(*first)]) - 250) < 10
    assert abs(pitch(whole[slice(*last)]) - 400) < 10
    alone = len(floats(await ScriptedVoice().render("百分之一百三十")))
    assert abs((middle[1] - middle[0]) - alone) < 100 * MS
    assert abs((middle[0] - first[1]) / MS - 180) <= 30
    assert abs((last[0] - middle[1]) / MS - 320) <= 30


@pytest.mark.parametrize(
    ("left", "between", "right", "pause_ms"),
    [
        ("请问您是", "", "先生吗", 50),
        ("比例为，", "", "低于", 180),
        ("您好", "。", "这里是", 320),
        ("您好，", "。", "请问", 320),
        ("您好", "", "，请问", 180),
        ("甲、", "", "乙", 110),
    ],
)
async def test_punctuation_makes_the_pause(tmp_path, monkeypatch, left, between, right, pause_ms):
    asked = []
    monkeypatch.setattr("tts.splice.join", lambda sounds, pauses, volume: asked.append(pauses) or b"\1\0")
    pieces = [recorded(tmp_path / "a.wav", left), Spoken(between), recorded(tmp_path / "b.wav", right)]
    await Splicer(ScriptedVoice()).render(pieces)
    assert asked == [[pause_ms]]


async def test_a_sentence_that_is_only_recorded_needs_no_engine(tmp_path):
    voice = ListedVoice()
    pcm = await Splicer(voice).render([recorded(tmp_path / "a.wav", "再见。")])
    assert voice.texts == []
    assert abs(active_dbfs(floats(pcm)) - ACTIVE_DBFS) < 0.5


async def test_a_sentence_without_recordings_is_what_the_voice_gives(tmp_path):
    assert await Splicer(ScriptedVoice()).render([Spoken("您好"), Spoken("，再见")]) == await ScriptedVoice().render(
        "您好，再见"
    )
    with pytest.raises(VoiceFault):
        await Splicer(ScriptedVoice()).render([Spoken("。")])


async def test_the_volume_goes_for_all_of_it(tmp_path):
    pieces = [recorded(tmp_path / "a.wav"), Spoken("您好您好您好")]
    loud = floats(await Splicer(ScriptedVoice()).render(pieces))
    soft = floats(await Splicer(ScriptedVoice()).render(pieces, Style(volume=0.5)))
    assert np.allclose(loud / 2, soft, atol=1e-4)


async def test_a_recording_that_is_gone_or_another_is_spoken_instead(tmp_path, caplog):
    gone, other, odd = (recorded(tmp_path / f"{name}.wav", "您好，") for name in ("gone", "other", "odd"))
    gone.path.unlink()
    takes.write(other.path, takes.syllables(9))
    odd.path.write_bytes(b"x")
    odd = Recorded(odd.path, hashlib.sha256(b"x").hexdigest(), "您好，")
    for piece in (gone, other, odd):
        voice = ListedVoice()
        with caplog.at_level(logging.WARNING):
            assert await Splicer(voice).render([piece, Spoken("再见")])
        assert voice.texts == ["您好，再见"]
        assert caplog.records[-1].getMessage().startswith(f"{piece.path.name} ")
        assert "您好" not in caplog.records[-1].getMessage()


async def test_the_cache_knows_a_splice_by_its_recordings_content(tmp_path):
    engine = ScriptedVoice()
    first = CachedVoice(engine, tmp_path / "speech")
    pieces = [recorded(tmp_path / "a.wav"), Spoken("您好")]
    pcm = await Splicer(first, first.cache).render(pieces)
    again = CachedVoice(ScriptedVoice(), tmp_path / "speech")
    pieces[0].path.rename(tmp_path / "moved.wav")  # not even looked at
    assert await Splicer(again, again.cache).render(pieces) == pcm
    new = recorded(tmp_path / "a.wav", hz=300)
    assert await Splicer(again, again.cache).render([new, Spoken("您好")]) != pcm
    together = await asyncio.gather(*(Splicer(again, again.cache).render(pieces) for _ in range(5)))
    assert set(together) == {pcm}
    await first.close()
    await again.close()


async def test_what_replaced_a_lost_recording_is_not_kept_in_its_place(tmp_path):
    voice = CachedVoice(ScriptedVoice(), tmp_path / "speech")
    pieces = [recorded(tmp_path / "a.wav"), Spoken("您好")]
    data = pieces[0].path.read_bytes()
    pieces[0].path.unlink()
    spoken = await Splicer(voice, voice.cache).render(pieces)
    pieces[0].path.write_bytes(data)
    assert await Splicer(voice, voice.cache).render(pieces) != spoken


async def test_with_the_real_engine(tmp_path):
    """espeak-ng beside a recording made by it at another rate, 12 dB louder, with DC: alike, and no click."""
    from tts.espeak import EspeakVoice

    voice = EspeakVoice()
    try:
        speech = floats(await voice.render("您信用账户的维持担保比例为"))
        high = np.repeat(speech, 2) * 10 ** (-12 / 20) + 0.05
        piece = recorded(
            tmp_path / "a.wav", "您信用账户的维持担保比例为，", np.rint(high * 32767).astype("<i2"), rate=16000
        )
        whole = floats(await Splicer(voice).render([piece, Spoken("百分之一百二十八点五")]))
        alone = floats(await voice.render("百分之一百二十八点五"))
    finally:
        await voice.close()
    cut = len(speech) + 100 * MS - MARGIN_MS * MS  # in the middle of the pause
    assert abs(active_dbfs(whole[:cut]) - active_dbfs(whole[cut:])) < 1.5
    steps = np.abs(np.diff(whole))
    pause = steps[cut - 90 * MS : cut + 90 * MS]
    assert pause.max() <= max(np.abs(np.diff(speech)).max(), np.abs(np.diff(alone)).max())
    assert abs(len(whole) - (len(speech) + len(alone) + 100 * MS)) < 60 * MS
