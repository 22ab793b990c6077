"""One campaign under trouble, from its start to its end."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import select

from tests.campaign.crash import stage
from tests.campaign.crash.findings import Findings
from tests.campaign.crash.processes import Host
from tests.campaign.crash.sink import calls_in
from tests.campaign.crash.trouble import Strikes
from voicebot.settings import ROOT
from voicebot.store.campaign_tables import campaigns
from voicebot.store.fault import StoreFault
from voicebot.store.store import Store

_LOOK_S = 0.1
_ASK_S = 1.0
_FAILURES = 10


@contextlib.contextmanager
def sink_process(log: Path, *, bind: str = "127.0.0.1", within: Sequence[str] = ()) -> Iterator[str]:
    """The sink in a process of its own; gives its address as an outbound proxy, "sip:host:port"."""
    command = [*within, sys.executable, "-m", "tests.campaign.crash.sink", "--bind", bind, "--log", str(log)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"sip:{bind}:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def carry_through(
    store: Store, kept: Sequence[Host], log: Path, trouble: Strikes, *, bound_s: float
) -> tuple[str, float]:
    """Keep the hosts running and strike until the campaign is over, or `bound_s` (of a test that fails) has passed.
    Gives the campaign's last state and how long it took, in s.
    """
    begun = time.monotonic()
    asked, state = 0.0, "running"
    while (now := time.monotonic()) - begun < bound_s and state == "running":
        if any(host.failures >= _FAILURES for host in kept):
            break  # it is not we who end it
        for host in kept:
            host.keep()
        if all(host.finished for host in kept):
            return _state(store), time.monotonic() - begun
        trouble.look(len(calls_in(log)), now)
        if now - asked > _ASK_S:
            asked = now
            with contextlib.suppress(StoreFault):  # away, because of us
                state = _state(store)
                stage.let_time_pass(store)
        time.sleep(_LOOK_S)
    return state, time.monotonic() - begun


def _state(store: Store) -> str:
    with store.reading() as connection:
        return str(connection.execute(select(campaigns.c.state)).scalar_one())


def table(title: str, trouble: Strikes, findings: Findings, took_s: float) -> str:
    """What happened, for a reader."""
    struck = ", ".join(f"{what} {count}" for what, count in sorted(trouble.done.items()))
    counts = ", ".join(f"{name} {count}" for name, count in findings.counts.items())
    return (
        f"\n{title}: {took_s:.0f} s, {sum(trouble.done.values())} strikes ({struck})\n"
        f"  {counts}\n"
        f"  double dials {len(findings.double_dials)}, lost {len(findings.lost)},"
        f" contradictions {len(findings.contradictions)}"
    )
