"""Retries 重拨: whether and when a contact is dialled again, from how its last call came out. Pure; the table is
`retries` of the firm's policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import Retry
from voicebot.flow.dispositions import Disposition

# Calls that a callee asked for may go beyond the plan's `dials` by so many: a wish is no pestering, but has an end.
WISHES_BEYOND: Final = 2
# After these nobody is called, whatever hour was named earlier in the same call (docs/domain.md §3.3, §3.8).
_NO_WISH: Final = frozenset(
    {Disposition.DO_NOT_CALL, Disposition.COMPLAINT, Disposition.REFUSE, Disposition.WRONG_NUMBER}
)


@dataclass(frozen=True, slots=True)
class Next:
    """What follows a call. `at`: not dialled before, None for not again; `kind`: of the attempt, "" for none; `why`:
    the disposition that is retried, "wish", "attempts_spent" or "never".
    """

    at: datetime | None
    kind: Literal["retry", "wish", ""]
    why: str


def dials_allowed(plan: Plan, *, wished: bool) -> int:
    """How many calls a contact may get in all; a wished one may go beyond the plan."""
    return plan.dials + (WISHES_BEYOND if wished else 0)


def next_attempt(
    disposition: str,
    *,
    dials: int,
    plan: Plan,
    retries: Mapping[Disposition, Retry | None],
    now: datetime,
    seed: str,
    wish: datetime | None = None,
) -> Next:
    """What follows a call that came out as `disposition`. `dials`: calls to the contact so far, this one among them;
    `wish`: when the callee asked to be called; `seed`: the attempt, which alone decides where in the spread its retry
    lies. An outcome that the table does not have is not dialled again.
    """
    if wish is not None and disposition not in _NO_WISH and dials < dials_allowed(plan, wished=True):
        return Next(max(wish, now), "wish", "wish")
    retry = retries[Disposition(disposition)] if disposition in set(Disposition) else None
    if retry is None:
        return Next(None, "", "never")
    if dials >= dials_allowed(plan, wished=False):
        return Next(None, "", "attempts_spent")
    return Next(now + retry.after + _share(seed) * retry.spread, "retry", disposition)


def _share(seed: str) -> float:
    """0 ≤ share < 1, evenly spread over seeds and the same for the same seed on every host."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6]) / 2**48
