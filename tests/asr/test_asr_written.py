"""What was heard, as it is written: numbers of every kind, and what only looks like one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts import normalise, numerals
from voicebot.asr.numerals import cardinal, figures, row
from voicebot.asr.recognizer import Transcript, Word
from voicebot.asr.written import with_written, written, written_of

WRITTEN = [
    # numbers, money, shares
    ("一百二十八点五", "128.5"),
    ("比例是一二八点五", "比例是128.5"),
    ("百分之三", "3%"),
    ("百分之一百二十八点五", "128.5%"),
    ("百分之百", "100%"),
    ("百分之一百二到百分之一百三", "120%到130%"),
    ("百分之十到十五", "10%到15%"),
    ("负百分之一点二", "-1.2%"),
    ("千分之三", "3‰"),
    ("万分之二点五", "万分之2.5"),
    ("三分之一", "1/3"),
    ("负债与市值一比一点三", "负债与市值1:1.3"),
    ("我明天转二十万进去", "我明天转20万进去"),
    ("我补两万五", "我补2.5万"),
    ("十五万六", "15.6万"),
    ("三十万零五千", "30.5万"),
    ("十二万三千五百六十七", "123567"),
    ("一亿三千万", "1.3亿"),
    ("一亿三千五百二十万", "1亿3520万"),
    ("一点三亿", "1.3亿"),
    ("成交两万亿", "成交2万亿"),
    ("约九点四六万亿", "约9.46万亿"),
    ("亏了四个亿", "亏了4个亿"),
    ("二十多万", "20多万"),
    ("三到五万", "3到5万"),
    ("三千五", "3500"),
    ("维持在一百二", "维持在120"),
    ("一千零五", "1005"),
    ("两百块", "200块"),
    ("三块钱", "3块钱"),
    ("十二块五毛", "12块5毛"),
    ("一百二十八元五角三分", "128元5角3分"),
    ("三元零五分", "3元零5分"),
    ("十二点八七元", "12.87元"),
    ("跌了三个百分点", "跌了3个百分点"),
    ("利息八个点", "利息8个点"),
    ("沪指三千一百点", "沪指3100点"),
    ("卖五百股", "卖500股"),
    ("T加一", "T+1"),
    ("零下十五度", "零下15度"),
    # dates and times
    ("十一月二十五号下午三点半", "11月25号下午3点半"),
    ("二零二六年一月五日", "2026年1月5日"),
    ("两千零二十六年", "2026年"),
    ("零八年买的", "08年买的"),
    ("三号", "3号"),
    ("三到六月", "3到6月"),
    ("一月十五交割", "1月15交割"),
    ("一月七千五", "一月7500"),
    ("下周三三点半", "下周三3点半"),
    ("三点二十", "3点20"),
    ("下午三点零五", "下午3点05"),
    ("三点五分", "3点5分"),
    ("九点一刻", "9点一刻"),
    ("十二点到一点", "12点到1点"),
    ("三到五点", "3到5点"),
    ("下午一点", "下午1点"),
    ("一点半", "1点半"),
    ("等两点再说", "等2点再说"),
    ("十分钟以后", "10分钟以后"),
    ("二十四小时", "24小时"),
    ("三月二十一下午", "3月21下午"),
    # codes and telephone numbers
    ("六零零五幺九", "600519"),
    ("幺三八零零一三八零零零", "13800138000"),
    ("打九五五五八", "打95558"),
    ("幺幺零", "110"),
    ("沪深三百ETF", "沪深300ETF"),
    ("科创五十", "科创50"),
    ("八零后", "80后"),
    # a number beside another word
    ("二十万一起转", "20万一起转"),
    ("一百万一天", "100万一天"),
    ("一零一跟一零一一样", "101跟101一样"),
    ("借二十万三个月", "借20万三个月"),
]

# As it was said.
UNITS = "个年月日号块元几第周初"
UNCHANGED = (
    *("", "二三十个", "三五天", "一两万", "十五六万", "七八点", "二十几万", "十几个", "几十万", "数十万"),
    *("三千五六", "一万二三", "十来个", "百分之二三十", "百分之几", "零点几", "上千万", "好几百万", "百八十块"),
    *("三四五个", "一二三", "一三五", "一会儿", "万一", "千万别", "一起", "第一次", "一点都不行", "明天一点都不行"),
    *("快一点", "晚一点再打", "一点儿", "一点一点来", "一下", "两个人", "三天", "五分钟", "半个小时", "两个半小时"),
    *("一刻钟", "一个月", "每月一次", "第三点", "我说两点", "三点意见", "一月一付", "大一号"),
    *("星期一", "上周五", "礼拜三", "初五", "正月十五", "八月十五", "腊月二十三", "六月初八", "双十一", "十一放假"),
    *("十分感谢", "十大股东", "十全十美", "百分百", "乱七八糟", "七七八八", "零零碎碎", "七零八落", "三心二意"),
    *("八九不离十", "二百五", "三七二十一", "一五一十", "十万火急", "五五开", "一年零三个月", "一百万三十年后"),
    *("十三五规划", "资产负债", "新三板", "三一重工", "五粮液", "七匹狼", "万科", "买了三万科", "百度", "九阳股份"),
    *("三六零几", "王五", "张三", "老幺", "[unk]", "好的", "你是哪个证券的", "OK", "20万", "3点半"),
)


@pytest.mark.parametrize(("said", "shown"), WRITTEN)
def test_numbers_are_written_in_figures(said: str, shown: str) -> None:
    assert written(said) == shown


@pytest.mark.parametrize("said", UNCHANGED)
def test_the_rest_stays_as_it_was_said(said: str) -> None:
    assert written(said) == said


VALUES = [
    *(("零", 0), ("两", 2), ("十", 10), ("十五", 15), ("一百一", 110), ("一百零一", 101), ("一百一十五", 115)),
    *(("三千零二十", 3020), ("一万零三百", 10_300), ("二十万零五十", 200_050), ("两亿三", 230_000_000)),
    *(("一亿零五", 100_000_005), ("一万亿", 10**12)),
]
NO_CARDINALS = ("", "百", "三五", "一千五十", "零五", "一百零", "一万三十", "一百万三十", "万亿" * 9999)


@pytest.mark.parametrize(("said", "value"), VALUES)
def test_cardinals(said: str, value: int) -> None:
    assert cardinal(said) == value


@pytest.mark.parametrize("said", NO_CARDINALS, ids=lambda said: said[:8])
def test_no_cardinals(said: str) -> None:
    assert cardinal(said) is None


def test_rows_and_decimals() -> None:
    assert (row("六零〇五幺九"), row("两三"), row("十")) == ("600519", "", "")
    assert (figures("三点一四"), figures("三点十四"), figures("点五"), figures("三点")) == ("3.14", None, None, None)


def shown(value: int) -> str:
    """As the robot's own transcript shows an amount."""
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if value >= unit:
            if value % (unit // 100) == 0:
                return f"{(Decimal(value) / unit).normalize():f}{name}"
            break
    return f"{value // 10**8}亿{value % 10**8 // 10**4}万" if value > 10**8 and not value % 10**4 else str(value)


@given(st.integers(12, 10**12 - 1) | st.integers(1, 10**6).map(lambda n: n * 10_000), st.booleans())
def test_every_number_that_the_robot_reads_is_written_back(value: int, counting: bool) -> None:
    said = numerals.cardinal(value, counting=counting)
    assert written(f"{said}元") == f"{shown(value)}元"


@given(st.decimals(0, 9999, places=2))
def test_every_percentage_that_the_robot_reads_is_written_back(value: Decimal) -> None:
    assert written(normalise.spoken("percent", f"{value}")) == f"{value.normalize():f}%"


@given(st.from_regex(r"[0-9]{5,18}", fullmatch=True))
def test_every_code_that_the_robot_reads_is_written_back(code: str) -> None:
    assert written(f"代码{normalise.spoken('digits', code)}对吧") == f"代码{code}对吧"


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))
def test_every_time_that_the_robot_reads_is_written_back(moment: datetime) -> None:
    said = normalise.spoken("datetime", f"{moment:%Y-%m-%d %H:%M}")
    hour = moment.hour if moment.hour <= 12 else moment.hour - 12
    minute = {0: "", 30: "半"}.get(moment.minute, f"{moment.minute:02}分")
    assert written(said).startswith(f"{moment.month}月{moment.day}日")
    assert written(said).endswith(f"{hour}点{minute}")


@given(
    st.text("零〇幺一二两三四五六七八九十百千万亿点比分之负到个年月日号点块元毛几数第起样周初加T好[unk]", max_size=40)
)
def test_nothing_heard_breaks_it(text: str) -> None:
    kept = [character for character in text if character in "个年月日号块元几第周初"]
    assert [character for character in written(text) if character in "个年月日号块元几第周初"] == kept


def test_a_final_is_written_and_its_words_stay_as_they_were_said() -> None:
    words = (Word("一百二", 0, 400, 0.9),)
    final = Transcript("一百二", final=True, words=words, confidence=0.9)
    assert with_written(final) == Transcript("一百二", final=True, words=words, confidence=0.9, written="120")


def test_an_engines_own_writing_is_kept() -> None:
    own = Transcript("一百二", final=True, confidence=0.9, written="一百贰")
    assert with_written(own) == own
    assert written_of([own, Transcript("三百五", final=True)]) == "一百贰350"


def test_a_number_cut_in_two_is_one_again() -> None:
    halves = [Transcript("一百二十八", final=True), Transcript("点五对吗", final=True)]
    assert written_of(halves) == "128.5对吗"
    assert written_of([]) == ""
