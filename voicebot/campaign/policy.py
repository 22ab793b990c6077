"""The firm's limits for all campaigns, from `policy.yaml` or a file of the firm's own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator

from voicebot import checked_yaml
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.terms import WEEKDAYS, Holidays, Kind, Part, Span, Window
from voicebot.flow.dispositions import Disposition

SHIPPED: Final = Path(__file__).with_name("policy.yaml")
_RETRY: Final = "never, or {after: 30min, spread: 10min}"


class Limits(Part):
    """What holds for one kind of call. `hours`: by weekday (mon … sun), in the contact's zone; `per_day`, `per_week`:
    calls to one number in 24 h and 7 days over all campaigns; `gap`: between two of them; `data_age`: how old the data
    of a contact may be when it is spoken; `retention`: how long after its import.
    """

    hours: dict[str, tuple[Window, ...]]
    holidays: Holidays = "skip"
    per_day: Annotated[int, Field(ge=1)]
    per_week: Annotated[int, Field(ge=1)]
    gap: Span
    data_age: Span
    retention: Span

    @field_validator("hours")
    @classmethod
    def _weekdays(cls, hours: dict[str, tuple[Window, ...]]) -> dict[str, tuple[Window, ...]]:
        return known_weekdays(hours)

    @field_validator("gap")
    @classmethod
    def _in_sight(cls, gap: timedelta) -> timedelta:
        """The gates see a number's calls of the last 7 days; a longer gap would not be kept."""
        if gap > timedelta(days=7):
            raise ValueError("longer than 7d, which is as far back as calls to a number are looked at")
        return gap


class BreakerLimits(Part):
    """After `failures` in a row a trunk is left alone for `pause`, twice as long each further time, at most
    `longest`.
    """

    failures: Annotated[int, Field(ge=1)] = 5
    pause: Span = Field(default="1min", validate_default=True)
    longest: Span = Field(default="30min", validate_default=True)


class Retry(Part):
    """A number that came out so is dialled again `after` to `after` + `spread` later."""

    after: Span
    spread: Span = timedelta(0)

    @field_validator("after")
    @classmethod
    def _not_at_once(cls, after: timedelta) -> timedelta:
        if after <= timedelta(0):
            raise ValueError("a number is not dialled again at once; write 30min, 2h or 1d")
        return after


Retries = dict[Disposition, Retry | None]
"""What becomes of a contact after each outcome of a call; None for `never`."""


class Policy(Part):
    """The whole table. `retries` names every outcome, so that none is forgotten."""

    version: Literal[1]
    service: Limits
    marketing: Limits
    channels: Annotated[int, Field(ge=1)] = 200
    breaker: BreakerLimits = BreakerLimits()
    retries: Retries

    @field_validator("retries", mode="before")
    @classmethod
    def _as_meant(cls, retries: Any) -> Any:
        if not isinstance(retries, dict):
            return retries
        for outcome, retry in retries.items():
            if outcome not in set(Disposition):
                raise ValueError(f"{outcome!r} is no outcome; write {', '.join(Disposition)}")
            if retry != "never" and not isinstance(retry, dict):
                raise ValueError(f"{outcome}: write {_RETRY}")
        return {outcome: None if retry == "never" else retry for outcome, retry in retries.items()}

    @field_validator("retries")
    @classmethod
    def _complete(cls, retries: Retries) -> Retries:
        if missing := [outcome for outcome in Disposition if outcome not in retries]:
            raise ValueError(f"{', '.join(missing)}: not there; write {_RETRY}")
        return retries

    def limits(self, kind: Kind) -> Limits:
        """What holds for a kind of call."""
        return self.service if kind == "service" else self.marketing


def known_weekdays(hours: dict[str, tuple[Window, ...]]) -> dict[str, tuple[Window, ...]]:
    """Refuses, with `ValueError`, a day that is none."""
    if strange := [day for day in hours if day not in WEEKDAYS]:
        raise ValueError(f"{strange[0]!r} is no weekday; write {', '.join(WEEKDAYS)}")
    return hours


def read_policy(file: Path = SHIPPED) -> Policy:
    """Read and check a policy. Raises `CampaignFault` with file and place."""
    return checked_yaml.read(file, Policy, CampaignFault, every=True)
