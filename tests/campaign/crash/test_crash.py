"""Processes of a campaign are killed at random moments: no number rings twice for one attempt, none is lost."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from tests.campaign.crash import findings, run, stage, trouble
from tests.campaign.crash.processes import Host
from tests.postgres import Postgres, programs
from voicebot.store import migration
from voicebot.store.store import Store

DATABASES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def voice_cache(tmp_path_factory) -> Path:
    """Shared by all hosts of all tests, so that each prompt is rendered once."""
    return tmp_path_factory.mktemp("tts")


@contextlib.contextmanager
def own_server() -> Iterator[Postgres]:
    """A server that a test may crash. Its user must get at the folder, so it does not lie below pytest's."""
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="voicebot-pg-"))
    server = Postgres(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop(at_once=True)
        shutil.rmtree(folder)


def crash(
    title: str, folder: Path, url: str, cache: Path, server: Postgres | None, *, contacts: int, moments: int
) -> findings.Findings:
    """A campaign of so many contacts with so many strikes, from an empty database on."""
    migration.upgrade(url)
    store = Store.open(url)
    log = folder / "invites.jsonl"
    stage.insert_campaign(store, count=contacts, channels=8)
    with run.sink_process(log) as proxy:
        settings = stage.HostSettings(
            url, proxy, stage.write_policy(folder / "policy.yaml"), folder / "recordings", cache
        )
        kept = [Host(name, settings.environment(name), folder / f"{name}.log") for name in ("a", "b")]
        kinds = trouble.kills(kept, store)
        if server is not None:
            admin = create_engine(make_url(server.url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
            kinds |= {
                trouble.cut_connections(admin, make_url(url).database or ""): 10,
                trouble.restart_server(server, away_s=1.0): 3,
            }
        maker = trouble.Troublemaker(trouble.Plan(kinds, moments, span=contacts * 4 // 5, seed=contacts))
        try:
            state, took_s = run.carry_through(store, kept, log, maker, bound_s=120 + contacts * 3)
        finally:
            for host in kept:
                host.stop()
        found = findings.judge(findings.read(store, run.calls_in(log)))
    store.close()
    print(run.table(title, maker, found, took_s))  # noqa: T201 - figures for docs/crash.md
    said = "\n".join(f"--- {host.name}, {host.starts} starts\n{host.said()}" for host in kept)
    assert state == "done", said
    assert maker.over, f"the campaign ended before all strikes were made: {maker.done}"
    assert not found.wrong, "\n".join([*found.wrong, said])
    return found


@pytest.mark.sip
@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize(
    ("contacts", "moments"),
    [pytest.param(40, 8, id="short"), pytest.param(200, 50, id="full", marks=pytest.mark.crash)],
)
def test_kills_at_random_moments_dial_nobody_twice_and_lose_nobody(kind, contacts, moments, tmp_path, voice_cache):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(own_server()) if kind == "postgresql" else None
        url = server.url if server else f"sqlite:///{tmp_path}/voicebot.db"
        found = crash(kind, tmp_path, url, voice_cache, server, contacts=contacts, moments=moments)
    assert found.counts["invites"] >= contacts // 2, "too few calls were placed to prove anything"
    if moments >= 50:  # a few may all miss
        assert found.counts["unknown"] > 0, "no kill met a call under way"
