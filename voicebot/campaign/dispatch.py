"""The dispatcher 调度: while it holds the lease, it admits what is due, hands lost attempts over again, and gives up
hosts that are silent. Every host can do it, one does at a time; two at once, by mistake, do no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from voicebot.campaign import book, hosts
from voicebot.campaign.admission import admit, attempt_to_hand_over
from voicebot.campaign.durable import Queues
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.fence import handed_again
from voicebot.campaign.policy import Policy
from voicebot.campaign.settlement import late, lose, orphans, settle
from voicebot.campaign.shelf import Shelf
from voicebot.campaign.trunks import Trunk
from voicebot.store.store import Store

log = logging.getLogger(__name__)

TICK_S: Final = 0.5
# An attempt that was handed over so long ago is looked for in the queue; a queue that is merely long still has it.
_LOOK_AFTER: Final = timedelta(seconds=10)
_SWEEP_EVERY: Final = timedelta(seconds=3)
_MOST: Final = 200
_TIDY_EVERY: Final = timedelta(minutes=1)
_QUEUE_KEPT: Final = timedelta(hours=1)
_TIDIED_AT_ONCE: Final = 1000  # a minute: more than any installation calls
# The processes of a dead host hang up and close their records; only what is still open then is unknown.
GRACE: Final = timedelta(seconds=20)


class Dispatcher:
    """One a host. `tick` blocks; it is called again and again, by one thread at a time. `holder` names this run."""

    def __init__(
        self,
        store: Store,
        queues: Queues,
        shelf: Shelf,
        policy: Callable[[], Policy],
        trunks: Mapping[str, Trunk],
        holder: str,
    ) -> None:
        self._store = store
        self._queues = queues
        self._shelf = shelf
        self._policy = policy
        self._trunks = trunks
        self._holder = holder
        self._swept_at: datetime | None = None
        self._tidied_at: datetime | None = None
        self._told: set[str] = set()

    def tick(self, now: datetime) -> bool:
        """One round. Whether this one dispatches. Raises `StoreFault` while the database is away."""
        if not hosts.take_lease(self._store, hosts.DISPATCHER, self._holder, now):
            return False
        if self._swept_at is None or now - self._swept_at >= _SWEEP_EVERY:
            self.sweep(now)
            self._swept_at = now
        self._admit_all(now)
        return True

    def give_up(self, now: datetime) -> None:
        """Let another host dispatch at once."""
        hosts.give_lease_back(self._store, hosts.DISPATCHER, self._holder, now)

    def sweep(self, now: datetime) -> None:
        """Bring home what crashes left: hosts given up, attempts without a process, attempts without a place."""
        for name in hosts.give_up_silent(self._store, now):
            log.error("host %s has been silent for %d s: given up", name, hosts.LOST_AFTER.total_seconds())
        alive = frozenset(host.name for host in hosts.alive(self._store, now))
        policy = self._policy()
        for orphan in orphans(self._store):
            record = self._store.call(orphan.call_id)
            if record.state == "closed":
                settle(self._store, orphan.attempt_id, "", record, policy, now)
            elif now - orphan.since >= GRACE:
                lost = lose(self._store, orphan, f"host {orphan.host} is gone", policy, now)
                if lost:
                    log.error("attempt %s is unknown: host %s is gone", orphan.attempt_id, orphan.host)
        for attempt_id, call_id in late(self._store, _MOST):
            settle(self._store, attempt_id, "", self._store.call(call_id), policy, now)
        self._queues.drop_dead(alive)
        if self._tidied_at is None or now - self._tidied_at >= _TIDY_EVERY:
            self._tidied_at = now
            self._queues.forget_done(now - _QUEUE_KEPT, _TIDIED_AT_ONCE)
        with self._store.reading() as connection:
            waiting = attempt_to_hand_over(connection, now - _LOOK_AFTER, _MOST)
        standing = self._queues.standing([(row["id"], row["handed"]) for row in waiting], alive)
        again = []
        for row in waiting:
            if row["id"] in standing:
                continue
            handed = handed_again(self._store, row["id"], row["handed"], now)
            if handed is not None:
                again.append((row["id"], row["trunk"], handed))
        self._queues.hand_over(again)

    def _admit_all(self, now: datetime) -> None:
        """Every running campaign, the greatest priority first; equals take turns."""
        with self._store.reading() as connection:
            running = book.running(connection)
        if not running:
            return
        channels = sum(host.channels for host in hosts.alive(self._store, now))
        policy = self._policy()
        for campaign in running:
            try:
                trunk = self._trunks.get(campaign.trunk)
                if trunk is None:
                    raise CampaignFault(f"trunk {campaign.trunk} is not one of this installation's")
                flow = self._shelf.flow(campaign.flow)
            except CampaignFault as fault:
                self._tell_once(campaign.id, str(fault))
                continue
            admitted = admit(self._store, campaign.id, flow, policy, trunk, now, channels=channels)
            self._queues.hand_over((attempt_id, trunk.name, 1) for attempt_id in admitted.attempts)

    def _tell_once(self, campaign_id: str, why: str) -> None:
        if campaign_id not in self._told:
            self._told.add(campaign_id)
            log.error("campaign %s waits: %s", campaign_id, why)
