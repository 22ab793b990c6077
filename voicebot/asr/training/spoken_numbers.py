"""Numbers, money, percentages, dates and times as people say them on the telephone."""

from __future__ import annotations

import random

from voicebot.asr.training.texts import word_lists

_DIGITS = "零一二三四五六七八九"


def cardinal(number: int) -> str:
    """A whole number from 0 to 99,999,999 as a quantity: 10 → 十, 205 → 二百零五, 20000 → 二万."""
    if number >= 10000:
        high, low = divmod(number, 10000)
        return cardinal(high) + "万" + (("零" if low < 1000 else "") + cardinal(low) if low else "")
    spoken, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十")):
        digit, number = divmod(number, unit)
        if digit:
            spoken += ("零" if gap else "") + _DIGITS[digit] + name
            gap = False
        elif spoken:
            gap = True
    if number or not spoken:
        spoken += ("零" if gap else "") + _DIGITS[number]
    return spoken.removeprefix("一") if spoken.startswith("一十") else spoken


def count(rng: random.Random) -> str:
    """A whole number such as people count in: small ones most."""
    return cardinal(rng.choice((rng.randint(1, 20), rng.randint(1, 99), rng.randint(1, 90) * 100)))


def digits(rng: random.Random, count: int) -> str:
    """`count` digits one by one; 1 is 幺 or 一 throughout."""
    one = rng.choice("幺幺一")
    return "".join(rng.choice(_DIGITS) for _ in range(count)).replace("一", one)


def phone(rng: random.Random) -> str:
    """A mobile number, digit by digit."""
    one = rng.choice("幺幺一")
    return ("一" + rng.choice("三五七八九") + "".join(rng.choice(_DIGITS) for _ in range(9))).replace("一", one)


def stock_code(rng: random.Random) -> str:
    """Six digits as Shanghai and Shenzhen number their shares."""
    return rng.choice(("六零零", "六零幺", "零零零", "零零二", "三零零", "六八八", "幺五九", "五幺零")) + digits(rng, 3)


def _liang(spoken: str, rng: random.Random) -> str:
    """二万 → mostly 两万, as people say."""
    if spoken[:2] in ("二万", "二千") and rng.random() < 0.8:
        return "两" + spoken[1:]
    return spoken


def money(rng: random.Random) -> str:
    """An amount of money."""
    kind = rng.random()
    if kind < 0.45:
        return _liang(cardinal(rng.randint(1, 99)) + "万", rng) + rng.choice(("", "", "", "元", "块", "块钱"))
    if kind < 0.58:
        amount = rng.choice((100, 150, 200, 250, 300, 350, 400, 500, 600, 800, 120, 180, 1000, 2000))
        return _liang(cardinal(amount) + "万", rng) + rng.choice(("", "", "元"))
    if kind < 0.74:
        return _liang(cardinal(rng.randint(1, 99) * 100), rng) + rng.choice(("", "元", "块", "块钱"))
    if kind < 0.84:
        return cardinal(rng.randint(1, 99)) + "万" + cardinal(rng.randint(1, 9) * 1000) + rng.choice(("", "元", "块"))
    if kind < 0.9:
        return cardinal(rng.randint(1, 99)) + "点" + rng.choice(_DIGITS[1:]) + rng.choice(("万", "万元", "亿"))
    if kind < 0.96:
        return cardinal(rng.randint(1, 999)) + rng.choice(("块", "元", "块钱", "块五"))
    return cardinal(rng.randint(10000, 9999999)) + rng.choice(("元", "块", ""))


def percent_number(rng: random.Random) -> str:
    """The number of a percentage, mostly such as margin ratios and interest rates have."""
    kind = rng.random()
    if kind < 0.4:
        whole = rng.randint(100, 300)
    elif kind < 0.6:
        whole = rng.choice((120, 130, 135, 140, 145, 150, 160, 180, 200, 300))
    else:
        whole = rng.randint(1, 99)
    spoken = cardinal(whole)
    if rng.random() < 0.4:
        spoken += "点" + "".join(rng.choice(_DIGITS) for _ in range(rng.choice((1, 1, 2))))
    return spoken


def percent(rng: random.Random) -> str:
    """A percentage."""
    return "百分之" + percent_number(rng)


def decimal(rng: random.Random) -> str:
    """A decimal number, such as a price."""
    places = "".join(rng.choice(_DIGITS) for _ in range(rng.choice((1, 2, 2, 3))))
    return cardinal(rng.choice((rng.randint(0, 9), rng.randint(3, 99), rng.randint(100, 1999)))) + "点" + places


def date(rng: random.Random) -> str:
    """A day."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(word_lists()["near_date"])
    if kind < 0.65:
        week = rng.choice(("周", "星期", "礼拜", "下周", "下星期", "下礼拜", "这周", "本周", "上周", "这个星期"))
        return week + rng.choice("一二三四五六日" if week[-1] != "拜" else "一二三四五六天")
    spoken = cardinal(rng.randint(1, 12)) + "月" if rng.random() < 0.75 else ""
    return spoken + cardinal(rng.randint(1, 31)) + rng.choice("号号日" if spoken else "号")


def daytime(rng: random.Random) -> str:
    """A part of the day."""
    return rng.choice(word_lists()["part_of_day"])


def clock(rng: random.Random) -> str:
    """A time of the day."""
    hour = cardinal(rng.choice((8, 9, 9, 10, 10, 11, 12, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8)))
    spoken = rng.choice(("上午", "下午", "下午", "晚上", "中午", "早上", "", "", ""))
    spoken += ("两" if hour == "二" else hour) + "点"
    minute = rng.choice(
        ("", "", "", "", "半", "半", "十分", "一刻", "三刻", "二十", "四十", "钟", "整", "四十五分", "零五分")
    )
    return spoken + minute + rng.choice(("", "", "", "", "", "左右", "以后", "之前", "前", "后"))


def span(rng: random.Random) -> str:
    """A length of time in days or more."""
    return rng.choice(word_lists()["time_span"])


def delay(rng: random.Random) -> str:
    """A length of time up to hours or days."""
    unit = rng.choice(("分钟", "分钟", "个小时", "小时", "天", "个钟头"))
    amount = rng.choice((1, 2, 3, 5, 10, 15, 20, 30, 40)) if unit == "分钟" else rng.choice((1, 2, 2, 3, 4, 5))
    spoken = "两" if amount == 2 else cardinal(amount)
    return rng.choice(("过", "等", "", "")) + rng.choice((spoken + unit, spoken + unit, "半小时", "半个小时", "俩小时"))
