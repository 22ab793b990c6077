"""The turn policy, as tables of events on the audio clock."""

from __future__ import annotations

import pytest

from voicebot.asr.recognizer import Transcript
from voicebot.call.hearing import EarLost, HeardFinal, HeardPartial, Sensed, SpeechBegan, SpeechEnded, Tick
from voicebot.call.turns import AskFinal, Decision, GiveWay, Timing, TooQuiet, TurnOver, TurnPolicy

TIMING = Timing()
BACKCHANNELS = {"嗯", "嗯嗯", "哦"}


def policy() -> TurnPolicy:
    return TurnPolicy(TIMING, lambda text: text in BACKCHANNELS)


def ticks(start_ms: int, end_ms: int) -> list[Sensed]:
    return [Tick(at) for at in range(start_ms, end_ms + 1, 100)]


def final(at_ms: int, text: str, confidence: float = 0.9) -> HeardFinal:
    return HeardFinal(at_ms, Transcript(text, final=True, confidence=confidence), asked=True, offset_ms=0)


def feed(turns: TurnPolicy, events: list[Sensed]) -> list[tuple[int, Decision]]:
    return [(event.at_ms, decision) for event in events for decision in turns.feed(event)]


def test_a_turn_ends_after_silence_and_carries_its_words_and_times():
    turns = policy()
    turns.listen(0, 10_000)
    decided = feed(turns, [SpeechBegan(1000), HeardPartial(1400, "对我"), SpeechEnded(1800), *ticks(1900, 2600)])
    assert decided == [(1800 + TIMING.end_silence_ms, AskFinal())]
    assert feed(turns, [final(2420, "对我是")]) == [(2420, TurnOver("对我是", 1000, 1800, 0.9, "对我是"))]
    assert not turns.speaking


def test_a_pause_shorter_than_the_end_of_a_turn_does_not_end_it():
    turns = policy()
    turns.listen(0, 10_000)
    pause = TIMING.end_silence_ms - 200
    events = [SpeechBegan(1000), HeardPartial(1400, "我明天"), SpeechEnded(1800), *ticks(1900, 1800 + pause)]
    events += [SpeechBegan(1800 + pause), SpeechEnded(3500), *ticks(3600, 4000)]
    assert feed(turns, events) == []
    asked = feed(turns, ticks(4100, 4100))
    assert asked == [(4100, AskFinal())]


def test_finals_of_the_engines_own_endpoints_are_joined():
    turns = policy()
    own = HeardFinal(2000, Transcript("我明天", final=True, confidence=0.7), asked=False, offset_ms=0)
    feed(turns, [SpeechBegan(1000), own, SpeechEnded(3000), *ticks(3100, 3600)])
    assert feed(turns, [final(3620, "转二十万")]) == [
        (3620, TurnOver("我明天转二十万", 1000, 3000, 0.7, "我明天转20万"))
    ]


def test_a_number_cut_by_the_engines_endpoint_is_written_as_one():
    turns = policy()
    own = HeardFinal(2000, Transcript("一百二十八", final=True, confidence=0.7), asked=False, offset_ms=0)
    feed(turns, [SpeechBegan(1000), own, SpeechEnded(3000), *ticks(3100, 3600)])
    assert feed(turns, [final(3620, "点五吧")]) == [(3620, TurnOver("一百二十八点五吧", 1000, 3000, 0.7, "128.5吧"))]


@pytest.mark.parametrize(
    ("spoken_ms", "expected"),
    [(100, []), (TIMING.least_speech_ms + 100, [TurnOver("[unk]", 1000, 1400, 0.0, "[unk]")])],
    ids=["a click is nothing", "speech without words is a turn not understood"],
)
def test_sounds_without_words(spoken_ms, expected):
    turns = policy()
    turns.listen(0, 10_000)
    ended = 1000 + spoken_ms
    feed(turns, [SpeechBegan(1000), SpeechEnded(ended), *ticks(ended, ended + TIMING.end_silence_empty_ms + 100)])
    assert [decision for _, decision in feed(turns, [final(3000, "")])] == expected


def test_silence_is_told_once_and_counted_from_the_end_of_the_prompt():
    turns = policy()
    turns.robot_speaks(interruptible=True)
    assert feed(turns, ticks(0, 20_000)) == []
    turns.robot_silent(20_000)
    turns.listen(20_000, 6000)
    assert feed(turns, ticks(20_100, 40_000)) == [(26_000, TooQuiet())]


def test_silence_does_not_run_while_the_callee_speaks():
    turns = policy()
    turns.listen(0, 3000)
    decided = feed(turns, [SpeechBegan(2500), *ticks(2600, 6000)])
    assert not any(isinstance(decision, TooQuiet) for _, decision in decided)


@pytest.mark.parametrize(
    ("interruptible", "text", "gives_way"),
    [
        (True, "你等一下", True),
        (True, "嗯嗯", False),
        (True, "[unk]", False),
        (True, "", False),
        (False, "你等一下", False),
    ],
)
def test_only_words_that_mean_something_stop_the_robot(interruptible, text, gives_way):
    turns = policy()
    turns.robot_speaks(interruptible=interruptible)
    decided = feed(turns, [SpeechBegan(1000), HeardPartial(1200, text), *ticks(1300, 2000)])
    assert any(isinstance(decision, GiveWay) for _, decision in decided) is gives_way


def test_the_robot_does_not_give_way_before_the_speech_has_lasted():
    turns = policy()
    turns.robot_speaks(interruptible=True)
    decided = feed(turns, [SpeechBegan(1000), HeardPartial(1100, "你等一下"), *ticks(1200, 1600)])
    assert decided[0] == (1000 + TIMING.barge_in_ms, GiveWay())


@pytest.mark.parametrize(
    ("robot_ends_ms", "counts"),
    [(1500, True), (4000, False)],
    ids=["said as the prompt ends: an answer", "said in the middle of it: attention"],
)
def test_attention_over_the_robot_is_an_answer_only_at_its_end(robot_ends_ms, counts):
    turns = policy()
    turns.robot_speaks(interruptible=True)
    events: list[Sensed] = [SpeechBegan(1000), HeardPartial(1300, "嗯"), SpeechEnded(1400)]
    feed(turns, events)
    if robot_ends_ms < 2000:
        turns.robot_silent(robot_ends_ms)
    feed(turns, ticks(1500, 2000))
    assert bool(feed(turns, [final(2040, "嗯")])) is counts


def test_words_count_even_when_voice_activity_missed_them():
    turns = policy()
    decided = feed(turns, [HeardPartial(1000, "知道了"), *ticks(1100, 1600)])
    assert decided == [(1600, AskFinal())]
    assert feed(turns, [final(1620, "知道了")])[0][1].text == "知道了"


def test_an_endless_talker_is_answered_in_the_end():
    turns = policy()
    decided = feed(turns, [SpeechBegan(0), HeardPartial(500, "我跟你说"), *ticks(600, 30_000)])
    assert decided == [(TIMING.longest_turn_ms, AskFinal())]
    # Still speaking when the final comes: what follows is a turn of its own.
    feed(turns, [final(20_040, "我跟你说")])
    assert turns.speaking


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ([], []),
        ([HeardPartial(1400, "别再")], [TurnOver("别再", 1000, 1800, 0.0, "别再")]),
        ([HeardPartial(1400, "[unk]")], []),
        (
            [HeardFinal(1300, Transcript("我明天", final=True, confidence=0.7), asked=False, offset_ms=0),
             HeardPartial(1500, "转")],
            [TurnOver("我明天转", 1000, 1800, 0.0, "我明天转")],
        ),
    ],
)  # fmt: skip
def test_when_the_ear_is_lost_the_words_so_far_are_the_turn_and_no_final_is_waited_for(heard, expected):
    turns = policy()
    feed(turns, [SpeechBegan(1000), *heard, SpeechEnded(1800), *ticks(1900, 2300)])
    assert [decision for _, decision in feed(turns, [EarLost(2300, "gone")])] == expected
    assert feed(turns, [final(2320, "")]) == []
    assert not turns.speaking


def test_nothing_said_gives_no_turn():
    assert feed(policy(), [final(500, "")]) == []
