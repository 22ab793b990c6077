"""Commands for the life of campaigns: submit, approve, start … and what whoever approves must read."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from voicebot.campaign import book, chinese, decisions, life
from voicebot.campaign.book import Campaign
from voicebot.campaign.described import terms
from voicebot.campaign.moves import moves_from
from voicebot.campaign.plan import read_plan
from voicebot.campaign.policy import Policy, read_policy
from voicebot.cli.terminal import Json, Wrong, open_settings, out, print_json
from voicebot.flow.model import Flow
from voicebot.flow.problems import FlowError
from voicebot.robot import load_flow, open_store
from voicebot.settings import Settings
from voicebot.store.campaign_tables import CAMPAIGN_STATES
from voicebot.store.store import Store

Name = Annotated[str, typer.Argument(help="The campaign's name.")]
By = Annotated[str, typer.Option("--by", help="Who does it; without it, the name you are logged in with.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the log.")]
_HASH = 12  # characters of a hash that are shown


class Choice(StrEnum):
    """What can be decided about an attempt of which nobody knows."""

    REDIAL = "redial"
    CLOSE = "close"


State = StrEnum("State", {state.upper(): state for state in CAMPAIGN_STATES})  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class _Desk:
    settings: Settings
    store: Store

    @property
    def policy(self) -> Policy:
        return read_policy(self.settings.policy_file)

    def campaign(self, name: str) -> Campaign:
        with self.store.reading() as connection:
            return book.find(connection, name)

    def when(self, at: datetime) -> str:
        return f"{at.astimezone(self.settings.zone):%Y-%m-%d %H:%M:%S}"


@contextmanager
def _desk() -> Iterator[_Desk]:
    settings = open_settings("ERROR")
    store = open_store(settings)
    try:
        yield _Desk(settings, store)
    finally:
        store.close()


def acting(by: str) -> str:
    """Who acts: `by`, or the user who is logged in. Raises `Wrong` where there is none."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise Wrong("this user has no name here: say who you are: --by NAME") from None


def register(app: typer.Typer) -> None:
    """Add these commands to the group."""
    for command in (submit, approve, reject, change, start, pause, resume, cancel, show, log, unknown, decide):
        app.command()(command)
    app.command("list")(list_)


# ---------------------------------------------------------------- moves


def submit(name: Name, by: By = "", why: Why = "") -> None:
    """Ask for approval 提交审批: script, contacts and plan are fixed from here on."""
    _move_with_script(life.submit, name, by, why)


def approve(name: Name, by: By = "", why: Why = "") -> None:
    """Approve what was submitted 批准; not what you wrote, changed or submitted. Read it first: `show`."""
    _move_with_script(life.approve, name, by, why)


def reject(name: Name, why: Why = "", by: By = "") -> None:
    """Send it back 驳回, with the reason."""
    with _desk() as desk:
        _told(life.reject(desk.store, name, acting(by), datetime.now(UTC), why))


def change(
    name: Name,
    plan: Annotated[Path, typer.Option("--plan", help="The new plan, a YAML file.")],
    by: By = "",
    why: Why = "",
) -> None:
    """Give it another plan 修改计划: it is a draft then and needs a new approval."""
    with _desk() as desk:
        _told(life.change(desk.store, name, acting(by), read_plan(plan), datetime.now(UTC), desk.policy, why))


def start(name: Name, by: By = "", why: Why = "") -> None:
    """Let an approved campaign dial 启动; `voicebot worker` processes do it."""
    _move_with_script(life.start, name, by, why)


def pause(name: Name, by: By = "", why: Why = "") -> None:
    """Place no further calls 暂停; those under way are finished."""
    with _desk() as desk:
        _told(life.pause(desk.store, name, acting(by), datetime.now(UTC), why))


def resume(name: Name, by: By = "", why: Why = "") -> None:
    """Go on after a pause 恢复."""
    _move_with_script(life.resume, name, by, why)


def cancel(name: Name, why: Why = "", by: By = "") -> None:
    """End it for good 取消, with the reason; calls under way are finished."""
    with _desk() as desk:
        _told(life.cancel(desk.store, name, acting(by), datetime.now(UTC), why))


def _move_with_script(move: Callable[..., Campaign], name: str, by: str, why: str) -> None:
    with _desk() as desk:
        flow = load_flow(desk.settings, desk.campaign(name).flow)
        _told(move(desk.store, name, acting(by), datetime.now(UTC), flow, desk.policy, why))


def _told(campaign: Campaign) -> None:
    possible = ", ".join(move.name for move in moves_from(campaign.state))
    next_ = f"; possible now: {possible}" if possible else ""
    out.print(f"{escape(campaign.name)} is {campaign.state} {chinese.CAMPAIGN[campaign.state]}{next_}", soft_wrap=True)


# ---------------------------------------------------------------- looking


def list_(
    state: Annotated[list[State] | None, typer.Option("--state", help="Only these; repeatable.")] = None,
    as_json_: Json = False,
) -> None:
    """All campaigns, the greatest priority first."""
    with _desk() as desk:
        with desk.store.reading() as connection:
            found = book.all_of(connection, *(each.value for each in state or ()))
        if as_json_:
            print_json([_as_json(campaign) for campaign in found])
            return
        for campaign in found:
            told = [
                f"{campaign.state} {chinese.CAMPAIGN[campaign.state]}",
                campaign.flow,
                f"{campaign.contacts_accepted} contacts",
                f"{campaign.dials} calls",
                f"priority {campaign.plan.priority}",
                f"by {campaign.author}",
                f"since {desk.when(campaign.state_since)}",
            ]
            out.print(f"[bold]{escape(campaign.name)}[/]  {escape('  '.join(told))}", soft_wrap=True)
        if not found:
            out.print("there are none: `voicebot campaign import` makes one")


def log(name: Name, as_json_: Json = False) -> None:
    """What was done to a campaign: when, by whom, why 操作记录."""
    with _desk() as desk:
        with desk.store.reading() as connection:
            entries = book.log_of(connection, book.find(connection, name).id)
        if as_json_:
            print_json([asdict(entry) | {"at": entry.at.isoformat()} for entry in entries])
            return
        for entry in entries:
            why = f": {entry.why}" if entry.why else ""
            told = f"{entry.seq:>3}  {desk.when(entry.at)}  {entry.who}  {entry.change}{why}"
            data = "  ".join(f"{key}={_short(value)}" for key, value in entry.data.items())
            out.print(escape(told) + (f"  [dim]{escape(data)}[/]" if data else ""), soft_wrap=True)


def _short(value: Any) -> str:
    text = str(value)
    return text[:_HASH] if len(text) == 64 and text.isalnum() else text


def show(name: Name, as_json_: Json = False) -> None:
    """What is to be approved 审批内容: script, contacts, plan beside the firm's policy; does an approval still hold?"""
    with _desk() as desk:
        with desk.store.reading() as connection:
            campaign = book.find(connection, name)
            refused = life.refused_by_rule(connection, campaign.id)
        policy = desk.policy
        beyond = campaign.plan.beyond(policy.limits(campaign.kind))
        try:
            flow, problem = load_flow(desk.settings, campaign.flow), ""
        except FlowError as fault:
            flow, problem = None, str(fault).splitlines()[0]
        rows = terms(campaign.plan, policy, campaign.kind)
        if as_json_:
            print_json(
                _as_json(campaign)
                | {
                    "title": flow.script.title if flow else "",
                    "script_problem": problem or _script_problem(campaign, flow),
                    "refused": refused,
                    "plan": campaign.plan.as_json(),
                    "terms": [asdict(row) for row in rows],
                    "beyond_policy": beyond,
                }
            )
            return
        out.print(
            f"[bold]{escape(campaign.name)}[/]  {campaign.state} {chinese.CAMPAIGN[campaign.state]}", soft_wrap=True
        )
        facts = {
            "script 话术": f"{campaign.flow} {flow.script.title if flow else ''} · {campaign.kind} {chinese.FLOW_KIND[campaign.kind]} · version"
            f" {campaign.flow_version[:_HASH]} · every sentence: voicebot flow show {campaign.flow}",
            "contacts 名单": f"{campaign.contacts_accepted} of {campaign.rows_read} rows accepted · sha256"
            f" {campaign.contacts_sha256[:_HASH]}",
            "refused 拒绝": ", ".join(f"{rule} {n}" for rule, n in refused.items()) or "none 无",
            "zones 时区": ", ".join(campaign.zones),
            "plan 计划": f"sha256 {campaign.plan.sha256[:_HASH]}",
            "author 提出人": f"{campaign.author}, {desk.when(campaign.created_at)}",
            "approval 批准": _approval(desk, campaign, flow),
        }
        for what, told in facts.items():
            out.print(f"  {what}: {escape(told)}", soft_wrap=True)
        for row in rows:
            firm = f"  [dim](policy 制度: {escape(row.policy)})[/]" if row.policy else ""
            out.print(f"    {row.name} {row.chinese}: {escape(row.plan)}{firm}", soft_wrap=True)
        for line in filter(None, (problem or _script_problem(campaign, flow), *beyond)):
            out.print(f"[red]  ! {escape(line)}[/]", soft_wrap=True)


def _script_problem(campaign: Campaign, flow: Flow | None) -> str:
    """What keeps the script, as it is now, from being dialled."""
    if flow is None:
        return ""
    if flow.script.off:
        return f"the script is switched off: {flow.script.off}"
    if flow.version != campaign.flow_version:
        return f"the script 话术 was changed: it is version {flow.version[:_HASH]} now"
    return ""


def _approval(desk: _Desk, campaign: Campaign, flow: Flow | None) -> str:
    approval = campaign.approval
    if approval is None:
        return "none 无"
    differs = life.still_approved(campaign, flow) if flow else life.SCRIPT
    holds = f"no longer holds: {differs} changed 已失效" if differs else "holds 有效"
    return f"by {approval.by}, {desk.when(approval.at)}, {holds}"


def _as_json(campaign: Campaign) -> dict[str, Any]:
    approval = campaign.approval
    return {
        "id": campaign.id,
        "name": campaign.name,
        "state": campaign.state,
        "state_since": campaign.state_since.isoformat(),
        "state_why": campaign.state_why,
        "flow": campaign.flow,
        "flow_version": campaign.flow_version,
        "kind": campaign.kind,
        "author": campaign.author,
        "rows": campaign.rows_read,
        "accepted": campaign.contacts_accepted,
        "contacts_sha256": campaign.contacts_sha256,
        "plan_sha256": campaign.plan.sha256,
        "dials": campaign.dials,
        "approval": asdict(approval) | {"at": approval.at.isoformat()} if approval else None,
    }


# ---------------------------------------------------------------- what nobody knows


def unknown(name: Name, as_json_: Json = False) -> None:
    """Calls of which nobody knows whether a phone rang 结果不明: somebody decides about each."""
    with _desk() as desk:
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


def decide(
    name: Name,
    row: Annotated[int, typer.Argument(help="The contact's row, as `unknown` shows it.", min=1, max=2**31 - 1)],
    choice: Annotated[Choice, typer.Argument(help="redial: call again 重拨; close: leave it 关闭.")],
    why: Why = "",
    by: By = "",
) -> None:
    """Decide about a call of which nobody knows whether a phone rang 裁定."""
    with _desk() as desk:
        done = decisions.decide(desk.store, name, row, choice.value, acting(by), why, datetime.now(UTC))
        told = "will be called again 待重拨" if choice is Choice.REDIAL else "is closed 已关闭"
        out.print(f"{escape(name)}: row {done.row} {told}", soft_wrap=True)
