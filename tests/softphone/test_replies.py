"""The reply machine in virtual time: frames of robot speech and silence in, actions at frame numbers out."""

import numpy as np
import pytest

from voicebot.softphone.persona import Hearing, Persona
from voicebot.softphone.replies import FRAME_MS, HangUp, Press, Replies, RobotTurn, RobotVoice, Say

SPEECH = (np.sin(np.arange(160) * 2 * np.pi * 300 / 8000) * 3000).astype("<i2").tobytes()  # −24 dBFS
HUM = (np.sin(np.arange(160) * 2 * np.pi * 50 / 8000) * 60).astype("<i2").tobytes()  # −58 dBFS
SILENCE = bytes(320)


def persona(tmp_path, *turns, **settings):
    return Persona.model_validate(
        {"name": "test", "folder": tmp_path, "about": "x", "expect": "will_do", "turns": list(turns), **settings}
    )


class Played:
    """A call in virtual time. `play` lets the robot speak (ms), be silent, and tells when lines are over."""

    LINE_MS = 1000

    def __init__(self, spec):
        self.replies = Replies(spec)
        self.now_ms = 0
        self.ends_ms = None
        self.log = []

    def play(self, *, speech=0, silence=0, frame=SPEECH):
        for rx, ms in ((frame, speech), (SILENCE, silence)):
            for _ in range(ms // FRAME_MS):
                self.now_ms += FRAME_MS
                ended = self.ends_ms == self.now_ms
                for action in self.replies.feed(rx, own_ended=ended):
                    if isinstance(action, RobotTurn):
                        continue
                    self.log.append((self.now_ms, action))
                    if isinstance(action, Say):
                        self.ends_ms = self.now_ms + self.LINE_MS
        return self.log


def test_it_answers_when_the_robots_turn_is_over(tmp_path):
    call = Played(persona(tmp_path, {"say": "一"}, {"say": "二"}))
    call.play(speech=3000, silence=5000)
    assert call.log == [(3900, Say(0))]
    call.play(speech=2000, silence=2000)
    assert call.log[1:] == [(8000 + 2000 + 900, Say(1))]


def test_pauses_between_sentences_are_no_end(tmp_path):
    call = Played(persona(tmp_path, {"say": "一"}))
    for _ in range(4):
        call.play(speech=1500, silence=500)
    assert call.log == []
    call.play(silence=2000)
    assert call.log == [(8000 + 400, Say(0))]


def test_the_pause_can_be_set(tmp_path):
    call = Played(persona(tmp_path, {"say": "一"}, hearing={"pause_ms": 400}))
    call.play(speech=1000, silence=1000)
    assert call.log == [(1400, Say(0))]


def test_delay_is_added(tmp_path):
    call = Played(persona(tmp_path, {"say": "一", "delay_ms": 700}))
    call.play(speech=1000, silence=3000)
    assert call.log == [(1000 + 900 + 700, Say(0))]


def test_nth_lets_turns_go_by(tmp_path):
    call = Played(persona(tmp_path, {"say": "一", "nth": 3}))
    for _ in range(3):
        call.play(speech=1000, silence=1000)
    assert call.log == [(2 * 2000 + 1900, Say(0))]


def test_silence_and_clicks_start_nothing(tmp_path):
    call = Played(persona(tmp_path, {"say": "一"}))
    call.play(silence=5000)
    call.play(speech=40, silence=3000)  # a click
    call.play(speech=120, silence=3000)  # a beep: too short for a word
    call.play(speech=4000, silence=3000, frame=HUM)
    assert call.log == []
    call.play(speech=400, silence=1000)  # 好
    assert len(call.log) == 1


def test_over_the_robot_counts_from_its_first_sound(tmp_path):
    call = Played(persona(tmp_path, {"over": "robot", "delay_ms": 1500, "say": "一"}))
    call.play(silence=2000, speech=0)
    call.play(speech=4000)
    assert call.log == [(2000 + 1500, Say(0))]


def test_over_the_robot_waits_for_one_that_speaks_long_enough(tmp_path):
    call = Played(persona(tmp_path, {"over": "robot", "delay_ms": 1500, "say": "一"}))
    call.play(speech=1000, silence=2000)
    assert call.log == []
    call.play(speech=2000)
    assert call.log == [(3000 + 1500, Say(0))]


def test_over_again_counts_from_its_own_last_word(tmp_path):
    twice = [{"over": "robot", "delay_ms": 1500, "say": t} for t in "一二"]
    call = Played(persona(tmp_path, *twice))
    call.play(speech=6000)  # the robot does not give way
    assert call.log == [(1500, Say(0)), (1500 + Played.LINE_MS + 1500, Say(1))]


def test_a_robot_that_gave_way_has_not_answered(tmp_path):
    call = Played(persona(tmp_path, {"over": "robot", "delay_ms": 500, "say": "一"}, {"say": "二"}))
    call.play(speech=900, silence=4000)  # interrupted at 500, silent from 900 on
    assert call.log == [(500, Say(0))]
    call.play(speech=1000, silence=1000)
    assert call.log[1:] == [(4900 + 1900, Say(1))]


def test_a_robot_that_speaks_on_is_answered_when_it_ends(tmp_path):
    call = Played(persona(tmp_path, {"over": "robot", "delay_ms": 500, "say": "一"}, {"say": "二"}))
    call.play(speech=5000, silence=2000)
    assert call.log == [(500, Say(0)), (5900, Say(1))]


def test_silence_is_counted_from_whoever_spoke_last(tmp_path):
    call = Played(persona(tmp_path, {"silence_s": 2, "say": "喂"}, {"silence_s": 3, "say": "喂喂"}))
    call.play(silence=2500)
    assert call.log == [(2000, Say(0))]
    call.play(speech=1500, silence=5000)  # the robot speaks from 2500 to 4000
    assert call.log[1:] == [(4000 + 3000, Say(1))]


def test_it_can_speak_first(tmp_path):
    call = Played(persona(tmp_path, {"after": "answer", "delay_ms": 300, "say": "喂"}, {"say": "一"}))
    call.play(silence=1000)
    assert call.log == [(300, Say(0))]
    call.play(silence=1000, speech=0)
    call.play(speech=1000, silence=1000)
    assert call.log[1:] == [(2000 + 1900, Say(1))]


def test_keys_and_hanging_up_after_its_own_line(tmp_path):
    call = Played(persona(tmp_path, {"press": 1}, {"say": "再见"}, {"after": "line", "delay_ms": 200, "hang_up": True}))
    call.play(speech=1000, silence=1000)
    call.play(speech=1000, silence=5000)
    assert call.log == [(1900, Press("1")), (3900, Say(0)), (3900 + Played.LINE_MS + 200, HangUp())]


def test_it_can_hang_up_on_a_speaking_robot(tmp_path):
    call = Played(persona(tmp_path, {"over": "robot", "delay_ms": 3000, "hang_up": True}, then="hang_up"))
    call.play(speech=9000, silence=5000)
    assert call.log == [(3000, HangUp())]


def test_then_hang_up(tmp_path):
    call = Played(persona(tmp_path, {"say": "再见"}, then="hang_up"))
    call.play(speech=1000, silence=9000)
    assert call.log == [(1900, Say(0)), (1900 + Played.LINE_MS + 300, HangUp())]


def test_then_wait_and_repeat(tmp_path):
    call = Played(persona(tmp_path, {"say": "一"}, repeat="知道了"))
    for _ in range(3):
        call.play(speech=1000, silence=3000)
    assert call.log == [(1900, Say(0)), (5900, Say(1)), (9900, Say(1))]


def test_nobody_who_has_nothing_to_say_says_anything(tmp_path):
    call = Played(persona(tmp_path))
    call.play(speech=3000, silence=9000)
    call.play(speech=3000, silence=9000)
    assert call.log == []


def test_the_same_frames_give_the_same_actions(tmp_path):
    spec = persona(tmp_path, {"say": "一"}, {"over": "robot", "delay_ms": 100, "say": "二"}, repeat="三")
    random = np.random.default_rng(7)
    frames = [SPEECH if on else SILENCE for on in np.repeat(random.random(60) < 0.5, random.integers(5, 90, 60))]
    first, second = Replies(spec), Replies(spec)
    ends = set(range(0, len(frames), 60))
    assert [first.feed(f, own_ended=n in ends) for n, f in enumerate(frames)] == [
        second.feed(f, own_ended=n in ends) for n, f in enumerate(frames)
    ]


@pytest.mark.parametrize(("threshold", "heard"), [(-60.0, True), (-45.0, False)])
def test_the_threshold_decides_what_is_speech(threshold, heard):
    voice = RobotVoice(Hearing(threshold_dbfs=threshold))
    turns = [voice.feed(HUM if n < 100 else SILENCE, (n + 1) * FRAME_MS) for n in range(200)]
    assert any(turns) is heard
    assert not heard or next(filter(None, turns)) == RobotTurn(0, 2000)
