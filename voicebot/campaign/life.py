"""The life of a campaign 活动生命周期: draft → submitted → approved → running ⇄ paused → done | cancelled.

Each move is one transaction that holds the campaign's row, so of two at once one wins, and writes one line of its log.
An approval fixes script, plan and contacts; where one of them is found changed, the approval is void, the campaign is
a draft again, and the log says which. Contacts are hashed before the row is held: a million rows take seconds, and
SQLite would keep every other campaign from dialling meanwhile. Nothing here changes contacts once they are imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, update

from voicebot.campaign import book, people
from voicebot.campaign.book import Approval, Campaign
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.fingerprint import contacts_hash
from voicebot.campaign.fitting import unfit
from voicebot.campaign.moves import MOVES, Move, check
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import Policy
from voicebot.flow.model import Flow
from voicebot.store.campaign_tables import campaigns, contacts
from voicebot.store.store import Store

SCRIPT, PLAN, CONTACTS = "the script 话术", "the plan 计划", "the contacts 名单"
# Changes in the log whose author had a hand in what is approved.
_MADE_BY: Final = ("imported", "submitted", "changed")
_OPEN: Final = ("waiting", "admitted", "unknown")
_CHUNK: Final = 2000


# ---------------------------------------------------------------- moves of people


def submit(
    store: Store,
    name: str,
    who: str,
    now: datetime,
    flow: Flow,
    policy: Policy,
    why: str = "",
) -> Campaign:
    """Ask for approval of the campaign with the script as it is now. Raises `CampaignFault`: no contact was accepted,
    the script is off or no longer one that the contacts were judged for, the plan goes beyond the policy.
    """
    move = MOVES["submit"]
    actual = _contacts_now(store, name, who, move, why)
    with store.writing() as connection:
        campaign = _held(connection, name, who, move, why)
        if campaign.contacts_accepted == 0:
            raise CampaignFault(_nothing_accepted(connection, campaign))
        if flow.kind != campaign.kind:
            raise CampaignFault(
                f"{campaign.name}: its contacts were judged for a {campaign.kind} script and {flow.name} is"
                f" {flow.kind} now: import the list again"
            )
        if actual != campaign.contacts_sha256:
            raise CampaignFault(
                f"{campaign.name}: {CONTACTS} in the database are not those imported: import the list again"
            )
        changed = flow.version != campaign.flow_version
        if changed and (wrong := unfit(connection, campaign.id, flow)):
            raise CampaignFault(
                f"{campaign.name}: {SCRIPT} was changed and its contacts no longer fit ({wrong}): import the list again"
            )
        _may_be_dialled(campaign, flow, policy)
        data = _fixed(flow.version, campaign) | {"flow_version_before": campaign.flow_version}
        return _moved(connection, campaign, move, now, who, why, data, flow_version=flow.version)


def approve(
    store: Store,
    name: str,
    who: str,
    now: datetime,
    flow: Flow,
    policy: Policy,
    why: str = "",
) -> Campaign:
    """Approve what was submitted; not by one who had a hand in it. Raises `CampaignFault`; if the script or the
    contacts changed since it was submitted, the campaign is a draft again.
    """
    move = MOVES["approve"]
    actual = _contacts_now(store, name, who, move, why)
    with store.writing() as connection:
        campaign = _held(connection, name, who, move, why)
        _nobodys_own(connection, campaign, who)
        changed = _since_submitted(connection, campaign, flow, actual)
        if not changed:
            _may_be_dialled(campaign, flow, policy)
            fixed = _fixed(flow.version, campaign)
            approval = {**asdict(Approval(who, now, **fixed)), "at": now.isoformat()}
            return _moved(connection, campaign, move, now, who, why, fixed, approval=approval)
        _voided(connection, campaign, now, changed, who)
    raise CampaignFault(
        f"{campaign.name}: {changed} changed since it was submitted; it is a draft again: submit it anew"
    )


def reject(store: Store, name: str, who: str, now: datetime, why: str) -> Campaign:
    """Send it back to its author, with the reason. Raises `CampaignFault`."""
    move = MOVES["reject"]
    with store.writing() as connection:
        return _moved(connection, _held(connection, name, who, move, why), move, now, who, why)


def change(store: Store, name: str, who: str, plan: Plan, now: datetime, policy: Policy, why: str = "") -> Campaign:
    """Give the campaign another plan. It is a draft from then on and must be approved anew; its contacts keep their
    progress. Raises `CampaignFault`.
    """
    move = MOVES["change"]
    with store.writing() as connection:
        campaign = _held(connection, name, who, move, why)
        differences = _differences(campaign.plan.as_json(), plan.as_json())
        if not differences:
            raise CampaignFault(f"{campaign.name}: that is the plan it has already: nothing was changed")
        _within(campaign, plan, policy)
        values = {"plan": plan.as_json(), "priority": plan.priority, "trunk": plan.trunk, "approval": None}
        return _moved(connection, campaign, move, now, who, why, {"plan": differences}, **values)


def start(
    store: Store,
    name: str,
    who: str,
    now: datetime,
    flow: Flow,
    policy: Policy,
    why: str = "",
) -> Campaign:
    """Let an approved campaign dial. Everything that the approval fixed is compared again: raises `CampaignFault` where
    something differs, and the campaign is a draft again.
    """
    return _let_run(store, name, who, MOVES["start"], now, flow, policy, why)


def pause(store: Store, name: str, who: str, now: datetime, why: str = "") -> Campaign:
    """Place no further calls; those under way are finished. Raises `CampaignFault`."""
    move = MOVES["pause"]
    with store.writing() as connection:
        return _moved(connection, _held(connection, name, who, move, why), move, now, who, why)


def resume(
    store: Store,
    name: str,
    who: str,
    now: datetime,
    flow: Flow,
    policy: Policy,
    why: str = "",
) -> Campaign:
    """Go on after a pause; compares like `start`. Raises `CampaignFault`."""
    return _let_run(store, name, who, MOVES["resume"], now, flow, policy, why)


def cancel(store: Store, name: str, who: str, now: datetime, why: str) -> Campaign:
    """End it for good: waiting contacts are cancelled, calls under way are finished. Raises `CampaignFault`. Where the
    process was killed before all contacts were cancelled, `cancel_contacts` goes on with the rest.
    """
    move = MOVES["cancel"]
    with store.writing() as connection:
        campaign = _moved(connection, _held(connection, name, who, move, why), move, now, who, why, ended_at=now)
    cancel_contacts(store, campaign.id, now)
    return campaign


def cancel_contacts(store: Store, campaign_id: str, now: datetime) -> int:
    """Cancel what still waits in a cancelled campaign, in transactions of a few thousand; says how many. Idempotent."""
    total = 0
    while True:
        with store.writing() as connection:
            book.find(connection, campaign_id, lock=True)  # before its contacts, as everywhere
            chunk = (
                select(contacts.c.id)
                .where(contacts.c.campaign_id == campaign_id, contacts.c.state == "waiting")
                .order_by(contacts.c.zone, contacts.c.due_at)
                .limit(_CHUNK)
            )
            ids = list(connection.execute(chunk).scalars())
            mine = contacts.c.id.in_(ids)
            connection.execute(update(contacts).where(mine).values(state="cancelled", settled_at=now))
            total += len(ids)
        if len(ids) < _CHUNK:
            return total


# ---------------------------------------------------------------- moves of the dispatcher


def still_approved(campaign: Campaign, flow: Flow) -> str:
    """What differs from what was approved; "" if nothing does. Contacts as they are named in the campaign's row: their
    hash is recomputed when it is started and resumed only.
    """
    approval = campaign.approval
    if approval is None:
        return "the approval 批准"
    return _named(
        (SCRIPT, flow.version == approval.flow_version),
        (PLAN, campaign.plan.sha256 == approval.plan_sha256),
        (CONTACTS, campaign.contacts_sha256 == approval.contacts_sha256),
    )


def void(connection: Connection, campaign: Campaign, now: datetime, what: str) -> bool:
    """Void the approval of `campaign` because of `what` (of `still_approved`), within the caller's transaction; it is a
    draft from then on. False, and nothing done, if its approval is no longer the one that `campaign` was read with.
    """
    held = book.find(connection, campaign.id, lock=True)
    if held.state not in MOVES["void"].states or held.approval != campaign.approval:
        return False
    _voided(connection, held, now, what, people.SYSTEM)
    return True


def finish(connection: Connection, campaign: Campaign, now: datetime) -> bool:
    """Running → done when nothing is left to do, within the caller's transaction; says whether it did. Costs the same
    whatever the number of contacts.
    """
    if _left(connection, campaign.id):
        return False
    held = book.find(connection, campaign.id, lock=True)
    # Looked at again: a call that ended meanwhile may have left a retry behind.
    if held.state not in MOVES["finish"].states or _left(connection, campaign.id):
        return False
    _moved(connection, held, MOVES["finish"], now, people.SYSTEM, "", ended_at=now)
    return True


def _left(connection: Connection, campaign_id: str) -> bool:
    """Whether a contact is in one of the states that keep a campaign going. In the order of the index, so that no
    statistics of a fuller day talk PostgreSQL into reading the whole table.
    """
    of_state = select(contacts.c.id).where(contacts.c.campaign_id == campaign_id)
    queries = (of_state.where(contacts.c.state == state) for state in _OPEN)
    first = (query.order_by(contacts.c.zone, contacts.c.due_at).limit(1) for query in queries)
    return any(connection.execute(query).first() is not None for query in first)


# ---------------------------------------------------------------- what moves share


def _let_run(
    store: Store,
    name: str,
    who: str,
    move: Move,
    now: datetime,
    flow: Flow,
    policy: Policy,
    why: str,
) -> Campaign:
    actual = _contacts_now(store, name, who, move, why)
    with store.writing() as connection:
        campaign = _held(connection, name, who, move, why)
        same = campaign.approval is not None and actual == campaign.approval.contacts_sha256
        changed = still_approved(campaign, flow) or _named((CONTACTS, same))
        if not changed:
            _may_be_dialled(campaign, flow, policy)
            return _moved(connection, campaign, move, now, who, why, started_at=campaign.started_at or now)
        _voided(connection, campaign, now, changed, who)
    raise CampaignFault(
        f"{campaign.name}: {changed} changed since it was approved: the approval is void and it is a draft again;"
        " submit it anew"
    )


def _held(connection: Connection, name: str, who: str, move: Move, why: str, *, lock: bool = True) -> Campaign:
    """The campaign, its row held, if `who` may make the move now."""
    people.require(connection, who, *move.roles, act=f"{move.name} {move.chinese}")
    campaign = book.find(connection, name, lock=lock)
    check(move, campaign.name, campaign.state)
    if move.needs_why and not why.strip():
        raise CampaignFault(f"{campaign.name}: say why: --why TEXT")
    return campaign


def _contacts_now(store: Store, name: str, who: str, move: Move, why: str) -> str:
    """The contacts' hash, for one who may make the move."""
    with store.reading() as connection:
        return contacts_hash(connection, _held(connection, name, who, move, why, lock=False).id)


def _moved(
    connection: Connection,
    campaign: Campaign,
    move: Move,
    now: datetime,
    who: str,
    why: str,
    data: Mapping[str, Any] | None = None,
    **values: Any,
) -> Campaign:
    """Make the move and log it. `values`: other columns that change with it."""
    state = {"state": move.to, "state_since": now, "state_why": why}
    connection.execute(update(campaigns).where(campaigns.c.id == campaign.id).values({**state, **values}))
    book.note(connection, campaign.id, now, who, move.change, why, data)
    return book.find(connection, campaign.id)


def _voided(connection: Connection, campaign: Campaign, now: datetime, what: str, who: str) -> None:
    _moved(connection, campaign, MOVES["void"], now, who, f"{what} changed", {"from": campaign.state}, approval=None)


def _named(*parts: tuple[str, bool]) -> str:
    """Those parts that are not the same."""
    return " and ".join(part for part, same in parts if not same)


def _since_submitted(connection: Connection, campaign: Campaign, flow: Flow, contacts_sha256: str) -> str:
    """What differs from what was submitted, as the log has it."""
    log = book.log_of(connection, campaign.id)
    then = next(entry.data for entry in reversed(log) if entry.change == MOVES["submit"].change)
    return _named(
        (SCRIPT, flow.version == then["flow_version"]),
        (PLAN, campaign.plan.sha256 == then["plan_sha256"]),
        (CONTACTS, contacts_sha256 == then["contacts_sha256"]),
    )


def _fixed(flow_version: str, campaign: Campaign) -> dict[str, str]:
    return {
        "flow_version": flow_version,
        "contacts_sha256": campaign.contacts_sha256,
        "plan_sha256": campaign.plan.sha256,
    }


def _nobodys_own(connection: Connection, campaign: Campaign, who: str) -> None:
    made_by = {entry.who for entry in book.log_of(connection, campaign.id) if entry.change in _MADE_BY}
    if who == campaign.author or who in made_by:
        raise CampaignFault(
            f"{campaign.name}: {who} wrote, changed or submitted it and may not approve it: somebody else must"
        )


def _may_be_dialled(campaign: Campaign, flow: Flow, policy: Policy) -> None:
    if flow.script.off:
        raise CampaignFault(f"{campaign.name}: the script {flow.name} is switched off: {flow.script.off}")
    _within(campaign, campaign.plan, policy)


def _within(campaign: Campaign, plan: Plan, policy: Policy) -> None:
    if beyond := plan.beyond(policy.limits(campaign.kind)):
        told = f"{campaign.name}: the plan asks for more than the firm's policy gives; change it"
        raise CampaignFault("\n".join([told, *(f"  {line}" for line in beyond)]))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Key → [old value, new value], where they differ."""
    return {key: [old.get(key), new[key]] for key in new if old.get(key) != new[key]}


def refused_by_rule(connection: Connection, campaign_id: str) -> dict[str, int]:
    """How many contacts each rule has refused for good, most first."""
    counted = func.count().label("n")
    query = (
        select(contacts.c.rule, counted)
        .where(contacts.c.campaign_id == campaign_id, contacts.c.state == "refused")
        .group_by(contacts.c.rule)
        .order_by(counted.desc(), contacts.c.rule)
    )
    return {row["rule"]: row["n"] for row in connection.execute(query).mappings()}


def _nothing_accepted(connection: Connection, campaign: Campaign) -> str:
    told = ", ".join(f"{rule} {n}" for rule, n in refused_by_rule(connection, campaign.id).items())
    return f"{campaign.name}: none of its {campaign.rows_read} rows was accepted ({told or 'the list was empty'})"
