"""Any text is understood as something: nothing raises, offsets hold, and length costs no more than it should."""

import unicodedata
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.nlu.characters import plain_spelling
from voicebot.nlu.lexicon import load
from voicebot.nlu.slots.times import CHINA

NOW = datetime(2026, 11, 23, 10, tzinfo=CHINA)
SPOKEN = (
    "我你他的了吗不没别再打是好对行知道明天下午三点半二十万个补还卖票转展期"
    "收盘后周一号月百分之比例多少投诉老婆换号嗯啊那喂 [unk],?\n%0123w"
)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(9990, 1, 1), timezones=st.sampled_from([CHINA]))


def check(text, expecting=(), now=NOW):
    understood = load().understand(text, expecting=expecting, now=now)
    assert understood.text == text
    assert understood.intents
    assert all(0 < intent.confidence <= 1 for intent in understood.intents)
    names = [intent.name for intent in understood.intents]
    assert len(names) == len(set(names))
    assert "unknown" not in names[1:]
    for slot in understood.slots:
        assert 0 <= slot.start < slot.end <= len(text)
        assert text[slot.start : slot.end] == slot.text
        assert slot.value
    return understood


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text):
    check(text)


@settings(max_examples=150, deadline=None)
@given(st.text(SPOKEN, max_size=40), st.lists(st.sampled_from(sorted(load().lexicon.intents)), max_size=3), MOMENTS)
def test_any_words_of_the_trade_at_any_time(text, expecting, now):
    check(text, tuple(expecting), now)


@given(st.text(max_size=80))
def test_plain_spelling_keeps_every_offset(text):
    assert len(plain_spelling(text)) == len(text)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "今天",
                "明天",
                "下周",
                "三",
                "十一",
                "二十五",
                "号",
                "月",
                "点",
                "半",
                "下午",
                "分",
                "过",
                "小时",
                "以后",
                "前",
                "亿",
                "0",
            ]
        ),
        max_size=8,
    ),
    MOMENTS,
)
def test_any_words_of_time(words, now):
    for slot in check("".join(words), ("callback",), now).slots:
        if slot.type in {"callback_time", "time"}:
            assert datetime.fromisoformat(slot.value).utcoffset() == NOW.utcoffset()
        if slot.type == "callback_time":
            assert datetime.fromisoformat(slot.value) > now


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00\x07\x1b",
        "\u200b\u202e",
        "👍👍🏽",
        "👨‍👩‍👧",
        "[unk]",
        "<unk> <unk>",
        "[",
        "]",
        "...",
        "？！",
        "\ud800",
        "\ue000\uf8ff\ufffc",
        "𠮷野家",
        "hello world what is this",
        "ﬁ İ ß",
        "ابجد",
        "1" * 400,
        "零" * 400,
        "二" * 400,
        "半" * 300,
        "点" * 300,
    ],
)
def test_odd_texts(text):
    check(text)


@pytest.mark.parametrize(
    "text",
    ["我" * 10_000, "别再打了" * 2_500, "嗯 " * 5_000, "一二三四五六七八九十" * 1_000, "[unk]" * 2_000, "\n" * 10_000],
)
def test_ten_thousand_characters(text):
    check(text)


def test_only_unknown_words_mean_unknown():
    for text in ("[unk]", "[unk] [unk]", "<unk>"):
        assert check(text).top == "unknown"


@pytest.mark.parametrize(
    ("traditional", "intent"),
    [
        ("別再打了", "do_not_call"),
        ("我知道了", "acknowledged"),
        ("打錯了", "wrong_number"),
        ("我要投訴", "complaint"),
        ("我開會呢", "busy"),
        ("轉人工", "transfer_human"),
        ("沒錢補", "cannot_comply"),
        ("我補二十萬", "give_plan"),
        ("利息怎麼算", "ask_fee"),
        ("聽不懂", "not_understood"),
    ],
)
def test_traditional_characters(traditional, intent):
    assert check(traditional).top == intent


def test_full_width_and_capitals():
    assert check("ＯＫ").top == "affirm"
    assert check("你是ＡＩ吗").top == "ask_robot"
    assert unicodedata.normalize("NFKC", "２０万") == "20万"
    assert check("我补２０万").slot("amount").value == "200000"
