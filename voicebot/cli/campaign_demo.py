"""What `voicebot demo --campaign` shows: the campaign as it goes, and what came of it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import typer
from rich import box
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from voicebot import campaign_demo
from voicebot.campaign import chinese, screen
from voicebot.campaign.look import Looker
from voicebot.campaign.masking import mask_number
from voicebot.campaign.policy import read_policy
from voicebot.campaign_demo import Contact, Follow, Result
from voicebot.cli.terminal import open_settings, out, print_json
from voicebot.report import SYNTHETIC_EAR
from voicebot.robot import load_flow
from voicebot.settings import Settings
from voicebot.store.store import Store


def show(*, as_json: bool) -> None:
    """Run it and print its result; exit code 1 where a phone rang twice for one attempt or something is uncertain."""
    settings = open_settings("ERROR")
    if as_json:
        result = asyncio.run(campaign_demo.run(settings, lambda _settings, _store: None))
        print_json(result.as_json())
    else:
        out.print("[bold]voicebot demo --campaign[/] · 外呼活动演示", soft_wrap=True)
        out.print(f"[yellow]{SYNTHETIC_EAR}[/]\n", soft_wrap=True)
        with _live() as follow:
            result = asyncio.run(campaign_demo.run(settings, follow))
        _print(result)
    if not result.good:
        raise typer.Exit(1)


@contextmanager
def _live() -> Iterator[Follow]:
    """The picture that `campaign status --watch` has; lines where there is no terminal."""
    if not out.is_terminal:
        yield _Lines()
        return
    with Live(console=out, auto_refresh=False, vertical_overflow="crop") as live:
        looker: list[Looker] = []

        def follow(settings: Settings, store: Store) -> None:
            looker[:] = looker or [_looker(settings, store)]
            picture = looker[0].look(datetime.now(UTC))
            shown = screen.screen(picture, settings.zone, width=out.width, definitions=out.height >= screen.TALL)
            live.update(shown, refresh=True)

        yield follow


class _Lines:
    """A line each time that a call began or ended, or a contact was through."""

    def __init__(self) -> None:
        self._looker: Looker | None = None
        self._before: object = None

    def __call__(self, settings: Settings, store: Store) -> None:
        self._looker = self._looker or _looker(settings, store)
        picture = self._looker.look(datetime.now(UTC))
        seen = picture.progress
        counted = (seen.campaign.state, seen.contacts, seen.attempts, seen.tally.connected)
        if counted != self._before:
            out.print(screen.line(picture, settings.zone), markup=False, soft_wrap=True)
            self._before = counted


def _looker(settings: Settings, store: Store) -> Looker:
    required = tuple(load_flow(settings, campaign_demo.FLOW).script.disclosures)
    return Looker(store, campaign_demo.NAME, read_policy(settings.policy_file), required, settings.zone)


def _print(result: Result) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    for head in ("行\nrow", "号码\nnumber", "拨打\ncalls", "呼入\ninvites", "结果\noutcome", "接听者\ncallee"):
        table.add_column(head, no_wrap=True)
    for contact in result.contacts:
        calls, came = (str(number) if number else "" for number in (contact.dials, contact.invites))
        masked = escape(mask_number(contact.number))
        table.add_row(str(contact.row), masked, calls, came, _came_of(contact), escape(contact.persona))
    out.print(table)
    colour = "green" if result.double_dials == 0 else "red"
    told = (
        f"{len(result.contacts)} contacts 联系人",
        f"{result.attempts} calls 拨打",
        f"[{colour}]{result.double_dials} double dials 重复拨打[/]",
        f"{result.unknown} unknown 待核实",
        f"{result.seconds:.0f} s",
    )
    out.print(" · ".join(told), soft_wrap=True)
    refused = (f"{rule} {chinese.rule(rule)} {count}" for rule, count in result.refused.most_common())
    out.print(f"[yellow]refused 不予拨打:[/] {', '.join(refused)}", soft_wrap=True)
    url = shlex.quote(result.settings.database_url)
    again = f"VOICEBOT_DATABASE_URL={url} voicebot campaign status {campaign_demo.NAME}"
    out.print(f"look again 再看: {again}", markup=False, soft_wrap=True)


def _came_of(contact: Contact) -> str:
    if contact.rule:
        return f"[yellow]{contact.rule} {chinese.rule(contact.rule)}[/]"
    if not contact.outcome:
        return f"{contact.state} {chinese.CONTACT[contact.state]}"
    came = f"{contact.outcome} {chinese.outcome(contact.outcome)}"
    return came if contact.outcome == contact.expected else f"{came} [dim](≠ {contact.expected})[/]"
