"""The trade's names for what the tables of campaigns hold, beside the ids that data and API have."""

from __future__ import annotations

from typing import Final

from voicebot.campaign.gates import CHINESE as GATES
from voicebot.campaign.snapshot import NOT_DIALLED, TRUNK_FAILED
from voicebot.campaign.verdicts import CHINESE as VERDICTS
from voicebot.flow.dispositions import CHINESE as OUTCOMES

CAMPAIGN: Final = {
    "importing": "导入中",
    "draft": "草稿",
    "submitted": "待审批",
    "approved": "已审批",
    "running": "进行中",
    "paused": "已暂停",
    "done": "已完成",
    "cancelled": "已取消",
}
CONTACT: Final = {
    "waiting": "待拨打",
    "admitted": "拨打中",
    "done": "已完成",
    "refused": "不予拨打",
    "unknown": "待核实",
    "cancelled": "已取消",
}
ATTEMPT: Final = {
    "queued": "排队",
    "dialling": "呼叫中",
    "closed": "已结束",
    "unknown": "待核实",
    "refused": "不予拨打",
}
KIND: Final = {"first": "首次", "retry": "重拨", "wish": "约定", "redial": "核实后重拨"}
STAGE: Final = {"import": "导入", "enqueue": "入队", "dial": "拨打前"}
# What puts an attempt back, or ends it, that no gate refused: it lies with us, not with the contact.
WITH_US: Final = {
    NOT_DIALLED: "未拨出",
    TRUNK_FAILED: "中继故障",
    "trunk_down": "中继不可用",
    "cannot_be_dialled": "无法拨打",
    "synthetic_ear": "合成语音模型不可外呼",
}
FLOW_KIND: Final = {"service": "服务", "marketing": "营销"}
_RULES: Final[dict[str, str]] = {**WITH_US, **VERDICTS, **GATES}
_OUTCOMES: Final[dict[str, str]] = {known.value: name for known, name in OUTCOMES.items()}


def outcome(disposition: str) -> str:
    """A call's outcome in Chinese; "" for none, the id itself for one that has no name."""
    return _OUTCOMES.get(disposition, disposition)


def rule(name: str) -> str:
    """A rule's name in Chinese; "" for none and for one that has no name."""
    return _RULES.get(name, "")
