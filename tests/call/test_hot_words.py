"""What a call's recogniser is told to expect, and that nobody else learns of it."""

from __future__ import annotations

import logging

import pytest

from tests.call.stage import NOW, UNDERSTANDER, raise_curtain
from voicebot.asr.scripted import ScriptedEar
from voicebot.call.hot_words import hot_words
from voicebot.flow.advance import begin
from voicebot.flow.loading import find, load
from voicebot.flow.sample import sample_slots

FLOW = load("margin_call")
SLOTS = sample_slots(find("margin_call"), NOW)


class ListeningEar(ScriptedEar):
    """Remembers what it was told to expect."""

    told: tuple[str, ...] | None = None

    def open(self, phrases=()):
        self.told = tuple(phrases)
        return super().open(phrases)


def told(**slots: str) -> tuple[str, ...]:
    return hot_words(FLOW, begin(FLOW, SLOTS | slots, NOW).slots, UNDERSTANDER)


@pytest.mark.parametrize(
    ("slots", "contact"),
    [
        ({}, ("海川证券", "王建国", "王建国先生")),
        ({"name": "欧阳娜娜", "title": "女士"}, ("海川证券", "欧阳娜娜", "欧阳娜娜女士")),
        ({"firm": "华夏（北京）证券"}, ("华夏", "北京", "证券", "王建国", "王建国先生")),
        ({"firm": "沪深300ETF"}, ("沪深", "ETF", "王建国", "王建国先生")),
        ({"firm": "95558"}, ("王建国", "王建国先生")),
        ({"firm": "华夏证券股份有限公司北京中关村大街营业部"}, ("王建国", "王建国先生")),
    ],
)
def test_the_contacts_own_words_come_first(slots, contact):
    assert told(**slots)[: len(contact)] == contact
    assert told(**slots)[len(contact) :] == UNDERSTANDER.trade_words(FLOW.expected)


def test_no_figure_is_expected():
    assert not any(character.isdigit() for phrase in told() for character in phrase)
    assert not any(value in told() for slot, value in SLOTS.items() if slot not in ("name", "firm", "level"))


def test_what_the_script_waits_for_is_said_in_these_words():
    assert {"警戒线", "展期", "追保", "投诉", "人工", "打错"} <= set(told())
    assert UNDERSTANDER.trade_words(["extend"]) == ("展期", "合约")
    assert UNDERSTANDER.trade_words(["backchannel", "sneezed"]) == ()
    assert len(told()) == len(set(told()))


def test_a_script_expects_what_any_of_its_steps_waits_for():
    assert FLOW.expected >= {"complaint", "refuse", "ask_ratio", "extend", "callback", "identity_confirm"}
    assert "unknown" not in FLOW.expected


async def test_the_recogniser_of_a_call_is_told(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    ear = ListeningEar(["打错了"])
    stage = await raise_curtain(tmp_path, [], ear=ear)
    await stage.callee.hang_up()
    await stage.over()
    assert ear.told == told()
    assert not any(word in caplog.text for word in ("王建国", "海川证券"))
