"""Corrections to how espeak-ng 1.52 reads Hanzi.

Its voice `cmn` has a large dictionary and takes pinyin syllables with tone digits ("zhong4 qian1") in the middle of
Hanzi, so a wrong reading is mended by writing the syllables instead. What is mended, found by comparing its phonemes
with pypinyin's readings of every character of GB2312 and of 313,000 dictionary words:

- every syllable jiong, qiong, xiong (84 characters; 熊 and 兄 among them) is spelled as English letters; the same sound
  is reached by the spellings jong, qong, xong;
- words with a retroflex 儿 (一会儿, 哪儿) are spelled as English letters as well;
- characters beyond U+9FFF are unknown to it;
- some words of the trade and some single characters have another reading (还款, 中签, 贾).
"""

from __future__ import annotations

import re

from pypinyin import Style as Pinyin
from pypinyin import lazy_pinyin

# The longest match wins, so a word can protect its characters from the single readings.
_WORDS = {
    "中签": "zhong4 qian1",
    "调仓": "tiao2 cang1",
    "一只票": "yi4 zhi1 piao4",
    "两只": "liang3 zhi1",
    "几只": "ji3 zhi1",
    "哪只": "na3 zhi1",
    "尽早": "jin3 zao3",
    "商贾": "shang1 gu3",
}

_CHARACTERS = {
    "贾": "jia3", "虹": "hong2", "稽": "ji1", "囤": "tun2", "卒": "zu2", "咳": "ke2", "娩": "mian3", "溺": "ni4",
    "拓": "tuo4", "淆": "xiao2", "著": "zhu4", "澄": "cheng2", "戚": "qi1", "兒": "er2", "皛": "xiao3", "赨": "tong2",
    "匔": "gong1", "輁": "gong3", "幜": "jing3", "棾": "qing2", "顈": "jong3", "宆": "qong2",
}  # fmt: skip
_CHARACTERS |= {
    character: syllable
    for syllable, characters in {
        "jong1": "冂冋坰埛扃絅蘏蘔駉駫",
        "jong3": "侰僒冏囧泂澃炯烱煚煛熲窘綗褧迥逈颎",
        "qong1": "芎",
        "qong2": "儝卭惸桏橩焪焭煢琼瓊睘瞏穷穹窮竆笻筇茕藑藭蛩赹跫邛銎",
        "xong1": "兄兇凶匈哅忷恟汹洶胷胸訩詾讻賯",
        "xong2": "熊雄",
        "xong4": "敻夐詗诇",
    }.items()
    for character in characters
}

_WORD = re.compile("|".join(sorted(map(re.escape, [*_WORDS, *_CHARACTERS]), key=len, reverse=True)))
# 儿 as a syllable of its own: 儿子, 女儿. Everywhere else behind a Hanzi it only colours the vowel.
_RETROFLEX = re.compile(r"(?<=[\u3400-\u9fff])(?<![女婴幼孤少男胎孩妻])儿(?![子女童孙科媳歌戏时])")
_PAY_BACK = re.compile(  # 还 is huan2 as "to pay back", else hai2
    "还(?=款|券|钱|息|掉|清|一半|一部分|一下|了(?!解)|上(?![调涨升市面午次])|完(?![全美善])|不[上起清])"
    "|(?<=[不没先要来])还(?![是有没要在])|(?<=直接|怎么|已经|全部|分期)还(?![是有没要在不])"
)
_IS = re.compile(r"(?<![因认成作])为(?=[负零一二两三四五六七八九十百千万亿])")
_BEYOND = re.compile(r"[^\u0000-\u9fff\uff00-\uffef]")
_IONG = re.compile(r"^([jqx])iong")


def respell(text: str) -> str:
    """Hanzi with the places espeak-ng would read wrongly written as pinyin: "熊先生" → " xong2 先生".

    Characters nobody can read (pypinyin neither) are dropped. Never raises.
    """
    text = _BEYOND.sub(_read, text)
    text = _PAY_BACK.sub(" huan2 ", text)
    text = _IS.sub(" wei2 ", text)
    text = _WORD.sub(lambda match: f" {_WORDS.get(match[0]) or _CHARACTERS[match[0]]} ", text)
    return _RETROFLEX.sub(" er5 ", text)


def _read(match: re.Match[str]) -> str:
    syllables = lazy_pinyin(match[0], style=Pinyin.TONE3, v_to_u=False, neutral_tone_with_five=True, errors="ignore")
    return " " + " ".join(_IONG.sub(r"\1ong", syllable) for syllable in syllables) + " "
