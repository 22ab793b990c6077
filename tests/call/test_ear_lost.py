"""What a call comes to when its recogniser is gone: the script says so, keys still count, and the call ends."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from sip.line import Cause, TrunkOptions
from sip.loopback import Network
from tests.asr.servers import PaddleServer, running
from tests.call.stage import NOW, UNDERSTANDER, Stage, burst, raise_curtain
from tts.scripted import ScriptedVoice
from tts.voice import Style
from voicebot import events
from voicebot.asr.conversation import Patience
from voicebot.asr.recognizer import AsrFault, EarInfo, Transcript
from voicebot.asr.remote import open_ear
from voicebot.asr.scripted import ScriptedEar
from voicebot.call.session import Engines, Order, Session
from voicebot.call.speaking import Speaker
from voicebot.flow.loading import find, load
from voicebot.flow.sample import sample_slots
from voicebot.store.recording import Recording


class FailingEar:
    """Hears its lines until `broken` is set; with `only_finish` it still takes audio then."""

    info = EarInfo("failing", "none", "0", "Apache-2.0", synthetic=True)

    def __init__(self, lines=(), *, broken=False, only_finish=False):
        self.broken = broken
        self.only_finish = only_finish
        self.closed = 0
        self._lines = lines

    def open(self, phrases=()):
        self._inner = ScriptedEar(self._lines).open()
        return self

    def accept(self, pcm: bytes) -> Transcript | None:
        if self.broken and not self.only_finish:
            raise AsrFault("the server is gone")
        return self._inner.accept(pcm)

    def finish(self) -> Transcript:
        if self.broken:
            raise AsrFault("the server is gone")
        return self._inner.finish()

    def close(self):
        self.closed += 1


def faults(stage: Stage) -> list[str]:
    return [event.part for event in stage.events if isinstance(event, events.Fault)]


def times_said(stage: Stage, prompt: str) -> int:
    return sum(isinstance(e, events.Said) and e.prompt == prompt for e in stage.events)


@pytest.mark.parametrize(
    ("key", "disposition", "acts"),
    [("1", "callback", ["callback"]), ("2", "transfer_human", ["lead"]), ("3", "do_not_call", ["do_not_call"])],
)
async def test_a_key_answers_a_robot_that_cannot_hear(tmp_path, key, disposition, acts):
    ear = FailingEar()
    stage = await raise_curtain(tmp_path, [], ear=ear)
    await stage.robot_finished()
    ear.broken = True
    await stage.until(lambda: stage.said("cannot_hear"), limit_ms=20_000)
    assert not any(isinstance(e, events.SilenceNoticed) for e in stage.events)  # at once, not after a silence
    stage.callee.send_dtmf(key)
    outcome = await stage.over()
    assert outcome.disposition == disposition
    assert [act.kind for act in outcome.acts] == acts
    assert faults(stage) == ["asr"]
    assert ear.closed


async def test_without_a_key_the_call_ends_and_a_person_follows_up(tmp_path):
    stage = await raise_curtain(tmp_path, [], ear=FailingEar(broken=True))
    await stage.until(lambda: stage.said("cannot_hear"))
    assert stage.said("notice")  # what must be said is said to its end first
    await stage.robot_finished()
    await stage.say()
    outcome = await stage.over()
    assert outcome.disposition == "not_understood"
    assert [(act.kind, dict(act.data)) for act in outcome.acts] == [("lead", {"reason": "ear_lost"})]
    assert stage.said("bye_not_heard")
    assert faults(stage) == ["asr"]
    assert outcome.state.disclosed == {"notice"}


async def test_a_disclosure_under_way_is_finished_first(tmp_path):
    ear = FailingEar(["对我是"])
    stage = await raise_curtain(tmp_path, [], ear=ear)
    await stage.robot_finished()
    await stage.say()
    await stage.pass_ms(1000)
    ear.broken = True
    await stage.until(lambda: stage.said("cannot_hear"))
    assert stage.said("warning")
    assert not stage.said("warning", complete=False)
    stage.callee.send_dtmf("2")
    outcome = await stage.over()
    assert outcome.disposition == "transfer_human"
    assert "warning" in outcome.state.disclosed


async def test_what_was_heard_before_the_loss_counts(tmp_path):
    ear = FailingEar(["别再打了"])
    stage = await raise_curtain(tmp_path, [], ear=ear)
    await stage.robot_finished()
    stage.callee.play(burst(1500))
    await stage.until(lambda: stage.session._policy.text == "别再打了")
    ear.broken = True
    outcome = await stage.over()
    assert outcome.disposition == "do_not_call"
    assert stage.turns == ["别再打了"]
    assert faults(stage) == ["asr"]


async def test_words_before_the_loss_are_answered_and_then_the_robot_says_that_it_cannot_hear(tmp_path):
    ear = FailingEar(["你是谁"])
    stage = await raise_curtain(tmp_path, [], ear=ear)
    await stage.robot_finished()
    stage.callee.play(burst(1200))
    await stage.until(lambda: stage.session._policy.text == "你是谁")
    ear.broken = True
    await stage.until(lambda: stage.said("cannot_hear"))
    assert stage.said("who_calls")
    await stage.callee.hang_up()
    assert (await stage.over()).disposition == "hung_up"


async def test_a_final_that_never_comes_is_not_taken_for_a_turn_as_well(tmp_path):
    ear = FailingEar(["对我是"], broken=True, only_finish=True)
    stage = await raise_curtain(tmp_path, [], ear=ear)
    await stage.robot_finished()
    stage.callee.play(burst(600))
    await stage.until(lambda: stage.said("cannot_hear"), limit_ms=40_000)
    assert times_said(stage, "cannot_hear") == 1
    assert times_said(stage, "cannot_hear_keys") == 0
    await stage.callee.hang_up()
    await stage.over()
    assert faults(stage) == ["asr"]


async def test_a_loss_during_the_goodbye_changes_nothing(tmp_path):
    ear = FailingEar(["打错了"])
    stage = await raise_curtain(tmp_path, [], ear=ear)
    await stage.robot_finished()
    await stage.say()
    await stage.until(lambda: stage.session._state.ended)
    ear.broken = True
    outcome = await stage.over()
    assert outcome.disposition == "wrong_number"
    assert not stage.said("cannot_hear")


async def test_a_loss_with_the_last_words_is_on_the_record(tmp_path):
    ear = FailingEar(["好"], broken=True, only_finish=True)
    stage = await raise_curtain(tmp_path, [], ear=ear)
    await stage.robot_finished()
    await stage.callee.hang_up()
    assert (await stage.over()).disposition == "hung_up"
    assert faults(stage) == ["asr"]


class ClosedEar:
    """An ear that cannot be opened."""

    info = FailingEar.info

    def open(self, phrases=()):
        raise AsrFault("no server there")


async def test_nobody_is_called_by_a_robot_that_cannot_hear_from_the_start(tmp_path):
    network = Network()
    robot = await network.open_trunk(TrunkOptions())
    phone = await network.open_trunk(TrunkOptions(user="phone", accept=True))
    engines = Engines(robot, ClosedEar(), UNDERSTANDER, lambda flow: Speaker(ScriptedVoice(), Style(), flow))
    noted: list[events.Event] = []
    order = Order("call1", "margin_call", phone.uri, sample_slots(find("margin_call"), NOW))
    tape = Recording(tmp_path, "call1", date(2026, 11, 23))
    outcome = await Session(order, load("margin_call"), engines, tape, noted.append, NOW).run()
    tape.finish()
    assert (outcome.disposition, outcome.ending.cause, outcome.answered) == ("fault", Cause.FAULT, False)
    assert [e.part for e in noted if isinstance(e, events.Fault)] == ["asr"]
    assert not any(isinstance(e, events.Dialling) for e in noted)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(phone.incoming()), 0.05)  # the phone never rang


async def test_a_recognition_server_that_goes_away_in_the_call(tmp_path):
    patience = Patience(connect_s=1.0, lost_s=0.3, retry_s=0.05)
    with running(PaddleServer(ScriptedEar([]))) as server:
        ear = await asyncio.to_thread(open_ear, server.setting, patience)
        stage = await raise_curtain(tmp_path, [], ear=ear)
        await stage.robot_finished()
        await asyncio.to_thread(server.stop)
        recognizer = stage.session._listener._recognizer
        for _ in range(400):  # the wall's clock decides when a server counts as gone
            if recognizer._next.fault is not None:
                break
            await asyncio.sleep(0.01)
        await stage.until(lambda: stage.said("cannot_hear"))
        stage.callee.send_dtmf("1")
        assert (await stage.over()).disposition == "callback"
    assert faults(stage) == ["asr"]
