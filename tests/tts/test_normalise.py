"""Typed values and free text: read, written, checked."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.normalise import TYPES, check, readable, spoken, written
from tts.numerals import cardinal, decimal, digits

# type, as given, canonical, spoken, written
VALUES = [
    ("percent", "128.50", "128.50", "百分之一百二十八点五", "128.50%"),
    ("percent", "128.5%", "128.50", "百分之一百二十八点五", "128.50%"),
    ("percent", "１２８．５％", "128.50", "百分之一百二十八点五", "128.50%"),
    ("percent", "140", "140.00", "百分之一百四十", "140.00%"),
    ("percent", "12.05", "12.05", "百分之十二点零五", "12.05%"),
    ("percent", "8.3575", "8.3575", "百分之八点三五七五", "8.3575%"),
    ("percent", "-3.2", "-3.20", "百分之负三点二", "-3.20%"),
    ("percent", "0", "0.00", "百分之零", "0.00%"),
    ("percent", "-0.00", "0.00", "百分之零", "0.00%"),
    ("percent", "1,028.1", "1028.10", "百分之一千零二十八点一", "1028.10%"),
    ("money", "120000.00", "120000.00", "十二万元", "12万元"),
    ("money", "12万", "120000.00", "十二万元", "12万元"),
    ("money", "12万元", "120000.00", "十二万元", "12万元"),
    ("money", "120,000", "120000.00", "十二万元", "12万元"),
    ("money", "¥1.5亿", "150000000.00", "一亿五千万元", "1.5亿元"),
    ("money", "￥2", "2.00", "两元", "2元"),
    ("money", "22", "22.00", "二十二元", "22元"),
    ("money", "200", "200.00", "两百元", "200元"),
    ("money", "2,222.22", "2222.22", "两千二百二十二元二角二分", "2,222.22元"),
    ("money", "20000", "20000.00", "两万元", "2万元"),
    ("money", "12345", "12345.00", "一万两千三百四十五元", "12,345元"),
    ("money", "123500", "123500.00", "十二万三千五百元", "12.35万元"),
    ("money", "0.05", "0.05", "五分", "0.05元"),
    ("money", "0.2", "0.20", "两角", "0.20元"),
    ("money", "0.02", "0.02", "两分", "0.02元"),
    ("money", "12.05", "12.05", "十二元零五分", "12.05元"),
    ("money", "12.30", "12.30", "十二元三角", "12.30元"),
    ("money", "12.34", "12.34", "十二元三角四分", "12.34元"),
    ("money", "0", "0.00", "零元", "0元"),
    ("money", "10005000", "10005000.00", "一千万五千元", "1,000.5万元"),
    ("date", "2026-11-25", "2026-11-25", "十一月二十五日", "11月25日"),
    ("date", "2026/1/5", "2026-01-05", "一月五日", "1月5日"),
    ("date", "2026年2月10日", "2026-02-10", "二月十日", "2月10日"),
    ("date", "20261225", "2026-12-25", "十二月二十五日", "12月25日"),
    ("full_date", "2027-02-05", "2027-02-05", "二零二七年二月五日", "2027年2月5日"),
    ("time", "15:00", "15:00", "下午三点", "15:00"),
    ("time", "15：30", "15:30", "下午三点半", "15:30"),
    ("time", "9:05", "09:05", "上午九点零五分", "09:05"),
    ("time", "9点", "09:00", "上午九点", "09:00"),
    ("time", "14点15分", "14:15", "下午两点十五分", "14:15"),
    ("time", "12:00", "12:00", "中午十二点", "12:00"),
    ("time", "0:00", "00:00", "凌晨零点", "00:00"),
    ("time", "20:45:00", "20:45", "晚上八点四十五分", "20:45"),
    ("time", "7点半", "07:30", "早上七点半", "07:30"),
    ("datetime", "2026-11-25 15:00", "2026-11-25T15:00", "十一月二十五日下午三点", "11月25日15:00"),
    ("datetime", "2026-11-25T15:00:00", "2026-11-25T15:00", "十一月二十五日下午三点", "11月25日15:00"),
    ("datetime", "2026年11月25日16点30分", "2026-11-25T16:30", "十一月二十五日下午四点半", "11月25日16:30"),
    ("digits", "600519", "600519", "六零零五一九", "600519"),
    ("digits", "０１２", "012", "零一二", "012"),
    ("integer", "12", "12", "十二", "12"),
    ("integer", "-10,005", "-10005", "负一万零五", "-10005"),
    ("integer", "007", "7", "七", "7"),
    ("name", "王建国", "王建国", "王建国", "王建国"),
    ("name", " 单建国 ", "单建国", "善建国", "单建国"),
    ("name", "尉迟恭", "尉迟恭", "玉迟恭", "尉迟恭"),
    ("name", "阿不都·热合曼", "阿不都·热合曼", "阿不都热合曼", "阿不都·热合曼"),
    ("title", "先生", "先生", "先生", "先生"),
    ("title", "解女士", "解女士", "谢女士", "解女士"),
    ("title", "总经理", "总经理", "总经理", "总经理"),
    ("text", "融资合约A01", "融资合约A01", "融资合约诶零一", "融资合约A01"),
]

REFUSED = [
    ("percent", ["", "%", "abc", "12.34.5", "百分之五", "1e3", "128.5 %%", "1,28", "nan", "1234567", "0.00001", "5‰"]),
    ("money", ["", "-1", "12万万", "1.234", "abc", "12元5", "1e6", "inf", "1000000000000", "0.0000005万", "十二万"]),
    (
        "date",
        ["", "2026-13-01", "2026-02-30", "25/11/2026", "11-25", "2026-11", "明天", "2026-11-25 15:00", "202611255"],
    ),
    ("full_date", ["", "2026-13-01", "2026-02-30", "11-25", "明天"]),
    ("time", ["", "24:00", "15", "15:60", "3pm", "15:0", "15:00:30", "下午三点"]),
    ("datetime", ["", "2026-11-25", "15:00", "2026-11-2515:00", "2026-11-25 24:00", "2026-13-25 15:00"]),
    ("digits", ["", "12a", "-1", "1.5", "1" * 33, "六"]),
    ("integer", ["", "1.5", "a", "--1", "1,00", "9" * 13, "五"]),
    ("name", ["", "王1", "王建国!", "·王", "王·", "a" * 41, "王\n建国", "<b>"]),
    ("title", ["", "先生1", "先 生", "a" * 21]),
    ("text", ["", "   ", "a\x00b", "长" * 501, "行\n行"]),
]


@pytest.mark.parametrize(("type_", "given_", "canonical", "said", "shown"), VALUES)
def test_values(type_, given_, canonical, said, shown):
    assert check(type_, given_) == canonical
    assert check(type_, canonical) == canonical
    assert spoken(type_, canonical) == said
    assert written(type_, canonical) == shown


@pytest.mark.parametrize(("type_", "text"), [(type_, text) for type_, texts in REFUSED for text in texts])
def test_refused(type_, text):
    for function in (check, spoken, written):
        with pytest.raises(ValueError, match=r"^.+ is not a.*$") as caught:
            function(type_, text)
        assert "\n" not in str(caught.value)


def test_every_type_is_tabled():
    assert {type_ for type_, *_ in VALUES} == {type_ for type_, _ in REFUSED} == set(TYPES)


def test_unknown_type_names_the_known_ones():
    with pytest.raises(ValueError, match="unknown type 'colour': one of percent, money, "):
        check("colour", "red")


# ---------------------------------------------------------------- properties


def parse(words: str) -> int:
    """The number that numerals say, by a grammar of its own."""
    if words.startswith("负"):
        return -parse(words[1:])
    for unit, size in (("万亿", 10**12), ("亿", 10**8), ("万", 10**4), ("千", 1000), ("百", 100), ("十", 10)):
        head, found, tail = words.partition(unit)
        if found:
            return (parse(head) if head.strip("零") else 1) * size + (parse(tail) if tail else 0)
    words = words.replace("两", "二").lstrip("零")
    return "零一二三四五六七八九".index(words) if words else 0


def parse_money(words: str) -> Decimal:
    total = Decimal(0)
    for unit, size in (("元", 1), ("角", Decimal("0.1")), ("分", Decimal("0.01"))):
        head, found, tail = words.partition(unit)
        if found:
            total += parse(head) * size
            words = tail
    assert words == ""
    return total


@given(st.integers(-(10**16) + 1, 10**16 - 1), st.booleans())
def test_cardinals_are_unambiguous(number, counting):
    words = cardinal(number, counting=counting)
    assert parse(words) == number
    assert "零零" not in words
    assert not words.endswith("零") or number == 0


@given(st.integers(1, 9_999_999_999))
def test_every_amount_is_said_without_figures_and_understood(fen):
    amount = Decimal(fen) / 100
    words = spoken("money", check("money", f"{amount}"))
    assert parse_money(words) == amount
    assert not any(character.isascii() for character in words)


@given(st.integers(0, 10**14 - 1))
def test_written_amounts_say_the_same(fen):
    value = f"{Decimal(fen) / 100:.2f}"
    assert check("money", written("money", value)) == value


@given(st.decimals(-999_999, 999_999, places=4))
def test_percentages_are_understood(number):
    words = spoken("percent", f"{number:f}").removeprefix("百分之")
    whole, _, fraction = words.removeprefix("负").partition("点")
    value = Decimal(parse(whole)) + Decimal(
        "0." + ("".join(str("零一二三四五六七八九".index(c)) for c in fraction) or "0")
    )
    assert value == abs(number)
    assert words.startswith("负") == (number < 0)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)))
def test_moments_are_unambiguous(moment):
    moment = moment.replace(second=0, microsecond=0)
    assert check("datetime", moment.isoformat(" ", "minutes")) == moment.isoformat(timespec="minutes")
    assert check("date", written_date := moment.date().isoformat()) == written_date
    said = spoken("time", moment.strftime("%H:%M"))
    later = (datetime.combine(date(2000, 1, 1), moment.time()) + timedelta(minutes=1)).time()
    assert said != spoken("time", later.strftime("%H:%M"))


def test_all_minutes_of_a_day_sound_different():
    said = {spoken("time", time(hour, minute).isoformat("minutes")) for hour in range(24) for minute in range(60)}
    assert len(said) == 24 * 60


def test_numbers_nobody_can_say_are_refused():
    with pytest.raises(ValueError, match="too large"):
        cardinal(10**16)
    with pytest.raises(ValueError, match="row of figures"):
        digits("1.5")
    assert decimal(Decimal("1E+2")) == "一百"


# ---------------------------------------------------------------- free text

TEXTS = [
    ("您好，请问您是王建国先生吗？", "您好，请问您是王建国先生吗？"),
    ("请拨打12386", "请拨打一二三八六"),
    ("我们的客服热线是95536。", "我们的客服热线是九五五三六。"),
    ("T+1", "踢加一"),
    ("T+2日16:00前", "踢加二日十六点前"),
    ("比例128.50%，低于140%", "比例百分之一百二十八点五，低于百分之一百四十"),
    ("2026年11月25日", "二零二六年十一月二十五日"),
    ("11月25日15:00", "十一月二十五日十五点"),
    ("股票600519", "股票六零零五一九"),
    ("补足120000元", "补足十二万元"),
    ("10000股", "一万股"),
    ("第3条", "第三条"),
    ("3-5个工作日", "三到五个工作日"),
    ("2.35元/股", "二点三五元每股"),
    ("140%~150%", "百分之一百四十到百分之一百五十"),
    ("0.5‰", "千分之零点五"),
    ("A股ETF", "诶股衣踢艾弗"),
    ("R3、C4", "阿尔三、西四"),
    ("400-888-8888", "四零零八八八八八八八"),
    ("7×24小时", "七乘二十四小时"),
    ("《风险揭示书》（备注）", "风险揭示书，备注，"),
    ("“您好”…", "您好，"),
    ("，请在T+1前", "，请在踢加一前"),
    ("(备注)", "，备注，"),
    ("ＡＩ合成", "诶爱合成"),
    ("好!是吗?", "好！是吗？"),
    ("😀", ""),
    ("", ""),
    ("。，", "。，"),
]


@pytest.mark.parametrize(("text", "said"), TEXTS)
def test_free_text(text, said):
    assert readable(text) == said


@given(st.one_of(st.text(), st.text("0123456789.,%年月日:+-/~万亿元个T股 -—"), st.from_regex(r"\d{1,30}[%元股]?")))
def test_nothing_but_hanzi_and_pauses_is_left(text):
    said = readable(text)
    assert all(c in "，。？！、；：" or "\u3400" <= c <= "\u9fff" or c >= "\U00020000" for c in said)
    assert readable(said) == said
