"""Commands that place or take calls: demo, call, softphone."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sip.uri import parse_target
from voicebot import campaign_demo
from voicebot import demo as demo_
from voicebot.calling import call_once
from voicebot.cli.campaign_demo import show as show_campaign
from voicebot.cli.terminal import FlowName, Json, Wrong, given_slots, open_settings, out, print_json
from voicebot.events import Event
from voicebot.flow.advance import begin
from voicebot.report import SYNTHETIC_EAR, as_json, live_lines, print_result
from voicebot.robot import load_flow, open_store
from voicebot.settings import Settings
from voicebot.softphone import program
from voicebot.softphone.board import Board, load_board
from voicebot.softphone.persona import load as load_persona
from voicebot.store.records import CallRecord
from voicebot.workers import Pool

app = typer.Typer()


@app.command()
def demo(
    flow: FlowName = "margin_call",
    persona: Annotated[
        str,
        typer.Option(
            "--persona",
            help="Who answers: a name below personas/ or a YAML file. Without it the script's persona.yaml, a shipped"
            " one that fits, or its first case.",
        ),
    ] = "",
    campaign: Annotated[
        bool,
        typer.Option("--campaign", help="A campaign instead of one call: twenty contacts, four channels; minutes."),
    ] = False,
    as_json_: Json = False,
) -> None:
    """The main job: the robot calls the simulated softphone over real SIP and follows a script to its end."""
    if campaign:
        if persona or flow != campaign_demo.FLOW:
            raise Wrong("--campaign has a list and callees of its own: leave out --flow and --persona")
        show_campaign(as_json=as_json_)
        return
    with tempfile.TemporaryDirectory(prefix="voicebot-demo-") as folder:
        _demo(flow, persona, Path(folder), as_json_=as_json_)


def _demo(flow: str, persona: str, folder: Path, *, as_json_: bool) -> None:
    settings = open_settings("ERROR" if as_json_ else "WARNING")
    follow = (lambda _event: None) if as_json_ else _print_live
    callee = demo_.callee_for(settings, flow, persona or None, folder)
    if not as_json_:
        out.print(f"[bold]voicebot demo[/] · flow {escape(flow)} · persona {escape(callee.called)}", soft_wrap=True)
        out.print(f"[yellow]{SYNTHETIC_EAR}[/]\n", soft_wrap=True)
    record = asyncio.run(demo_.run(settings, flow, callee, follow))
    _give(record, settings, as_json_)


@app.command()
def call(
    to: Annotated[str, typer.Option("--to", help="sip:user@host[:port], or a number for the configured trunk.")],
    flow: FlowName = "margin_call",
    slot: Annotated[
        list[str] | None, typer.Option("--slot", help="The contact's data, name=value; once for each slot.")
    ] = None,
    contact: Annotated[str, typer.Option("--contact", help="Your own key of the client, kept in the record.")] = "",
    as_json_: Json = False,
) -> None:
    """Place one call and follow it to its record. Exit code 0 when the call was made, whatever the callee said."""
    settings = open_settings("ERROR" if as_json_ else None)
    target = parse_target(to, trunk_host=settings.trunk_host)
    script = load_flow(settings, flow)
    slots = given_slots(slot or [])
    begin(script, slots, datetime.now(settings.zone))  # wrong data is told before a database or worker is opened

    async def work() -> CallRecord:
        store = open_store(settings)
        pool = Pool(settings, store)
        try:
            await pool.start(1)
            follow = (lambda _event: None) if as_json_ else _print_live
            return await call_once(settings, store, pool, script, target, slots, contact_ref=contact, follow=follow)
        finally:
            await pool.close()
            store.close()

    record = asyncio.run(work())
    _give(record, settings, as_json_)


@app.command()
def softphone(
    persona: Annotated[
        str, typer.Option("--persona", help="A name below personas/ or a YAML file; cooperative without it.")
    ] = "",
    board: Annotated[
        Path | None,
        typer.Option("--board", help="A YAML file that names a persona, or a failure, for each number called."),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="SIP port; 0 takes any free one.")] = 0,
    bind: Annotated[str, typer.Option("--bind", help="The address to answer at.")] = "127.0.0.1",
    calls: Annotated[int, typer.Option("--calls", min=0, help="End after so many calls; 0 goes on.")] = 0,
    save: Annotated[Path | None, typer.Option("--save", help="Stereo WAV: left heard, right said.")] = None,
    as_json_: Json = False,
) -> None:
    """A simulated client: answers by real SIP and plays a persona, or one for each number (模拟软电话)."""
    settings = open_settings("ERROR")
    options = program.Options(bind=bind, port=port, calls=calls, save=save, json=as_json_, cache=settings.tts_cache_dir)
    if board is not None and persona:
        raise Wrong("--board names the personas itself: leave out --persona")
    if board is not None:
        callees = load_board(board, settings.personas_dir)
    else:
        callees = Board.of(load_persona(persona or "cooperative", settings.personas_dir))
    asyncio.run(program.run(callees, options))


def _give(record: CallRecord, settings: Settings, as_json_: bool) -> None:
    if as_json_:
        print_json(as_json(record, settings.recordings_dir, settings.zone))
    else:
        print_result(out, record, settings.recordings_dir, settings.zone)
    if record.disposition == "fault":
        raise typer.Exit(1)


def _print_live(event: Event) -> None:
    for line in live_lines(event):
        out.print(line, soft_wrap=True)
