"""One size, in a process of its own: so its memory is its own, and DBOS begins anew."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median
from typing import Any, Final

from sqlalchemy import make_url, text

from voicebot.campaign import life, people
from voicebot.campaign.arrivals import import_list
from voicebot.campaign.export import Wanted, export
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.host import Host
from voicebot.campaign.policy import Policy, read_policy
from voicebot.campaign.progress import progress
from voicebot.campaign.silent_lines import SilentLines
from voicebot.campaign.trunks import trunks_of
from voicebot.campaign_bench import made_up, parts
from voicebot.campaign_bench.figures import Parts, Size
from voicebot.campaign_bench.made_up import CHANNELS, FLOW, PLAN
from voicebot.flow.model import Flow
from voicebot.logs import start_logging
from voicebot.robot import load_flow
from voicebot.settings import Settings
from voicebot.store import migration
from voicebot.store.fault import StoreFault
from voicebot.store.store import Store

NAME: Final = "bench"
# Contacts of the small list that every size is compared with.
BESIDE: Final = 1000
_AUTHOR, _APPROVER = "bench-operations", "bench-compliance"
_LOOK_S: Final = 0.02
_BATCH: Final = 25
_LONGEST_S: Final = 900.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to measure: a list of `contacts` rows, then `attempts` calls by a host. The database is the settings'; at
    `beside_url` another for a small list; files go to `folder`.
    """

    contacts: int
    attempts: int
    folder: Path
    settings: Settings
    beside_url: str


@dataclass(frozen=True, slots=True)
class Step:
    """Measuring process to its parent: this is what it does now."""

    what: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Measuring process to its parent: it cannot go on; one line."""

    why: str


def process(job: Job, pipe: Pipe) -> None:
    """The process' whole life: it sends `Step`s and at last a `Size`, or `Failed`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    start_logging(job.settings.log_level)

    def send(what: Step | Failed | Size) -> None:
        try:
            pipe.send(what)
        except BrokenPipeError:  # the parent is gone
            raise SystemExit(1) from None

    try:
        send(measure(job, lambda what: send(Step(what))))
    except (CampaignFault, StoreFault) as fault:
        send(Failed(str(fault)))


def measure(job: Job, say: Say) -> Size:
    """All of it. Raises `CampaignFault`, `StoreFault`."""
    with _opened(job.settings.database_url) as store, _opened(job.beside_url) as small:
        return _measured(job, store, small, say)


@contextmanager
def _opened(url: str) -> Iterator[Store]:
    """A new database, as a host opens it."""
    migration.upgrade(url)
    store = Store.open(url, durable=True)
    try:
        people.add(store, _AUTHOR, ["operations"])
        people.add(store, _APPROVER, ["compliance"])
        yield store
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A campaign that runs, and how long it took to get there."""

    campaign: str
    accepted: int
    import_s: float
    memory_before_mb: float
    memory_peak_mb: float
    submit_s: float
    approve_s: float
    start_s: float


def _arrive(store: Store, contacts: int, job: Job, flow: Flow, policy: Policy, say: Say) -> _Arrival:
    """From the list to a running campaign, by the way that everybody's goes."""
    settings, listed = job.settings, job.folder / f"{contacts}.csv"
    say(f"writes a list of {contacts:,}")
    made_up.write_list(listed, contacts, datetime.now(settings.zone))
    before_mb = _memory_mb("VmRSS")
    say("imports it")
    import_s, done = _timed(
        lambda: import_list(
            store, listed, flow, PLAN, policy, NAME, _AUTHOR, datetime.now(UTC), zone=settings.zone,
            progress=lambda rows, _total: say(f"imports it: {rows:,} rows") if rows % 100_000 == 0 else None,
        )
    )  # fmt: skip
    peak_mb = _memory_mb("VmHWM")
    say("submits, approves, starts it")
    submit_s, _ = _timed(lambda: life.submit(store, NAME, _AUTHOR, datetime.now(UTC), flow, policy))
    approve_s, _ = _timed(lambda: life.approve(store, NAME, _APPROVER, datetime.now(UTC), flow, policy))
    start_s, _ = _timed(lambda: life.start(store, NAME, _AUTHOR, datetime.now(UTC), flow, policy))
    return _Arrival(done.campaign, done.accepted, import_s, before_mb, peak_mb, submit_s, approve_s, start_s)


def _measured(job: Job, store: Store, small: Store, say: Say) -> Size:
    settings = job.settings
    flow, policy = load_flow(settings, FLOW), read_policy(settings.policy_file)
    trunk = trunks_of(settings)[PLAN.trunk]
    arrived = _arrive(store, job.contacts, job, flow, policy, say)
    beside = _arrive(small, BESIDE, job, flow, policy, lambda _what: None)
    both = ((store, arrived.campaign), (small, beside.campaign))
    few = max(1, job.attempts // 4)

    def in_parts(called: Sequence[int]) -> list[Parts]:
        say(f"takes {few} attempts in parts")
        subjects = [parts.Subject(each, campaign, flow, policy, trunk) for each, campaign in both]
        parts.take_in_turn(subjects, few)
        return [subject.found(called=n) for subject, n in zip(subjects, called, strict=True)]

    fresh = in_parts((0, 0))
    say("makes half of them called")
    called = []
    for each, campaign in both:
        with each.writing() as connection:
            called.append(made_up.age(connection, campaign, datetime.now(UTC) - timedelta(days=1)))
    aged = in_parts(called)
    with store.reading() as connection:
        left = made_up.untouched(connection, arrived.campaign)
    placed = min(job.attempts, left)
    say(f"{placed} attempts by a host")
    wall_ms, cpu_ms = asyncio.run(_by_host(settings, store, placed))
    say("shows and exports it")
    status_s, _ = _timed(lambda: progress(store, NAME, datetime.now(UTC)))
    wanted = Wanted(job.folder / "export.csv", _AUTHOR, settings.zone)
    export_s, _ = _timed(lambda: export(store, NAME, wanted, datetime.now(UTC)))
    return Size(
        contacts=job.contacts,
        accepted=arrived.accepted,
        import_s=arrived.import_s,
        memory_before_mb=arrived.memory_before_mb,
        memory_peak_mb=arrived.memory_peak_mb,
        submit_s=arrived.submit_s,
        approve_s=arrived.approve_s,
        start_s=arrived.start_s,
        status_s=status_s,
        export_s=export_s,
        parts=(fresh[0], aged[0]),
        beside=(fresh[1], aged[1]),
        attempts=placed,
        host_wall_ms=wall_ms,
        host_cpu_ms=cpu_ms,
        database_mb=_database_mb(store, settings),
    )


async def _by_host(settings: Settings, store: Store, attempts: int) -> tuple[float, float]:
    """(wall, CPU) ms of an attempt while a host places so many: medians over batches, from the first call on."""
    lines = SilentLines(store, CHANNELS)
    stop = asyncio.Event()
    work = asyncio.create_task(Host(settings, store, lines, CHANNELS).run(stop))
    seen: list[tuple[int, float, float]] = []
    deadline = time.monotonic() + _LONGEST_S
    while not work.done() and lines.placed < attempts and time.monotonic() < deadline:
        if lines.placed and (not seen or lines.placed >= seen[-1][0] + _BATCH):
            seen.append((lines.placed, time.perf_counter(), time.process_time()))
        await asyncio.sleep(_LOOK_S)
    seen.append((lines.placed, time.perf_counter(), time.process_time()))
    stop.set()
    await work
    if lines.placed < attempts:
        raise CampaignFault(f"the host placed {lines.placed} of {attempts} calls in {_LONGEST_S:.0f} s")
    pairs = [(a, b) for a, b in pairwise(seen) if b[0] > a[0]]
    if not pairs:
        raise CampaignFault(f"{attempts} calls are too few to measure a host by: give --attempts {_BATCH * 4} or more")
    walls, cpus = ([(b[i] - a[i]) * 1000 / (b[0] - a[0]) for a, b in pairs] for i in (1, 2))
    return median(walls), median(cpus)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    done = work()
    return time.perf_counter() - begun, done


def _memory_mb(what: str) -> float:
    """VmRSS: what this process takes now; VmHWM: the most so far. Not `getrusage`, whose figure begins with what the
    parent had.
    """
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    return 0.0


def _database_mb(store: Store, settings: Settings) -> float:
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        return sum(file.stat().st_size for file in Path(url.database or "").parent.glob("voicebot.db*")) / 1e6
    with store.reading() as connection:
        size: int = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    return size / 1e6
