import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from tests.campaign.campaigns import FLOW, NOW, SLOTS, STAFF, add_staff, changed_flow, make
from voicebot.campaign import book, life
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.fingerprint import contacts_hash
from voicebot.campaign.moves import MOVES, moves_from
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import read_policy
from voicebot.store.campaign_tables import CAMPAIGN_STATES, campaign_log, campaigns, contacts
from voicebot.store.fault import StoreFault

POLICY = read_policy()
OTHER = Plan(channels=9)
SOMEBODY = {"operations": "bo", "compliance": "cy", "supervisor": "su"}


@pytest.fixture
def staffed(store):
    add_staff(store)
    return store


def go(store, move, who, *, flow=FLOW, plan=OTHER, policy=POLICY, why="because", name="spring", now=NOW):
    """Any move by its name."""
    match move:
        case "submit" | "approve" | "start" | "resume":
            return getattr(life, move)(store, name, who, now, flow, policy, why)
        case "change":
            return life.change(store, name, who, plan, now, policy, why)
        case _:
            return getattr(life, move)(store, name, who, now, why)


WAYS = {
    "draft": [],
    "submitted": ["submit"],
    "approved": ["submit", "approve"],
    "running": ["submit", "approve", "start"],
    "paused": ["submit", "approve", "start", "pause"],
    "cancelled": ["cancel"],
}


def brought(store, state, name="spring", **options):
    """A campaign brought to a state by the moves that lead there."""
    make(store, name, **options)
    for move in WAYS[state]:
        go(store, move, "ann" if move == "submit" else SOMEBODY[MOVES[move].roles[0]], name=name)


def found(store, name="spring"):
    with store.reading() as connection:
        return book.find(connection, name)


def log(store, name="spring"):
    with store.reading() as connection:
        return book.log_of(connection, f"id-{name}")


def last(store):
    return log(store)[-1]


PEOPLES = [move for move in MOVES.values() if move.roles]


@pytest.mark.parametrize("move", PEOPLES, ids=lambda m: m.name)
def test_every_state_and_every_move(staffed, move):
    who = SOMEBODY[move.roles[0]]
    for state in WAYS:
        brought(staffed, state, name=state)
        before, entries = found(staffed, state), log(staffed, state)
        if state in move.states:
            after = go(staffed, move.name, who, name=state)
            assert (after.state, after.state_since, after.state_why) == (move.to, NOW, "because")
            assert after == found(staffed, state)
            [new] = log(staffed, state)[len(entries) :]
            assert (new.who, new.change, new.why, new.at) == (who, move.change, "because", NOW)
            continue
        possible = ", ".join(m.name for m in moves_from(state)) or "nothing more"
        said = "pause it first" if (state, move.name) == ("running", "change") else f"possible now: {possible}"
        with pytest.raises(CampaignFault, match=said):
            go(staffed, move.name, who, name=state)
        assert found(staffed, state) == before
        assert log(staffed, state) == entries


@pytest.mark.parametrize("move", PEOPLES, ids=lambda m: m.name)
def test_nothing_moves_what_is_being_imported_or_done(staffed, move):
    for state, said in (("importing", "import it again"), ("done", "nothing more")):
        make(staffed, state, state=state)
        with pytest.raises(CampaignFault, match=said):
            go(staffed, move.name, SOMEBODY[move.roles[0]], name=state)
        assert found(staffed, state).state == state


def test_moves_name_states_that_there_are():
    for move in MOVES.values():
        assert {*move.states, move.to} <= set(CAMPAIGN_STATES)
    assert {move.to for move in MOVES.values()} == set(CAMPAIGN_STATES) - {"importing"}


@pytest.mark.parametrize("move", PEOPLES, ids=lambda m: m.name)
def test_only_some_roles_may(staffed, move):
    for who in [*STAFF, "nobody"]:
        brought(staffed, move.states[0], name=who, author="author")
        if {*STAFF.get(who, ())} & {*move.roles, "admin"}:
            assert go(staffed, move.name, who, name=who).state == move.to
            continue
        said = "voicebot people add nobody" if who == "nobody" else f"{who} may not {move.name}"
        with pytest.raises(CampaignFault, match=said):
            go(staffed, move.name, who, name=who)
        assert found(staffed, who).state == move.states[0]


@pytest.mark.parametrize("move", [m for m in PEOPLES if m.needs_why], ids=lambda m: m.name)
def test_some_moves_need_a_reason(staffed, move):
    brought(staffed, move.states[0])
    with pytest.raises(CampaignFault, match="--why"):
        go(staffed, move.name, "cy", why="  ")


# ---------------------------------------------------------------- approval


def test_an_approval_fixes_script_contacts_and_plan(staffed):
    brought(staffed, "submitted")
    approved = go(staffed, "approve", "cy")
    assert approved.approval == book.Approval("cy", NOW, FLOW.version, approved.contacts_sha256, Plan().sha256)
    assert last(staffed).data == {
        "flow_version": FLOW.version,
        "contacts_sha256": approved.contacts_sha256,
        "plan_sha256": Plan().sha256,
    }
    assert life.still_approved(approved, FLOW) == ""


@pytest.mark.parametrize("hand", ["author", "submitter", "changer"])
def test_nobody_approves_what_he_had_a_hand_in(staffed, hand):
    make(staffed, author="root" if hand == "author" else "ann")
    if hand == "changer":
        go(staffed, "change", "root")
    go(staffed, "submit", "root" if hand == "submitter" else "bo")
    with pytest.raises(CampaignFault, match="somebody else must"):
        go(staffed, "approve", "root")
    assert found(staffed).state == "submitted"
    assert go(staffed, "approve", "cy").state == "approved"


def test_a_list_emptied_by_the_verdicts_is_not_submitted(staffed):
    make(staffed, accepted=0, refused=["number", "number", "duplicate"])
    with pytest.raises(CampaignFault, match=r"none of its 3 rows was accepted \(number 2, duplicate 1\)"):
        go(staffed, "submit", "ann")
    assert found(staffed).state == "draft"


def test_the_script_of_the_submission_counts(staffed):
    make(staffed)
    newer = changed_flow("newer")
    assert go(staffed, "submit", "ann", flow=newer).flow_version == "newer"
    assert last(staffed).data["flow_version_before"] == FLOW.version
    assert go(staffed, "approve", "cy", flow=newer).approval.flow_version == "newer"


# ---------------------------------------------------------------- what changes voids


@pytest.mark.parametrize(("state", "move"), [("submitted", "approve"), ("approved", "start"), ("paused", "resume")])
def test_a_change_between_two_steps_voids(staffed, state, move):
    changes = {
        "script": (),
        "plan": (update(campaigns).values(plan=OTHER.as_json()),),
        "contacts": (update(contacts).where(contacts.c.row == 2).values(slots=SLOTS | {"name": "李"}),),
        "all": (
            update(campaigns).values(plan=OTHER.as_json()),
            update(contacts).where(contacts.c.row == 3).values(number="+8613900000000"),
        ),
    }
    for what, statements in changes.items():
        brought(staffed, state, name=what)
        with staffed.writing() as connection:
            for each in statements:
                whose = campaigns.c.id if each.table is campaigns else contacts.c.campaign_id
                connection.execute(each.where(whose == f"id-{what}"))
        flow = changed_flow() if what in ("script", "all") else FLOW
        with pytest.raises(CampaignFault, match="draft again") as told:
            go(staffed, move, SOMEBODY[MOVES[move].roles[0]], flow=flow, name=what)
        campaign, entry = found(staffed, what), log(staffed, what)[-1]
        assert (campaign.state, campaign.approval) == ("draft", None)
        assert (entry.change, entry.data) == ("voided", {"from": state})
        for part in ("script", "plan") if what == "all" else (what,):
            assert part in str(told.value)
            assert part in entry.why


def test_contacts_that_are_not_those_imported_are_not_submitted(staffed):
    make(staffed)
    with staffed.writing() as connection:
        connection.execute(update(contacts).where(contacts.c.row == 1).values(number="+8613911111111"))
    with pytest.raises(CampaignFault, match="import the list again"):
        go(staffed, "submit", "ann")


@pytest.mark.parametrize("state", ["submitted", "approved", "paused"])
def test_another_plan_needs_another_approval(staffed, state):
    brought(staffed, state)
    with staffed.writing() as connection:
        connection.execute(update(contacts).where(contacts.c.row == 1).values(state="done", attempts=1))
    changed = go(staffed, "change", "bo", plan=Plan(channels=9, priority=80, trunk="b"))
    assert (changed.state, changed.approval, changed.plan.channels) == ("draft", None, 9)
    assert last(staffed).data == {"plan": {"channels": [4, 9], "priority": [50, 80], "trunk": ["default", "b"]}}
    with staffed.reading() as connection:
        assert connection.execute(campaigns.select()).mappings().one()["trunk"] == "b"
        assert connection.execute(campaigns.select()).mappings().one()["priority"] == 80
        assert connection.execute(contacts.select().where(contacts.c.row == 1)).mappings().one()["state"] == "done"
    go(staffed, "submit", "ann")
    go(staffed, "approve", "cy")
    go(staffed, "start", "su")


def test_the_same_plan_is_no_change(staffed):
    brought(staffed, "approved")
    with pytest.raises(CampaignFault, match="nothing was changed"):
        go(staffed, "change", "bo", plan=Plan())
    assert found(staffed).state == "approved"


@pytest.mark.parametrize("move", ["submit", "approve", "change", "start"])
def test_no_plan_beyond_the_policy(staffed, move):
    brought(staffed, MOVES[move].states[0], plan=Plan(per_day=3))
    stricter = POLICY.model_copy(update={"service": POLICY.service.model_copy(update={"per_day": 2})})
    before = found(staffed)
    with pytest.raises(CampaignFault, match="per_day: 3 is more than the policy's 2"):
        go(staffed, move, SOMEBODY[MOVES[move].roles[0]], policy=stricter, plan=Plan(per_day=3, channels=2))
    assert found(staffed) == before


@pytest.mark.parametrize("move", ["submit", "approve", "start", "resume"])
def test_a_script_that_is_off_is_not_dialled(staffed, move):
    off = FLOW.script.model_copy(update={"off": "the law changed"})
    brought(staffed, MOVES[move].states[0])
    with pytest.raises(CampaignFault, match="switched off: the law changed"):
        go(staffed, move, SOMEBODY[MOVES[move].roles[0]], flow=replace(FLOW, script=off))


def test_a_script_of_another_kind_needs_the_list_again(staffed):
    make(staffed)
    with pytest.raises(CampaignFault, match="import the list again"):
        go(staffed, "submit", "ann", flow=replace(FLOW, kind="marketing"))


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ({"name": "王", "sum": "5"}, "sum is not used"),
        ({"name": "王"}, "ratio is missing"),
        ({"ratio": "much"}, "ratio is no percent"),
        ({}, ""),
    ],
)
def test_contacts_must_fit_a_script_that_was_changed_since(staffed, slots, said):
    made = make(staffed)
    given = slots and (SLOTS | slots if said != "ratio is missing" else slots)
    with staffed.writing() as connection:
        if given:
            connection.execute(update(contacts).values(slots=given))
        sha256 = contacts_hash(connection, made.id)
        connection.execute(update(campaigns).values(contacts_sha256=sha256))
    if not said:
        assert go(staffed, "submit", "ann", flow=changed_flow()).flow_version == "another"
        return
    with pytest.raises(CampaignFault, match=said):
        go(staffed, "submit", "ann", flow=changed_flow())
    assert found(staffed).state == "draft"


def test_it_is_started_once(staffed):
    brought(staffed, "paused")
    later = NOW + timedelta(days=1)
    resumed = go(staffed, "resume", "su", now=later)
    assert (resumed.started_at, resumed.state_since) == (NOW, later)


# ---------------------------------------------------------------- the end


def test_cancelling_leaves_calls_under_way(staffed, monkeypatch):
    monkeypatch.setattr(life, "_CHUNK", 2)
    brought(staffed, "running", accepted=7)
    with staffed.writing() as connection:
        connection.execute(update(contacts).where(contacts.c.row == 2).values(state="admitted"))
        connection.execute(update(contacts).where(contacts.c.row == 3).values(state="done"))
    cancelled = go(staffed, "cancel", "su")
    assert (cancelled.state, cancelled.ended_at) == ("cancelled", NOW)
    with staffed.reading() as connection:
        states = connection.execute(contacts.select().order_by(contacts.c.row)).mappings()
        told = [(row["state"], row["settled_at"]) for row in states]
    gone = ("cancelled", NOW)
    assert told == [gone, ("admitted", None), ("done", None), gone, gone, gone, gone]
    assert life.cancel_contacts(staffed, "id-spring", NOW) == 0


def test_a_campaign_is_done_when_nothing_is_left(staffed):
    brought(staffed, "running")
    campaign = found(staffed)
    for state in ("waiting", "admitted", "unknown"):
        with staffed.writing() as connection:
            connection.execute(update(contacts).values(state="done"))
            connection.execute(update(contacts).where(contacts.c.row == 2).values(state=state))
            assert not life.finish(connection, campaign, NOW)
    with staffed.writing() as connection:
        connection.execute(update(contacts).where(contacts.c.row == 2).values(state="refused"))
        assert life.finish(connection, campaign, NOW)
        assert not life.finish(connection, campaign, NOW)
    done = found(staffed)
    assert (done.state, done.ended_at) == ("done", NOW)
    assert (last(staffed).change, last(staffed).who) == ("finished", "system")


def test_a_paused_campaign_is_not_finished(staffed):
    brought(staffed, "running")
    running = found(staffed)
    go(staffed, "pause", "su")
    with staffed.writing() as connection:
        connection.execute(update(contacts).values(state="done"))
        assert not life.finish(connection, running, NOW)


# ---------------------------------------------------------------- what the dispatcher sees


@pytest.mark.parametrize("state", ["submitted", "approved", "running", "paused"])
def test_the_dispatcher_voids(staffed, state):
    brought(staffed, state)
    campaign = found(staffed)
    with staffed.writing() as connection:
        assert life.void(connection, campaign, NOW, life.SCRIPT)
        assert not life.void(connection, campaign, NOW, life.SCRIPT)
    voided = found(staffed)
    assert (voided.state, voided.approval, voided.state_why) == ("draft", None, "the script 话术 changed")
    assert (last(staffed).who, last(staffed).data) == ("system", {"from": state})


def test_an_approval_given_meanwhile_is_not_voided(staffed):
    brought(staffed, "running")
    stale = found(staffed)
    go(staffed, "pause", "su")
    go(staffed, "change", "bo")
    go(staffed, "submit", "bo")
    go(staffed, "approve", "cy", now=NOW + timedelta(hours=1))
    with staffed.writing() as connection:
        assert not life.void(connection, stale, NOW, life.PLAN)
    assert found(staffed).state == "approved"


def test_still_approved(staffed):
    brought(staffed, "running")
    campaign = found(staffed)
    assert life.still_approved(campaign, FLOW) == ""
    assert life.still_approved(campaign, changed_flow()) == life.SCRIPT
    assert life.still_approved(replace(campaign, plan=OTHER), FLOW) == life.PLAN
    assert life.still_approved(replace(campaign, contacts_sha256="x"), FLOW) == life.CONTACTS
    both = life.still_approved(replace(campaign, plan=OTHER), changed_flow())
    assert both == f"{life.SCRIPT} and {life.PLAN}"
    assert "approval" in life.still_approved(replace(campaign, approval=None), FLOW)


# ---------------------------------------------------------------- two at once, and the log


@pytest.mark.parametrize("move", PEOPLES, ids=lambda m: m.name)
def test_of_two_at_once_one_wins(staffed, move):
    brought(staffed, move.states[-1])
    entries = len(log(staffed))
    both = threading.Barrier(2)
    ended = []

    def act():
        both.wait()
        try:
            ended.append(go(staffed, move.name, SOMEBODY[move.roles[0]]).state)
        except CampaignFault as fault:
            ended.append(str(fault))

    threads = [threading.Thread(target=act) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended.count(move.to) == 1, ended
    assert [entry.change for entry in log(staffed)[entries:]] == [move.change]


@pytest.mark.parametrize("statement", [delete(campaign_log), update(campaign_log).values(who="x")])
def test_the_log_is_only_appended_to(staffed, statement):
    brought(staffed, "submitted")
    entries = log(staffed)
    with pytest.raises(StoreFault, match="append-only"), staffed.writing() as connection:
        connection.execute(statement)
    assert log(staffed) == entries
