"""The SIP engine against scripted far ends: what no well-behaved phone does, and what only a registrar asks."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sip import pjsua_thread, ports
from sip.line import (
    Answered,
    Cause,
    Dtmf,
    Ending,
    Held,
    Line,
    LineEvent,
    Ringing,
    SipFault,
    TransferRefused,
    Trunk,
    TrunkOptions,
)
from sip.pjsua import PjsuaTrunk, open_trunk
from tests.sip.ends import frames_of
from tests.sip.scripts import Dialog, Digest, Phone, Script, strength, tone

pytestmark = pytest.mark.sip

OpenPhone = Callable[[Script], Awaitable[Phone]]


async def events_of(line: Line) -> list[LineEvent]:
    return [event async for event in line.events()]


async def until(line: Line, kind: type) -> LineEvent:
    async def wait() -> LineEvent:
        async for event in line.events():
            if isinstance(event, kind):
                return event
        raise AssertionError(f"the line ended without {kind.__name__}")

    return await asyncio.wait_for(wait(), 10)


async def call(trunk: Trunk, uri: str, **options: float) -> Line:
    """An answered call."""
    line = await trunk.dial(uri, **options)
    await until(line, Answered)
    return line


async def speaking(dialog: Dialog) -> None:
    """Answers, speaks 700 Hz, waits for the BYE."""
    await dialog.answer()
    dialog.rtp.stream(dialog.far_rtp, tone(700, 1))
    await dialog.wait_bye()


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[TrunkOptions], Awaitable[Trunk]]]:
    trunks: list[Trunk] = []

    async def opener(options: TrunkOptions) -> Trunk:
        trunks.append(await open_trunk(options))
        return trunks[-1]

    yield opener
    for trunk in trunks:
        await trunk.close()


# --- endings ---


async def test_a_network_that_rings_and_then_fails(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        dialog.respond(100, "Trying")
        dialog.respond(180, "Ringing")
        await asyncio.sleep(0.1)
        dialog.respond(503, "Service Unavailable", headers=('Reason: Q.850;cause=34;text="no circuit"',))

    line = await trunk.dial((await phone(script)).uri)
    ring, ending = await asyncio.wait_for(events_of(line), 10)
    assert ring == Ringing(180)
    assert ending == Ending(Cause.UNREACHABLE, 503, "Service Unavailable", by_far_end=True)


async def test_nobody_there_is_unreachable_at_the_ring_timer(trunk: Trunk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        line = await trunk.dial(f"sip:1@127.0.0.1:{silent.getsockname()[1]}", ring_timeout_s=0.5)
        (ending,) = await asyncio.wait_for(events_of(line), 10)
    assert (ending.cause, ending.by_far_end) == (Cause.UNREACHABLE, False)


async def test_a_closed_port_is_unreachable_too(trunk: Trunk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as soon_closed:
        soon_closed.bind(("127.0.0.1", 0))
        port = soon_closed.getsockname()[1]
    line = await trunk.dial(f"sip:1@127.0.0.1:{port}", ring_timeout_s=0.5)
    (ending,) = await asyncio.wait_for(events_of(line), 10)
    assert ending.cause is Cause.UNREACHABLE


async def test_trying_without_ringing_is_no_answer(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        dialog.respond(100, "Trying")
        await dialog.expect("CANCEL")

    line = await trunk.dial((await phone(script)).uri, ring_timeout_s=0.5)
    (ending,) = await asyncio.wait_for(events_of(line), 10)
    assert ending.cause is Cause.NO_ANSWER


async def test_cancelled_slots_are_counted_not_crashed_into(trunk: Trunk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        uri = f"sip:1@127.0.0.1:{silent.getsockname()[1]}"
        lines = [await trunk.dial(uri) for _ in range(4)]
        with pytest.raises(SipFault, match="no channel is free"):
            await trunk.dial(uri)
        for line in lines:
            assert (await asyncio.wait_for(line.hang_up(), 5)).cause is Cause.CANCELLED
        try:
            (await trunk.dial(uri)).play(b"")
        except SipFault as fault:
            assert "no channel is free" in str(fault)
            assert not fault.permanent


async def test_no_common_codec_in_the_answer_is_a_fault(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        await dialog.answer(payloads="18")
        await dialog.wait_bye()

    line = await trunk.dial((await phone(script)).uri)
    (ending,) = await asyncio.wait_for(events_of(line), 10)
    assert ending == Ending(Cause.FAULT, 488, "the answer has no codec of ours", by_far_end=False)


async def test_a_far_end_that_never_confirms_our_bye(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        await dialog.answer()
        await dialog.expect("BYE")

    line = await call(trunk, (await phone(script)).uri)
    assert (await asyncio.wait_for(line.hang_up(), 5)).cause is Cause.COMPLETED


async def test_the_far_end_hangs_up_while_we_speak(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        await dialog.answer()
        await asyncio.sleep(0.3)
        await dialog.hang_up()

    line = await call(trunk, (await phone(script)).uri)
    line.play(tone(440, 5))
    ending = await until(line, Ending)
    assert (ending.cause, ending.by_far_end) == (Cause.COMPLETED, True)
    frames = frames_of(line)
    assert frames
    assert not any(frame.last for frame in frames), "what was not played to its end is not marked so"
    assert line.frames.get(0) is None


async def test_the_answer_crosses_our_cancel(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        dialog.respond(180, "Ringing")
        cancel = await dialog.expect("CANCEL")
        dialog.respond(200, "OK", body=dialog.sdp())
        dialog.respond(200, "OK", to=cancel)
        await dialog.expect("ACK")
        await dialog.wait_bye()

    line = await trunk.dial((await phone(script)).uri)
    await until(line, Ringing)
    assert (await asyncio.wait_for(line.hang_up(), 5)).cause is Cause.CANCELLED


async def test_a_dying_sip_thread_ends_every_line(opened: Callable[[TrunkOptions], Awaitable[Trunk]]) -> None:
    trunk = await opened(TrunkOptions())
    assert isinstance(trunk, PjsuaTrunk)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        line = await trunk.dial(f"sip:1@127.0.0.1:{silent.getsockname()[1]}")
        trunk._thread.post(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
        (ending,) = await asyncio.wait_for(events_of(line), 10)
    assert ending.cause is Cause.FAULT
    assert await anext(trunk.incoming(), None) is None
    with pytest.raises(SipFault):
        await trunk.dial("sip:1@127.0.0.1:9")


# --- media ---


async def test_four_calls_at_once_and_no_fifth(trunk: Trunk, phone: OpenPhone) -> None:
    far = await phone(speaking)
    lines = await asyncio.gather(*(call(trunk, far.uri) for _ in range(4)))
    with pytest.raises(SipFault, match="no channel is free"):
        await trunk.dial(far.uri)
    for line in lines:
        line.play(tone(440, 1))
    await asyncio.sleep(1.3)
    for line in lines:
        voiced = [frame for frame in frames_of(line) if strength(frame.rx, 700) > 4000]
        assert len(voiced) > 50
    await asyncio.gather(*(line.hang_up() for line in lines))
    for dialog in far.dialogs:
        pcm = dialog.rtp.pcm()
        assert strength(pcm, 440) * len(pcm) / 2 > 7000 * 7500, "a second of our voice arrived"
    await (await call(trunk, far.uri)).hang_up()


async def test_a_far_end_that_sends_no_sound_is_silence_without_gaps(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        await dialog.answer()
        await dialog.wait_bye()

    line = await call(trunk, (await phone(script)).uri)
    frames_of(line)
    line.play(tone(440, 0.5))
    started = time.monotonic()
    await asyncio.sleep(1)
    frames = frames_of(line)
    assert len(frames) == pytest.approx((time.monotonic() - started) * 50, abs=10)
    assert not any(any(frame.rx) for frame in frames)
    assert sum(frame.utterance == 1 for frame in frames) == 25
    await line.hang_up()


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_hold_and_resume(trunk: Trunk, phone: OpenPhone, direction: str) -> None:
    async def script(dialog: Dialog) -> None:
        await dialog.answer()
        dialog.rtp.stream(dialog.far_rtp, tone(700, 1))
        await asyncio.sleep(0.5)
        await dialog.reinvite(direction)
        await asyncio.sleep(0.5)
        await dialog.reinvite("sendrecv")
        await dialog.wait_bye()

    far = await phone(script)
    line = await call(trunk, far.uri)
    assert await until(line, Held) == Held(True)
    frames_of(line)
    started = time.monotonic()
    await asyncio.sleep(0.3)
    held = frames_of(line)
    assert len(held) == pytest.approx((time.monotonic() - started) * 50, abs=10), "the clock runs on hold"
    assert await until(line, Held) == Held(False)
    line.play(tone(440, 0.5))
    before = len(far.dialogs[0].rtp.heard)
    await asyncio.sleep(0.7)
    assert sum(strength(frame.rx, 700) > 4000 for frame in frames_of(line)) > 15
    assert len(far.dialogs[0].rtp.heard) > before + 20
    assert strength(far.dialogs[0].rtp.pcm(), 440) > 500
    await line.hang_up()


async def test_a_key_by_sip_info(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        await dialog.answer()
        dialog.request("INFO", body="Signal=5\r\nDuration=160\r\n")
        await dialog.expect("INFO", 200)
        await dialog.wait_bye()

    line = await call(trunk, (await phone(script)).uri)
    assert await until(line, Dtmf) == Dtmf("5")
    await line.hang_up()


async def test_a_far_refer_is_declined(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        await dialog.answer()
        dialog.request("REFER", headers=("Refer-To: <sip:premium@127.0.0.1:5555>",))
        await dialog.expect("REFER", 603)
        await dialog.wait_bye()

    line = await call(trunk, (await phone(script)).uri)
    refused = await until(line, TransferRefused)
    assert isinstance(refused, TransferRefused)
    assert "sip:premium@127.0.0.1:5555" in refused.target
    await asyncio.sleep(0.1)
    await line.hang_up()


async def test_we_offer_alaw_first_and_take_ulaw(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        await dialog.answer(payloads="0")
        await dialog.wait_bye()

    far = await phone(script)
    line = await call(trunk, far.uri)
    line.play(tone(440, 0.3))
    await asyncio.sleep(0.5)
    await line.hang_up()
    offer = re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", far.dialogs[0].invite.body)
    assert offer
    assert offer[1].split()[:2] == ["8", "0"]
    assert {kind for _, kind, _ in far.dialogs[0].rtp.heard} == {0}


async def test_the_plain_frame_copy_sounds_the_same(
    monkeypatch: pytest.MonkeyPatch, phone: OpenPhone, opened: Callable[[TrunkOptions], Awaitable[Trunk]]
) -> None:
    assert ports.frame_copy() == (ports._read_fast, ports._write_fast), "this wheel allows the fast way"
    monkeypatch.setattr(pjsua_thread, "frame_copy", lambda: (ports._read_plain, ports._write_plain))
    far = await phone(speaking)
    line = await call(await opened(TrunkOptions()), far.uri)
    line.play(tone(440, 0.5))
    await asyncio.sleep(0.7)
    assert sum(7000 < strength(frame.rx, 700) < 9000 for frame in frames_of(line)) > 15
    assert strength(far.dialogs[0].rtp.pcm(), 440) > 1000
    await line.hang_up()


# --- who we are ---


@pytest.mark.parametrize(
    ("code", "challenge", "answer"),
    [(401, "WWW-Authenticate", "authorization"), (407, "Proxy-Authenticate", "proxy-authorization")],
)
@pytest.mark.parametrize("password", ["right", "wrong"])
async def test_digest_on_invite(
    phone: OpenPhone,
    opened: Callable[[TrunkOptions], Awaitable[Trunk]],
    code: int,
    challenge: str,
    answer: str,
    password: str,
) -> None:
    digest = Digest("robot", "right")

    async def script(dialog: Dialog) -> None:
        asked = (f"{challenge}: {digest.challenge()}",)
        dialog.respond(code, "Authenticate", headers=asked)
        await dialog.expect("ACK")
        second = await dialog.expect("INVITE")
        dialog.invite = second
        if digest.accepts(second, answer):
            await dialog.answer()
            await dialog.wait_bye()
        else:
            dialog.respond(code, "Authenticate", headers=asked)
            await dialog.expect("ACK")

    far = await phone(script)
    trunk = await opened(TrunkOptions(username="robot", password=password))
    line = await trunk.dial(far.uri)
    if password == "right":
        await until(line, Answered)
        assert (await line.hang_up()).cause is Cause.COMPLETED
    else:
        ending = await until(line, Ending)
        assert (ending.cause, ending.code) == (Cause.REJECTED, code)


async def test_registration_and_its_end(opened: Callable[[TrunkOptions], Awaitable[Trunk]]) -> None:
    registrar = await Phone(registrar=Digest("robot", "secret")).open()
    trunk = await opened(
        TrunkOptions(user="4001", registrar=f"sip:127.0.0.1:{registrar.port}", username="robot", password="secret")
    )
    assert len(registrar.registered) == 1
    assert "sip:4001@127.0.0.1" in registrar.registered[0]
    await trunk.close()
    assert registrar.registered[-1].endswith("expires=0")
    await registrar.close()


@pytest.mark.parametrize("alive", [True, False])
async def test_a_failed_registration_is_a_fault(monkeypatch: pytest.MonkeyPatch, alive: bool) -> None:
    monkeypatch.setattr(pjsua_thread, "REGISTER_TIMEOUT_S", 0.5)
    registrar = await Phone(registrar=Digest("robot", "secret")).open()
    port = registrar.port
    if not alive:
        await registrar.close()
    with pytest.raises(SipFault, match="registration at") as refused:
        await open_trunk(TrunkOptions(registrar=f"sip:127.0.0.1:{port}", username="robot", password="guess"))
    assert refused.value.permanent == alive
    await registrar.close()
    await (await open_trunk(TrunkOptions())).close()


async def test_an_outbound_proxy_gets_the_invite(
    phone: OpenPhone, opened: Callable[[TrunkOptions], Awaitable[Trunk]]
) -> None:
    async def script(dialog: Dialog) -> None:
        dialog.respond(404, "Not Found")
        await dialog.expect("ACK")

    proxy = await phone(script)
    trunk = await opened(TrunkOptions(proxy=f"sip:127.0.0.1:{proxy.port}"))
    line = await trunk.dial("sip:13800000000@sbc.invalid")
    assert (await until(line, Ending)).cause is Cause.WRONG_NUMBER
    assert proxy.dialogs[0].invite.first == "INVITE sip:13800000000@sbc.invalid SIP/2.0"


async def test_headers_of_ours_are_in_the_invite_of_their_call_only(trunk: Trunk, phone: OpenPhone) -> None:
    async def script(dialog: Dialog) -> None:
        dialog.respond(486, "Busy Here")
        await dialog.expect("ACK")

    far = await phone(script)
    for headers in ({"X-Voicebot-Attempt": "17:2", "X-Trunk": "a b"}, {}):
        await until(await trunk.dial(far.uri, headers=headers), Ending)
    with_them, without = (dialog.invite for dialog in far.dialogs)
    assert (with_them.get("x-voicebot-attempt"), with_them.get("x-trunk")) == ("17:2", "a b")
    assert without.get("x-voicebot-attempt") == ""


# --- what cannot work is said in one line ---


async def test_a_port_in_use() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(SipFault, match=f"UDP port {port} on 127.0.0.1 is in use") as refused:
            await open_trunk(TrunkOptions(port=port))
    assert refused.value.permanent
    await (await open_trunk(TrunkOptions(port=port))).close()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (TrunkOptions(channels=5), "5 channels"),
        (TrunkOptions(channels=0), "0 channels"),
        (TrunkOptions(codecs=("OPUS",)), "codec OPUS is unknown"),
        (TrunkOptions(bind="192.0.2.1"), "on 192.0.2.1"),
        (TrunkOptions(registrar="registrar.example"), "not a SIP address"),
    ],
)
async def test_options_that_cannot_work(options: TrunkOptions, why: str) -> None:
    with pytest.raises(SipFault, match=why) as refused:
        await open_trunk(options)
    assert refused.value.permanent
    assert "\n" not in str(refused.value)


async def test_one_endpoint_a_process(trunk: Trunk) -> None:
    with pytest.raises(SipFault, match="one process, one trunk"):
        await open_trunk(TrunkOptions())
    assert trunk.uri
