"""Whole calls in virtual time: real session, script, understander; the ear and voice are scripted."""

from __future__ import annotations

import asyncio
import resource
import signal
import time
import wave

import pytest

from sip.line import Cause
from tests.call.stage import burst, raise_curtain, run_without_a_callee
from tts.scripted import ScriptedVoice
from tts.voice import VoiceFault
from voicebot import events

ACCOUNT = ("128.50%", "140", "12万", "强制平仓")


async def test_the_main_path_ends_in_a_promise(tmp_path):
    stage = await raise_curtain(tmp_path, ["对我是", "我明天转二十万进去", "对", "好的再见"])
    await stage.robot_finished()
    await stage.say()
    await stage.robot_finished()
    await stage.say(1500)
    await stage.robot_finished()
    await stage.say(600)
    outcome = await stage.over()
    assert outcome.disposition == "will_do"
    assert outcome.state.disclosed == {"notice", "warning"}
    assert stage.turns[:3] == ["对我是", "我明天转二十万进去", "对"]
    assert len(outcome.response_ms) == 3
    assert all(500 <= ms <= 1500 for ms in outcome.response_ms)  # virtual time: the policy's own figures


async def test_nothing_about_the_account_before_the_callee_is_the_client(tmp_path):
    stage = await raise_curtain(tmp_path, ["比例多少", "他不在"])
    await stage.robot_finished()
    await stage.say()
    await stage.robot_finished()
    await stage.say()
    outcome = await stage.over()
    assert outcome.disposition == "not_self"
    said = [e.text for e in stage.events if isinstance(e, events.Said)]
    assert said
    assert not [text for text in said for figure in ACCOUNT if figure in text]


async def test_a_hang_up_in_the_middle_of_the_disclosure_does_not_count_as_told(tmp_path):
    stage = await raise_curtain(tmp_path, ["对我是"])
    await stage.robot_finished()
    await stage.say()
    await stage.pass_ms(1000)
    await stage.callee.hang_up()
    outcome = await stage.over()
    assert outcome.disposition == "hung_up"
    assert "warning" not in outcome.state.disclosed
    cut = [e for e in stage.events if isinstance(e, events.Said) and e.prompt == "warning"]
    assert [e.complete for e in cut] == [False]
    assert outcome.ending.by_far_end


async def test_words_over_the_disclosure_wait_for_its_end_and_are_answered_then(tmp_path):
    stage = await raise_curtain(tmp_path, ["对我是", "线是多少"])
    await stage.robot_finished()
    await stage.say()
    await stage.pass_ms(600)
    stage.callee.play(burst(900))
    await stage.until(lambda: stage.said("warning"))
    await stage.until(lambda: stage.said("answer_line"))
    assert not any(isinstance(e, events.BargeIn) for e in stage.events)
    await stage.callee.hang_up()
    await stage.over()


async def test_assent_over_the_disclosure_acknowledges_nothing(tmp_path):
    stage = await raise_curtain(tmp_path, ["对我是", "对对对知道了"])
    await stage.robot_finished()
    await stage.say()
    await stage.pass_ms(600)
    stage.callee.play(burst(900))
    await stage.until(lambda: stage.said("warning"))
    await stage.until(lambda: stage.said("ask_plan"))
    await stage.callee.hang_up()
    assert (await stage.over()).disposition == "hung_up"


async def test_a_call_that_we_end_in_the_middle_is_cancelled(tmp_path):
    stage = await raise_curtain(tmp_path, [])
    await stage.pass_ms(1000)
    ended = asyncio.create_task(stage.session.cancel())
    assert (await stage.over()).disposition == "cancelled"
    await ended


async def test_an_interruption_stops_the_robot_within_half_a_second_of_audio(tmp_path):
    stage = await raise_curtain(tmp_path, ["对我是", "利息怎么算"])
    await stage.robot_finished()
    await stage.say()
    await stage.until(lambda: stage.said("warning"))
    await stage.pass_ms(300)
    stage.callee.play(burst(1200))
    began = stage.session._at_ms
    await stage.until(lambda: stage.said("ask_plan", complete=False))
    cut = next(e for e in stage.events if isinstance(e, events.Said) and e.prompt == "ask_plan")
    assert cut.end_ms - began <= 600
    await stage.until(lambda: stage.said("answer_fee"))
    await stage.callee.hang_up()
    await stage.over()


async def test_keys_answer_like_words(tmp_path):
    stage = await raise_curtain(tmp_path, [])
    await stage.robot_finished()
    stage.callee.send_dtmf("1")
    await stage.until(lambda: stage.said("warning"))
    await stage.robot_finished()
    stage.callee.send_dtmf("1")
    outcome = await stage.over()
    assert outcome.disposition == "acknowledged"
    assert [e.digit for e in stage.events if isinstance(e, events.DtmfReceived)] == ["1", "1"]


async def test_silence_is_prompted_and_is_never_an_acknowledgement(tmp_path):
    stage = await raise_curtain(tmp_path, [])
    outcome = await stage.over()
    assert outcome.disposition == "silent"
    assert sum(isinstance(e, events.SilenceNoticed) for e in stage.events) >= 2
    assert outcome.state.disclosed == {"notice"}


async def test_a_callee_who_puts_us_on_hold_is_waited_for(tmp_path):
    stage = await raise_curtain(tmp_path, ["打错了"])
    await stage.robot_finished()
    await stage.callee.hold(held=True)
    await stage.pass_ms(20_000)
    assert not any(isinstance(e, events.SilenceNoticed) for e in stage.events)
    await stage.callee.hold(held=False)
    await stage.pass_ms(500)
    await stage.say()
    assert (await stage.over()).disposition == "wrong_number"


async def test_a_far_end_that_wants_us_to_dial_somebody_else_is_noted_and_not_obeyed(tmp_path):
    stage = await raise_curtain(tmp_path, [])
    await stage.robot_finished()
    await stage.callee.refer("sip:premium@elsewhere")
    await stage.pass_ms(1000)
    assert any(isinstance(e, events.TransferRefused) for e in stage.events)
    assert not stage.running.done()
    await stage.callee.hang_up()
    await stage.over()


async def test_a_wish_said_with_the_hang_up_is_not_lost(tmp_path):
    stage = await raise_curtain(tmp_path, ["别再打了"])
    await stage.robot_finished()
    stage.callee.play(burst(900))
    await stage.pass_ms(900)
    await stage.callee.hang_up()  # before the turn was over
    outcome = await stage.over()
    assert outcome.disposition == "do_not_call"
    assert [act.kind for act in outcome.acts] == ["do_not_call"]


@pytest.mark.parametrize(
    ("code", "disposition"),
    [(486, "busy"), (603, "rejected"), (404, "empty_number"), (480, "no_answer"), (503, "unreachable")],
)
async def test_a_call_that_nobody_takes_has_the_networks_reason(tmp_path, code, disposition):
    stage = await raise_curtain(tmp_path, [], answer=False)
    await stage.callee.ring()
    await stage.callee.reject(code)
    outcome = await stage.over()
    assert (outcome.disposition, outcome.ending.code, outcome.answered) == (disposition, code, False)


async def test_a_phone_that_rings_for_ever_is_given_up(tmp_path):
    stage = await raise_curtain(tmp_path, [], answer=False, ring_timeout_s=5)
    await stage.callee.ring()
    outcome = await stage.over()
    assert (outcome.disposition, outcome.ending.cause) == ("no_answer", Cause.NO_ANSWER)


async def test_our_own_cancel_is_its_own_outcome(tmp_path):
    stage = await raise_curtain(tmp_path, [], answer=False)
    await stage.session.cancel()
    assert (await stage.over()).disposition == "cancelled"


async def test_a_cancel_before_the_dial_is_not_forgotten(tmp_path):
    outcome, kinds = await run_without_a_callee(tmp_path, cancelled=True)
    assert (outcome.disposition, kinds) == ("cancelled", ["fault", "ended"])


async def test_an_order_that_comes_too_late_is_not_dialled(tmp_path):
    outcome, kinds = await run_without_a_callee(tmp_path, dial_before=time.monotonic() - 1)
    assert (outcome.disposition, kinds) == ("fault", ["fault", "ended"])


async def test_a_script_other_than_the_approved_one_is_not_spoken(tmp_path):
    outcome, kinds = await run_without_a_callee(tmp_path, flow_version="another")
    assert (outcome.disposition, kinds) == ("fault", ["fault", "ended"])


async def test_both_sides_are_on_the_recording_at_their_time(tmp_path):
    stage = await raise_curtain(tmp_path, ["打错了"])
    await stage.robot_finished()
    await stage.say()
    await stage.over()
    heard = next(e for e in stage.events if isinstance(e, events.Heard))
    file = stage.tape.finish()
    with wave.open(str(tmp_path / file.path)) as recording:
        assert (recording.getnchannels(), recording.getframerate()) == (2, 8000)
        recording.setpos(heard.start_ms * 8 + 800)
        samples = memoryview(recording.readframes(400)).cast("h")
        assert max(samples[1::2]) > 1000  # the callee, right
        assert max(samples[0::2]) == 0  # the robot was quiet, left


class MuteVoice(ScriptedVoice):
    """A voice that fails on one prompt."""

    async def render(self, text: str, style=None) -> bytes:  # type: ignore[override]
        if "强制平仓" in text:
            raise VoiceFault("the engine is gone")
        return await super().render(text, style) if style else await super().render(text)


async def test_a_robot_without_a_voice_hangs_up_and_says_why(tmp_path):
    stage = await raise_curtain(tmp_path, ["对我是"], voice=MuteVoice())
    await stage.robot_finished()
    await stage.say()
    outcome = await stage.over()
    assert outcome.disposition == "fault"
    assert [e.part for e in stage.events if isinstance(e, events.Fault)] == ["tts"]


async def test_a_recording_that_cannot_be_written_does_not_stop_the_call(tmp_path):
    (tmp_path / "recordings").write_text("a file where the folder should be")
    stage = await raise_curtain(tmp_path / "recordings", ["打错了"])
    await stage.robot_finished()
    await stage.say()
    outcome = await stage.over()
    assert outcome.disposition == "wrong_number"
    file = stage.tape.finish()
    assert file.path == ""
    assert file.problem


async def test_a_full_disk_in_the_middle_keeps_what_was_written_and_the_call_goes_on(tmp_path):
    stage = await raise_curtain(tmp_path, ["打错了"])
    await stage.pass_ms(3000)
    # The kernel's own refusal: past this size a write fails, as on a full disk.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    blocked = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        await stage.robot_finished()
        await stage.say()
        outcome = await stage.over()
        file = stage.tape.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, blocked)
    assert outcome.disposition == "wrong_number"
    assert file.problem
    with wave.open(str(tmp_path / file.path)) as recording:
        assert 8000 < recording.getnframes() <= 25_000
