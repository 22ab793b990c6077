"""The espeak-ng process: what happens when it dies, hangs or is refused, and what it reads."""

import ctypes
import os
import signal

import espeakng_loader
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts.espeak import EspeakVoice
from tts.lexicon import respell
from tts.readable import readable
from tts.voice import VoiceFault


@pytest.fixture
async def voice():
    made = EspeakVoice(timeout_s=6.0)
    yield made
    await made.close()


async def test_a_killed_engine_is_replaced(voice):
    before = await voice.render("你好")
    old = voice._process.pid
    os.kill(old, signal.SIGKILL)
    after = await voice.render("你好")
    assert voice._process.pid != old
    assert abs(len(after) - len(before)) < 0.1 * len(before)


async def test_a_hanging_engine_is_replaced(voice):
    await voice.render("你好")
    old = voice._process.pid
    os.kill(old, signal.SIGSTOP)
    assert await voice.render("你好")
    assert voice._process.pid != old
    with pytest.raises(ProcessLookupError):
        os.kill(old, 0)


async def test_an_engine_that_never_answers_is_a_fault():
    voice = EspeakVoice(timeout_s=0.0)
    with pytest.raises(VoiceFault, match="did not answer within 0 s, twice") as caught:
        await voice.render("你好")
    assert not caught.value.permanent
    assert voice._process is None
    await voice.close()


async def test_a_closed_voice_refuses_and_leaves_no_process(voice):
    await voice.render("你好")
    pid = voice._process.pid
    await voice.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(VoiceFault, match="closed"):
        await voice.render("你好")


async def test_figures_left_in_a_text_are_read_in_chinese(voice):
    raw, words = await voice.render("比例是128.50%"), await voice.render("比例是百分之一百二十八点五")
    assert abs(len(raw) - len(words)) < 0.1 * len(words)


async def test_a_hundred_renderings_lose_nothing(voice):
    """pyttsx3 cancels utterances when it is driven naively; see tts/espeak_process.py."""
    length = len(await voice.render("您好，请问您是王建国先生吗？"))
    for _ in range(100):
        assert abs(len(await voice.render("您好，请问您是王建国先生吗？")) - length) < 0.05 * length


# ---------------------------------------------------------------- what is read as what


@pytest.fixture(scope="module")
def phonemes():
    """The engine's phonemes for a text, without pauses and stress; words it takes for English begin with "(en)"."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    assert library.espeak_Initialize(1, 0, espeakng_loader.get_data_path().encode(), 0) > 0
    assert library.espeak_SetVoiceByName(b"cmn") == 0
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]

    def read(text: str) -> str:
        rest, parts = ctypes.c_char_p(text.encode()), []
        while rest.value is not None:
            parts.append((library.espeak_TextToPhonemes(ctypes.byref(rest), 1, 0) or b"").decode())
        return "".join(parts).replace("_", "").replace("|", "").replace("'", "").replace(",", "").replace(" ", "")

    return read


@pytest.mark.parametrize(
    ("text", "syllables"),
    [
        ("熊先生", "xong2 先生"),
        ("兄弟", "xong1 di4"),
        ("穷", "qong2"),
        ("一会儿", "一会 er5"),
        ("哪儿", "na3 er5"),
        ("明儿上午", "ming2 er5 上午"),
        ("儿子", "er2 zi5"),
        ("已经还款了", "已经 huan2 款了"),
        ("还可以", "hai2 可以"),
        ("还了", "huan2 了"),
        ("还了解", "hai2 了解"),
        ("不还会怎样", "bu4 huan2 会怎样"),
        ("直接还款", "直接 huan2 款"),
        ("还没到", "hai2 没到"),
        ("还上次的", "hai2 上次的"),
        ("中签", "zhong4 qian1"),
        ("贾先生", "jia3 先生"),
        ("比例为一百二十", "比例 wei2 一百二十"),
        ("因为一些", "因为 一些"),
        ("\U0002cb4e", "hong2"),
    ],
)
def test_readings(phonemes, text, syllables):
    assert phonemes(respell(text)) == phonemes(syllables)


def test_every_common_character_is_read_in_chinese(phonemes):
    characters = [bytes([high, low]) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF)]
    english = [c for raw in characters if "(en)" in phonemes(respell(c := raw.decode("gb2312", "ignore")))]
    assert english == []


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12))
def test_no_text_falls_into_english(phonemes, text):
    assert "(en)" not in phonemes(respell(readable(text)))
