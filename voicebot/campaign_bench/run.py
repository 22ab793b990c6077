"""The sizes one after another, each on a fresh database of its own, of which nothing stays."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign_bench import made_up
from voicebot.campaign_bench.figures import Size
from voicebot.campaign_bench.measure import Failed, Job, Step, process
from voicebot.settings import Settings
from voicebot.store.records import new_id

SQLITE: Final = "sqlite"
# What a contact takes at most while it is measured: list, database with its log, export.
_BYTES_EACH: Final = 6_000
_AT_LEAST: Final = 100_000_000

Say = Callable[[str], None]


def disk_needed(sizes: Sequence[int]) -> int:
    """Bytes, while the largest size is measured."""
    return _AT_LEAST + max(sizes) * _BYTES_EACH


def run(settings: Settings, sizes: Sequence[int], attempts: int, database: str, say: Say) -> list[Size]:
    """Measure lists of these many contacts. `database`: "sqlite", or the URL of a PostgreSQL server's database in which
    this user may create others. Whatever happens, Ctrl-C too, files and databases made here are removed. Raises
    `CampaignFault`.
    """
    with _cleaning_up():
        return [_one(settings, contacts, attempts, database, say) for contacts in sizes]


@contextmanager
def _cleaning_up() -> Iterator[None]:
    """SIGTERM ends us like Ctrl-C: with everything removed."""
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _one(settings: Settings, contacts: int, attempts: int, database: str, say: Say) -> Size:
    with tempfile.TemporaryDirectory(prefix="voicebot-bench-") as name:
        folder = Path(name)
        needed, free = disk_needed([contacts]), shutil.disk_usage(folder).free
        if free < needed:
            raise CampaignFault(
                f"{contacts:,} contacts need {needed / 1e9:.1f} GB in {folder.parent} and {free / 1e9:.1f} GB are"
                " free: make room, name another folder with TMPDIR, or give smaller --contacts"
            )
        with _database(database, folder, "voicebot") as url, _database(database, folder, "beside") as beside:
            job = Job(contacts, attempts, folder, _settings(settings, folder, url), beside)
            return _in_a_process(job, say)


def _settings(settings: Settings, folder: Path, url: str) -> Settings:
    policy, trunks = folder / "policy.yaml", folder / "trunks.yaml"
    made_up.write_policy(policy)
    made_up.write_trunks(trunks)
    ours = {
        "database_url": url,
        "recordings_dir": folder / "recordings",
        "policy_file": policy,
        "trunks_file": trunks,
        "host_name": "bench",
    }
    return settings.model_copy(update=ours)


def _in_a_process(job: Job, say: Say) -> Size:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    worker = multiprocessing.get_context("spawn").Process(target=process, args=(job, theirs), daemon=True)
    worker.start()
    theirs.close()
    try:
        while True:
            match ours.recv():
                case Step(what):
                    say(f"{job.contacts:,} contacts: {what}")
                case Failed(why):
                    raise CampaignFault(why)
                case Size() as size:
                    return size
    except EOFError:
        worker.join()
        why = f"the measurement of {job.contacts:,} contacts broke off (exit code {worker.exitcode})"
        raise CampaignFault(why) from None
    finally:
        worker.terminate()
        worker.join()


@contextmanager
def _database(database: str, folder: Path, name: str) -> Iterator[str]:
    if database == SQLITE:
        yield f"sqlite:///{folder / name}.db"
        return
    try:
        server = make_url(database)
    except ArgumentError:
        raise CampaignFault("--database: write sqlite, or postgresql://user@host/name") from None
    if server.get_backend_name() != "postgresql":
        raise CampaignFault("--database: write sqlite, or postgresql://user@host/name")
    engine = create_engine(
        server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    name = f"voicebot_bench_{new_id().lower()}"
    _say_to(engine, f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _say_to(engine, f"DROP DATABASE {name} WITH (FORCE)")


def _say_to(engine: Engine, command: str) -> None:
    try:
        with engine.connect() as connection:
            connection.execute(text(command))
    except SQLAlchemyError as error:
        said = str(error.orig if hasattr(error, "orig") else error).splitlines()[0]
        raise CampaignFault(f"--database: {said}") from None
