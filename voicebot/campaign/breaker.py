"""The circuit breaker of a trunk 线路熔断: a trunk that fails again and again is left alone for a while, then tried
with one call. Pure; the caller keeps the breaker's row and changes it in the transaction in which it acts on it.

closed → (failures in a row) → open → (its pause is over) → half open: one probe → closed, or open for twice as long.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from sip.line import Cause
from voicebot.campaign.policy import BreakerLimits

# Doubling so often is beyond any `longest` worth writing, and still a span that Python can hold.
_DOUBLINGS: Final = 20


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures`: in a row; `open_until`: None while closed; `opened`: times in a row; `probe`: the attempt that tries
    the trunk, "" for none.
    """

    failures: int = 0
    open_until: datetime | None = None
    opened: int = 0
    probe: str = ""


def may_dial(breaker: Breaker, attempt_id: str, now: datetime) -> Literal["yes", "probe", "no"]:
    """Whether an attempt may use the trunk. "probe": only as the one that tries it, kept by `probing` before it dials;
    the probe itself is told so again.
    """
    if breaker.open_until is None:
        return "yes"
    if now < breaker.open_until or breaker.probe not in ("", attempt_id):
        return "no"
    return "probe"


def carried_by(breaker: Breaker, now: datetime) -> int:
    """How many attempts are worth having ready for the trunk: none while it is left alone, one to try it with."""
    if breaker.open_until is None:
        return sys.maxsize
    return 1 if now >= breaker.open_until and not breaker.probe else 0


def probing(breaker: Breaker, attempt_id: str) -> Breaker:
    """The attempt tries the trunk; no other does until `after` or `abandoned`."""
    return replace(breaker, probe=attempt_id)


def abandoned(breaker: Breaker, attempt_id: str) -> Breaker:
    """The attempt will tell nothing (refused by a gate, lost with its host): if it was the probe, another may be."""
    return replace(breaker, probe="") if breaker.probe == attempt_id else breaker


def after(breaker: Breaker, attempt_id: str, ok: bool, now: datetime, limits: BreakerLimits) -> Breaker:
    """What a finished attempt makes of it. While it is not closed only the probe's result counts: others were dialled
    before it opened, and say nothing of the trunk as it is now.
    """
    if breaker.open_until is not None and breaker.probe != attempt_id:
        return breaker
    if ok:
        return Breaker()
    failures = breaker.failures + 1
    if breaker.open_until is None and failures < limits.failures:
        return replace(breaker, failures=failures)
    pause = min(limits.pause * 2 ** min(breaker.opened, _DOUBLINGS), limits.longest)
    return Breaker(failures, now + pause, breaker.opened + 1)


def is_trunk_failure(cause: str, code: int, rang: bool) -> bool:
    """Whether a call that was not answered says that the trunk is broken. `cause`, `code`: of its record; `rang`: 180
    or 183 came. Anything that answers from beyond the trunk (180, 404, 480, 486, 603 …) says that it works: only a
    trunk that is silent (0; 408 by our own timer) or answers 5xx is broken.
    """
    if rang:
        return False
    silent = code == 0 or (code == 408 and cause == Cause.UNREACHABLE)
    return cause in (Cause.UNREACHABLE, Cause.FAULT) and (silent or 500 <= code < 600)
