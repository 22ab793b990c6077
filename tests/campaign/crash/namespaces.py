"""Several machines on one: network namespaces on a bridge, each with an address, a cable that can be pulled, no more.

Needs root and `ip` (Debian: iproute2). Everything made bears the process id in its name and is removed at the end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


class NoNamespaces(Exception):
    """They cannot be made here; the message says why."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A namespace with one cable to the bridge."""

    name: str
    address: str
    cable: str

    @property
    def within(self) -> tuple[str, ...]:
        """Words before a command that is to run there."""
        return ("ip", "netns", "exec", self.name)

    def pull_cable(self) -> None:
        """Nothing gets in or out; connections stay open on both sides, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def plug_in(self) -> None:
        """As before."""
        _ip("link", "set", self.cable, "up")


@contextlib.contextmanager
def machines(names: Sequence[str]) -> Iterator[list[Machine]]:
    """One for each name, all on one bridge. Raises `NoNamespaces`."""
    if os.getuid() != 0 or shutil.which("ip") is None:
        raise NoNamespaces("network namespaces need root and `ip` (Debian: apt-get install iproute2)")
    pid = os.getpid()
    bridge, subnet = f"vbr{pid}", f"10.{200 + pid // 250 % 50}.{pid % 250}"
    made: list[Machine] = []
    with contextlib.ExitStack() as undo:
        try:
            _ip("link", "add", bridge, "type", "bridge")
            undo.callback(_ip, "link", "delete", bridge)
            _ip("link", "set", bridge, "up")
            for index, name in enumerate(names, start=1):
                made.append(_machine(undo, bridge, Machine(f"{name}-{pid}", f"{subnet}.{index}", f"v{index}x{pid}")))
        except subprocess.CalledProcessError as error:
            raise NoNamespaces(f"network namespaces cannot be made here: {error.stderr.strip()}") from None
        yield made


def _machine(undo: contextlib.ExitStack, bridge: str, machine: Machine) -> Machine:
    inside = f"{machine.cable}i"
    _ip("netns", "add", machine.name)
    undo.callback(_ip, "netns", "delete", machine.name)  # takes its end of the cable along, and so the cable
    _ip("link", "add", machine.cable, "type", "veth", "peer", "name", inside, "netns", machine.name)
    _ip("link", "set", machine.cable, "master", bridge)
    _ip("link", "set", machine.cable, "up")
    _ip("-n", machine.name, "address", "add", f"{machine.address}/24", "dev", inside)
    _ip("-n", machine.name, "link", "set", inside, "up")
    _ip("-n", machine.name, "link", "set", "lo", "up")
    return machine


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=30)
