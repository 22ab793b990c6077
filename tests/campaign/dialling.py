"""What tests of dispatch share: a running campaign, a host, a call's record without a telephone."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from tests.campaign.campaigns import FLOW, NOW, make
from voicebot import events
from voicebot.campaign import book, hosts
from voicebot.campaign.admission import admit
from voicebot.campaign.fence import Fenced, Task, fence, task_of
from voicebot.campaign.hosts import HostRow
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import read_policy
from voicebot.campaign.settlement import settle
from voicebot.campaign.trunks import Trunk
from voicebot.flow.loading import FLOWS
from voicebot.flow.sample import sample_slots
from voicebot.store.campaign_tables import attempts, campaigns, contacts, gate_log
from voicebot.store.records import NewCall, new_id

POLICY = read_policy()
TRUNK = Trunk(name="default", host="sbc.example", channels=8, calls_per_second=5)
BOOT = "boot-1"
SLOTS = sample_slots(FLOWS / "margin_call", NOW)


def running(store, name="spring", *, accepted=3, plan=None, now=NOW):
    """A campaign that dials, its approval valid."""
    plan = plan or Plan(channels=4)
    campaign = make(store, name, accepted=accepted, state="running", plan=plan, now=now)
    approval = {
        "by": "cy",
        "at": now.isoformat(),
        "flow_version": FLOW.version,
        "contacts_sha256": campaign.contacts_sha256,
        "plan_sha256": plan.sha256,
    }
    with store.writing() as connection:
        connection.execute(update(campaigns).where(campaigns.c.id == campaign.id).values(approval=approval))
        mine = contacts.c.campaign_id == campaign.id
        connection.execute(update(contacts).where(mine).values(slots=SLOTS, due_at=now))
        return book.find(connection, name)


def at_work(store, name="a", boot=BOOT, now=NOW, channels=4, **changes):
    host = HostRow(name, boot, "machine", 1, channels, 0, 0.0, now, now, lost=False)
    hosts.register(store, replace(host, **changes), alive=False)


def admitted(store, campaign, now=NOW, *, channels=100, trunk=TRUNK, flow=FLOW, policy=POLICY):
    return admit(store, campaign.id, flow, policy, trunk, now, channels=channels)


def call_of(task: Task, host="a", call_id=""):
    target = f"sip:{task.number}@sbc.example"
    return NewCall(call_id or new_id(), task.flow, FLOW.version, target, contact_ref=task.ref, worker=host)


def fenced(store, attempt_id, now=NOW, *, boot=BOOT, host="a", policy=POLICY, flow=FLOW):
    """(verdict, call id) of fencing an attempt."""
    task = task_of(store, attempt_id)
    assert isinstance(task, Task), task
    call = call_of(task, host)
    return fence(store, task, call, flow, policy, boot=boot, now=now), call.id


def close(store, call_id, disposition, *, cause="completed", code=200, rang=True, answered=False, dialled=True):
    """The record of a call that came out so."""
    log = [events.Dialling(0, "sip:x@y")] if dialled else []
    log += [events.Ringing(0)] if rang else []
    log += [events.Answered(0)] if answered else []
    log += [events.Ended(100, cause, code), events.Concluded(100, disposition, "E")]
    return store.close_call(call_id, log)


def dialled(store, attempt_id, disposition, now=NOW, *, policy=POLICY, **how):
    """Fence, call and settle an attempt; its contact then."""
    at_work(store, now=now)
    verdict, call_id = fenced(store, attempt_id, now, policy=policy)
    assert verdict == Fenced()
    record = close(store, call_id, disposition, **how)
    settle(store, attempt_id, BOOT, record, policy, now + timedelta(seconds=60))
    return contact_of(store, attempt_id)


def attempt(store, attempt_id):
    with store.reading() as connection:
        return connection.execute(select(attempts).where(attempts.c.id == attempt_id)).mappings().one()


def contact_of(store, attempt_id):
    with store.reading() as connection:
        mine = contacts.c.id == int(attempt_id.partition(":")[0])
        return connection.execute(select(contacts).where(mine)).mappings().one()


def states(store, table=contacts):
    with store.reading() as connection:
        return list(connection.execute(select(table.c.state).order_by(table.c.id)).scalars())


def refusals(store):
    with store.reading() as connection:
        return connection.execute(select(gate_log.c.stage, gate_log.c.rule, gate_log.c.until)).all()
