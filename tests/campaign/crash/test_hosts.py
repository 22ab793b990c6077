"""Two hosts on machines of their own; one of them is cut off in mid-campaign."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from tests.campaign.crash import findings, run, stage
from tests.campaign.crash.namespaces import NoNamespaces, machines
from tests.campaign.crash.processes import Host
from tests.campaign.crash.trouble import Cut
from tests.postgres import Postgres, programs
from voicebot.store import migration
from voicebot.store.store import Store

pytestmark = [pytest.mark.sip, pytest.mark.crash]

CONTACTS = 60
# Longer than a host may be silent before it is given up (`voicebot.campaign.hosts.LOST_AFTER`, 30 s).
AWAY_S = 40.0


def test_a_host_that_is_cut_off_dials_nobody_twice_and_the_other_finishes(tmp_path):
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="voicebot-pg-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        try:
            db, a, b = stack.enter_context(machines(("db", "a", "b")))
        except NoNamespaces as why:
            pytest.skip(str(why))
        server = Postgres(folder, host=db.address, within=db.within)
        stack.callback(server.stop, at_once=True)
        server.start()
        # The test itself is on no machine of theirs: it asks by the server's socket, which is a file.
        asked = f"postgresql://voicebot@/test?host={folder}&port={server.port}"
        migration.upgrade(asked)
        store = Store.open(asked)
        stack.callback(store.close)
        stage.insert_campaign(store, count=CONTACTS, channels=8)
        log = tmp_path / "invites.jsonl"
        proxy = stack.enter_context(run.sink_process(log, bind=db.address, within=db.within))
        policy, cache = stage.write_policy(tmp_path / "policy.yaml"), tmp_path / "tts"
        kept = []
        for machine in (a, b):
            settings = stage.HostSettings(
                server.url, proxy, policy, tmp_path / machine.name, cache, sip_bind=machine.address
            )
            environment = settings.environment(machine.name)
            kept.append(Host(machine.name, environment, tmp_path / f"{machine.name}.log", within=machine.within))
            stack.callback(kept[-1].stop)
        cut = Cut(b.pull_cable, b.plug_in, at_calls=CONTACTS // 4, away_s=AWAY_S)
        state, took_s = run.carry_through(store, kept, log, cut, bound_s=240)
        # The one that was cut off comes back and has a last word about what it held.
        settled = time.monotonic() + 60
        while state == "done" and not all(host.finished for host in kept) and time.monotonic() < settled:
            cut.look(CONTACTS, time.monotonic())
            time.sleep(0.2)
            for host in kept:
                host.keep()
        left = findings.read(store, run.calls_in(log))
        found = findings.judge(left)
        print(run.table("hosts", cut, found, took_s))  # noqa: T201 - figures for docs/crash.md
        said = "\n".join(f"--- {host.name}, {host.starts} starts\n{host.said()}" for host in kept)
        assert state == "done", said
        assert cut.over, "the campaign ended before the host was cut off and back"
        assert not found.wrong, "\n".join([*found.wrong, said])
        by_host = {attempt.host for attempt in left.attempts}
        assert by_host >= {a.name, b.name}, "both dialled"
