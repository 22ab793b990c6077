"""A host without a telephone, as a process: `python -m tests.campaign.silent_host`. It prints what `voicebot worker`
would print of a fault.
"""

import argparse
import asyncio
import signal
import sys

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.host import Host
from voicebot.campaign.silent_lines import SilentLines
from voicebot.logs import start_logging
from voicebot.settings import load_settings
from voicebot.store.fault import StoreFault
from voicebot.store.store import Store


async def work(asked):
    settings = load_settings()
    start_logging(settings.log_level)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # A database that is locked is away after a moment, so that tests need not hold it for half a minute.
    store = Store.open(settings.database_url, busy_timeout_ms=asked.busy_ms)
    lines = SilentLines(store, asked.channels, lasts_s=asked.lasts)
    try:
        await Host(settings, store, lines, asked.channels).run(stop, until_done=asked.until_done, drain_s=asked.drain)
    finally:
        store.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--lasts", type=float, default=0.0)
    parser.add_argument("--drain", type=float, default=30.0)
    parser.add_argument("--busy-ms", type=int, default=10_000)
    parser.add_argument("--until-done", action="store_true")
    try:
        asyncio.run(work(parser.parse_args()))
    except (CampaignFault, StoreFault) as fault:
        print(fault, file=sys.stderr)  # noqa: T201 - for whoever started it
        sys.exit(1)


if __name__ == "__main__":
    main()
