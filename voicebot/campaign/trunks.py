"""Trunks 中继: where calls go out, how many at once, how fast. One made of the SIP settings, or a file of several.

trunks:
  - {name: mobile, host: "10.0.0.5:5060", channels: 60, calls_per_second: 5}
"""

from __future__ import annotations

from typing import Annotated

import phonenumbers
from pydantic import Field, model_validator

from sip.line import SipFault
from sip.uri import parse_target
from voicebot import checked_yaml
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.terms import Part
from voicebot.settings import Settings


class Trunk(Part):
    """`host`: "host" or "host:port" that plain numbers are sent to; `channels`: calls at once, and `calls_per_second`:
    INVITEs, of all our hosts together.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
    host: str = ""
    channels: Annotated[int, Field(ge=1, le=10_000)]
    calls_per_second: Annotated[float, Field(gt=0, le=1000)] = 5.0

    @property
    def queue(self) -> str:
        """The name of its queue of attempts."""
        return f"trunk-{self.name}"


class _Trunks(Part):
    trunks: tuple[Trunk, ...]

    @model_validator(mode="after")
    def _agree(self) -> _Trunks:
        if not self.trunks:
            raise ValueError("no trunk is named")
        names = [trunk.name for trunk in self.trunks]
        if len(set(names)) < len(names):
            raise ValueError("two trunks have one name")
        return self


def trunks_of(settings: Settings) -> dict[str, Trunk]:
    """The installation's trunks by name. Raises `CampaignFault` for a bad file."""
    if settings.trunks_file is None:
        only = Trunk(
            name="default",
            host=settings.trunk_host,
            channels=settings.trunk_channels,
            calls_per_second=settings.trunk_calls_per_second,
        )
        return {only.name: only}
    return {
        trunk.name: trunk
        for trunk in checked_yaml.read(settings.trunks_file, _Trunks, CampaignFault, every=True).trunks
    }


def target_of(number: str, given: str, trunk: Trunk) -> str:
    """The SIP URI that reaches a contact. `number`: canonical; `given`: as its list has it. A number of mainland China
    is sent as it is dialled there (13800138000, 02112345678), any other as +…; a SIP URI goes as it is. Raises
    `CampaignFault`.
    """
    try:
        if given.strip().lower().startswith("sip:"):
            return parse_target(given)
        return parse_target(_dialled(number), trunk_host=trunk.host)
    except SipFault as fault:
        raise CampaignFault(str(fault)) from None


def _dialled(number: str) -> str:
    if not number.startswith("+86"):
        return number
    parsed = phonenumbers.parse(number)
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(digit for digit in written if digit.isdecimal())
