"""A case becomes a persona: what it says when, without a telephone."""

from datetime import datetime

import pytest

from voicebot.flow.cases import Case, run
from voicebot.flow.loading import find, load
from voicebot.flow.sample import sample_slots
from voicebot.nlu.lexicon import load as load_lexicon
from voicebot.softphone.from_case import lines_of, persona_of, why_not, write_persona
from voicebot.softphone.persona import load as load_persona

NOW = datetime(2026, 11, 23, 10, 0)


@pytest.fixture(scope="module")
def played():
    """`played("我是", …)`: the case with these lines, and its conversation in text."""
    flow, lexicon = load("margin_call"), load_lexicon()
    slots = sample_slots(find("margin_call"), NOW)

    def make(*callee):
        case = Case(name="一例", callee=callee, path=("opening",), disposition="hung_up")
        return case, run(case, flow, slots, lexicon, NOW)

    return make


def turns(case, held):
    return [{k: v for k, v in turn.items() if k != "delay_ms"} for turn in persona_of(case, held)["turns"]]


def test_lines_follow_the_robot_and_an_unfinished_call_is_hung_up(played):
    assert turns(*played("对我是", "比例多少？")) == [
        {"after": "robot", "nth": 1, "say": "对我是"},
        {"after": "robot", "nth": 1, "say": "比例多少？"},
        {"after": "robot", "nth": 1, "hang_up": True},
    ]


def test_a_call_that_the_robot_ends_is_left_to_it(played):
    assert turns(*played("打错了"))[-1] == {"after": "robot", "nth": 1, "say": "打错了"}


def test_whoever_insists_says_the_last_line_again(played):
    case, held = played("打错了")
    assert persona_of(case, held, insists=True)["repeat"] == "打错了"
    assert "repeat" not in persona_of(case, held)
    unfinished = played("对我是")
    silent = played("（静默）", "（静默）", "（静默）")
    for other in (unfinished, silent):
        assert "repeat" not in persona_of(*other, insists=True)


def test_silences_wait_for_the_robot_to_ask_once_more(played):
    assert turns(*played("（静默）", "（按1）", "（静默）", "（静默）", "知道了")) == [
        {"after": "robot", "nth": 2, "press": "1"},
        {"after": "robot", "nth": 3, "say": "知道了"},
    ]
    assert turns(*played("（静默）", "（静默）", "（静默）")) == []


def test_hanging_up_in_the_middle_waits_for_its_moment(played):
    case, held = played("对我是", "（挂断 ask_plan）")
    last = persona_of(case, held)["turns"][-1]
    assert (last["over"], last["hang_up"]) == ("robot", True)
    assert last["delay_ms"] > 10_000  # the warning before it is long
    assert turns(*played("对我是", "（挂断）"))[-1] == {"after": "robot", "nth": 1, "hang_up": True}


def test_figures_are_spoken(played):
    case, held = played("我打12386投诉你们")
    assert lines_of(held) == ["我打一二三八六投诉你们"]
    assert not why_not(case)


def test_what_is_written_can_be_played(played, tmp_path):
    case, held = played("对我是", "（按1）")
    write_persona(tmp_path / "a.yaml", case, held)
    persona = load_persona(tmp_path / "a.yaml")
    assert persona.lines == ("对我是",)
    assert [turn.keys for turn in persona.turns] == ["", "1"]
    assert persona.expect == "hung_up"


@pytest.mark.parametrize(
    ("callee", "told"),
    [
        (["我是", "（听不见）"], "recogniser"),
        (["[unk]"], "spoken"),
        (["☺"], "spoken"),
        (["（静默）", "（挂断 ask_identity）"], "silence"),
    ],
)
def test_what_a_telephone_cannot_do_is_said(callee, told):
    assert told in why_not(Case(name="一例", callee=callee, path=("opening",), disposition="hung_up"))
