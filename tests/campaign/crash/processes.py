"""Hosts as a supervisor keeps them: `voicebot worker` under a stable name, started again whenever it is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicebot.settings import PREFIX, ROOT

HOST = "host"
WORKER = "worker"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Victim:
    """A process that may be killed. `role`: the host itself, one of its call workers, or what forks those."""

    pid: int
    role: str


class Host:
    """One `voicebot worker`. `within`: words before the command (`ip netns exec NAME`)."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path, *, within: Sequence[str] = ()) -> None:
        self.name = name
        self.starts = 0
        self._log = log
        clean = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
        self._environment = clean | environment
        self._command = [*within, sys.executable, "-m", "voicebot", "worker", "--name", name, "--until-done"]
        self._process: subprocess.Popen[bytes] | None = None
        self.finished = False

    @property
    def pid(self) -> int:
        """Of the host's own process; 0 while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def keep(self) -> None:
        """What a supervisor does all the time: start it again unless it ended of itself, in order."""
        if self.finished or self.pid:
            return
        if self._process is not None and self._process.returncode == 0:
            self.finished = True
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.starts += 1

    def victims(self) -> list[Victim]:
        """Everything of this host that runs now."""
        return (
            [Victim(self.pid, HOST), *(Victim(pid, role_of(pid)) for pid in descendants(self.pid))] if self.pid else []
        )

    def stop(self) -> None:
        """End it and all it started, at once."""
        gone = self.victims()
        for victim in gone:
            kill(victim.pid)
        if self._process is not None:
            self._process.wait()

    def said(self) -> str:
        """The end of what it printed, all runs together."""
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else ""


def descendants(pid: int) -> list[int]:
    """The children of a process, their children and so on, as /proc has them now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, look = [], [pid]
    while look:
        own = children.get(look.pop(), [])
        found += own
        look += own
    return found


def role_of(pid: int) -> str:
    """A call worker is forked by a fork server, so it is a grandchild that runs the same words as its parent."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        words, parents = (Path(f"/proc/{each}/cmdline").read_bytes() for each in (pid, parent))
        if b"forkserver" in words and words == parents:
            return WORKER
    return OTHER


def kill(pid: int) -> bool:
    """kill -9; whether there was somebody to kill."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
