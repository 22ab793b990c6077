"""The demonstration of campaigns: a list of twenty made-up contacts is imported, approved by somebody else, and dialled
by a real `voicebot worker` over four channels, to a softphone that is another callee at each number.

Everything of it lies in a fresh folder of its own, its database too, which can be looked at afterwards. What rang is
counted from the softphone's log, not from ours.
"""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import func, select

from sip.uri import SipUri
from voicebot.campaign import book, life, people
from voicebot.campaign.arrivals import import_list
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.plan import read_plan
from voicebot.campaign.policy import read_policy
from voicebot.flow.sample import dated
from voicebot.robot import load_flow, open_store
from voicebot.settings import PREFIX, ROOT, Settings
from voicebot.softphone.board import load_board
from voicebot.softphone.process import answering
from voicebot.store.campaign_tables import attempts, contacts
from voicebot.store.number import canonical
from voicebot.store.records import new_id
from voicebot.store.store import Store

NAME: Final = "demo"
FLOW: Final = "margin_call"
AUTHOR, APPROVER = "demo-operations", "demo-compliance"
SAMPLE: Final = Path(__file__).parent / "samples" / "campaign"
HOME: Final = ROOT / "var" / "campaign-demo"
CHANNELS: Final = 4
# On the do-not-call list before the campaign begins; it is row 20 of the list's file.
_FORBIDDEN: Final = "16200000019"
KEPT: Final = 5
_LOOK_S: Final = 1.0
# A softphone and a robot on one busy machine; a bound for a demonstration that hangs, not an expectation.
_LONGEST_S: Final = 900.0

Follow = Callable[[Settings, Store], None]
"""Called every second with the demonstration's settings and database, from a thread."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A row of the list at the end. `number`: as the list has it; `dials`: calls that we placed to it, `invites`: those
    that the softphone got; `persona`: who took the last one, `expected`: the outcome that it stands for, both "" where
    nobody was called; `rule`: why it was refused for good, "" if it was not.
    """

    row: int
    number: str
    state: str
    rule: str
    outcome: str
    dials: int
    invites: int
    persona: str
    expected: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. `attempts`: fenced, so each of them may have rung once; `double_dials`: calls that the softphone
    got beyond them, number by number; `unseen`: those of them that it did not get; `unknown`: attempts of which nobody
    knows; `settings`: to look at it afterwards.
    """

    contacts: tuple[Contact, ...]
    state: str
    attempts: int
    double_dials: int
    unseen: int
    unknown: int
    seconds: float
    settings: Settings

    @property
    def outcomes(self) -> Counter[str]:
        """Contacts that are through, by what came of them."""
        return Counter(contact.outcome for contact in self.contacts if contact.outcome)

    @property
    def refused(self) -> Counter[str]:
        """Contacts refused for good, by rule."""
        return Counter(contact.rule for contact in self.contacts if contact.rule)

    @property
    def as_expected(self) -> int:
        """Contacts whose outcome is the one that the callee they reached stands for."""
        return sum(contact.outcome == contact.expected != "" for contact in self.contacts)

    @property
    def good(self) -> bool:
        """The campaign came to its end, nobody was called twice for one attempt, nothing is uncertain."""
        return self.state == "done" and not (self.double_dials or self.unknown)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "contacts": len(self.contacts),
            "attempts": self.attempts,
            "outcomes": dict(self.outcomes.most_common()),
            "double_dials": self.double_dials,
            "unknown": self.unknown,
            "refused": [{"rule": rule, "count": count} for rule, count in self.refused.most_common()],
            "state": self.state,
            "invites": sum(contact.invites for contact in self.contacts),
            "unseen": self.unseen,
            "as_expected": self.as_expected,
            "seconds": round(self.seconds, 1),
            "database_url": self.settings.database_url,
        }


async def run(settings: Settings, follow: Follow, *, home: Path = HOME, sample: Path = SAMPLE) -> Result:
    """The whole demonstration; raises the parts' faults, each one line."""
    folder = await asyncio.to_thread(fresh_folder, home)
    called: list[tuple[str, str]] = []

    def told(event: Mapping[str, Any]) -> None:
        if event["event"] == "incoming":
            called.append((canonical(event["called"]), event["persona"]))

    board = sample / "board.yaml"
    async with answering("--board", str(board), told=told) as uri:
        ours = own_settings(folder, sample, SipUri.parse(uri).authority)
        settings = settings.model_copy(update=ours)
        store = await asyncio.to_thread(open_store, settings, durable=True)
        began = asyncio.get_running_loop().time()
        try:
            await asyncio.to_thread(begin, settings, store, folder, sample, datetime.now(UTC))
            async with _worker(ours) as worker:
                await _until_over(worker, lambda: follow(settings, store))
        finally:
            await asyncio.to_thread(store.close)
        seconds = asyncio.get_running_loop().time() - began
    expected = {persona.name: str(persona.expect) for persona in load_board(board, settings.personas_dir).personas}
    return await asyncio.to_thread(_result, settings, called, expected, seconds)


# ---------------------------------------------------------------- before


def fresh_folder(home: Path) -> Path:
    """A new folder below `home`, of which the last few stay."""
    folder = home / new_id()
    folder.mkdir(parents=True)
    for old in sorted(path for path in home.iterdir() if path.is_dir())[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def own_settings(folder: Path, sample: Path, phone: str) -> dict[str, Any]:
    """The settings that differ: everything is kept in `folder`, and no call leaves this machine, whatever trunk the
    installation has.
    """
    trunk = {"name": "default", "host": phone, "channels": CHANNELS, "calls_per_second": 4}
    trunks = folder / "trunks.yaml"
    trunks.write_text(yaml.safe_dump({"trunks": [trunk]}), encoding="utf-8")
    nowhere: dict[str, Any] = {"sip_registrar": "", "sip_username": "", "sip_proxy": "", "sip_port": 0}
    return nowhere | {
        "database_url": f"sqlite:///{folder / 'voicebot.db'}",
        "recordings_dir": folder / "recordings",
        "policy_file": sample / "policy.yaml",
        "trunks_file": trunks,
        "host_name": NAME,
        "workers": 1,
        "sip_channels": CHANNELS,
        "sip_bind": "127.0.0.1",
    }


def begin(settings: Settings, store: Store, folder: Path, sample: Path, now: datetime) -> None:
    """From the list to a campaign that dials, by the way that everybody's goes."""
    flow = load_flow(settings, FLOW)
    policy = read_policy(settings.policy_file)
    people.add(store, AUTHOR, ["operations"])
    people.add(store, APPROVER, ["compliance"])
    store.add_do_not_call(_FORBIDDEN, "said so in an earlier call 此前要求勿扰")
    listed = folder / "contacts.csv"
    _fill_in(sample / "contacts.csv", listed, now.astimezone(settings.zone))
    plan = read_plan(sample / "plan.yaml")
    import_list(store, listed, flow, plan, policy, NAME, AUTHOR, now, zone=settings.zone)
    life.submit(store, NAME, AUTHOR, now, flow, policy)
    life.approve(store, NAME, APPROVER, now, flow, policy, "demonstration 演示")
    life.start(store, NAME, AUTHOR, now, flow, policy)


def _fill_in(sample: Path, listed: Path, now: datetime) -> None:
    """The sample's list with dates in the place of T-1 and T+2 15:00."""
    with sample.open(encoding="utf-8", newline="") as source, listed.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerows([dated(cell, now) for cell in row] for row in csv.reader(source))


# ---------------------------------------------------------------- meanwhile


@asynccontextmanager
async def _worker(ours: Mapping[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A `voicebot worker` with the settings `ours`, which has ended when this has."""
    environment = os.environ | {PREFIX + name.upper(): str(value) for name, value in ours.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicebot", "worker", "--until-done", "--drain", "0", "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def _until_over(worker: asyncio.subprocess.Process, look: Callable[[], None]) -> None:
    ending = asyncio.create_task(worker.communicate())
    try:
        async with asyncio.timeout(_LONGEST_S):
            while not ending.done():
                await asyncio.wait({ending}, timeout=_LOOK_S)
                await asyncio.to_thread(look)
    except TimeoutError:
        raise CampaignFault(f"the demonstration did not come to its end in {_LONGEST_S:.0f} s") from None
    finally:
        # Whoever ends the worker reads what it says until then.
        ending.cancel()
        await asyncio.wait({ending})
    _, said = ending.result()
    if worker.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        why = lines[-1].removeprefix("voicebot: error: ") if lines else f"exit code {worker.returncode}"
        raise CampaignFault(f"the worker ended: {why}")


# ---------------------------------------------------------------- afterwards


def apart(invites: Mapping[str, int], dialled: Mapping[str, int]) -> tuple[int, int]:
    """How many calls came in at a number beyond those that we dialled, and how many of ours did not come in, over all
    numbers. At each number by itself: one too many here is not made good by one that is missing there.
    """
    more = [invites.get(number, 0) - dialled.get(number, 0) for number in invites.keys() | dialled.keys()]
    return sum(max(0, n) for n in more), sum(max(0, -n) for n in more)


def _result(settings: Settings, called: list[tuple[str, str]], expected: Mapping[str, str], seconds: float) -> Result:
    store = open_store(settings)
    try:
        with store.reading() as connection:
            campaign = book.find(connection, NAME)
            mine = contacts.c.campaign_id == campaign.id
            rows = connection.execute(select(contacts).where(mine).order_by(contacts.c.row)).mappings().all()
            fenced = (attempts.c.campaign_id == campaign.id, attempts.c.fenced_at.is_not(None))
            query = select(attempts.c.number, func.count().label("calls")).where(*fenced).group_by(attempts.c.number)
            dialled = {row.number: row.calls for row in connection.execute(query)}
            unknown = (attempts.c.campaign_id == campaign.id, attempts.c.state == "unknown")
            uncertain = connection.execute(select(func.count()).where(*unknown)).scalar_one()
    finally:
        store.close()
    invites = Counter(number for number, _ in called)
    took = dict(called)  # of each number the last one stays
    double, unseen = apart(invites, dialled)
    return Result(
        tuple(
            Contact(
                row["row"],
                row["given"],
                row["state"],
                row["rule"],
                row["outcome"],
                dialled.get(row["number"], 0),
                invites[row["number"]],
                took.get(row["number"], ""),
                expected.get(took.get(row["number"], ""), ""),
            )
            for row in rows
        ),
        campaign.state,
        sum(dialled.values()),
        double,
        unseen,
        uncertain,
        seconds,
        settings,
    )
