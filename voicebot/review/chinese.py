"""A script's blocks in the words of those who approve it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from voicebot.flow.dispositions import Disposition, outranks
from voicebot.flow.model import ActSpec, Branch, Fork, Reference, Script, SlotSpec, Wording
from voicebot.flow.vocabulary import INTENT_NAMES

KINDS = {"service": "服务", "marketing": "营销"}
TYPES = {
    "name": "姓名",
    "title": "称谓",
    "money": "金额",
    "percent": "百分比",
    "date": "日期",
    "time": "时刻",
    "full_date": "日期（连年份一起说）",
    "datetime": "日期和时刻",
    "digits": "号码",
    "integer": "整数",
    "text": "文字",
    "choice": "选项",
}
SOURCES = {"contact": "客户资料", "callee": "客户在通话中说出", "script": "话术设定"}
HEARD = {
    "callback_time": "回电时间",
    "amount": "金额",
    "date": "日期",
    "method": "方式",
    "person_relation": "与客户的关系",
    "reason": "原因",
    "score": "评分",
}
ACTS = {
    "do_not_call": "登记勿扰",
    "callback": "登记约回拨",
    "lead": "生成跟进线索",
    "transfer": "转接人工",
    "complaint": "登记投诉",
    "message": "发送消息",
    "webhook": "通知业务系统",
}
# What may happen instead of an answer: nothing was said, or the robot did not understand it.
SILENCE = "静默"
UNCLEAR = "听不清"
_REASONS = {"ear_lost": "语音识别中断"}
_OUTCOMES = frozenset(d.value for d in Disposition)
_SHORT = re.compile("[，,。；;：:（(]")


def intent(name: str) -> str:
    """What the callee means."""
    return INTENT_NAMES.get(name, name)


def intents(names: Iterable[str]) -> str:
    """Any of these."""
    return "／".join(intent(name) for name in names)


def outcome(name: str) -> str:
    """How a call ended."""
    return Disposition(name).chinese


def ending(name: str) -> str:
    """What a call that ends has for its outcome; "" is whatever it had before."""
    if not name:
        return "结束 · 保留此前结果"
    return f"结束 · {outcome(name)}" + ("" if replaces(name) else "（已有结果则保留）")


def replaces(name: str) -> bool:
    """Whether an outcome counts although the call had one already."""
    return outranks(name, Disposition.ACKNOWLEDGED)


def slot(script: Script, name: str) -> str:
    """A slot's short name: what its `about` begins with, or its id; with its id where two begin alike."""
    if name not in script.slots:
        return name
    short = _short(script.slots[name]) or name
    is_alone = all(_short(spec) != short for other, spec in script.slots.items() if other != name)
    return short if is_alone else f"{short} {name}"


def _short(spec: SlotSpec) -> str:
    return _SHORT.split(spec.about.strip())[0]


def wording(script: Script, said: Wording) -> str:
    """A sentence in plain text, its slots in brackets."""
    return "".join(f"〔{slot(script, p.slot)}〕" if isinstance(p, Reference) else p for p in said.parts)


def heard(script: Script, branch: Branch) -> str:
    """What must have been said for a branch."""
    told = [intents(branch.heard)] if branch.heard else []
    told += [f"同时{intent(name)}" for name in branch.also]
    if branch.given:
        told.append(f"说出{'同样的' if branch.same else ''}{slot(script, branch.given)}")
    return "，".join(told)


def limits(branch: Branch) -> list[str]:
    """When a branch counts, beyond what was said."""
    told = []
    if branch.when_identified is not None:
        told.append("身份已确认" if branch.when_identified else "身份未确认")
    if branch.at_most is not None:
        told.append(f"前{branch.at_most}次")
    return told


def fork(script: Script, way: Fork) -> str:
    """When a way is taken by what the data says."""
    name = slot(script, way.slot)
    if way.is_:
        return f"{name}＝{'或'.join(way.is_)}"
    if way.known is not None:
        return f"已知{name}" if way.known else f"不知{name}"
    return f"{name}低于{slot(script, way.below)}" if way.below else f"{name}不低于{slot(script, way.at_least)}"


def setting(script: Script, values: Mapping[str, str]) -> list[str]:
    """What a script notes by itself."""
    return [f"设定{slot(script, name)}＝{value}" for name, value in values.items()]


def act(script: Script, spec: ActSpec) -> str:
    """What happens outside the call."""
    told = []
    if spec.template:
        told.append(f"模板 {spec.template}")
    if spec.hook:
        told.append(f"接口 {spec.hook}")
    if spec.slots:
        told.append(f"带上{'、'.join(slot(script, name) for name in spec.slots)}")
    if spec.reason:
        told.append(f"原因：{_reason(spec.reason)}")
    return ACTS[spec.act] + (f"（{'，'.join(told)}）" if told else "")


def _reason(reason: str) -> str:
    if reason in _OUTCOMES:
        return outcome(reason)
    return _REASONS.get(reason) or intent(reason)


def rules(script: Script, spec: SlotSpec) -> list[str]:
    """What a slot's value must be."""
    told = [f"取值：{'、'.join(spec.choices)}"] if spec.choices else []
    if spec.optional:
        told.append("可以没有")
    if spec.below:
        told.append(f"须低于{slot(script, spec.below)}")
    if spec.future:
        told.append("须晚于拨打时刻")
    return told
