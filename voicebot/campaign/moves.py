"""The moves of a campaign 状态流转: from which states, to which, by whom. `voicebot.campaign.life` makes them; the
diagram in docs/campaigns.md is drawn from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from voicebot.campaign import chinese
from voicebot.campaign.fault import CampaignFault


@dataclass(frozen=True, slots=True)
class Move:
    """One move. `change`: its name in the log; `states`: where it begins; `roles`: who may (any of them, and admin),
    none where the dispatcher does it by itself; `needs_why`: it must be given a reason.
    """

    name: str
    chinese: str
    change: str
    states: tuple[str, ...]
    to: str
    roles: tuple[str, ...] = ()
    needs_why: bool = False


_ANYWHERE: Final = ("draft", "submitted", "approved", "running", "paused")

MOVES: Final = {
    move.name: move
    for move in (
        Move("submit", "提交", "submitted", ("draft",), "submitted", ("operations",)),
        Move("approve", "批准", "approved", ("submitted",), "approved", ("compliance",)),
        Move("reject", "驳回", "rejected", ("submitted",), "draft", ("compliance",), needs_why=True),
        Move("change", "修改", "changed", ("draft", "submitted", "approved", "paused"), "draft", ("operations",)),
        Move("start", "启动", "started", ("approved",), "running", ("operations", "supervisor")),
        # Whoever sees that it must stop may stop it.
        Move("pause", "暂停", "paused", ("running",), "paused", ("operations", "supervisor", "compliance")),
        Move("resume", "恢复", "resumed", ("paused",), "running", ("operations", "supervisor")),
        Move(
            "cancel", "取消", "cancelled", _ANYWHERE, "cancelled", ("operations", "supervisor", "compliance"),
            needs_why=True,
        ),
        Move("finish", "完成", "finished", ("running",), "done"),
        Move("void", "失效", "voided", ("submitted", "approved", "running", "paused"), "draft"),
    )
}  # fmt: skip


def moves_from(state: str) -> tuple[Move, ...]:
    """What people may do with a campaign in this state."""
    return tuple(move for move in MOVES.values() if move.roles and state in move.states)


def check(move: Move, name: str, state: str) -> None:
    """Nothing, if the campaign called `name` may make the move; otherwise raises `CampaignFault`, which says what it
    may do.
    """
    if state in move.states:
        return
    told = f"{name} is {state} {chinese.CAMPAIGN[state]}"
    if state == "importing":
        raise CampaignFault(f"{told}: wait until its list is read; where that was broken off, import it again")
    if move.name == "change" and state == "running":
        raise CampaignFault(f"{told}: pause it first, then change it")
    possible = ", ".join(other.name for other in moves_from(state)) or "nothing more"
    raise CampaignFault(f"{told}: `{move.name}` needs {' or '.join(move.states)}; possible now: {possible}")
