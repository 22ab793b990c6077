"""The small parts: addresses, the table of endings, the bounded frame queue."""

from __future__ import annotations

import threading
import time

import pytest

from sip.endings import cause_of
from sip.frames import QUEUED_FRAMES, BoundedFrames, LineAudio
from sip.line import FRAME_BYTES, SILENCE, Cause, Frame, SipFault, TrunkOptions
from sip.loopback import Network
from sip.uri import SipUri, parse_target


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:alice@127.0.0.1:5062", "sip:alice@127.0.0.1:5062"),
        (" SIP:13800138000@sbc.example.com ", "sip:13800138000@sbc.example.com"),
        ("sip:+8613800138000@[::1]:5060;user=phone", "sip:+8613800138000@[::1]:5060;user=phone"),
        ("13800138000", "sip:13800138000@trunk:5070"),
        ("+86 138-0013-8000", "sip:+8613800138000@trunk:5070"),
        ("tel:(021)12345678", "sip:02112345678@trunk:5070"),
    ],
)
def test_a_target_becomes_a_uri(text: str, uri: str) -> None:
    assert parse_target(text, trunk_host="trunk:5070") == uri


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "neither a number nor"),
        ("alice", "neither a number nor"),
        ("1380013800a", "neither a number nor"),
        ("13800138000", "no host|neither|no trunk"),
        ("http://a@b", "does not begin with sip:"),
        ("sips:a@b", "TLS ends at the SBC"),
        ("sip:127.0.0.1", "nobody is named"),
        ("sip:a@", "no host is given"),
        ("sip:a@b:0", "0 is not a port"),
        ("sip:a@b:x", "x is not a port"),
        ("sip:a@b:", "nothing is not a port"),
        ("sip:a@-b", "not a host"),
        ("sip:a@[::zz]", "not an IPv6 address"),
        ("sip:a@256.1.1.1", "not an IPv4 address"),
        ("sip:a@1.2.3", "not an IPv4 address"),
        ("sip:你好@b", "not a SIP user"),
        ("sip:a@b;transport=tcp", "only udp"),
        ("sip:a@b\r\nVia: x", "not a (port|host)"),
        ("sip:a@b;x=<y>", "cannot read the parameters"),
    ],
)
def test_what_is_no_target_gets_one_clear_line(text: str, why: str) -> None:
    with pytest.raises(SipFault, match=why) as refused:
        parse_target(text)
    assert refused.value.permanent
    assert "\n" not in str(refused.value)
    assert "\r" not in str(refused.value)


def test_a_number_needs_a_sound_trunk() -> None:
    with pytest.raises(SipFault, match="not a host"):
        parse_target("10086", trunk_host="sbc example")


def test_addresses_need_no_name_server() -> None:
    assert SipUri.parse("sip:a@127.0.0.1").is_address
    assert SipUri.parse("sip:a@[::1]").is_address
    assert not SipUri.parse("sip:a@localhost").is_address


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (0, Cause.UNREACHABLE),
        (302, Cause.UNREACHABLE),
        (401, Cause.REJECTED),
        (415, Cause.FAULT),
        (420, Cause.FAULT),
        (483, Cause.UNREACHABLE),
        (502, Cause.UNREACHABLE),
        (504, Cause.UNREACHABLE),
        (599, Cause.UNREACHABLE),
        (606, Cause.FAULT),
        (607, Cause.REJECTED),
        (699, Cause.REJECTED),
    ],
)
def test_statuses_the_contract_does_not_name(code: int, cause: Cause) -> None:
    assert cause_of(code) is cause


def frame(n: int) -> Frame:
    return Frame(n.to_bytes(2, "little") * (FRAME_BYTES // 2), SILENCE, 0, False)


def test_a_slow_reader_loses_the_oldest_frames_and_knows_how_many() -> None:
    frames = BoundedFrames()
    for n in range(QUEUED_FRAMES + 7):
        frames.put(frame(n))
    frames.close()
    frames.put(frame(9999))
    read = frames.get(0)
    assert read is not None
    assert [f.rx for f in read] == [frame(n).rx for n in range(7, QUEUED_FRAMES + 7)]
    assert frames.dropped == 7
    assert frames.get(0) is None
    assert frames.get(5) is None


def test_the_reader_waits_for_a_frame_and_not_for_ever() -> None:
    frames = BoundedFrames()
    assert frames.get(0.01) == []
    threading.Timer(0.05, frames.put, (frame(1),)).start()
    started = time.monotonic()
    assert frames.get(10) == [frame(1)]
    assert time.monotonic() - started < 9
    threading.Timer(0.05, frames.close).start()
    assert frames.get(10) is None


def test_a_tick_in_which_nothing_was_heard_is_silence() -> None:
    audio = LineAudio(gated=False)
    loud = b"\1\2" * (FRAME_BYTES // 2)
    audio.play(loud * 2)
    audio.put_rx(loud)  # before the first tick: nothing to pair it with
    assert audio.next_tx() == loud
    assert audio.next_tx() == loud
    audio.put_rx(loud)
    assert audio.next_tx() == SILENCE
    audio.put_rx(loud)
    assert audio.frames.get(0) == [
        Frame(SILENCE, loud, 1, False),
        Frame(loud, loud, 1, True),
        Frame(loud, SILENCE, 0, False),
    ]


async def test_in_memory_the_callee_sees_the_headers_of_the_invite() -> None:
    network = Network()
    caller = await network.open_trunk(TrunkOptions())
    callee = await network.open_trunk(TrunkOptions(accept=True))
    await caller.dial(callee.uri, headers={"X-Voicebot-Attempt": "17:2"})
    assert (await anext(callee.incoming())).headers == {"X-Voicebot-Attempt": "17:2"}
