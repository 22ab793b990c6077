"""Scripts and policy, read once and again when a file of theirs changes: a gate looks at what holds now."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.policy import Policy, read_policy
from voicebot.flow.loading import find, load
from voicebot.flow.model import Flow
from voicebot.flow.problems import FlowError

log = logging.getLogger(__name__)
_Stamp = tuple[tuple[str, int, int, int], ...]
SHARED = "shared"


class Shelf:
    """Reads scripts below `flows`. May be asked from any thread."""

    def __init__(self, flows: Path) -> None:
        self._flows = flows
        self._kept: dict[str, tuple[_Stamp, Flow]] = {}
        self._lock = threading.Lock()

    def flow(self, name: str) -> Flow:
        """A checked script as its files are now. Raises `CampaignFault` for one that cannot be used."""
        try:
            folder = find(name, flows=self._flows)
            stamp = _stamp(folder) + _stamp(folder.parent / SHARED)
            with self._lock:
                kept = self._kept.get(name)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            flow = load(name, flows=self._flows)
        except FlowError as error:
            raise CampaignFault(f"the script {name} cannot be used: {error.problems[0]}") from None
        except OSError as error:
            raise CampaignFault(f"the script {name} cannot be read: {error.strerror}") from None
        with self._lock:
            self._kept[name] = (stamp, flow)
        return flow


class CurrentPolicy:
    """The firm's policy as its file is now; a file that was broken while we work leaves the last good one in force. May
    be asked from any thread. Raises `CampaignFault` when it is made, for a file that cannot be used.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp = file.stat().st_mtime_ns if file.is_file() else 0
        self._policy = read_policy(file)

    def __call__(self) -> Policy:
        """The policy."""
        try:
            stamp = self._file.stat().st_mtime_ns
            if stamp != self._stamp:
                self._stamp = stamp
                self._policy = read_policy(self._file)
        except (OSError, CampaignFault) as fault:
            log.error("the policy cannot be read, the last one holds: %s", fault)
        return self._policy


def _stamp(folder: Path) -> _Stamp:
    """Tells whether anything in a folder has changed, without reading it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    found = ((str(path), path.stat()) for path in files)
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in found))
