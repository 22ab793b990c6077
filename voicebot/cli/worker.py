"""The command that runs a host: `voicebot worker`."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Annotated

import typer

from voicebot.campaign.host import Host, host_name
from voicebot.cli.terminal import Json, Wrong, open_settings, out, print_json
from voicebot.robot import open_store
from voicebot.settings import HOST_NAME, Settings
from voicebot.workers import Pool

app = typer.Typer()


@app.command()
def worker(
    name: Annotated[
        str, typer.Option("--name", help="This host's name, the same after every start; VOICEBOT_HOST_NAME.")
    ] = "",
    until_done: Annotated[
        bool, typer.Option("--until-done", help="End when no running campaign has anything left to do.")
    ] = False,
    drain: Annotated[
        float, typer.Option("--drain", min=0, help="On SIGTERM: let calls go on for so many seconds, then hang up.")
    ] = 60.0,
    as_json_: Json = False,
) -> None:
    """Place the calls of running campaigns 工作主机: one on each host, all on one database.

    Takes as many calls at once as VOICEBOT_WORKERS × VOICEBOT_SIP_CHANNELS; one of the hosts dispatches. SIGTERM or
    Ctrl-C ends it in order.
    """
    settings = open_settings("ERROR" if as_json_ else None)
    if name:
        if not HOST_NAME.fullmatch(name):
            raise Wrong(f"--name {name!r}: letters of the alphabet, digits, . _ and - are expected, 64 at most")
        settings = settings.model_copy(update={"host_name": name})
    asyncio.run(_work(settings, until_done=until_done, drain_s=drain, as_json=as_json_))


async def _work(settings: Settings, *, until_done: bool, drain_s: float, as_json: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    store = await asyncio.to_thread(open_store, settings, durable=True)
    pool = Pool(settings, store)
    try:
        await pool.start(settings.workers)
        channels = settings.workers * settings.sip_channels
        host = Host(settings, store, pool, channels)
        if as_json:
            print_json({"event": "ready", "host": host.name, "pid": os.getpid(), "channels": channels})
        else:
            out.print(f"host {host_name(settings)}: {channels} channels (Ctrl-C ends it)")
        await host.run(stop, until_done=until_done, drain_s=drain_s)
    finally:
        await pool.close()
        await asyncio.to_thread(store.close)
