"""What every ear must do, real or scripted: the same audio, the same expectations."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from voicebot.asr.recognizer import AsrFault, Ear, Recognizer, Transcript
from voicebot.asr.remote import open_ear
from voicebot.asr.scripted import ScriptedEar

from .servers import FunServer, PaddleServer, SettlingEar, running

FRAME = 320
LINES = ("知道了", "你打错了")
SECOND = bytes(16000)
SERVERS = {"paddlespeech": PaddleServer, "funasr": FunServer}


@pytest.fixture(params=["vosk", "sherpa_ctc", "sherpa_transducer", "scripted", *SERVERS])
def ear(request: pytest.FixtureRequest) -> Iterator[Ear]:
    if request.param in SERVERS:
        with running(SERVERS[request.param](request.getfixturevalue("vosk_ear"))) as server:
            yield SettlingEar(open_ear(server.setting), server)
    elif request.param == "scripted":
        yield ScriptedEar(LINES)
    else:
        yield request.getfixturevalue(f"{request.param}_ear")


@pytest.fixture
def recognizer(ear: Ear) -> Iterator[Recognizer]:
    stream = ear.open()
    yield stream
    stream.close()


def feed(recognizer: Recognizer, pcm: bytes, frame: int = FRAME) -> list[Transcript]:
    given = (recognizer.accept(pcm[i : i + frame]) for i in range(0, len(pcm), frame))
    return [transcript for transcript in given if transcript is not None]


def test_info_says_what_it_is(ear: Ear) -> None:
    assert ear.info.engine
    assert ear.info.model
    assert ear.info.synthetic  # all ears of this test (the servers' setting says so): no human ever spoke to them


def test_partials_then_one_final(recognizer: Recognizer, say) -> None:
    heard = feed(recognizer, SECOND + say(LINES[0]) + SECOND * 2)
    *partials, final = heard
    assert partials
    assert not any(partial.final for partial in partials)
    assert all(one.text != other.text for one, other in itertools.pairwise(partials))
    assert final.final
    assert final.text == LINES[0]
    assert 0.5 < final.confidence <= 1
    assert recognizer.finish() == Transcript("", final=True)


def test_finish_gives_what_is_pending_and_goes_on(recognizer: Recognizer, say) -> None:
    first = feed(recognizer, SECOND + say(LINES[0]) + SECOND[:3200])
    assert not any(transcript.final for transcript in first)
    assert recognizer.finish().text == LINES[0]
    feed(recognizer, SECOND + say(LINES[1]) + SECOND[:3200])
    second = recognizer.finish()
    assert second.text == LINES[1]


def test_words_lie_on_the_audio_clock(recognizer: Recognizer, say) -> None:
    speech = say(LINES[0])
    length_ms = len(speech) // 16
    finals = [t for t in feed(recognizer, (SECOND + speech + SECOND) * 2 + SECOND) if t.final]
    assert len(finals) == 2
    for final, onset_ms in zip(finals, (1000, 3000 + length_ms), strict=True):
        words = final.words
        assert "".join(word.text for word in words) == final.text
        assert abs(words[0].start_ms - onset_ms) < 200
        assert abs(words[-1].end_ms - onset_ms - length_ms) < 250
        assert all(word.start_ms <= word.end_ms for word in words)
        assert all(one.end_ms <= other.start_ms + 1 for one, other in itertools.pairwise(words))
        assert all(0 <= word.confidence <= 1 for word in words)


def test_silence_is_nothing(recognizer: Recognizer) -> None:
    assert feed(recognizer, SECOND * 12) == []
    assert recognizer.finish() == Transcript("", final=True)


@pytest.mark.parametrize("frame", [1, 37, 320, 16000])
def test_any_length_of_pieces(ear: Ear, say, frame: int) -> None:
    pcm = SECOND[:1600] + say(LINES[0]) + SECOND[:4800]
    recognizer = ear.open()
    feed(recognizer, pcm, frame)
    assert recognizer.finish().text == LINES[0]
    recognizer.close()


def test_no_audio_at_all(recognizer: Recognizer) -> None:
    assert recognizer.accept(b"") is None
    assert recognizer.finish() == Transcript("", final=True)


def test_streams_do_not_mix(ear: Ear, say) -> None:
    one, other = ear.open(["知道了"]), ear.open()
    feed(one, SECOND + say(LINES[0]))
    feed(other, SECOND * 2)
    assert other.finish().text == ""
    feed(one, SECOND[:3200])
    assert one.finish().text == LINES[0]
    one.close()
    other.close()


def test_closed_is_closed(ear: Ear) -> None:
    recognizer = ear.open()
    recognizer.close()
    recognizer.close()
    with pytest.raises(AsrFault) as fault:
        recognizer.accept(SECOND)
    assert fault.value.permanent
    with pytest.raises(AsrFault):
        recognizer.finish()
