"""Recognisers that are servers: both protocols, and everything that a server can do to a call."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from voicebot.asr import server as server_module
from voicebot.asr.conversation import NonsenseError, Patience
from voicebot.asr.evaluate import hear
from voicebot.asr.funasr import FunAnswers
from voicebot.asr.paddlespeech import PaddleAnswers
from voicebot.asr.recognizer import AsrFault, Transcript
from voicebot.asr.remote import open_ear
from voicebot.asr.scripted import ScriptedEar
from voicebot.asr.server import Address, ServerRecognizer

from .servers import Cable, FakeServer, FunServer, PaddleServer, Settling, Trouble, running, until

LINES = ("知道了", "你打错了", "好")
SHORT = Patience(connect_s=1.0, answer_s=0.5, lost_s=1.0, retry_s=0.02, finish_s=1.5, ping_s=5.0)
SERVERS = {"paddlespeech": PaddleServer, "funasr": FunServer}
QUIET = bytes(3200)  # 200 ms
both = pytest.mark.parametrize("kind", SERVERS)


def speech(ms: int = 600) -> bytes:
    """What the scripted ear takes for its next line."""
    return (6000 * np.sin(2 * np.pi * 300 * np.arange(8 * ms) / 8000)).astype("<i2").tobytes()


def make(kind: str, *troubles: Trouble | None) -> FakeServer:
    """A server whose first connection is what opening the ear takes."""
    return SERVERS[kind](ScriptedEar(LINES), [None, *troubles])


def feed(recognizer: Any, pcm: bytes) -> list[Transcript]:
    given = (recognizer.accept(pcm[i : i + 320]) for i in range(0, len(pcm), 320))
    return [transcript for transcript in given if transcript is not None]


def faulted(recognizer: Any, pcm: bytes = QUIET) -> AsrFault:
    """The fault that feeding on raises."""
    with pytest.raises(AsrFault) as fault:
        until(lambda: feed(recognizer, pcm) and False, 10)
    with pytest.raises(AsrFault) as again:
        recognizer.finish()
    assert again.value is fault.value
    assert "\n" not in str(fault.value)
    return fault.value


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("paddlespeech+http://127.0.0.1:80", "no address of a WebSocket server"),
        ("funasr+ws://", "no address"),
        ("funasr+ws://host:99999", "no usable address"),
        ("whisper+ws://host:1", "paddlespeech or funasr is expected"),
        ("ws://host:1", "is expected before"),
        ("paddlespeech+ws://127.0.0.1:1#speed=2", "unknown remark #speed"),
        ("funasr+ws://127.0.0.1:1#mode=offline", "2pass or online"),
    ],
)
def test_a_wrong_setting_is_one_line_that_says_what_is_expected(setting: str, told: str) -> None:
    with pytest.raises(AsrFault, match=told) as fault:
        open_ear(setting)
    assert fault.value.permanent
    assert "VOICEBOT_ASR_MODEL" in str(fault.value)


def test_what_an_address_says() -> None:
    address = Address.parse("paddlespeech+wss://user:secret@asr.lan:8090#synthetic&model=wenet").at("/stream")
    assert address.url == "wss://user:secret@asr.lan:8090/stream"
    assert address.shown == "wss://asr.lan:8090/stream"
    assert address.remarks == {"synthetic": "", "model": "wenet"}
    assert Address.parse("paddlespeech+ws://h:1/mine").at("/stream").url == "ws://h:1/mine"


@both
def test_a_server_is_taken_for_one_that_hears_people_unless_the_setting_says_otherwise(kind: str) -> None:
    with running(make(kind)) as server:
        plain = open_ear(server.setting.partition("#")[0])
        named = open_ear(server.setting + "&model=mine")
    assert (plain.info.engine, plain.info.synthetic) == (kind, False)
    assert str(server.port) in plain.info.model
    assert (named.info.model, named.info.synthetic) == ("mine", True)


@pytest.mark.parametrize(("kind", "wanted"), [("funasr", {"王建国": 20, "维持担保比例": 20}), ("paddlespeech", None)])
def test_hot_words_go_where_they_are_taken(kind: str, wanted: dict[str, int] | None) -> None:
    with running(make(kind)) as server:
        ear = open_ear(server.setting)
        ear.open(["王建国", "维持担保比例", " "]).close()
        until(lambda: len(server.openings) == 2)
    given = server.openings[-1].get("hotwords")
    assert (json.loads(given) if given else None) == wanted


# ---------------------------------------------------------------- a server that is not there


@both
def test_no_server(kind: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(AsrFault) as fault:
        open_ear(f"{kind}+ws://127.0.0.1:{port}", SHORT)
    assert not fault.value.permanent
    assert f"127.0.0.1:{port}" in str(fault.value)


@both
@pytest.mark.parametrize(("status", "permanent"), [(404, True), (403, True), (503, False)])
def test_a_server_that_refuses(kind: str, status: int, permanent: bool) -> None:
    server = SERVERS[kind](ScriptedEar(LINES), [Trouble("refuse", value=status)] * 99)
    with running(server), pytest.raises(AsrFault, match=str(status)) as fault:
        open_ear(server.setting, SHORT)
    assert fault.value.permanent is permanent


NONSENSE = ["hello", "[]", "3", b"\0\1", '{"signal": 3}', '{"result": 3, "text": 5}', "{}"]


@both
@pytest.mark.parametrize("value", NONSENSE)
def test_something_else_at_the_address(kind: str, value: str | bytes) -> None:
    server = SERVERS[kind](ScriptedEar(LINES), [Trouble("say", value=value)] * 99)
    with running(server), pytest.raises(AsrFault, match="VOICEBOT_ASR_MODEL") as fault:
        open_ear(server.setting, SHORT)
    assert fault.value.permanent


@both
def test_a_server_that_is_gone_when_the_call_is_made(kind: str) -> None:
    with running(make(kind)) as server:
        ear = open_ear(server.setting, SHORT)
    with pytest.raises(AsrFault) as fault:
        ear.open()
    assert not fault.value.permanent


# ---------------------------------------------------------------- troubles in a call


@contextmanager
def call(server: FakeServer, patience: Patience = SHORT) -> Iterator[Settling]:
    with running(server):
        recognizer = Settling(open_ear(server.setting, patience).open(), server)
        try:
            yield recognizer
        finally:
            recognizer.close()


@both
@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_connection_that_breaks_is_made_again_and_the_utterance_said_again(kind: str, after: int) -> None:
    server = make(kind, Trouble("close", after=after))
    with call(server) as recognizer:
        feed(recognizer, QUIET + speech() + QUIET)
        final = recognizer.finish()
        assert final.text == LINES[0]
        assert server.connections >= 3
        feed(recognizer, QUIET + speech() + QUIET)
        assert recognizer.finish().text == LINES[0]  # a script begins afresh on every connection


@both
@pytest.mark.parametrize("value", ["hello", b"\0", '{"result": [], "text": []}'])
def test_nonsense_in_the_middle_is_a_broken_connection(kind: str, value: str | bytes) -> None:
    with call(make(kind, Trouble("also", after=2, value=value))) as recognizer:
        feed(recognizer, QUIET + speech() + QUIET)
        assert recognizer.finish().text == LINES[0]


@both
@pytest.mark.parametrize("trouble", [Trouble("close", after=2), Trouble("say", after=2, value="hello")])
def test_one_that_always_breaks_is_gone(kind: str, trouble: Trouble) -> None:
    with call(make(kind, *[trouble] * 99)) as recognizer:
        assert recognizer.inner.accept(QUIET) is None
        faulted(recognizer.inner, speech(200))


@both
def test_a_server_that_goes_away_between_two_utterances(kind: str) -> None:
    with call(server := make(kind)) as recognizer:
        feed(recognizer, QUIET + speech() + QUIET)
        assert recognizer.finish().text == LINES[0]
        server.stop()
        assert not faulted(recognizer).permanent


@both
def test_a_server_that_is_started_again(kind: str) -> None:
    patience = Patience(connect_s=1.0, lost_s=5.0, retry_s=0.02)
    with call(server := make(kind), patience) as recognizer:
        feed(recognizer, QUIET + speech() + QUIET)
        assert recognizer.finish().text == LINES[0]
        port = server.port
        server.stop()
        server.start(port)
        feed(recognizer, QUIET + speech() + QUIET)
        assert recognizer.finish().text == LINES[0]


@both
def test_a_server_that_falls_silent_ends_the_wait_for_a_final(kind: str) -> None:
    with call(make(kind, *[Trouble("mute", after=4)] * 99)) as recognizer:
        began = time.monotonic()
        with pytest.raises(AsrFault) as fault:
            feed(recognizer.inner, QUIET + speech() + QUIET)
            recognizer.inner.finish()
        assert not fault.value.permanent
        assert time.monotonic() - began < SHORT.finish_s + SHORT.lost_s + 5  # bounded, on a busy machine too


def test_a_paddlespeech_server_that_falls_silent_is_noticed_before_the_turn_is_over() -> None:
    with call(make("paddlespeech", *[Trouble("mute", after=4)] * 99)) as recognizer:
        faulted(recognizer.inner, speech(200))


@both
def test_a_final_that_never_comes_after_the_servers_own_endpoint(kind: str) -> None:
    with call(make(kind, *[Trouble("mute", after=4)] * 99)) as recognizer, pytest.raises(AsrFault):
        feed(recognizer.inner, QUIET + speech() + bytes(16000))
        until(lambda: feed(recognizer.inner, QUIET) and False, 10)


def test_words_of_another_utterance_are_left_alone() -> None:
    other = json.dumps({"mode": "2pass-offline", "text": "转二十万", "wav_name": "other", "is_final": True})
    with call(make("funasr", *[Trouble("also", value=other)] * 9)) as recognizer:
        partials = feed(recognizer, QUIET + speech() + QUIET)
        assert all("转" not in partial.text for partial in partials)
        assert recognizer.finish().text == LINES[0]


def test_a_slow_server_in_a_call_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """FunASR tells nothing of how far it is: there a slow one is known by its finals."""
    monkeypatch.setattr(server_module, "_MOST_LAG_MS", 300)
    server = make("paddlespeech", *[Trouble("slow", value=0.3)] * 9)
    with call(server) as recognizer, pytest.raises(AsrFault, match="keep up"):
        for _ in range(300):
            recognizer.inner.accept(speech(20))
            time.sleep(0.02)


@both
def test_a_file_is_read_no_faster_than_a_slow_server_hears(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_MOST_LAG_MS", 300)
    monkeypatch.setattr(server_module, "_AHEAD_MS", 100)
    patience = Patience(connect_s=1.0, answer_s=5.0, finish_s=10.0)
    server = SERVERS[kind](ScriptedEar(LINES), [None, *[Trouble("slow", value=0.01)] * 9])
    with running(server):
        ear = open_ear(server.setting, patience)
        finals = hear(ear, (QUIET + speech(1500) + bytes(16000)) * 3)
    assert [final.text for final in finals if final.text] and "".join(f.text for f in finals) == LINES[0] * 3


def test_the_servers_own_endpoint_ends_the_utterance() -> None:
    said = json.dumps({"status": "ok", "signal": "finished", "result": "好的", "times": []})
    with call(make("paddlespeech", Trouble("say", after=6, value=said))) as recognizer:
        heard = feed(recognizer, QUIET + speech() + QUIET)
        assert [t.text for t in heard if t.final] == ["好的"]


@both
def test_closing_is_quick_whatever_the_server_does(kind: str) -> None:
    with running(make(kind, *[Trouble("mute", after=1)] * 9)) as server:
        recognizer = open_ear(server.setting, SHORT).open()
        feed(recognizer, speech(400))
        began = time.monotonic()
        recognizer.close()
        recognizer.close()
        assert time.monotonic() - began < 0.5  # a connection that is closed politely may take a second
        with pytest.raises(AsrFault, match="closed"):
            recognizer.accept(QUIET)


@both
def test_a_cut_cable_is_noticed_though_nobody_closes_anything(kind: str) -> None:
    patience = Patience(connect_s=0.5, answer_s=5.0, lost_s=0.8, retry_s=0.02, ping_s=0.3)
    with running(make(kind)) as server, Cable(server.port) as cable:
        recognizer = open_ear(f"{kind}+ws://127.0.0.1:{cable.port}", patience).open()
        feed(recognizer, QUIET)
        cable.cut.set()
        fault = faulted(recognizer)
        assert not fault.permanent
        recognizer.close()


def test_two_utterances_in_a_row_come_in_their_order() -> None:
    with running(make("paddlespeech", Trouble("slow", value=0.02))) as server:
        recognizer = open_ear(server.setting).open()
        heard = feed(recognizer, (speech(400) + bytes(12800)) * 2)
        heard.append(recognizer.finish())
        assert "".join(t.text for t in heard if t.final) == LINES[0] * 2
        recognizer.close()


def test_an_endless_sound_is_cut_into_utterances_that_can_be_said_again() -> None:
    with call(server := make("funasr")) as recognizer:
        feed(recognizer, speech(31_000))
        assert isinstance(recognizer.inner, ServerRecognizer)
        assert recognizer.finish().text
    assert max(server.heard.values()) <= 32 * 30_500


# ---------------------------------------------------------------- FunASR's Python server


def test_a_python_server_of_funasr_is_recognised_by_its_acknowledgement() -> None:
    server = FunServer(ScriptedEar(LINES, endpoint_ms=300), acknowledges=True)
    with call(server, Patience()) as recognizer:
        # A pause of 500 ms: the server's endpoint, which it calls final, and not yet ours.
        feed(recognizer, QUIET + speech() + bytes(8000) + speech() + QUIET)
        final = recognizer.finish()
    assert final.text == LINES[0] + LINES[1]
    assert final.words == ()


def test_a_funasr_server_that_does_not_answer_the_end_is_refused() -> None:
    server = FunServer(ScriptedEar(LINES), [Trouble("mute")] * 99)
    with running(server), pytest.raises(AsrFault):
        open_ear(server.setting, SHORT)


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("messages", "text", "words"),
    [
        ([{"mode": "2pass-online", "text": "我明"}, {"mode": "2pass-online", "text": "天转"}], "我明天转", 0),
        (
            [
                {"mode": "2pass-online", "text": "我明"},
                {"mode": "2pass-offline", "text": "我明天，", "timestamp": "[[0,90],[90,180],[180,300]]"},
                {"mode": "2pass-online", "text": "转"},
            ],
            "我明天转",
            3,
        ),
        ([{"mode": "2pass-offline", "text": "我明天。", "timestamp": "[[0,90]"}], "我明天", 0),
        ([{"mode": "2pass-offline", "text": "我明天。", "timestamp": "[[0,90],[90,180]]"}], "我明天", 0),
        ([{"mode": "2pass-offline", "text": "买ETF吗", "timestamp": [[0, 90], [90, 400], [400, 500]]}], "买ETF吗", 3),
        (
            [
                {"mode": "2pass-offline", "text": "好", "timestamp": "[[0,90]]"},
                {"mode": "2pass-offline", "text": "行"},
            ],
            "好行",
            0,
        ),
        ([{"text": "", "is_final": False}], "", 0),
    ],
)
def test_how_funasr_puts_a_text_together(messages: list[dict[str, Any]], text: str, words: int) -> None:
    answers = FunAnswers("n", acknowledges=False)
    for message in messages:
        answers.take(message, ended=False)
    assert (answers.text, len(answers.words), answers.done) == (text, words, False)
    answers.take({"text": "", "is_final": True}, ended=True)
    assert answers.done


@pytest.mark.parametrize(
    "times", [[{"w": "好"}], [3], [{"w": "好", "bg": "x", "ed": 1}], [{"w": 1, "bg": 0, "ed": 1e400}]]
)
def test_paddlespeech_times_that_are_none(times: Any) -> None:
    answers = PaddleAnswers(ready=True)
    with pytest.raises(NonsenseError):
        answers.take({"signal": "finished", "result": "好", "times": times}, ended=True)


def test_unknown_characters_and_spaces_are_written_as_elsewhere() -> None:
    assert server_module.squeeze("我 <unk><unk> 要 ETF 基金") == "我[unk]要ETF基金"
