"""Looking at a campaign, once or again and again: progress, key figures and forecast together."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final

from voicebot.campaign.forecast import Forecast, forecast, hours_of
from voicebot.campaign.kpi import Kpi, Tally, kpis
from voicebot.campaign.policy import Policy
from voicebot.campaign.progress import Progress, progress
from voicebot.store.store import Store

# Calls are counted anew when so many times of what counting took have passed: at most a tenth of the time goes there.
_PATIENCE: Final = 9


@dataclass(frozen=True, slots=True)
class Picture:
    """What is seen of a campaign at a moment."""

    progress: Progress
    figures: tuple[Kpi, ...]
    forecast: Forecast


@dataclass(slots=True)
class Looker:
    """Looks at one campaign, by name or id. `required`: the statements that its script says a client must hear out;
    `zone`: of days and times; `clock`: seconds, always forward.
    """

    store: Store
    campaign: str
    policy: Policy
    required: Collection[str]
    zone: tzinfo
    clock: Callable[[], float] = time.monotonic
    _tally: Tally | None = field(default=None, init=False)
    _count_again_at: float = field(default=0.0, init=False)

    def look(self, now: datetime) -> Picture:
        """The campaign as it is; its calls as they were counted a moment ago, where counting them takes long. Raises
        `CampaignFault`, `StoreFault`.
        """
        began = self.clock()
        due = self._tally is None or began >= self._count_again_at
        seen = progress(self.store, self.campaign, now, tally=None if due else self._tally)
        if self._tally is not None and not due and seen.over:  # the last look is exact
            seen, due = progress(self.store, self.campaign, now), True
        if due:
            took = self.clock() - began
            self._tally, self._count_again_at = seen.tally, began + took * (1 + _PATIENCE)
        figures = kpis(seen.tally, seen.campaign.kind, self.required)
        return Picture(seen, figures, forecast(seen, hours_of(seen.campaign, self.policy), self.zone))


def as_json(picture: Picture) -> dict[str, Any]:
    """For programs. Times are ISO 8601."""
    seen, expected = picture.progress, picture.forecast
    campaign = seen.campaign
    return {
        "campaign": campaign.name,
        "state": campaign.state,
        "since": campaign.state_since.isoformat(),
        "why": campaign.state_why,
        "flow": campaign.flow,
        "kind": campaign.kind,
        "at": seen.at.isoformat(),
        "contacts": dict(seen.contacts),
        "refused": [asdict(one) for one in seen.refused],
        "attempts": dict(seen.attempts),
        "dialled": seen.dials,
        "connected": seen.tally.connected,
        "conversed": seen.tally.conversations,
        "outcomes": dict(seen.tally.outcomes),
        "failed": dict(seen.tally.failed),
        "unknown": seen.attempts["unknown"],
        "busy_channels": seen.busy,
        "per_minute": {"recent": seen.recent_per_minute, "overall": seen.overall_per_minute},
        "deferred": {"contacts": seen.deferred, "next_due": _iso(seen.next_due)},
        "forecast": {
            "end": _iso(expected.end),
            "why": expected.why,
            "calls": expected.calls,
            "per_open_minute": expected.per_minute,
        },
        "kpis": [asdict(figure) for figure in picture.figures],
        "hosts": [{"name": one.name, "channels": one.channels, "busy": one.busy} for one in seen.hosts],
        "trunk": {
            "name": seen.trunk.name,
            "open": seen.trunk.is_open(seen.at),
            "until": _iso(seen.trunk.open_until),
            "failures": seen.trunk.failures,
        },
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
