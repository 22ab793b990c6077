"""A running campaign, written straight into the tables, and the settings of the hosts that dial it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import insert

from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import SHIPPED
from voicebot.flow.loading import find, load
from voicebot.flow.sample import sample_slots
from voicebot.settings import ROOT
from voicebot.store.campaign_tables import campaign_log, campaigns, contacts
from voicebot.store.records import new_id
from voicebot.store.store import Store

FLOW = "margin_call"
ZONE = "Asia/Shanghai"
_FLOWS = ROOT / "dialog_flows"
_ALWAYS = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def write_policy(file: Path) -> Path:
    """The shipped policy without anything that would make a test wait: open day and night, retries at once."""
    policy: dict[str, Any] = yaml.safe_load(SHIPPED.read_text("utf-8"))
    policy["service"] |= {"hours": _ALWAYS, "holidays": "call", "per_day": 50, "per_week": 200, "gap": "0min"}
    policy["breaker"] |= {"failures": 1000}
    for rule in policy.get("retries", {}).values():
        if isinstance(rule, dict):
            rule |= {"after": "0min", "spread": "0min"}
    file.write_text(yaml.safe_dump(policy, allow_unicode=True), "utf-8")
    return file


# A number's last digit says how the sink answers. Not 7: after a 503 the dispatcher waits before it tries again.
_DIGITS = "012345689"


def number_of(index: int) -> str:
    """Canonical, another one for each index."""
    return f"+86138{index:07d}{_DIGITS[index % len(_DIGITS)]}"


def dialled(number: str) -> str:
    """As it stands in the INVITE."""
    return number.removeprefix("+86")


def insert_campaign(store: Store, *, count: int, channels: int, dials: int = 2) -> str:
    """A running, approved campaign with `count` contacts that are due. Gives its id."""
    now = datetime.now(UTC)
    flow = load(FLOW, flows=_FLOWS)
    plan = Plan(channels=channels, dials=dials, holidays="call", unknown="close", ring_s=15)
    campaign_id = new_id()
    approval = {"by": "compliance", "at": now.isoformat(), "flow_version": flow.version}
    row: dict[str, Any] = {
        "id": campaign_id,
        "name": "crash",
        "flow": FLOW,
        "flow_version": flow.version,
        "kind": "service",
        "author": "operations",
        "state": "running",
        "state_since": now,
        "state_why": "",
        "priority": plan.priority,
        "trunk": plan.trunk,
        "plan": plan.as_json(),
        "contacts_sha256": "",
        "rows_read": count,
        "contacts_accepted": count,
        "zones": [ZONE],
        "approval": {**approval, "contacts_sha256": "", "plan_sha256": plan.sha256},
        "dials": 0,
        "created_at": now,
        "started_at": now,
    }
    slots = sample_slots(find(FLOW, flows=_FLOWS))
    with store.writing() as connection:
        connection.execute(insert(campaigns), row)
        entry = {"campaign_id": campaign_id, "seq": 1, "at": now, "who": "test", "change": "started"}
        connection.execute(insert(campaign_log), {**entry, "why": "", "data": {}})
        connection.execute(insert(contacts), [_contact(campaign_id, n, slots, now) for n in range(1, count + 1)])
    return campaign_id


def _contact(campaign_id: str, n: int, slots: Mapping[str, str], now: datetime) -> dict[str, Any]:
    return {
        "campaign_id": campaign_id,
        "row": n,
        "ref": f"client{n}",
        "number": number_of(n),
        "given": number_of(n),
        "zone": ZONE,
        "slots": dict(slots),
        "facts": {},
        "state": "waiting",
        "rule": "",
        "evidence": {},
        "attempts": 0,
        "dials": 0,
        "due_at": now,
        "wish_call_id": "",
        "outcome": "",
    }


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What a host's environment says; each field is VOICEBOT_<FIELD>."""

    database_url: str
    sip_proxy: str
    policy_file: Path
    recordings_dir: Path
    tts_cache_dir: Path
    sip_bind: str = "127.0.0.1"
    workers: int = 1
    trunk_channels: int = 8
    trunk_calls_per_second: float = 40.0
    synthetic_ear_for: str = "everyone"  # the sink has no ears at all
    log_level: str = "WARNING"

    def environment(self, name: str) -> dict[str, str]:
        """For the host of this name."""
        own = {f"VOICEBOT_{field.upper()}": str(value) for field, value in asdict(self).items()}
        return own | {"VOICEBOT_HOST_NAME": name}
