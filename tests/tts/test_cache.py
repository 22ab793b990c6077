"""Speech kept on disk."""

import asyncio
import errno
import logging
import os
import time
from pathlib import Path

import pytest

from tts.cache import CachedVoice
from tts.scripted import ScriptedVoice
from tts.voice import Style, VoiceFault

PLAIN = Style()


def entries(directory: Path) -> list[Path]:
    return sorted(directory.glob("??/*"))


async def test_the_second_time_comes_from_disk(tmp_path):
    first = ScriptedVoice()
    pcm = await CachedVoice(first, tmp_path).render("您好")
    second = ScriptedVoice()
    assert await CachedVoice(second, tmp_path).render("您好") == pcm
    assert (first.rendered, second.rendered) == (1, 0)


async def test_style_text_and_voice_make_the_entry(tmp_path):
    engine = ScriptedVoice()
    voice = CachedVoice(engine, tmp_path)
    for text, style in [("您好", Style()), ("您好", Style(rate=200)), ("你好", Style()), ("您好", Style(variant="m1"))]:
        await voice.render(text, style)
    assert engine.rendered == 4
    other = ScriptedVoice()
    other.key = "scripted 2"
    await CachedVoice(other, tmp_path).render("您好")
    assert other.rendered == 1
    assert len(entries(tmp_path)) == 5


@pytest.mark.parametrize("damage", [b"", b"VBPCM1\n", b"x" * 5000])
async def test_a_damaged_entry_is_rendered_again(tmp_path, damage):
    engine = ScriptedVoice()
    pcm = await CachedVoice(engine, tmp_path).render("您好")
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    entry.write_bytes(damage)
    assert await CachedVoice(engine, tmp_path).render("您好") == pcm
    assert engine.rendered == 2
    assert entry.read_bytes() == whole


async def test_one_flipped_bit_is_noticed(tmp_path):
    engine = ScriptedVoice()
    pcm = await CachedVoice(engine, tmp_path).render("您好")
    (entry,) = entries(tmp_path)
    data = bytearray(entry.read_bytes())
    data[-1] ^= 1
    entry.write_bytes(data)
    assert await CachedVoice(engine, tmp_path).render("您好") == pcm


class SlowVoice(ScriptedVoice):
    async def render(self, text, style=PLAIN):
        await asyncio.sleep(0.02)
        return await super().render(text, style)


async def test_callers_at_the_same_time_share_one_rendering(tmp_path):
    engine = SlowVoice()
    voice = CachedVoice(engine, tmp_path)
    speech = await asyncio.gather(*(voice.render("您好") for _ in range(20)))
    assert engine.rendered == 1
    assert len(set(speech)) == 1


async def test_a_caller_that_gives_up_does_not_take_it_from_the_others(tmp_path):
    engine = SlowVoice()
    voice = CachedVoice(engine, tmp_path)
    impatient = asyncio.create_task(voice.render("您好"))
    patient = asyncio.create_task(voice.render("您好"))
    await asyncio.sleep(0.005)
    impatient.cancel()
    assert await patient
    assert engine.rendered == 1


async def test_a_fault_reaches_every_caller_and_is_not_remembered(tmp_path):
    voice = CachedVoice(ScriptedVoice(), tmp_path)
    results = await asyncio.gather(voice.render("。"), voice.render("。"), return_exceptions=True)
    assert all(isinstance(result, VoiceFault) for result in results)
    assert entries(tmp_path) == []


async def test_a_fault_nobody_waits_for_is_silent(tmp_path):
    voice = CachedVoice(SlowVoice(), tmp_path)
    caller = asyncio.create_task(voice.render("。"))
    await asyncio.sleep(0.005)
    caller.cancel()
    await asyncio.sleep(0.05)  # an unretrieved exception would be a warning, and so an error


async def test_the_longest_unused_go_first(tmp_path):
    engine = ScriptedVoice()
    size = len(await CachedVoice(engine, tmp_path / "probe").render("一二三四五")) + 39
    voice = CachedVoice(engine, tmp_path / "speech", max_bytes=int(size * 4.5))
    texts = ["一二三四五", "二三四五六", "三四五六七", "四五六七八"]
    for age, text in zip((400, 300, 200, 100), texts, strict=True):
        before = set(entries(tmp_path / "speech"))
        await voice.render(text)
        (entry,) = set(entries(tmp_path / "speech")) - before
        os.utime(entry, (time.time() - age,) * 2)
    await voice.render(texts[0])  # used again: now the youngest
    await voice.render("五六七八九")
    kept = entries(tmp_path / "speech")
    assert sum(path.stat().st_size for path in kept) <= size * 4.5
    rendered = engine.rendered
    await voice.render(texts[0])
    assert engine.rendered == rendered
    await voice.render(texts[1])
    assert engine.rendered == rendered + 1


async def test_what_a_dead_process_left_half_written_goes(tmp_path):
    old, new = tmp_path / "ab" / "old.part", tmp_path / "ab" / "new.part"
    old.parent.mkdir()
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 3600,) * 2)
    await CachedVoice(ScriptedVoice(), tmp_path).render("您好")
    assert not old.exists()
    assert new.exists()


async def test_a_full_disk_does_not_silence_the_voice(tmp_path, monkeypatch, caplog):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tts.cache.tempfile.mkstemp", full)
    voice = CachedVoice(ScriptedVoice(), tmp_path / "speech")
    with caplog.at_level(logging.WARNING):
        assert await voice.render("您好")
        assert await voice.render("再见")
    assert [record.getMessage() for record in caplog.records] == [
        "speech cache unusable, speaking without it: No space left on device"
    ]


async def test_a_directory_that_cannot_be_does_not_silence_the_voice(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    voice = CachedVoice(ScriptedVoice(), tmp_path / "file" / "speech")
    assert await voice.render("您好")
    assert await voice.render("您好")
    assert len(caplog.records) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
async def test_a_file_in_place_of_the_directory_does_not_silence_the_voice(caplog):
    voice = CachedVoice(ScriptedVoice(), Path("/dev/full"))
    assert await voice.render("您好")
    assert len(caplog.records) == 1
