"""How much, in what share, and Chinese numbers."""

from decimal import Decimal

import pytest

from voicebot.nlu.characters import plain_spelling
from voicebot.nlu.slots.amounts import amounts, percents
from voicebot.nlu.slots.numerals import integer, number
from voicebot.nlu.view import Spelling, plain_view


def words(text):
    return plain_view(plain_spelling(text), Spelling((), (), {})).text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("零", 0),
        ("两", 2),
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("二十五", 25),
        ("一百", 100),
        ("百", 100),
        ("一百二", 120),
        ("一百零五", 105),
        ("一百二十八", 128),
        ("两百五", 250),
        ("三千五", 3500),
        ("三千零五十", 3050),
        ("一千零五", 1005),
        ("一万", 10000),
        ("一万二", 12000),
        ("十五万六", 156000),
        ("十五万零六", 150006),
        ("二十三万四千五百", 234500),
        ("两百万", 2000000),
        ("一亿两千万", 120000000),
        ("一万亿", 10**12),
        ("二零二六", 2026),
        ("20万", 200000),
        ("3千", 3000),
        ("600519", 600519),
        ("", None),
        ("万", None),
        ("十百", None),
        ("一二三四五六七八九十", None),
        ("点", None),
        ("好", None),
        ("9" * 30, None),
    ],
)
def test_integers(text, value):
    assert integer(text) == value


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("二三十", 20, 30),
        ("十七八", 17, 18),
        ("三五百", 300, 500),
        ("两三万", 20000, 30000),
        ("十七八万", 170000, 180000),
        ("两三", 2, 3),
        ("几", 2, 9),
        ("十几", 11, 19),
        ("几十", 20, 90),
        ("二十几", 21, 29),
        ("几万", 20000, 90000),
        ("三点五", "3.5", "3.5"),
        ("3.25", "3.25", "3.25"),
        ("一点五万", 15000, 15000),
        ("一百二十八点五", "128.5", "128.5"),
    ],
)
def test_ranges_and_decimals(text, low, high):
    found = number(text)
    assert (found.low, found.high) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize(
    ("text", "said", "value"),
    [
        ("我补二十万", "二十万", "200000"),
        ("二三十个", "二三十个", "200000–300000"),
        ("补二三十个进去", "二三十个", "200000–300000"),
        ("补五个", "五个", "50000"),
        ("两百来万", "两百来万", "2000000"),
        ("十五万六", "十五万六", "156000"),
        ("转三千五进去", "三千五", "3500"),
        ("补两千", "两千", "2000"),
        ("三千五百块钱", "三千五百块钱", "3500"),
        ("一万二", "一万二", "12000"),
        ("一百多万", "一百多万", "1000000"),
        ("二十到三十万", "二十到三十万", "200000–300000"),
        ("二十万到三十万吧", "二十万到三十万", "200000–300000"),
        ("两三万块", "两三万块", "20000–30000"),
        ("十几万", "十几万", "110000–190000"),
        ("20万", "20万", "200000"),
        ("3.5万", "3.5万", "35000"),
        ("三点五万", "三点五万", "35000"),
        ("还50000块", "50000块", "50000"),
        ("先还一半", "一半", "1/2"),
        ("还三分之一", "三分之一", "1/3"),
        ("全部还了", "全部", "1"),
        ("一百二十八块五", "一百二十八块", "128"),
        ("一个亿", "一个亿", "100000000"),
        ("差不多三十万块钱", "三十万块钱", "300000"),
        ("２０万", "２０万", "200000"),
        ("二十萬", "二十萬", "200000"),
    ],
)
def test_amounts_of_money(text, said, value):
    found = list(amounts(words(text)))
    assert [(text[amount.start : amount.end], amount.value) for amount in found] == [(said, value)]


@pytest.mark.parametrize(
    "text",
    [
        "三个月",
        "两个小时",
        "一个人",
        "两个合约",
        "三个交易日",
        "五个问题",
        "下午三点",
        "百分之三十",
        "二十个点",
        "三次",
        "五百股",
        "两只股票",
        "十一月二十五号",
        "一个",
        "两个账户",
        "六零零五一九",
        "打了三次",
        "二零二六年",
        "我找两个朋友",
        "一二三八六",
    ],
)
def test_what_is_no_money(text):
    assert list(amounts(words(text))) == []


@pytest.mark.parametrize(
    ("text", "said", "value"),
    [
        ("百分之一百三", "百分之一百三", "130"),
        ("百分之一百二十八点五", "百分之一百二十八点五", "128.5"),
        ("现在130%了", "130%", "130"),
        ("128.5%", "128.5%", "128.5"),
        ("掉了三个点", "三个点", "3"),
        ("一百三十个百分点", "一百三十个百分点", "130"),
        ("百分之百", "百分之百", "100"),
        ("百分之两三", "百分之两三", "2–3"),
        ("先卖三成", "三成", "30"),
    ],
)
def test_percentages(text, said, value):
    view = plain_view(plain_spelling(text), Spelling((), (), {}))
    found = [(text[slice(*view.heard(percent.start, percent.end))], percent.value) for percent in percents(view.text)]
    assert found == [(said, value)]
