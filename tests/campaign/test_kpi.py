"""Key figures against a table counted by hand."""

import pytest

from tests.campaign.seeing import Call, campaign, contact
from voicebot.campaign.kpi import NO_CONVERSATION, Tally, count, kpis
from voicebot.flow.dispositions import FROM_SCRIPT, Disposition

WARNED = ("warning",)
# dialled 12 to 10 people; connected 8; conversations 5 (not: voicemail, silent, powered_off behind an answer);
# disclosed 4; talk 30+40+20+60+10+5+15+20 = 200 s over 8
CALLS = (
    (Call("busy"), Call("acknowledged", talk_s=30, disclosures=WARNED)),
    (Call("will_do", talk_s=40, disclosures=WARNED, lead="plan"),),
    (Call("hung_up", talk_s=20),),
    (Call("transfer_human", talk_s=60, disclosures=WARNED, lead="human"),),
    (Call("do_not_call", talk_s=10),),
    (Call("voicemail", talk_s=5),),
    (Call("silent", talk_s=15, disclosures=WARNED),),
    (Call("powered_off", talk_s=20),),
    (Call("no_answer"), Call("no_answer")),
    (Call("empty_number"),),
)


@pytest.fixture
def counted(store):
    campaign(store)
    campaign(store, "c2")
    for row, placed in enumerate(CALLS, start=2):
        contact(store, row, *placed)
    contact(store, 2, Call("complaint", talk_s=100, disclosures=WARNED), campaign="c2")  # counts for the other one
    contact(store, 99, state="waiting")
    with store.reading() as connection:
        return count(connection, "c1")


def figure(figures, name):
    (found,) = [one for one in figures if one.name == name]
    return found


def test_the_counts(counted):
    assert (counted.dialled, counted.connected, counted.conversations) == (12, 8, 5)
    assert (counted.talks, counted.talk_s, counted.people) == (8, 200, 10)
    assert counted.outcomes["no_answer"] == 2
    assert sum(counted.outcomes.values()) == 12


@pytest.mark.parametrize(
    ("name", "numerator", "denominator"),
    [
        ("connect_rate", 8, 12),
        ("conversation_rate", 5, 8),
        ("disclosure_rate", 4, 8),
        ("transfer_rate", 1, 8),
        ("conversion_rate", 2, 5),
        ("do_not_call_rate", 1, 8),
        ("complaint_rate", 0, 8),
        ("talk_time", 200, 8),
        ("calls_per_contact", 12, 10),
    ],
)
def test_the_figures_are_those_counted_by_hand(counted, name, numerator, denominator):
    found = figure(kpis(counted, "service", {"warning"}), name)
    assert (found.numerator, found.denominator) == (numerator, denominator)
    assert found.value == pytest.approx(numerator / denominator)
    assert found.definition


def test_a_marketing_call_has_converted_when_it_left_a_lead_behind(counted):
    found = figure(kpis(counted, "marketing", {"warning"}), "conversion_rate")
    assert (found.numerator, found.denominator) == (1, 5)  # will_do with its plan; the transfer did not reach the goal


def test_all_required_statements_must_have_been_played(counted):
    assert figure(kpis(counted, "service", {"warning", "consequence"}), "disclosure_rate").numerator == 0


def test_without_a_base_there_is_no_value_instead_of_a_zero():
    figures = kpis(Tally(), "service", {"warning"})
    assert {one.value for one in figures} == {None}
    assert {one.shown for one in figures} == {"—"}


def test_a_script_without_required_statements_has_no_rate_of_them(counted):
    assert figure(kpis(counted, "service", ()), "disclosure_rate").value is None


def test_a_call_under_way_is_dialled_and_connected_and_not_yet_a_conversation(store):
    campaign(store)
    contact(store, 2, Call("", talk_s=3, state="dialling"), state="admitted")
    with store.reading() as connection:
        seen = count(connection, "c1")
    assert (seen.dialled, seen.connected, seen.conversations, seen.talks) == (1, 1, 0, 0)
    assert not seen.outcomes


def test_what_ended_before_a_phone_could_ring_is_no_call(store):
    campaign(store)
    trunk = Call("unreachable", ago=50, rule="trunk_failed")
    contact(store, 2, trunk, trunk, Call("busy"))
    contact(store, 3, Call("fault", rule="not_dialled"), state="waiting")
    with store.reading() as connection:
        seen = count(connection, "c1")
    assert (seen.dialled, seen.people, dict(seen.outcomes)) == (1, 1, {"busy": 1})
    assert seen.failed == {"trunk_failed": 2, "not_dialled": 1}


def test_every_disposition_is_a_conversation_or_none():
    """A new one must be sorted: those a script gives are conversations but for machines and silence."""
    machines = {Disposition.VOICEMAIL, Disposition.SILENT}
    assert machines == NO_CONVERSATION & FROM_SCRIPT
    assert set(Disposition) - NO_CONVERSATION - FROM_SCRIPT == {Disposition.HUNG_UP}
