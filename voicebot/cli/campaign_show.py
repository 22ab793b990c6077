"""Commands that show campaigns: the list, the log, and what whoever approves must read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from voicebot.campaign import book, chinese, life
from voicebot.campaign.book import Campaign
from voicebot.campaign.described import terms
from voicebot.cli.campaign_desk import Desk, Name, open_desk
from voicebot.cli.terminal import Json, out, print_json
from voicebot.flow.model import Flow
from voicebot.flow.problems import FlowError
from voicebot.robot import load_flow
from voicebot.store.campaign_tables import CAMPAIGN_STATES

app = typer.Typer()
_HASH = 12  # characters of a hash that are shown

State = StrEnum("State", {state.upper(): state for state in CAMPAIGN_STATES})  # type: ignore[misc]


@app.command("list")
def list_(
    state: Annotated[list[State] | None, typer.Option("--state", help="Only these; repeatable.")] = None,
    as_json_: Json = False,
) -> None:
    """All campaigns, the greatest priority first."""
    with open_desk() as desk:
        with desk.store.reading() as connection:
            found = book.all_of(connection, *(each.value for each in state or ()))
        if as_json_:
            print_json([_as_json(campaign) for campaign in found])
            return
        for campaign in found:
            told = [
                _state(campaign),
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


@app.command("log")
def log(name: Name, as_json_: Json = False) -> None:
    """What was done to a campaign: when, by whom, why 操作记录."""
    with open_desk() as desk:
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


@app.command("show")
def show(name: Name, as_json_: Json = False) -> None:
    """What is to be approved 审批内容: script, contacts, plan beside the firm's policy; does an approval still hold?"""
    with open_desk() as desk:
        with desk.store.reading() as connection:
            campaign = book.find(connection, name)
            refused = life.refused_by_rule(connection, campaign.id)
        policy = desk.policy
        flow, problem = _script(desk, campaign)
        problems = [problem] if problem else []
        problems += [
            f"beyond the policy 超出制度: {line}" for line in campaign.plan.beyond(policy.limits(campaign.kind))
        ]
        plan = terms(campaign.plan, policy, campaign.kind)
        if as_json_:
            more = {
                "title": flow.script.title if flow else "",
                "refused": refused,
                "plan": campaign.plan.as_json(),
                "terms": [asdict(term) for term in plan],
                "problems": problems,
            }
            print_json(_as_json(campaign) | more)
            return
        out.print(f"[bold]{escape(campaign.name)}[/]  {escape(_state(campaign))}", soft_wrap=True)
        for what, told in _facts(desk, campaign, flow, refused):
            out.print(f"  {what}: {escape(told)}", soft_wrap=True)
        for term in plan:
            firm = f"  [dim](policy 制度: {escape(term.policy)})[/]" if term.policy else ""
            out.print(f"    {term.name} {term.chinese}: {escape(term.plan)}{firm}", soft_wrap=True)
        for line in problems:
            out.print(f"[red]  ! {escape(line)}[/]", soft_wrap=True)


def _facts(desk: Desk, campaign: Campaign, flow: Flow | None, refused: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """What an approval fixes, beside the plan's terms, each with its name."""
    title = flow.script.title if flow else ""
    kind = f"{campaign.kind} {chinese.FLOW_KIND[campaign.kind]}"
    yield "script 话术", f"{campaign.flow} {title} · {kind} · version {campaign.flow_version[:_HASH]}"
    yield "every sentence 全文", f"voicebot flow show {campaign.flow} --out {campaign.flow}.html"
    accepted = f"{campaign.contacts_accepted} of {campaign.rows_read} rows accepted"
    yield "contacts 名单", f"{accepted} · sha256 {campaign.contacts_sha256[:_HASH]}"
    yield "refused 拒绝", ", ".join(f"{rule} {n}" for rule, n in refused.items()) or "none 无"
    yield "zones 时区", ", ".join(campaign.zones)
    yield "author 提出人", f"{campaign.author}, {desk.when(campaign.created_at)}"
    yield "approval 批准", _approval(desk, campaign, flow)
    yield "plan 计划", f"sha256 {campaign.plan.sha256[:_HASH]}"


def _script(desk: Desk, campaign: Campaign) -> tuple[Flow | None, str]:
    """The script as it is now, and what keeps it from being dialled, "" if nothing does."""
    try:
        flow = load_flow(desk.settings, campaign.flow)
    except FlowError as fault:
        return None, f"the script 话术 cannot be used: {fault.problems[0]}"
    if flow.script.off:
        return flow, f"the script 话术 is switched off: {flow.script.off}"
    if flow.version != campaign.flow_version:
        return flow, f"the script 话术 was changed: it is version {flow.version[:_HASH]} now"
    return flow, ""


def _state(campaign: Campaign) -> str:
    return f"{campaign.state} {chinese.CAMPAIGN[campaign.state]}"


def _approval(desk: Desk, campaign: Campaign, flow: Flow | None) -> str:
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
