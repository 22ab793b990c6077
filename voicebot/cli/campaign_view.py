"""Commands that show campaigns: status, export, why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.live import Live
from rich.markup import escape

from voicebot.campaign import book, chinese, look, screen, story
from voicebot.campaign.export import Wanted, What, export
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.look import Looker, Picture
from voicebot.campaign.policy import read_policy
from voicebot.campaign.progress import overview
from voicebot.campaign.shelf import Shelf
from voicebot.campaign.story import Event, Story
from voicebot.cli.campaign_desk import By, Name, acting
from voicebot.cli.terminal import Json, Wrong, open_settings, out, print_json
from voicebot.robot import open_store
from voicebot.settings import Settings
from voicebot.store.fault import StoreFault
from voicebot.store.store import Store

app = typer.Typer()


@dataclass(frozen=True, slots=True)
class _Desk:
    settings: Settings
    store: Store

    def looker(self, name: str) -> Looker:
        with self.store.reading() as connection:
            campaign = book.find(connection, name)
        try:
            required = tuple(Shelf(self.settings.flows_dir).flow(campaign.flow).script.disclosures)
        except CampaignFault:  # the script is gone or broken: everything but its statements can still be shown
            required = ()
        policy = read_policy(self.settings.policy_file)
        return Looker(self.store, campaign.id, policy, required, self.settings.zone)


@contextmanager
def _desk() -> Iterator[_Desk]:
    settings = open_settings("ERROR")
    store = open_store(settings)
    try:
        yield _Desk(settings, store)
    finally:
        store.close()


@app.command()
def status(
    name: Annotated[str, typer.Argument(help="The campaign's name; all of them without it.")] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again and again, until it is over or Ctrl-C is pressed.")
    ] = False,
    every: Annotated[float, typer.Option("--every", min=0.2, help="Seconds between two looks.")] = 2.0,
    as_json_: Json = False,
) -> None:
    """How far a campaign is 进度: contacts, calls, outcomes, key figures with their definitions, pace, forecast."""
    if watch and not name:
        raise Wrong("--watch looks at one campaign: give its name")
    with _desk() as desk:
        if not name:
            _print_all(desk, as_json=as_json_)
            return
        looker = desk.looker(name)
        if watch:
            _watch(looker, every, as_json=as_json_)
        elif as_json_:
            print_json(look.as_json(looker.look(datetime.now(UTC))))
        else:
            out.print(screen.screen(looker.look(datetime.now(UTC)), looker.zone, width=out.width))


@app.command("export")
def export_(
    name: Name,
    to: Annotated[Path, typer.Option("--to", help="The file: .csv, or .xlsx with all three sheets.")],
    what: Annotated[
        What | None, typer.Option("--what", help="One sheet only; a CSV has the contacts without it.")
    ] = None,
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="Numbers and account data in the clear: supervisor, compliance, admin.")
    ] = False,
    by: By = "",
    as_json_: Json = False,
) -> None:
    """Contacts, calls and refusals as a file 导出; masked unless --unmasked, and noted in the campaign's log."""
    with _desk() as desk:
        wanted = Wanted(to, acting(by), desk.settings.zone, unmasked, what)
        rows = export(desk.store, name, wanted, datetime.now(UTC))
    if as_json_:
        print_json({"file": str(to), "masked": not unmasked, "rows": rows})
        return
    told = ", ".join(f"{number:,} {sheet}" for sheet, number in rows.items())
    out.print(f"{to}: {told}; {'not masked 未脱敏' if unmasked else 'masked 已脱敏'}", markup=False, soft_wrap=True)


@app.command()
def why(
    name: Name,
    contact: Annotated[str, typer.Argument(help="Its row in the list, or its ref; row:7 and ref:7 say which.")],
    as_json_: Json = False,
) -> None:
    """The whole story of a contact 追溯: why each call to it was or was not made."""
    with _desk() as desk:
        told = story.tell(desk.store, name, contact)
        zone = desk.settings.zone
    if as_json_:
        print_json(story.as_json(told))
        return
    now = datetime.now(UTC)
    out.print(_headline(told), soft_wrap=True)
    for event in told.events:
        out.print(f"[dim]{event.at.astimezone(zone):%Y-%m-%d %H:%M:%S}[/]  {_told(event, now, desk)}", soft_wrap=True)
    if told.due_at is not None:
        wish = ", as the callee asked 客户约定" if told.wished else ""
        due = f"{told.due_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        out.print(f"下次拨打 next call not before {due}{wish}", soft_wrap=True)
        if told.campaign_state != "running":
            state = f"{told.campaign_state} {chinese.CAMPAIGN[told.campaign_state]}"
            out.print(f"[yellow]and not while the campaign is {state}[/]", soft_wrap=True)


# ---------------------------------------------------------------- status


def _print_all(desk: _Desk, *, as_json: bool) -> None:
    lines = overview(desk.store)
    if as_json:
        print_json(
            [
                {
                    "campaign": one.campaign.name,
                    "state": one.campaign.state,
                    "flow": one.campaign.flow,
                    "contacts": dict(one.contacts),
                    "dialled": one.campaign.dials,
                }
                for one in lines
            ]
        )
    elif lines:
        out.print(screen.table(lines, datetime.now(UTC), desk.settings.zone, width=out.width))
    else:
        out.print("no campaigns yet: `voicebot campaign import` makes one", soft_wrap=True)


def _watch(looker: Looker, every_s: float, *, as_json: bool) -> None:
    """Until the campaign is over, or Ctrl-C: what was seen last stays on the terminal."""
    try:
        if as_json or not out.is_terminal:
            _watch_in_lines(looker, every_s, as_json=as_json)
            return
        first = looker.look(datetime.now(UTC))
        with Live(_screen(looker, first), console=out, auto_refresh=False, vertical_overflow="crop") as live:
            for picture in _pictures(looker, every_s, first):
                live.update(_screen(looker, picture), refresh=True)
    except KeyboardInterrupt:
        return


def _watch_in_lines(looker: Looker, every_s: float, *, as_json: bool) -> None:
    before = ""
    for picture in _pictures(looker, every_s, looker.look(datetime.now(UTC))):
        if as_json:
            print_json(look.as_json(picture))
        elif (line := screen.line(picture, looker.zone)) != before:
            out.print(f"{datetime.now(looker.zone):%H:%M:%S} {line}", markup=False, soft_wrap=True)
            before = line


def _pictures(looker: Looker, every_s: float, first: Picture) -> Iterator[Picture]:
    picture = first
    yield picture
    while not picture.progress.over:
        time.sleep(every_s)
        try:
            picture = looker.look(datetime.now(UTC))
        except StoreFault as fault:
            if fault.permanent:
                raise
            continue  # the database is away or busy: what was seen last stays
        yield picture


def _screen(looker: Looker, picture: Picture) -> RenderableType:
    return screen.screen(picture, looker.zone, width=out.width, definitions=out.height >= screen.TALL)


# ---------------------------------------------------------------- why


def _headline(told: Story) -> str:
    parts = [
        f"[bold]{escape(told.campaign)}[/], row {told.row}",
        escape(told.ref),
        escape(told.number),
        f"{told.state} {chinese.CONTACT[told.state]}",
        f"{told.outcome} {chinese.outcome(told.outcome)}" if told.outcome else "",
        f"{told.rule} {chinese.rule(told.rule)}" if told.rule else "",
    ]
    return " · ".join(filter(None, parts))


def _told(event: Event, now: datetime, desk: _Desk) -> str:
    parts = [escape(event.told)]
    if event.rule:
        parts.append(f"[yellow]{escape(event.rule)} {chinese.rule(event.rule)}[/]")
    shown = (
        f"{key}={screen.when(value, now, desk.settings.zone) if isinstance(value, datetime) else value}"
        for key, value in event.data.items()
    )
    parts.append(f"[dim]{escape(' '.join(shown))}[/]" if event.data else "")
    return "  ".join(filter(None, parts))
