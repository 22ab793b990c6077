"""What is measured with: a list of made-up contacts, terms that let it be dialled at any hour, and a past."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import Connection, String, cast, false, func, insert, literal, select, update

from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import SHIPPED, read_policy
from voicebot.store.campaign_tables import attempts, campaigns, contacts, numbers
from voicebot.store.tables import Json, Utc, calls

FLOW: Final = "margin_call"
CHANNELS: Final = 100
PLAN: Final = Plan(channels=CHANNELS, holidays="call")
_TRUNK: Final = {"name": "default", "host": "silent.invalid", "channels": CHANNELS, "calls_per_second": 1000}
_COLUMNS: Final = (
    "number", "ref", "firm", "name", "title", "level", "ratio", "line", "shortfall", "deadline", "as_of",
    "advisor_phone", "hotline",
)  # fmt: skip
_NAMES: Final = (("王建国", "先生"), ("李秀英", "女士"), ("张伟", "先生"), ("刘芳", "女士"), ("陈静", "女士"))
_ALWAYS: Final = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
# Of a hundred rows one repeats a number, one has none that can be dialled, one lacks its ratio.
_HUNDRED: Final = 100
_REPEATS, _NO_NUMBER, _NO_RATIO = 33, 66, 99


def write_list(file: Path, count: int, now: datetime) -> None:
    """A list of `count` rows, 3 % of which cannot be accepted, no two others with one number. `now`: in the firm's
    zone.
    """
    deadline, as_of = f"{now + timedelta(days=2):%Y-%m-%d} 15:00", f"{now - timedelta(days=1):%Y-%m-%d}"
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(_COLUMNS)
        for n in range(count):
            place = n % _HUNDRED
            number = f"138{n - 1 if place == _REPEATS else n:08d}"
            name, title = _NAMES[n % len(_NAMES)]
            called_in = n % 3 == 0
            writer.writerow(
                (
                    "13800" if place == _NO_NUMBER else number,
                    f"K{n:07d}",
                    "海川证券",
                    name,
                    title,
                    "追保" if called_in else "关注",
                    "" if place == _NO_RATIO else f"{120 + n % 20}.50" if called_in else f"{141 + n % 8}.20",
                    "140",
                    f"{10_000 + n % 990_000}.00" if called_in else "",
                    deadline if called_in else "",
                    as_of,
                    "02100000000",
                    "4000000000",
                )
            )


def write_policy(file: Path) -> None:
    """The shipped policy, but open day and night and without a gap."""
    policy: dict[str, Any] = yaml.safe_load(SHIPPED.read_text("utf-8"))
    policy["service"] |= {"hours": _ALWAYS, "holidays": "call", "gap": "0min"}
    file.write_text(yaml.safe_dump(policy, allow_unicode=True), "utf-8")
    read_policy(file)


def write_trunks(file: Path) -> None:
    """One trunk that is never what dispatch waits for."""
    file.write_text(yaml.safe_dump({"trunks": [_TRUNK]}), "utf-8")


def age(connection: Connection, campaign_id: str, then: datetime) -> int:
    """Half of those who still wait have been called at `then`, once, and are through; says how many. Written in the
    database itself, without its calls' events.
    """
    text = cast(contacts.c.id, String)
    waits = (contacts.c.campaign_id == campaign_id, contacts.c.state == "waiting", contacts.c.attempts == 0)
    mine = (*waits, contacts.c.id % 2 == 0)
    _insert(connection, numbers, mine, {"number": contacts.c.number, "dialled_at": literal(then, Utc)})
    moments = ("created_at", "dialled_at", "answered_at", "ended_at", "closed_at")
    of_call = {
        "id": literal("past") + text, "flow": literal(FLOW), "flow_version": literal(""),
        "contact_ref": contacts.c.ref, "contact_slots": contacts.c.slots, "target": contacts.c.number,
        "state": literal("closed"), "disposition": literal("acknowledged"), "grade": literal("C"),
        "sip_code": literal(200), "sip_cause": literal("completed"), "sip_reason": literal(""),
        "ended_by_far_end": false(), "fault": literal(""), "asr": literal(""), "nlu": literal(""), "tts": literal(""),
        "synthetic_ear": false(), "worker": literal("past"), "worker_pid": literal(0),
        "disclosures": literal([], Json), "recording_path": literal(""), "recording_sha256": literal(""),
        "recording_ms": literal(0), "recording_problem": literal(""),
        **dict.fromkeys(moments, literal(then, Utc)),
    }  # fmt: skip
    _insert(connection, calls, mine, of_call)
    of_attempt = {
        "id": text + literal(":1"), "campaign_id": contacts.c.campaign_id, "contact_id": contacts.c.id,
        "n": literal(1), "kind": literal("first"), "number": contacts.c.number, "trunk": literal(_TRUNK["name"]),
        "state": literal("closed"), "handed": literal(1), "host": literal("past"), "token": literal("past"),
        "call_id": literal("past") + text, "disposition": literal("acknowledged"), "rule": literal(""),
        "evidence": literal({}, Json), "decided_by": literal(""), "note": literal(""),
        **dict.fromkeys(("queued_at", "handed_at", "fenced_at", "closed_at"), literal(then, Utc)),
    }  # fmt: skip
    _insert(connection, attempts, mine, of_attempt)
    through = {"state": "done", "outcome": "acknowledged", "attempts": 1, "dials": 1, "settled_at": then}
    called = connection.execute(update(contacts).where(*mine).values(through)).rowcount
    spent = campaigns.c.dials + called
    connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(dials=spent))
    return called


def _insert(connection: Connection, table: Any, mine: tuple[Any, ...], columns: dict[str, Any]) -> None:
    query = select(*(column.label(name) for name, column in columns.items())).where(*mine)
    connection.execute(insert(table).from_select(list(columns), query))


def untouched(connection: Connection, campaign_id: str) -> int:
    """How many contacts nobody has called."""
    mine = (contacts.c.campaign_id == campaign_id, contacts.c.state == "waiting", contacts.c.attempts == 0)
    count: int = connection.execute(select(func.count()).where(*mine)).scalar_one()
    return count
