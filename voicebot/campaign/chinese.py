"""The trade's names for what the tables of campaigns hold, beside the ids that data and API have."""

from __future__ import annotations

from typing import Final

from voicebot.campaign.gates import CHINESE as GATES
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
FLOW_KIND: Final = {"service": "服务", "marketing": "营销"}
_OUTCOMES: Final[dict[str, str]] = {known.value: name for known, name in OUTCOMES.items()}


def outcome(disposition: str) -> str:
    """A call's outcome in Chinese; "" for none, the id itself for one that has no name."""
    return _OUTCOMES.get(disposition, disposition)


def rule(name: str) -> str:
    """A rule's name in Chinese; "" for none and for one that has no name."""
    return GATES.get(name, VERDICTS.get(name, ""))
