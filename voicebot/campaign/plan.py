"""A campaign's plan 拨打计划: when, how often, how many at once. What an approval fixes, with script and contacts."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_serializer, field_validator, model_validator

from voicebot import checked_yaml
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.policy import Limits, known_weekdays
from voicebot.campaign.terms import WEEKDAYS, Holidays, Part, Span, Unknown, Window, shown_span, shown_window


class Plan(Part):
    """`hours`: by weekday in the contact's zone, None for the policy's; `first_day`, `last_day`: no call before or
    after; `channels`: calls at once; `dials`: at most so many to one contact; `budget`: calls in all, None without
    bound; `per_day`: calls to one contact's number in 24 h; `priority`: the greater goes first; `trunk`: its name;
    `unknown`: what becomes of a call of which nobody knows whether a phone rang: `ask` a person, `close` the contact or
    `redial` it after `redial_after`.
    """

    hours: dict[str, tuple[Window, ...]] | None = None
    holidays: Holidays | None = None
    first_day: date | None = None
    last_day: date | None = None
    channels: Annotated[int, Field(ge=1, le=10_000)] = 4
    dials: Annotated[int, Field(ge=1, le=20)] = 3
    per_day: Annotated[int, Field(ge=1, le=20)] | None = None
    budget: Annotated[int, Field(ge=1)] | None = None
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    trunk: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")] = "default"
    ring_s: Annotated[int, Field(ge=5, le=180)] = 45
    unknown: Unknown = "ask"
    redial_after: Span = Field(default="1d", validate_default=True)

    @field_validator("hours")
    @classmethod
    def _weekdays(cls, hours: dict[str, tuple[Window, ...]] | None) -> dict[str, tuple[Window, ...]] | None:
        return None if hours is None else known_weekdays(hours)

    @field_serializer("hours")
    def _as_written(self, hours: dict[str, tuple[Window, ...]] | None) -> dict[str, list[str]] | None:
        return None if hours is None else {day: [shown_window(w) for w in windows] for day, windows in hours.items()}

    @field_serializer("redial_after")
    def _span_as_written(self, span: Any) -> str:
        return shown_span(span)

    @model_validator(mode="after")
    def _in_order(self) -> Plan:
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise ValueError("last_day lies before first_day")
        return self

    def as_json(self) -> dict[str, Any]:
        """As it is kept in the campaign's row, and read again by `model_validate`."""
        return self.model_dump(mode="json")

    @property
    def sha256(self) -> str:
        """Names exactly this plan, in an approval."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def beyond(self, limits: Limits) -> list[str]:
        """Where the plan asks for more than the firm's policy gives, a line each; none if it may be approved."""
        wrong = []
        if self.hours is not None:
            for day, windows in self.hours.items():
                allowed = limits.hours.get(day, ())
                wrong += [
                    f"hours: {day} {shown_window(window)} lies outside the policy's"
                    f" {', '.join(map(shown_window, allowed)) or 'hours, which has none that day'}"
                    for window in windows
                    if not any(a[0] <= window[0] and window[1] <= a[1] for a in allowed)
                ]
            if not any(self.hours.get(day) for day in WEEKDAYS):
                wrong.append("hours: no hour of the week is left to call in")
        if self.holidays == "call" and limits.holidays == "skip":
            wrong.append("holidays: the policy has no calls on public holidays")
        if self.per_day is not None and self.per_day > limits.per_day:
            wrong.append(f"per_day: {self.per_day} is more than the policy's {limits.per_day}")
        return wrong


def read_plan(file: Path) -> Plan:
    """Read a plan's YAML. Raises `CampaignFault` with file and place."""
    return checked_yaml.read(file, Plan, CampaignFault, every=True)
