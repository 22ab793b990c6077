"""Commands for the life of campaigns: submit, approve, start … and decisions about calls of which nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from voicebot.campaign import chinese, decisions, life
from voicebot.campaign.book import Campaign
from voicebot.campaign.moves import moves_from
from voicebot.campaign.plan import read_plan
from voicebot.cli.campaign_desk import By, Name, Why, acting, open_desk
from voicebot.cli.terminal import Json, out, print_json
from voicebot.robot import load_flow

app = typer.Typer()


class Choice(StrEnum):
    """What can be decided about an attempt of which nobody knows."""

    REDIAL = "redial"
    CLOSE = "close"


# ---------------------------------------------------------------- moves


@app.command("submit")
def submit(name: Name, by: By = "", why: Why = "") -> None:
    """Ask for approval 提交审批: script, contacts and plan are fixed from here on."""
    _move_with_script(life.submit, name, by, why)


@app.command("approve")
def approve(name: Name, by: By = "", why: Why = "") -> None:
    """Approve what was submitted 批准; not what you wrote, changed or submitted. Read it first: `show`."""
    _move_with_script(life.approve, name, by, why)


@app.command("reject")
def reject(name: Name, why: Why = "", by: By = "") -> None:
    """Send it back 驳回, with the reason."""
    with open_desk() as desk:
        _told(life.reject(desk.store, name, acting(by), datetime.now(UTC), why))


@app.command("change")
def change(
    name: Name,
    plan: Annotated[Path, typer.Option("--plan", help="The new plan, a YAML file.")],
    by: By = "",
    why: Why = "",
) -> None:
    """Give it another plan 修改计划: it is a draft then and needs a new approval."""
    with open_desk() as desk:
        _told(life.change(desk.store, name, acting(by), read_plan(plan), datetime.now(UTC), desk.policy, why))


@app.command("start")
def start(name: Name, by: By = "", why: Why = "") -> None:
    """Let an approved campaign dial 启动; `voicebot worker` processes do it."""
    _move_with_script(life.start, name, by, why)


@app.command("pause")
def pause(name: Name, by: By = "", why: Why = "") -> None:
    """Place no further calls 暂停; those under way are finished."""
    with open_desk() as desk:
        _told(life.pause(desk.store, name, acting(by), datetime.now(UTC), why))


@app.command("resume")
def resume(name: Name, by: By = "", why: Why = "") -> None:
    """Go on after a pause 恢复."""
    _move_with_script(life.resume, name, by, why)


@app.command("cancel")
def cancel(name: Name, why: Why = "", by: By = "") -> None:
    """End it for good 取消, with the reason; calls under way are finished."""
    with open_desk() as desk:
        _told(life.cancel(desk.store, name, acting(by), datetime.now(UTC), why))


def _move_with_script(move: Callable[..., Campaign], name: str, by: str, why: str) -> None:
    with open_desk() as desk:
        flow = load_flow(desk.settings, desk.campaign(name).flow)
        _told(move(desk.store, name, acting(by), datetime.now(UTC), flow, desk.policy, why))


def _told(campaign: Campaign) -> None:
    possible = ", ".join(move.name for move in moves_from(campaign.state))
    next_ = f"; possible now: {possible}" if possible else ""
    out.print(f"{escape(campaign.name)} is {campaign.state} {chinese.CAMPAIGN[campaign.state]}{next_}", soft_wrap=True)


# ---------------------------------------------------------------- what nobody knows


@app.command("unknown")
def unknown(name: Name, as_json_: Json = False) -> None:
    """Calls of which nobody knows whether a phone rang 结果不明: somebody decides about each."""
    with open_desk() as desk:
        found = decisions.unknown_of(desk.store, desk.campaign(name))
        if as_json_:
            print_json([asdict(each) | {"fenced_at": each.fenced_at.isoformat()} for each in found])
            return
        for each in found:
            told = [
                f"row {each.row}",
                each.ref,
                each.number,
                desk.when(each.fenced_at),
                f"host {each.host}",
                f"call {each.call_id}",
                each.note,
            ]
            out.print(escape("  ".join(filter(None, told))), soft_wrap=True)
        if found:
            out.print(f"`voicebot campaign decide {escape(name)} ROW redial|close --why TEXT`", soft_wrap=True)
        else:
            out.print("nothing is unknown")


@app.command("decide")
def decide(
    name: Name,
    row: Annotated[int, typer.Argument(help="The contact's row, as `unknown` shows it.", min=1, max=2**31 - 1)],
    choice: Annotated[Choice, typer.Argument(help="redial: call again 重拨; close: leave it 关闭.")],
    why: Why = "",
    by: By = "",
) -> None:
    """Decide about a call of which nobody knows whether a phone rang 裁定."""
    with open_desk() as desk:
        done = decisions.decide(desk.store, name, row, choice.value, acting(by), why, datetime.now(UTC))
        told = "will be called again 待重拨" if choice is Choice.REDIAL else "is closed 已关闭"
        out.print(f"{escape(name)}: row {done.row} {told}", soft_wrap=True)
