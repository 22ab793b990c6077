"""How a call ended, as the trade names it (docs/domain.md §4 and §5)."""

from __future__ import annotations

from enum import StrEnum


class Disposition(StrEnum):
    """A call's outcome. The value is the id used in records and the API; `chinese` is its name."""

    ACKNOWLEDGED = "acknowledged"
    WILL_DO = "will_do"
    DONE_ALREADY = "done_already"
    CALLBACK = "callback"
    REFUSE = "refuse"
    DO_NOT_CALL = "do_not_call"
    COMPLAINT = "complaint"
    NOT_SELF = "not_self"
    WRONG_NUMBER = "wrong_number"
    TRANSFER_HUMAN = "transfer_human"
    VOICEMAIL = "voicemail"
    HUNG_UP = "hung_up"
    NOT_UNDERSTOOD = "not_understood"
    SILENT = "silent"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    EMPTY_NUMBER = "empty_number"
    OUT_OF_SERVICE = "out_of_service"
    POWERED_OFF = "powered_off"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"
    FAULT = "fault"
    UNKNOWN = "unknown"

    @property
    def chinese(self) -> str:
        """Its name in Chinese."""
        return CHINESE[self]


CHINESE = {
    Disposition.ACKNOWLEDGED: "已告知确认",
    Disposition.WILL_DO: "已承诺处理",
    Disposition.DONE_ALREADY: "已处理",
    Disposition.CALLBACK: "约回拨",
    Disposition.REFUSE: "拒绝",
    Disposition.DO_NOT_CALL: "勿扰",
    Disposition.COMPLAINT: "投诉",
    Disposition.NOT_SELF: "非本人",
    Disposition.WRONG_NUMBER: "错号",
    Disposition.TRANSFER_HUMAN: "转人工",
    Disposition.VOICEMAIL: "留言/助理",
    Disposition.HUNG_UP: "中途挂断",
    Disposition.NOT_UNDERSTOOD: "未识别结束",
    Disposition.SILENT: "静默",
    Disposition.BUSY: "忙",
    Disposition.NO_ANSWER: "无人接听",
    Disposition.REJECTED: "拒接",
    Disposition.EMPTY_NUMBER: "空号",
    Disposition.OUT_OF_SERVICE: "停机",
    Disposition.POWERED_OFF: "关机",
    Disposition.UNREACHABLE: "无法接通",
    Disposition.CANCELLED: "取消",
    Disposition.FAULT: "故障",
    Disposition.UNKNOWN: "未知",
}

# What a script may give a call; the others come from the network, from us, or from how the call broke off.
FROM_SCRIPT = frozenset(
    {
        Disposition.ACKNOWLEDGED,
        Disposition.WILL_DO,
        Disposition.DONE_ALREADY,
        Disposition.CALLBACK,
        Disposition.REFUSE,
        Disposition.DO_NOT_CALL,
        Disposition.COMPLAINT,
        Disposition.NOT_SELF,
        Disposition.WRONG_NUMBER,
        Disposition.TRANSFER_HUMAN,
        Disposition.VOICEMAIL,
        Disposition.NOT_UNDERSTOOD,
        Disposition.SILENT,
    }
)

# These say that the client was told something: they hold only once the required disclosure was played to its end.
NEED_DISCLOSURE = frozenset({Disposition.ACKNOWLEDGED, Disposition.WILL_DO, Disposition.DONE_ALREADY})


def outranks(new: str, old: str) -> bool:
    """Whether a later outcome replaces the one a call has: a complaint and a do-not-call wish stay (docs/domain.md
    §3.8, §3.3), silence and misunderstanding never undo what was already said, otherwise the last word counts.
    """
    return _RANK.get(new, 1) >= _RANK.get(old, 1) if old else True


_RANK: dict[str, int] = {
    Disposition.COMPLAINT: 3,
    Disposition.DO_NOT_CALL: 2,
    Disposition.NOT_UNDERSTOOD: 0,
    Disposition.SILENT: 0,
}
