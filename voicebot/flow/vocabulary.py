"""The words a script may use and the words it must not: intents, slot types, and the trade's forbidden phrases."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# docs/domain.md §6: what callees say.
INTENTS = frozenset(
    {
        "affirm", "deny", "identity_confirm", "not_self", "wrong_number",
        "acknowledged", "done_already", "will_do", "give_plan", "extend", "cannot_comply", "dispute",
        "busy", "callback", "refuse", "do_not_call", "complaint", "transfer_human",
        "ask_robot", "ask_identity", "ask_ratio", "ask_line", "ask_amount", "ask_deadline", "ask_consequence",
        "ask_how", "ask_fee", "ask_which", "interest", "ask_product",
        "repeat", "not_understood", "wait", "greeting", "backchannel", "unknown",
    }
)  # fmt: skip

# Their names in Chinese, for whoever reads a script or a record.
INTENT_NAMES = {
    "affirm": "肯定",
    "deny": "否定",
    "identity_confirm": "确认本人",
    "not_self": "非本人",
    "wrong_number": "打错",
    "acknowledged": "知悉",
    "done_already": "已处理",
    "will_do": "会处理",
    "give_plan": "处置计划",
    "extend": "展期",
    "cannot_comply": "困难",
    "dispute": "异议",
    "busy": "忙",
    "callback": "约回拨",
    "refuse": "拒绝",
    "do_not_call": "勿扰",
    "complaint": "投诉",
    "transfer_human": "转人工",
    "ask_robot": "问是否机器人",
    "ask_identity": "问身份",
    "ask_ratio": "问比例",
    "ask_line": "问线",
    "ask_amount": "问金额",
    "ask_deadline": "问期限",
    "ask_consequence": "问后果",
    "ask_how": "问办法",
    "ask_fee": "问利息费用",
    "ask_which": "问哪一笔",
    "interest": "有兴趣",
    "ask_product": "问产品",
    "repeat": "没听清",
    "not_understood": "听不懂",
    "wait": "等待",
    "greeting": "招呼",
    "backchannel": "应声",
    "unknown": "其他",
}

# docs/domain.md §6: the types of what is said, and the slot type each can fill.
HEARD_SLOTS = {
    "callback_time": "datetime",
    "amount": "money",
    "date": "date",
    "method": "text",
    "person_relation": "text",
    "reason": "text",
    "score": "integer",
}

ACTS = frozenset({"do_not_call", "callback", "lead", "transfer", "complaint", "message", "webhook"})

# docs/domain.md §3.10.
BANNED = ("保本", "保收益", "稳赚", "零风险", "只赚不亏", "包中", "内幕", "肯定涨", "最低收益", "跟着买")

# docs/domain.md §3.1, our reasoning: words that offer something; a service call never does.
PITCH_WORDS = (
    "推荐", "推介", "优惠", "促销", "限时", "抢购", "收益率", "年化", "热销", "新客专享", "名额有限", "机会难得",
    "值得买", "大家都在买", "送礼", "返现", "免佣", "佣金低",
)  # fmt: skip

# docs/domain.md §3.6, our reasoning: words that alone betray what the call is about.
ACCOUNT_WORDS = (
    "担保比例", "担保物", "警戒线", "平仓", "追保", "融资", "融券", "两融", "信用账户", "负债", "欠款", "罚息",
    "展期", "中签", "缴款", "余额", "持仓", "市值", "亏损", "盈利", "到期", "赎回",
)  # fmt: skip

# What a voice does not say, or an eye does not see, hides no phrase; punctuation does end one (担保，本次通话).
_UNSAID = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"·•・‧\-_*~^|\\'\"“”‘’「」『』#&+]+"
)
_ALIKE = str.maketrans("穩賺險虧內幕漲著買跟從風〇", "稳赚险亏内幕涨着买跟从风零")
_ZERO = re.compile(r"(?<![0-9.])0(?![0-9.])")


@lru_cache(maxsize=4096)  # a list of contacts brings the same sentences again and again
def banned_in(text: str) -> str:
    """The first forbidden phrase in a text, "" if none. Width variants, traditional forms, spaces, unseen characters,
    quotation marks and dots hide nothing.
    """
    plain = _UNSAID.sub("", unicodedata.normalize("NFKC", text)).translate(_ALIKE)
    plain = _ZERO.sub("零", plain)
    return next((word for word in BANNED if word in plain), "")
