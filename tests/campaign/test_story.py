"""Why each call to a contact was or was not made."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from tests.campaign.seeing import NOW, Call, campaign, contact, gate, number, refused_row
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.story import as_json, tell
from voicebot.store.campaign_tables import attempts, campaign_log


@pytest.fixture
def made(store):
    campaign(store)
    return store


def whats(story):
    return [event.what for event in story.events]


def test_all_that_happened_to_a_contact_in_order(made):
    late = NOW + timedelta(minutes=5)
    id_ = contact(made, 7, Call("busy", ago=90), Call("acknowledged", ago=10, talk_s=20, disclosures=("warning",)))
    gate(made, id_, "gap", ago=50, until=late, calls=1)
    story = tell(made, "c1-warning", "7")
    assert whats(story) == [
        "campaign",
        "accepted",
        "queued",
        "dialled",
        "closed",
        "gate",
        "queued",
        "dialled",
        "answered",
        "closed",
    ]
    assert [event.at for event in story.events] == sorted(event.at for event in story.events)
    gated = story.events[5]
    assert (gated.rule, dict(gated.data)) == ("gap", {"calls": 1, "until": late})
    dialled = story.events[3]
    assert dict(dialled.data) == {"host": "host-1", "token": f"token-{id_}-1", "call": f"call-{id_}-1"}
    assert "acknowledged 已告知确认" in story.events[-1].told
    assert story.events[-1].data["disclosures"] == "warning"
    assert (story.number, story.due_at) == ("138****8007", None)


def test_a_row_that_was_refused_has_its_verdict(made):
    refused_row(made, 8, "number", "12345", why="too short")
    story = tell(made, "c1", "client-8")
    assert whats(story) == ["campaign", "refused"]
    assert (story.rule, story.events[1].rule, story.events[1].data) == ("number", "number", {"why": "too short"})


def test_one_refused_by_a_gate_for_good(made):
    id_ = contact(made, 9, state="refused", rule="do_not_call", settled_at=NOW)
    gate(made, id_, "do_not_call", stage="dial", ago=0)
    story = tell(made, "c1", "9")
    assert whats(story)[:2] == ["campaign", "accepted"]
    assert set(whats(story)[2:]) == {"gate", "refused"}
    assert "never" in next(event.told for event in story.events if event.what == "gate")


def test_an_uncertain_call_says_why_and_who_decided(made):
    id_ = contact(made, 10, Call("", state="unknown"), state="unknown")
    with made.writing() as connection:
        mine = update(attempts).where(attempts.c.id == f"{id_}:1")
        connection.execute(mine.values(note="the host is gone", decided_by="su", closed_at=NOW))
    story = tell(made, "c1", "10")
    assert whats(story)[-2:] == ["unknown", "decided"]
    assert story.events[-2].data["why"] == "the host is gone"
    assert "su" in story.events[-1].told


def test_one_that_waits_says_until_when(made):
    contact(made, 11, state="waiting", due_in=30, wish_call_id="call-1")
    story = tell(made, "c1", "11")
    assert story.due_at == NOW + timedelta(minutes=30)
    assert story.wished


def test_no_clear_number_in_it(made):
    id_ = contact(made, 12, Call("busy"), ref=number(12), evidence={"seen": number(12)})
    gate(made, id_, "gap", until=NOW, seen=number(12))
    with made.writing() as connection:
        row = {"campaign_id": "c1", "seq": 2, "at": NOW, "who": "ops", "change": "paused", "data": {}}
        connection.execute(insert(campaign_log), row | {"why": f"{number(12)} complained"})
        connection.execute(update(attempts).values(decided_by="su", note=f"redial {number(12)}"))
    told = str(as_json(tell(made, "c1", "12")))
    assert "paused" in told
    assert number(12)[3:] not in told


@pytest.mark.parametrize(
    ("wanted", "told"), [("99", "no contact"), ("", "no contact"), ("row:x", "no contact"), ("²", "no contact")]
)
def test_nobody(made, wanted, told):
    contact(made, 7)
    with pytest.raises(CampaignFault, match=told):
        tell(made, "c1", wanted)


def test_which_of_two(made):
    contact(made, 7, ref="8")
    contact(made, 8, ref="x")
    with pytest.raises(CampaignFault, match="row:8"):
        tell(made, "c1", "8")
    assert tell(made, "c1", "ref:8").row == 7
    assert tell(made, "c1", "row:8").row == 8
    contact(made, 9, ref="x")
    with pytest.raises(CampaignFault, match="row 8, 9"):
        tell(made, "c1", "x")
