"""A list becomes a campaign: rows are judged one by one and written with their verdicts, or nothing is.

Rows are written in many short transactions, because other campaigns dial meanwhile. Until all are there, the campaign
is `importing`: nobody dials it, and what a killed import leaves is removed by the next one of that name.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select, update

from voicebot.campaign import book, people
from voicebot.campaign.columns import map_columns
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.fingerprint import fingerprint
from voicebot.campaign.masking import mask_number
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import Policy
from voicebot.campaign.reading import open_list
from voicebot.campaign.verdicts import DO_NOT_CALL, DUPLICATE, Accepted, Refused, Verdict, judge_row
from voicebot.flow.model import Flow
from voicebot.store import tables
from voicebot.store.campaign_tables import campaigns, contacts
from voicebot.store.fault import StoreFault
from voicebot.store.records import new_id
from voicebot.store.store import Store, insert_unless_there

IMPORTING: Final = "importing"
# Rows a transaction: 0.1 s of the writer's lock on SQLite. Rows a query: fewer than any database has parameters for.
_BATCH: Final = 2000
_ASKED: Final = 500
_EXAMPLES: Final = 3
_NAME_MAX: Final = 64
_DISCARDED: Final = "discarded"
_NOTHING: Final = "nothing was imported"

Progress = Callable[[int, int | None], None]  # rows done, rows in all if the file says so


@dataclass(frozen=True, slots=True)
class Import:
    """What came of a list. `refused`: rows by rule; `examples`: of each rule the first rows, by their number in the
    file, with the masked number.
    """

    campaign: str
    rows: int
    accepted: int
    refused: Counter[str]
    examples: Mapping[str, Sequence[tuple[int, str]]]


def import_list(
    store: Store,
    path: Path,
    flow: Flow,
    plan: Plan,
    policy: Policy,
    name: str,
    author: str,
    now: datetime,
    *,
    sheet: str = "",
    zone: ZoneInfo,
    progress: Progress = lambda done, total: None,
) -> Import:
    """Make a campaign in draft out of a list. `zone`: the firm's. Whatever is raised, and by Ctrl-C too, nothing is
    left of it. Raises `CampaignFault` for a list, plan, flow or name that cannot be used and an author who may not do
    this, `StoreFault` for the database.
    """
    with _told():
        _check(flow, plan, policy, name)
        with store.reading() as connection:
            people.require(connection, author, "operations", act="import a list 导入名单")
        return _import(store, path, flow, plan, name, author, now, sheet, zone, progress)


def _import(
    store: Store,
    path: Path,
    flow: Flow,
    plan: Plan,
    name: str,
    author: str,
    now: datetime,
    sheet: str,
    zone: ZoneInfo,
    progress: Progress,
) -> Import:
    with open_list(path, sheet) as given:
        try:
            columns = map_columns(given.header, flow)
        except CampaignFault as fault:
            raise CampaignFault(f"{path}: {fault}") from None
        campaign_id = _open(store, flow, plan, name, author, now)
        with _all_or_nothing(store, campaign_id):
            arrived = _Arrived()
            verdicts = (judge_row(row, columns, flow, now, zone) for row in given.rows)
            while batch := list(islice(verdicts, _BATCH)):
                with store.writing() as connection:
                    _check_ours(connection, campaign_id)
                    arrived.add(_write(connection, campaign_id, batch, now))
                progress(arrived.rows, given.total)
            with store.writing() as connection:
                _close(connection, campaign_id, arrived, path, author, now)
    return Import(campaign_id, arrived.rows, arrived.accepted, arrived.refused, arrived.examples)


def _check(flow: Flow, plan: Plan, policy: Policy, name: str) -> None:
    if not name.strip() or len(name) > _NAME_MAX or not name.isprintable() or name != name.strip():
        raise CampaignFault(f"--name: a campaign's name has 1 to {_NAME_MAX} characters, none unseen")
    if flow.script.off:
        raise CampaignFault(f"flow {flow.name} is switched off: {flow.script.off}")
    if wrong := plan.beyond(policy.limits("marketing" if flow.kind == "marketing" else "service")):
        raise CampaignFault("\n".join(["the plan asks for more than the policy gives:", *(f"  {w}" for w in wrong)]))


@dataclass(slots=True)
class _Arrived:
    """The list so far."""

    rows: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    zones: set[str] = field(default_factory=set)
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Count verdicts that have been written, in the order of the list."""
        for verdict in verdicts:
            self.rows += 1
            if isinstance(verdict, Accepted):
                self.accepted += 1
                at = ",".join(verdict.zones)
                self.zones.add(at)
                self.digest.update(fingerprint(verdict.number, verdict.ref, at, verdict.slots, verdict.facts))
            else:
                self.refused[verdict.rule] += 1
                shown = self.examples.setdefault(verdict.rule, [])
                if len(shown) < _EXAMPLES:
                    shown.append((verdict.row, mask_number(verdict.given)))


# ------------------------------------------------------------ the campaign's row


def _open(store: Store, flow: Flow, plan: Plan, name: str, author: str, now: datetime) -> str:
    with store.reading() as connection:
        query = select(campaigns.c.id, campaigns.c.state).where(campaigns.c.name == name)
        there = connection.execute(query).one_or_none()
    if there is not None and there.state != IMPORTING:
        raise _taken(name)
    if there is not None:
        _discard(store, there.id)
    campaign_id = new_id()
    row = {
        "id": campaign_id,
        "name": name,
        "flow": flow.name,
        "flow_version": flow.version,
        "kind": flow.kind,
        "author": author,
        "state": IMPORTING,
        "state_since": now,
        "state_why": "",
        "priority": plan.priority,
        "trunk": plan.trunk,
        "plan": plan.as_json(),
        "contacts_sha256": "",
        "rows_read": 0,
        "contacts_accepted": 0,
        "zones": [],
        "dials": 0,
        "created_at": now,
    }
    with store.writing() as connection:
        if not insert_unless_there(connection, campaigns, row):
            raise _taken(name)
    return campaign_id


def _taken(name: str) -> CampaignFault:
    return CampaignFault(f"there is a campaign {name!r} already: give this one another --name")


def _check_ours(connection: Connection, campaign_id: str) -> None:
    query = select(campaigns.c.id).where(campaigns.c.id == campaign_id, campaigns.c.state_why == "")
    if connection.execute(query.with_for_update()).one_or_none() is None:
        raise CampaignFault("another import under this name was started meanwhile and took its place")


def _close(connection: Connection, campaign_id: str, arrived: _Arrived, path: Path, author: str, now: datetime) -> None:
    _check_ours(connection, campaign_id)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    values = {
        "state": "draft",
        "contacts_sha256": arrived.digest.hexdigest(),
        "rows_read": arrived.rows,
        "contacts_accepted": arrived.accepted,
        "zones": sorted(arrived.zones),
    }
    connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(values))
    data = {
        "file": path.name,
        "sha256": sha256,
        "rows": arrived.rows,
        "accepted": arrived.accepted,
        "refused": dict(arrived.refused),
    }
    book.note(connection, campaign_id, now, author, "imported", data=data)


# ------------------------------------------------------------ its contacts


def _write(connection: Connection, campaign_id: str, batch: Sequence[Verdict], now: datetime) -> Iterable[Verdict]:
    judged = list(_with_database(connection, campaign_id, batch))
    connection.execute(insert(contacts), [_row(campaign_id, verdict, now) for verdict in judged])
    return judged


def _with_database(connection: Connection, campaign_id: str, batch: Sequence[Verdict]) -> Iterator[Verdict]:
    """The verdicts once more, with what the row alone does not say. The gates look at the do-not-call list again."""
    numbers = list({verdict.number for verdict in batch if isinstance(verdict, Accepted)})
    first: dict[str, int] = {}
    forbidden: dict[str, dict[str, Any]] = {}
    list_ = tables.do_not_call.c
    for some in (numbers[i : i + _ASKED] for i in range(0, len(numbers), _ASKED)):
        query = select(contacts.c.number, contacts.c.row).where(
            contacts.c.campaign_id == campaign_id, contacts.c.number.in_(some)
        )
        first |= {found.number: found.row for found in connection.execute(query)}
        # Not the reason: it is free text, and people write names there.
        barred = select(list_.number, list_.since).where(list_.number.in_(some))
        forbidden |= {number: {"since": since.date().isoformat()} for number, since in connection.execute(barred)}
    for verdict in batch:
        if isinstance(verdict, Refused):
            yield verdict
        elif verdict.number in forbidden:
            yield Refused(verdict.row, verdict.given, verdict.ref, DO_NOT_CALL, forbidden[verdict.number])
        elif verdict.number in first:
            evidence = {"first_row": first[verdict.number]}
            yield Refused(verdict.row, verdict.given, verdict.ref, DUPLICATE, evidence)
        else:
            first[verdict.number] = verdict.row
            yield verdict


def _row(campaign_id: str, verdict: Verdict, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "campaign_id": campaign_id,
        "row": verdict.row,
        "ref": verdict.ref,
        "given": verdict.given,
        "attempts": 0,
        "dials": 0,
        "due_at": now,
        "wish_call_id": "",
        "outcome": "",
    }
    if isinstance(verdict, Refused):
        # What is not dialled is not kept either (docs/domain.md §3.13), but for what finds it in the list again.
        refused = {"state": "refused", "rule": verdict.rule, "evidence": dict(verdict.evidence)}
        return row | {"number": None, "zone": "", "slots": {}, "facts": {}} | refused
    told = {"number": verdict.number, "zone": ",".join(verdict.zones), "slots": dict(verdict.slots)}
    return row | told | {"facts": dict(verdict.facts), "state": "waiting", "rule": "", "evidence": {}}


# ------------------------------------------------------------ all or nothing


@contextmanager
def _all_or_nothing(store: Store, campaign_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Where the database is away nothing can be removed now; the next import of that name does it.
        with suppress(StoreFault):
            _discard(store, campaign_id)
        raise


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except CampaignFault as fault:
        raise CampaignFault(f"{fault}\n{_NOTHING}", permanent=fault.permanent) from None
    except StoreFault as fault:
        raise StoreFault(f"{fault}; {_NOTHING}", permanent=fault.permanent) from fault


def _discard(store: Store, campaign_id: str) -> None:
    """Remove an import that did not come to its end: contacts first, so that what is left can be found again. One that
    has come to its end meanwhile stays.
    """
    this = (campaigns.c.id == campaign_id, campaigns.c.state == IMPORTING)
    with store.writing() as connection:
        # From here on the process that imports it, should it still live, finds that it is no longer its own.
        if not connection.execute(update(campaigns).where(*this).values(state_why=_DISCARDED)).rowcount:
            return
    some = select(contacts.c.id).where(contacts.c.campaign_id == campaign_id).limit(_BATCH)
    while True:
        with store.writing() as connection:
            if not connection.execute(delete(contacts).where(contacts.c.id.in_(some))).rowcount:
                connection.execute(delete(campaigns).where(*this))
                return
