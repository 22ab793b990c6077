"""Slots as the understander hands them out: type by meaning, exact characters, canonical values."""

from datetime import datetime

import pytest

from voicebot.nlu.lexicon import load
from voicebot.nlu.slots import SLOT_TYPES
from voicebot.nlu.slots.times import CHINA

NOW = datetime(2026, 11, 23, 10, tzinfo=CHINA)


def slots(text, *expecting):
    return [(slot.type, slot.text, slot.value) for slot in load().understand(text, expecting=expecting, now=NOW).slots]


def at(day_and_time):
    return f"2026-11-{day_and_time}:00+08:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # when to call back
        ("下午三点后", [("callback_time", "下午三点后", at("23T15:00"))]),
        ("收盘再说", [("callback_time", "收盘", at("23T15:00"))]),
        ("过俩小时", [("callback_time", "过俩小时", at("23T12:00"))]),
        ("明儿上午吧", [("callback_time", "明儿上午", at("24T10:00"))]),
        ("下礼拜一再联系", [("callback_time", "下礼拜一", at("30T10:00"))]),
        ("我开会呢下午三点再打", [("reason", "开会", "meeting"), ("callback_time", "下午三点", at("23T15:00"))]),
        (
            "在开车明天上午十点打给我",
            [("reason", "在开车", "driving"), ("callback_time", "明天上午十点", at("24T10:00"))],
        ),
        ("十一月二十五号下午再打", [("callback_time", "十一月二十五号下午", at("25T14:00"))]),
        ("先别打下午三点再打", [("callback_time", "下午三点", at("23T15:00"))]),
        # when not to
        ("中午别打", [("exclusion", "中午", "11:00/14:00")]),
        ("明天别打", [("exclusion", "明天", "2026-11-24")]),
        ("晚上八点别打", [("exclusion", "晚上八点", at("23T20:00"))]),
        # when something is done
        ("昨天转进去了", [("date", "昨天", "2026-11-22"), ("method", "转进去", "add_cash")]),
        ("我明天处理", [("date", "明天", "2026-11-24")]),
        (
            "我明天下午三点前补二十万",
            [("time", "明天下午三点前", at("24T14:30")), ("method", "补", "add_cash"), ("amount", "二十万", "200000")],
        ),
        # how
        ("卖点票", [("method", "卖点票", "sell")]),
        ("我减点仓", [("method", "减点仓", "sell")]),
        ("卖券还款", [("method", "卖券还款", "sell")]),
        ("直接还款", [("method", "直接还款", "repay")]),
        ("转点钱进去", [("method", "转点钱进去", "add_cash")]),
        (
            "那我明天转二十万进去",
            [("date", "明天", "2026-11-24"), ("method", "转", "add_cash"), ("amount", "二十万", "200000")],
        ),
        ("我补点钱", [("method", "补点钱", "add_cash")]),
        ("转券进去", [("method", "转券进去", "add_collateral")]),
        ("追加担保物", [("method", "追加担保物", "add_collateral")]),
        ("展期吧", [("method", "展期", "extend")]),
        ("占期吧", [("method", "占期", "extend")]),
        ("分两次行吗", [("method", "分两次", "instalments")]),
        ("先还一半", [("method", "先还", "repay"), ("amount", "一半", "1/2")]),
        # who
        ("我是他老婆", [("person_relation", "老婆", "spouse")]),
        ("我爸手机", [("person_relation", "我爸", "parent")]),
        ("我是他儿子", [("person_relation", "儿子", "child")]),
        ("我是她爱人", [("person_relation", "爱人", "spouse")]),
        ("我是他同事", [("person_relation", "同事", "colleague")]),
        # why
        ("没钱补", [("reason", "没钱", "no_money")]),
        ("都套牢了", [("reason", "套牢", "trapped")]),
        ("没人通知我", [("reason", "没人通知", "not_informed")]),
        ("我有别家了", [("reason", "有别家", "other_firm")]),
        ("没兴趣", [("reason", "没兴趣", "no_interest")]),
        ("手续费太高", [("reason", "手续费太高", "fees")]),
        ("手续费多少", []),
        ("等了半天", [("reason", "等了半天", "slow")]),
        ("软件老卡", [("reason", "软件老卡", "app")]),
        # marks
        ("打五分", [("score", "五分", "5")]),
        ("5", [("score", "5", "5")]),
        ("非常满意", [("score", "非常满意", "5")]),
        ("满意", [("score", "满意", "4")]),
        ("挺好的", [("score", "挺好", "4")]),
        ("一般", [("score", "一般", "3")]),
        ("还行吧", [("score", "还行吧", "3")]),
        ("不满意", [("score", "不满意", "2")]),
        ("不太满意", [("score", "不太满意", "2")]),
        ("非常不满意", [("score", "非常不满意", "1")]),
        ("太差了", [("score", "太差", "1")]),
        ("零分", [("score", "零分", "1")]),
        ("五分不对四分", [("score", "五分不对", "5"), ("score", "四分", "4")]),
        ("打五分服务挺好的", [("score", "五分服务挺好的", "5")]),
        ("三四分", []),
        ("二十五分", []),
        ("没什么不满意的", []),
        # shares
        ("先卖三成", [("percent", "三成", "30")]),
        ("现在百分之一百三", [("percent", "百分之一百三", "130")]),
        # nothing
        ("好的知道了", []),
        ("快一点", []),
        ("", []),
    ],
)
def test_slots_of_an_utterance(text, expected):
    assert slots(text) == expected


def test_the_script_s_expectation_settles_what_a_bare_value_is():
    understood = load().understand("三点", expecting=("callback",), now=NOW)
    assert understood.top == "callback"
    assert understood.slot("callback_time").value == at("23T15:00")
    understood = load().understand("二三十万吧", expecting=("give_plan",), now=NOW)
    assert understood.top == "give_plan"
    assert understood.slot("amount").value == "200000–300000"


def test_offsets_are_those_of_the_text_heard():
    text = "嗯 那个 我 明天 下午 三点 补 二 十 万 ，行 吗"
    understood = load().understand(text, now=NOW)
    assert [(slot.type, slot.text) for slot in understood.slots] == [
        ("time", "明天 下午 三点"),
        ("method", "补"),
        ("amount", "二 十 万"),
    ]
    assert all(text[slot.start : slot.end] == slot.text for slot in understood.slots)


def test_only_known_slot_types_are_named():
    assert load().lexicon.slots.keys() <= set(SLOT_TYPES)
