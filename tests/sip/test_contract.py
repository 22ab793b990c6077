"""What every telephone engine does: the same tests in memory and over real SIP."""

from __future__ import annotations

import asyncio

import pytest

from sip.line import (
    FRAME_BYTES,
    SILENCE,
    Answered,
    Cause,
    Dtmf,
    Ending,
    Frame,
    Line,
    LineEvent,
    Ringing,
    SipFault,
)
from tests.sip.ends import Ends, frames_of
from tests.sip.scripts import strength, tone

ENOUGH_MS = 400  # the jitter buffer, the far end's answer and one 20 ms clock are well within


def heard(frames: list[Frame]) -> bytes:
    return b"".join(frame.rx for frame in frames)


def spoken(frames: list[Frame], utterance: int) -> list[Frame]:
    return [frame for frame in frames if frame.utterance == utterance]


async def all_events(line: Line) -> list[LineEvent]:
    return [event async for event in line.events()]


async def test_ring_answer_and_sound_both_ways(ends: Ends) -> None:
    line, far = await ends.call(*await ends.open())
    await far.ring()
    assert await ends.within(anext(aiter(line.events()))) == Ringing(180)
    await far.answer()
    for end in (line, far):
        assert await ends.within(anext(aiter(end.events()))) == Answered()
    line.play(tone(440, 1.0))
    far.play(tone(700, 1.0))
    await ends.pass_ms(1000 + ENOUGH_MS)
    for end, own, other in ((line, 440, 700), (far, 700, 440)):
        frames = frames_of(end)
        voiced = [i for i, frame in enumerate(frames) if strength(frame.rx, other) > 4000]
        assert 45 <= len(voiced) <= 55, "one second was spoken and heard"
        assert voiced[-1] - voiced[0] < 55, "in one piece"
        loud = sorted(strength(frames[i].rx, other) for i in voiced)
        assert 7000 < loud[len(loud) // 2] < 9000, "as loud as it was spoken"
        assert max(strength(frames[i].rx, own) for i in voiced[2:-2]) < 1500, "and nothing of one's own voice"
        assert b"".join(frame.tx for frame in spoken(frames, 1)) == tone(own, 1.0)
    ending = await ends.within(line.hang_up())
    assert ending == Ending(Cause.COMPLETED, 200, ending.reason, by_far_end=False)
    far_ending = await ends.ending(far)
    assert (far_ending.cause, far_ending.by_far_end) == (Cause.COMPLETED, True)


async def test_every_tick_is_a_whole_frame_in_both_directions(ends: Ends) -> None:
    line, far = await ends.talk(*await ends.open())
    frames_of(line), frames_of(far)
    started = ends.now_ms()
    await ends.pass_ms(1000)
    for end in (line, far):
        frames = frames_of(end)
        assert len(frames) == pytest.approx((ends.now_ms() - started) / 20, abs=10)
        assert {len(frame.rx) for frame in frames} == {len(frame.tx) for frame in frames} == {FRAME_BYTES}
        assert all(frame == (SILENCE, SILENCE, 0, False) or any(frame.rx) for frame in frames)


async def test_early_media_is_heard_and_queued_speech_waits_for_the_answer(ends: Ends) -> None:
    line, far = await ends.call(*await ends.open())
    await far.ring(early_media=True)
    assert await ends.within(anext(aiter(line.events()))) == Ringing(183, early_media=True)
    line.play(tone(440, 0.2))
    far.play(tone(450, 0.5))
    await ends.pass_ms(500 + ENOUGH_MS)
    early = frames_of(line)
    assert strength(heard([f for f in early if strength(f.rx, 450) > 4000]), 450) > 7000
    assert all(frame.tx == SILENCE and frame.utterance == 0 for frame in early)
    await far.answer()
    assert await ends.within(anext(aiter(line.events()))) == Answered()
    await ends.pass_ms(200 + ENOUGH_MS)
    assert [frame.last for frame in spoken(frames_of(line), 1)] == [False] * 9 + [True]
    assert sum(strength(frame.rx, 440) > 4000 for frame in frames_of(far)) >= 9
    await ends.within(far.hang_up())


async def test_early_media_then_busy(ends: Ends) -> None:
    line, far = await ends.call(*await ends.open())
    await far.ring(early_media=True)
    far.play(tone(450, 2))
    await ends.pass_ms(ENOUGH_MS)
    await ends.within(far.reject(486))
    ending = await ends.ending(line)
    assert (ending.cause, ending.code, ending.by_far_end) == (Cause.BUSY, 486, True)
    assert any(strength(frame.rx, 450) > 4000 for frame in frames_of(line))


async def test_utterances_are_numbered_padded_and_marked_at_their_end(ends: Ends) -> None:
    line, _ = await ends.talk(*await ends.open())
    frames_of(line)
    assert [line.play(tone(440, 0.05)), line.play(b""), line.play(b"\1\0")] == [1, 2, 3]
    await ends.pass_ms(ENOUGH_MS)
    frames = [frame for frame in frames_of(line) if frame.utterance]
    assert [(frame.utterance, frame.last) for frame in frames] == [
        *((1, False), (1, False), (1, True)),  # 50 ms are three frames
        (2, True),
        (3, True),
    ]
    assert b"".join(frame.tx for frame in frames[:3]) == tone(440, 0.05) + bytes(FRAME_BYTES // 2)
    assert frames[3].tx == SILENCE
    assert frames[4].tx == b"\1\0" + bytes(FRAME_BYTES - 2)


async def test_clear_cuts_an_utterance_which_then_has_no_last_frame(ends: Ends) -> None:
    line, _ = await ends.talk(*await ends.open())
    line.play(tone(440, 5.0))
    line.play(tone(440, 1.0))
    await ends.pass_ms(ENOUGH_MS)
    line.clear()
    before = len(spoken(frames_of(line), 1))
    assert line.play(tone(700, 0.04)) == 3
    await ends.pass_ms(ENOUGH_MS)
    frames = frames_of(line)
    assert 0 < before + len(spoken(frames, 1)) < 100
    assert len(spoken(frames, 1)) <= 2, "the next tick is silent"
    assert not any(frame.last for frame in spoken(frames, 1))
    assert not spoken(frames, 2)
    assert [frame.last for frame in spoken(frames, 3)] == [False, True]


async def test_speech_that_would_wait_over_two_minutes_is_refused(ends: Ends) -> None:
    line, _ = await ends.talk(*await ends.open())
    line.play(bytes(8000 * 2 * 119))
    with pytest.raises(SipFault, match="120 s"):
        line.play(bytes(8000 * 2 * 3))
    line.clear()
    line.play(bytes(8000 * 2 * 3))


async def test_keys_are_heard_by_the_far_end(ends: Ends) -> None:
    line, far = await ends.talk(*await ends.open())
    line.send_dtmf("19#")
    far.send_dtmf("*0a")
    for end, keys in ((far, "19#"), (line, "*0A")):
        for key in keys:
            assert await ends.within(ends.until(end, "Dtmf")) == Dtmf(key)
    with pytest.raises(SipFault, match="keys"):
        line.send_dtmf("12x")


@pytest.mark.parametrize("early", [None, False, True], ids=["dialled", "ringing", "early media"])
async def test_the_caller_gives_up_before_the_answer(ends: Ends, early: bool | None) -> None:
    line, far = await ends.call(*await ends.open())
    if early is not None:
        await far.ring(early_media=early)
        await ends.within(ends.until(line, "Ringing"))
    ending = await ends.within(line.hang_up())
    assert (ending.cause, ending.by_far_end) == (Cause.CANCELLED, False)
    far_ending = await ends.ending(far)
    assert (far_ending.cause, far_ending.code, far_ending.by_far_end) == (Cause.CANCELLED, 487, True)


async def test_the_callee_hangs_up(ends: Ends) -> None:
    line, far = await ends.talk(*await ends.open())
    ending = await ends.within(far.hang_up())
    assert (ending.cause, ending.by_far_end) == (Cause.COMPLETED, False)
    ending = await ends.ending(line)
    assert (ending.cause, ending.by_far_end) == (Cause.COMPLETED, True)


async def test_hanging_up_an_unanswered_incoming_call_declines_it(ends: Ends) -> None:
    line, far = await ends.call(*await ends.open())
    own = await ends.within(far.hang_up())
    assert (own.cause, own.code, own.by_far_end) == (Cause.REJECTED, 603, False)
    ending = await ends.ending(line)
    assert (ending.cause, ending.code, ending.by_far_end) == (Cause.REJECTED, 603, True)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (486, Cause.BUSY),
        (600, Cause.BUSY),
        (480, Cause.NO_ANSWER),
        (408, Cause.NO_ANSWER),
        (603, Cause.REJECTED),
        (403, Cause.REJECTED),
        (404, Cause.WRONG_NUMBER),
        (410, Cause.WRONG_NUMBER),
        (484, Cause.WRONG_NUMBER),
        (604, Cause.WRONG_NUMBER),
        (500, Cause.UNREACHABLE),
        (503, Cause.UNREACHABLE),
        (488, Cause.FAULT),
    ],
)
async def test_a_rejection_is_a_value(ends: Ends, code: int, cause: Cause) -> None:
    line, far = await ends.call(*await ends.open())
    await far.ring()
    await ends.within(ends.until(line, "Ringing"))
    await ends.within(far.reject(code))
    ending = await ends.ending(line)
    assert (ending.cause, ending.code, ending.by_far_end) == (cause, code, True)
    own = await ends.ending(far)
    assert (own.cause, own.code, own.by_far_end) == (cause, code, False)


async def test_nobody_picks_up(ends: Ends) -> None:
    line, far = await ends.call(*await ends.open(), ring_timeout_s=0.6)
    await far.ring()
    ending = await ends.ending(line)
    assert (ending.cause, ending.by_far_end) == (Cause.NO_ANSWER, False)
    assert (await ends.ending(far)).cause is Cause.CANCELLED


async def test_a_trunk_that_takes_no_calls_answers_403(ends: Ends) -> None:
    caller, callee = await ends.open(accept=False)
    ending = await ends.ending(await caller.dial(callee.uri))
    assert (ending.cause, ending.code, ending.by_far_end) == (Cause.REJECTED, 403, True)


async def test_no_channel_free(ends: Ends) -> None:
    caller, callee = await ends.open(channels=2 if ends.network is None else 1)
    line, _ = await ends.talk(caller, callee)
    with pytest.raises(SipFault, match="no channel is free") as refused:
        await caller.dial(callee.uri)
    assert not refused.value.permanent
    await ends.within(line.hang_up())
    await ends.pass_ms(ENOUGH_MS)
    again, _ = await ends.talk(caller, callee)
    await ends.within(again.hang_up())


@pytest.mark.parametrize("uri", ["", "not a uri", "sip:", "sip:a@b:99999", "http://a@b", "sip:a b@c"])
async def test_a_malformed_address_is_refused_before_anything_is_sent(ends: Ends, uri: str) -> None:
    caller, _ = await ends.open()
    with pytest.raises(SipFault, match="not a SIP address") as refused:
        await caller.dial(uri)
    assert refused.value.permanent
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Subject", "1"),
        ("X-", "1"),
        ("X-A B", "1"),
        ("X-A", ""),
        ("X-A", "1\r\nVia: x"),
        ("X-A", "号"),
        ("X-A", "1" * 257),
    ],
)
async def test_a_header_that_is_not_ours_or_leaves_its_line_is_refused(ends: Ends, name: str, value: str) -> None:
    caller, callee = await ends.open()
    with pytest.raises(SipFault, match="header") as refused:
        await caller.dial(callee.uri, headers={name: value})
    assert refused.value.permanent
    assert "\n" not in str(refused.value)


async def test_an_unknown_host_is_unreachable(ends: Ends) -> None:
    caller, _ = await ends.open()
    line = await caller.dial("sip:1@no-such-host.invalid")
    assert await all_events(line) == [await line.hang_up()]
    assert (await line.hang_up()).cause is Cause.UNREACHABLE
    assert line.frames.get(0) is None


async def test_one_ending_for_everybody_who_asks(ends: Ends) -> None:
    line, _ = await ends.talk(*await ends.open())
    endings = await ends.within(asyncio.gather(line.hang_up(), line.hang_up(), ends.ending(line)))
    assert len(set(endings)) == 1
    assert await all_events(line) == [endings[0]]
    assert await line.hang_up() == endings[0]
    assert line.play(tone(440, 1)) == 1
    line.clear()
    line.send_dtmf("1")
    while line.frames.get(0) is not None:
        pass
    assert line.frames.get(0) is None


async def test_closing_a_trunk_ends_its_calls(ends: Ends) -> None:
    caller, callee = await ends.open()
    line, far = await ends.talk(caller, callee)
    ringing, _ = await ends.call(caller, callee)
    waiting = asyncio.ensure_future(anext(callee.incoming(), None))
    await asyncio.sleep(0)
    await callee.close()
    await caller.close()
    await caller.close()
    for end in (line, far, ringing):
        events = await ends.within(all_events(end))
        assert [type(event) for event in events].count(Ending) == 1
        assert isinstance(events[-1], Ending)
    assert await ends.within(waiting) is None
    with pytest.raises(SipFault, match="closed"):
        await caller.dial(callee.uri)


async def test_many_calls_in_a_row_leave_nothing_behind(ends: Ends) -> None:
    caller, callee = await ends.open(channels=2)
    for n in range(50):
        line, far = await ends.talk(caller, callee)
        line.play(tone(440, 0.1))
        first, second = (line, far) if n % 2 else (far, line)
        assert (await ends.within(first.hang_up())).cause is Cause.COMPLETED
        assert (await ends.ending(second)).cause is Cause.COMPLETED


async def test_dialling_is_for_callers_and_answering_for_callees(ends: Ends) -> None:
    line, far = await ends.call(*await ends.open())
    for action in (line.ring(), line.answer(), line.reject(486)):
        with pytest.raises(SipFault, match="that we dialled"):
            await action
    with pytest.raises(SipFault, match="no SIP status"):
        await far.reject(200)
