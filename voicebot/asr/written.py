"""What was heard, as a clerk writes it (inverse text normalisation): 一百二十八点五 → 128.5, 下午三点半 → 下午3点半.

Pure and quick, so nobody waits for it. It is careful rather than complete: words are never wrong and a wrong figure is,
so whatever may be a name, an idiom or an estimate (万一, 三一重工, 二三十个) stays as it was said. What is written in
figures follows GB/T 15835-2011; 万 and 亿 stay, as people write money.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from voicebot.asr.numerals import NUMERAL, cardinal, figures, row
from voicebot.asr.recognizer import Transcript

_DIGITS = "一二三四五六七八九"
_D = f"[{_DIGITS}]"
# The 一 of 一起, 一样, 一下 and their like ends no number: 二十万一起转.
_N = rf"(?:(?!一(?:[样起直定些会旦般共]|下(?![午周月班个])))[{NUMERAL}])"
# Possessive: a number that is followed by the wrong thing must not be read in part.
_RUN = rf"{_N}++(?:点{_N}++)?+"
_MINUS = "(?<![自抱胜肩担辜欺背])负"

# Days of the week, days of the old calendar, and words that only look like numbers.
_KEPT = (
    r"(?:星期|礼拜|(?<![一二两三四五六七八九十每几半])周)[一二三四五六日天]",
    rf"(?:(?<![当最年月起])初|正月|冬月|腊月|大年|农历|阴历)[{_DIGITS}十月初]+",
    rf"[{_DIGITS}十]+月初[{_DIGITS}十]",
    r"[二三五六七九]月[二三五六七九](?![十号日])",
    rf"(?:一三五|二四六|三二一|七七八八)(?![{NUMERAL}])",
    r"二百五(?![十块元多个万股手])",
    *("一点一[点滴]", "八月十五(?![号日])", "双十[一二]", "七月(?:半|流火)", "百分百", "十年如一日", "说一千道一万"),
    *("一千零一夜", "十万八千里", "五十步笑百步", "三百六十行", "三十六计", "七十二变", "十八般", "十万火急"),
    *("十月革命", "三六九等", "七零八落", "一五一十", "九九八十一"),
)
_PHRASE = re.compile(
    "|".join(
        (
            rf"(?P<kept>{'|'.join(_KEPT)})",
            rf"(?P<sign>{_MINUS})?(?P<of>[百千万])分之(?P<share>{_RUN})"
            rf"(?:(?P<to>[到至])(?:(?P=of)分之)?(?P<until>{_RUN})(?![个块元点分]))?",
            rf"(?P<lower>{_RUN})分之(?P<upper>{_RUN})",
            rf"(?<![块元毛万点号个])(?P<one>{_RUN})比(?P<other>{_RUN})",
            rf"(?<=[A-Za-z])加(?P<days>[零一二三四五])(?![{NUMERAL}])",  # T加一
            rf"(?P<yuan>{_RUN})(?P<unit>[块元])(?:零(?P<only_fen>{_D})分|(?P<jiao>{_D})"
            rf"(?:(?P<mao>[毛角])(?:零?(?P<fen>{_D})(?P<cent>分)?)?|(?=$|钱|[的吧了呢啊嘛])))",
            rf"(?P<coins>{_RUN})(?=[块元]钱)",
            rf"(?P<minus>{_MINUS})?(?P<run>{_RUN})",
        )
    )
)
_SHARES = {"百": "{}%", "千": "{}‰", "万": "万分之{}"}

_SOME = re.compile(r"(?:几|(?<![指总次人户分点倍级天系股])数)$")
# Ten and eleven are as often no number (十分, 十大, 十一放假): something must be counted.
_COUNTED = re.compile(
    rf"个|块|元|毛|角|天|年|月|号|日|点|分钟|秒|岁|股|手|次|倍|位|名|家|只|人|米|公里|周|小时|层|楼|页|条|张|笔|度|斤|吨|克|折|期|%"
    rf"|[到至][{NUMERAL}]"
)
# What follows a last digit that is a number of its own; money has a last digit without its unit (三万五块).
_MEASURE = re.compile(
    r"个|天|年|月|号|日|点|分钟|秒|岁|次|倍|位|名|家|只|人|米|公里|周|小时|层|楼|页|条|张|笔|度|斤|吨|期|手|股|件|本|份|套|把|副"
)
_AND = tuple("年月天周岁块元时斤米")  # 一年零三天
# What a single digit is written in figures before.
_DATED = re.compile(r"号(?![召称])|月(?![饼亮球薪租供])")
_JANUARY = re.compile(
    rf"号(?![召称])|月(?:[二三]?十{_D}?(?![百千万块])|{_D}[号日]|[份底初中上下以之]|$)"
)  # 一月 may be "a month"
_POINTS = re.compile(r"个(?:百分点|亿)")
_RANGE = re.compile(rf"[到至](?:[{NUMERAL}]*[万亿]|[{NUMERAL}]+(?:点|号|月(?![饼亮球薪租供])|个?百分点))")
_ORDINAL = ("第", "这", "那", "每", "某", "几", "哪", "首", "头")
# 点 is also a point that is made.
_ARGUMENT = re.compile(r"意见|建议|要求|想法|看法|理由|原因|问题|疑问|内容|说明|注意|需求|希望|共识|好处|坏处|区别|水")
_ARGUES = ("说", "讲", "提", "有", "补充", "强调", *_ORDINAL)
# 一点 is mostly "a little".
_LITTLE = re.compile(r"[都也儿没不就点空事用钱]|时间|机会|办法|消息|准备|印象")
_DAY_PART = re.compile(
    r"(?:凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|半夜|今晚|明早|明晚|[今明后昨前]天|[号日]|(?:周|星期|礼拜)[一二三四五六日天])$"
)
_PLACES = ("点", "楼", "号", "单元", "栋")  # 十点二楼
_UNTIL = ("点到", "点至", "半到", "半至")
# A thousand shares of 万科 are not a 科 of ten million.
_NAMES = re.compile(r"[科达丰]|华化|泰生|物云")


def written(text: str) -> str:
    """The text with its numbers, dates, times, amounts, shares and codes in figures. Never raises."""
    return _PHRASE.sub(_write, text)


def with_written(final: Transcript) -> Transcript:
    """The final with its `written`; the engine's own, if it has one."""
    return final if final.written else replace(final, written=written(final.text))


def written_of(finals: Iterable[Transcript]) -> str:
    """Several finals that are one turn: a number that the engine's endpoint cut in two is one number again."""
    own_or_not = groupby(finals, key=lambda final: bool(final.written))
    return "".join(
        "".join(final.written for final in group) if own else written("".join(final.text for final in group))
        for own, group in own_or_not
    )


def _write(found: re.Match[str]) -> str:
    """What is written for one match; what was said where there is a doubt."""
    return _written(found) or found[0]


def _written(found: re.Match[str]) -> str | None:
    if found["kept"]:
        return None
    if found["of"]:
        return _share(found)
    if found["lower"]:
        lower, upper = cardinal(found["lower"]), cardinal(found["upper"])
        return f"{upper}/{lower}" if lower and upper else None
    if found["one"]:
        one, other = figures(found["one"]), figures(found["other"])
        return f"{one}:{other}" if one and other else None
    if found["days"]:
        return f"+{row(found['days'])}"
    if found["yuan"]:
        return _money(found)
    if found["coins"]:
        return _certain(found["coins"])
    before, after = found.string[: found.start()], found.string[found.end() :]
    number = _number(found["run"], before, after)
    return f"-{number}" if found["minus"] and number else number


def _share(found: re.Match[str]) -> str | None:
    """百分之三 → 3%, 百分之十到十五 → 10%到15%."""
    share = "100" if found["of"] == found["share"] == "百" else _certain(found["share"])
    if not share:
        return None
    until = _certain(found["until"]) if found["to"] else ""
    if until is None:
        return None
    shown = _SHARES[found["of"]]
    whole = shown.format(share) + (found["to"] + shown.format(until) if until else "")
    return f"-{whole}" if found["sign"] else whole


def _money(found: re.Match[str]) -> str | None:
    """十二块五毛 → 12块5毛."""
    yuan = _certain(found["yuan"])
    if not yuan:
        return None
    if found["only_fen"]:
        return f"{yuan}{found['unit']}零{row(found['only_fen'])}分"
    fen = row(found["fen"] or "") + (found["cent"] or "")
    return f"{yuan}{found['unit']}{row(found['jiao'])}{found['mao'] or ''}{fen}"


def _number(run: str, before: str, after: str) -> str | None:
    """A number by what stands around it."""
    if _SOME.search(before) or after.startswith(("几", "好几", "点几")):
        return None
    whole, point, rest = run.partition("点")
    if point:
        return _time(whole, rest, before, after) or (None if after.startswith(_PLACES) else _certain(run))
    if len(run) == 1 and run != "十":
        return figures(run) if _counts(run, before, after) else None
    if row(run):
        return _row(run, before, after)
    if run in ("十", "十一") and not _COUNTED.match(after) and not before.endswith("月"):
        return None
    if run[-1] == "万" and len(run) == 2 and _NAMES.match(after):
        return None
    if len(run) > 2 and run[-2] in "百千万亿" and run[-1] in _DIGITS and _MEASURE.match(after):
        number = figures(run[:-1])  # 十二万一笔: no 121000
        return number and number + (_number(run[-1], before + run[:-1], after) or run[-1])
    return figures(run)


def _counts(digit: str, before: str, after: str) -> bool:
    """Whether a single digit is a date, a time, or the lower end of a range; before most words it stays a word."""
    if after.startswith("点"):
        return _is_hour(digit, before, after[1:])
    if before.endswith(_ORDINAL) or (digit == "一" and before.endswith(("大", "小"))):
        return False  # 大一号: the next size
    if before.endswith("月") and after.startswith("日"):
        return True
    if digit != "两" and (_DATED if digit != "一" else _JANUARY).match(after):
        return True
    return bool(_POINTS.match(after) or _RANGE.match(after)) or (digit != "一" and after.startswith("个点"))


def _is_hour(digit: str, before: str, rest: str) -> bool:
    """Whether "X点" is a time and no argument, and 一点 not "a little"."""
    if rest.startswith(("钟", "半", "整")):
        return True
    if _ARGUMENT.match(rest) or before.endswith(_ARGUES):
        return False
    if digit == "一":
        return not _LITTLE.match(rest) and bool(_DAY_PART.search(before) or before.endswith(_UNTIL))
    return True


def _time(whole: str, rest: str, before: str, after: str) -> str | None:
    """三点二十 → 3点20, 三点零五分 → 3点05分; None if it is rather a number with decimals."""
    hour = cardinal(whole) if len(whole) == 1 or not row(whole) else None
    if hour is None or hour > 24:
        return None
    if rest in ("一", "三") and after.startswith("刻"):
        return f"{hour}点{rest}"
    minutes = after.startswith("分") and not after.startswith(("分钟", "分之"))
    if "十" in rest:
        minute = cardinal(rest)
        return f"{hour}点{minute}" if minute is not None and 10 <= minute <= 59 else None
    if not (minutes or (rest[0] in "零〇" and _DAY_PART.search(before))):
        return None
    exact = row(rest)
    return f"{hour}点{exact}" if exact and (len(exact) == 1 or (len(exact) == 2 and rest[0] in "零〇")) else None


def _row(run: str, before: str, after: str) -> str | None:
    """A code, a year, a telephone number; two or three digits in a row are rather an estimate (三五天, 三四五个)."""
    digits = row(run)
    if len(run) == 2 and run[0] in "零〇":
        return digits if after.startswith(("年", "后", "号")) and not before.endswith(_AND) else None
    if len(run) == 2 and not set(run) & set("零〇幺"):
        year = after.startswith("年") and not after.startswith("年级")
        return digits if year and int(digits[1]) != int(digits[0]) + 1 and run != "三五" else None
    if len(run) == 3 and digits in "123456789":
        return None
    return digits


def _certain(text: str) -> str | None:
    """Figures for a number that is no estimate."""
    whole = text.partition("点")[0]
    if "点" not in text and len(text) == 2 and row(text) and not set(text) & set("零〇幺"):
        return None
    return figures(text) if whole else None
