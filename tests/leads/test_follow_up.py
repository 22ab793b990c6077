"""What a service call leaves to a human, by the shipped table."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from voicebot import events
from voicebot.flow.vocabulary import ACTS, INTENTS
from voicebot.leads.conversation import Conversation, Spoken, conversation_of
from voicebot.leads.follow_up import FOLLOW_UP, lead_for, read_follow_up
from voicebot.leads.judging import judge
from voicebot.leads.table import LeadsFault
from voicebot.store.records import NewCall
from voicebot.store.store import Store

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 25, 14, 0, tzinfo=SHANGHAI)
CONTACT = {"name": "王建国", "deadline": "2026-11-27T15:00"}


def call(disposition="acknowledged", *, acts=(), turns=(), known=CONTACT):
    return Conversation(disposition, True, tuple(turns), tuple(acts), known, "client-7")


def test_a_plan_is_due_by_the_contacts_deadline():
    finished = call(
        "will_do",
        acts=[("lead", {"reason": "will_do", "plan_amount": "200000.00"})],
        turns=[Spoken("对我是", ("identity_confirm",)), Spoken("我补二十万", ("give_plan",), (("amount", "200000"),))],
    )
    lead = lead_for(finished, "B", NOW)
    assert (lead.kind, lead.rule, lead.owner, lead.grade, lead.client) == ("plan", "plan", "advisor", "B", "client-7")
    assert lead.due_at == datetime(2026, 11, 27, 15, 0, tzinfo=SHANGHAI)
    assert lead.words == "我补二十万"
    assert lead.slots == {"amount": "200000", "plan_amount": "200000.00"}
    assert lead.evidence["intents"] == ["give_plan", "identity_confirm"]
    assert not lead.complaint


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("2026-11-26T15:00", datetime(2026, 11, 26, 15, 0, tzinfo=SHANGHAI)),
        ("2026-11-26T15:00:00+08:00", datetime(2026, 11, 26, 7, 0, tzinfo=UTC)),
        ("2026-11-26", datetime(2026, 11, 26, 9, 0, tzinfo=SHANGHAI)),
        ("收盘以后", NOW + timedelta(days=1)),
        ("", NOW + timedelta(days=1)),
    ],
)
def test_a_callback_is_due_when_the_client_said(said, due):
    finished = call("callback", acts=[("callback", {"callback_time": said} if said else {})])
    lead = lead_for(finished, "C", NOW)
    assert (lead.kind, lead.due_at) == ("callback", due)


def test_a_complaint_comes_before_everything_and_has_a_deadline():
    finished = call(
        "complaint",
        acts=[("callback", {"callback_time": "2026-11-26T15:00"}), ("do_not_call", {}), ("complaint", {})],
        turns=[Spoken("转人工", ("transfer_human",)), Spoken("我打12386投诉你们", ("complaint", "do_not_call"))],
    )
    lead = lead_for(finished, "F", NOW)
    assert (lead.kind, lead.complaint, lead.owner) == ("complaint", True, "compliance")
    assert NOW < lead.due_at <= NOW + timedelta(days=1)
    assert lead.words == "我打12386投诉你们"


def test_who_wants_no_calls_gets_no_follow_up():
    finished = call("do_not_call", acts=[("lead", {"reason": "will_do"}), ("do_not_call", {})])
    assert lead_for(finished, "F", NOW) is None


@pytest.mark.parametrize(
    "disposition", ["no_answer", "busy", "silent", "not_self", "hung_up", "refuse", "acknowledged"]
)
def test_nothing_asked_nothing_left(disposition):
    assert lead_for(call(disposition), "D", NOW) is None


def test_a_service_call_never_pitches():
    turns = [Spoken("有啥产品", ("ask_product",)), Spoken("可以考虑", ("interest", "affirm"))]
    assert lead_for(call(turns=turns), "A", NOW) is None


def test_who_asked_for_a_human_and_was_cut_off_is_not_forgotten():
    lead = lead_for(call("fault", turns=[Spoken("找真人", ("transfer_human",))]), "C", NOW)
    assert (lead.kind, lead.words, lead.due_at) == ("human", "找真人", NOW + timedelta(hours=1))


@pytest.mark.parametrize("action", sorted(ACTS - {"do_not_call", "message", "webhook"}))  # these need nobody
@pytest.mark.parametrize("reason", ["", "ask_fee", "cannot_comply", "something_new"])
def test_whatever_a_script_promises_becomes_a_lead(action, reason):
    lead = lead_for(call(acts=[(action, {"reason": reason} if reason else {})]), "B", NOW)
    assert lead is not None
    assert lead.due_at > NOW


def test_the_last_words_stand_where_no_intent_is_quoted():
    turns = [Spoken("喂", ("greeting",)), Spoken("那个什么来着", ("unknown",)), Spoken("[unk]", ("unknown",))]
    lead = lead_for(call("not_understood", turns=turns), "D", NOW)
    assert (lead.rule, lead.words) == ("not_understood", "那个什么来着")


def test_grade_and_lead_come_from_the_log(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'record.db'}")
    store.create_call(NewCall("call-1", "margin_call", "1", "sip:x@y", "client-7", CONTACT))
    happened = [
        events.Answered(0),
        events.Heard(3000, "对我是", 0.9, 2000, 2600),
        events.Understood(3000, (("identity_confirm", 0.9),)),
        events.Heard(9000, "比例多少，期限哪天", 0.8, 7000, 8600),
        events.Understood(9000, (("ask_ratio", 0.9), ("ask_deadline", 0.8))),
        events.DtmfReceived(12000, "1"),
        events.Heard(15000, "下午三点再说", 0.8, 14000, 14600),
        events.Understood(15000, (("callback", 0.9),), (("callback_time", "下午三点", "2026-11-25T15:00"),)),
        events.Acted(15000, "callback", {"callback_time": "2026-11-25T15:00"}),
    ]
    store.append("call-1", happened)
    record = store.call("call-1")
    seen = conversation_of(record, happened, "callback")
    assert seen.connected
    assert [turn.text for turn in seen.turns] == ["对我是", "比例多少，期限哪天", "", "下午三点再说"]
    judged = judge(record, happened, "callback")
    assert judged.grade == "A"
    assert judged.lead.client == "client-7"
    assert judged.lead.words == "下午三点再说"
    assert judged.lead.due_at == datetime(2026, 11, 25, 15, 0, tzinfo=SHANGHAI)
    store.close()


def test_the_table_names_what_exists(tmp_path):
    table = read_follow_up()
    assert all(rule.when.intents | rule.words <= INTENTS for rule in table.rules)
    for wrong in ("acts: [call_mum]", "intents: [sneeze]", "dispositions: [sold]", "days: 3"):
        file = tmp_path / "follow_up.yaml"
        text = FOLLOW_UP.read_text("utf-8")
        file.write_text(text.replace('acts: ["lead:dispute"]', wrong), "utf-8")
        with pytest.raises(LeadsFault, match=r"follow_up\.yaml: rules\.3\.when\."):
            read_follow_up(file)
