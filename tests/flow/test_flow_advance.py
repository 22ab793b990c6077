"""The rules of a call, one by one, on the shipped script."""

from dataclasses import replace
from datetime import datetime

import pytest

from voicebot.flow.advance import advance, begin, conclude, prompts_known
from voicebot.flow.dialogue import Act, Digit, EarLost, HangUp, Listen, Played, Say, Silence, Start
from voicebot.flow.dispositions import CHINESE, Disposition
from voicebot.flow.problems import SlotError


class Call:
    """Plays everything to its end, unless told otherwise."""

    def __init__(self, flow, contact, now):
        self.flow = flow
        self.actions = ()
        self.state = begin(flow, contact, now)
        self.step(Start())

    def step(self, happened, complete=True):
        self.state, self.actions = advance(self.flow, self.state, happened)
        for say in self.says:
            self.state, _ = advance(self.flow, self.state, Played(say.prompt, complete=complete))
        return self

    @property
    def says(self):
        return [action for action in self.actions if isinstance(action, Say)]

    @property
    def prompts(self):
        return [say.prompt for say in self.says]

    @property
    def acts(self):
        return [(action.kind, dict(action.data)) for action in self.actions if isinstance(action, Act)]

    def concluded(self, by_callee=True):
        return conclude(self.flow, self.state, answered=True, hung_up_by_callee=by_callee)


@pytest.fixture
def call(flow, contact, now):
    return Call(flow, contact, now)


@pytest.fixture
def told(call, heard):
    """A call in which the client is known and has heard the warning."""
    return call.step(heard("identity_confirm"))


def test_the_opening_says_what_the_law_wants_and_tells_nothing(call):
    assert call.prompts == ["notice", "is_it_you"]
    assert not call.says[0].interruptible
    assert "人工智能合成" in call.says[0].written
    listen = call.actions[-1]
    assert isinstance(listen, Listen)
    assert listen.silence_ms == 6000
    assert listen.keys == {"1", "2"}
    assert {"identity_confirm", "affirm", "deny", "busy"} <= listen.expecting


def test_the_warning_is_a_disclosure_that_nobody_interrupts(told):
    [warning] = [say for say in told.says if say.prompt == "warning"]
    assert not warning.interruptible
    assert warning.disclosure == "warning"
    assert "128.50%" in warning.written
    assert "12万元" in warning.written


def test_a_yes_counts_only_after_the_whole_warning(call, heard):
    call.step(heard("identity_confirm"), complete=False)
    call.step(heard("acknowledged"))
    assert call.prompts == ["warning", "ask_plan"]
    assert call.concluded() == Disposition.HUNG_UP
    call.step(heard("acknowledged"))
    assert call.concluded() == Disposition.ACKNOWLEDGED


def test_yes_and_a_question_is_answered_and_asked_again(told, heard):
    told.step(heard("affirm", "ask_fee"))
    assert told.prompts == ["answer_fee", "ask_plan"]
    assert told.acts == [("lead", {"reason": "ask_fee"})]
    assert told.concluded() == Disposition.HUNG_UP
    assert told.step(heard("affirm")).concluded() == Disposition.ACKNOWLEDGED


def test_identity_and_a_question_are_both_taken(call, heard):
    call.step(heard("identity_confirm", "ask_robot"))
    assert call.prompts == ["i_am_robot", "warning", "ask_plan"]


def test_two_questions_are_answered_in_order(told, heard):
    told.step(heard("ask_line", "ask_deadline", "ask_how"))
    assert told.prompts == ["answer_line", "answer_deadline", "ask_plan"]


def test_a_question_about_the_account_waits_for_the_identity(call, heard):
    call.step(heard("ask_ratio"))
    assert call.prompts == ["identity_first", "ask_identity"]


def test_a_plan_with_an_amount_is_read_back(told, heard):
    told.step(heard("give_plan", amount="200000"))
    assert "20万元" in told.says[-1].written
    told.step(heard("deny", amount="300000"))
    assert "30万元" in told.says[-1].written
    told.step(Digit("1"))
    assert told.acts == [("lead", {"plan_amount": "300000.00", "reason": "will_do"})]
    assert told.actions[-1] == HangUp()
    assert told.concluded(by_callee=False) == Disposition.WILL_DO


def test_the_same_amount_once_more_confirms_it(told, heard):
    told.step(heard("give_plan", amount="200000")).step(heard("give_plan", amount="200000"))
    assert told.acts == [("lead", {"plan_amount": "200000.00", "reason": "will_do"})]


def test_another_amount_is_read_back_again(told, heard):
    told.step(heard("give_plan", amount="200000")).step(heard("give_plan", amount="300000"))
    assert "30万元" in told.says[-1].written
    assert told.acts == []


def test_an_amount_denied_is_not_recorded(told, heard):
    told.step(heard("ask_amount", amount="500000")).step(heard("give_plan", amount="200000")).step(heard("deny"))
    assert told.acts == [("lead", {"reason": "will_do"})]


def test_an_amount_in_a_question_is_no_plan(told, heard):
    told.step(heard("ask_amount", amount="500000")).step(heard("will_do"))
    assert told.acts == [("lead", {"reason": "will_do"})]


def test_saying_once_more_who_one_is_acknowledges_nothing(told, heard):
    assert told.step(heard("identity_confirm")).prompts == ["ask_plan"]
    assert told.concluded() == Disposition.HUNG_UP


def test_a_range_is_no_amount_to_read_back(told, heard):
    told.step(heard("give_plan", amount="200000–300000"))
    assert told.prompts == ["bye_plan"]


def test_an_outcome_reached_stays_when_the_callee_hangs_up(told, heard):
    told.step(heard("give_plan", amount="200000"), complete=False)
    assert told.concluded() == Disposition.WILL_DO


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("2026-11-24T15:00", "11月24日15:00"),
        ("2026-11-24T15:00:00", "11月24日15:00"),
        ("2026-11-24", "11月24日"),
    ],
)
def test_a_time_to_call_back_is_read_back(call, heard, value, written):
    call.step(heard("busy", callback_time=value))
    assert written in call.says[-1].written
    assert call.acts == [("callback", {"callback_time": value[:16]})]
    assert call.concluded() == Disposition.CALLBACK


def test_busy_is_asked_for_a_time_once(call, heard):
    call.step(heard("busy"))
    assert call.prompts == ["ask_time"]
    call.step(heard("unknown"))
    assert call.acts == [("callback", {})]
    assert call.concluded(by_callee=False) == Disposition.CALLBACK


@pytest.mark.parametrize(
    "intents", [("do_not_call",), ("identity_confirm", "do_not_call"), ("not_self", "do_not_call")]
)
def test_do_not_call_comes_before_everything(call, heard, intents):
    call.step(heard(*intents))
    assert call.acts == [("do_not_call", {})]
    assert call.actions[-1] == HangUp()
    assert call.concluded() == Disposition.DO_NOT_CALL


def test_a_complaint_outranks_and_keeps_the_wish(told, heard):
    told.step(heard("do_not_call", "complaint"))
    assert sorted(kind for kind, _ in told.acts) == ["complaint", "do_not_call"]
    assert told.concluded() == Disposition.COMPLAINT


def test_a_wish_after_the_end_still_counts(told, heard):
    told.step(heard("will_do"))
    assert told.state.ended
    told.step(heard("do_not_call"))
    assert told.says == []
    assert told.acts == [("do_not_call", {})]
    assert told.concluded() == Disposition.DO_NOT_CALL


def test_after_the_end_nothing_else_is_said_or_done(told, heard):
    told.step(heard("will_do"))
    for happened in (heard("ask_ratio"), Digit("1"), Silence(), Start()):
        assert told.step(happened).actions == ()
    assert told.concluded() == Disposition.WILL_DO


def test_a_stranger_who_said_yes_hears_no_more_of_the_account(told, heard):
    told.step(heard("not_self"))
    assert told.prompts == ["relay"]
    assert not told.state.identified
    assert told.concluded() == Disposition.NOT_SELF


def test_silence_is_no_acknowledgement(told):
    assert told.step(Silence()).prompts == ["still_there"]
    assert told.step(Silence()).prompts == ["ask_ack_keys"]
    assert told.step(Silence()).actions[-1] == HangUp()
    assert told.concluded(by_callee=False) == Disposition.SILENT


def test_not_understood_asks_more_simply_and_then_a_person_follows_up(told, heard):
    assert told.step(heard("unknown")).prompts == ["ask_plan_again"]
    assert told.step(heard("unknown")).prompts == ["ask_ack_keys"]
    told.step(heard("unknown"))
    assert told.acts == [("lead", {"reason": "not_understood"})]
    assert told.concluded(by_callee=False) == Disposition.NOT_UNDERSTOOD


def test_what_was_understood_in_between_starts_the_count_again(told, heard):
    for _ in range(3):
        told.step(heard("unknown")).step(heard("unknown")).step(heard("ask_line"))
    assert not told.state.ended


def test_keys_answer_where_speech_fails(call):
    call.step(Digit("1"))
    assert "warning" in call.prompts
    call.step(Digit("1"))
    assert call.concluded(by_callee=False) == Disposition.ACKNOWLEDGED


def test_wait_is_granted_without_prompting(told, heard):
    told.step(heard("wait"))
    assert told.prompts == ["take_your_time"]
    assert told.actions[-1].silence_ms == 25_000


def test_say_it_again_repeats_the_same_words(call, heard):
    said = call.says
    call.step(heard("wait")).step(heard("repeat"))
    assert call.says == said


def test_wordings_take_turns(call, heard):
    said = [call.step(heard("greeting")).says[0].written for _ in range(3)]
    assert said[0] == said[2] != said[1]


def test_what_is_known_before_the_dial_covers_the_whole_opening_and_warning(flow, contact, now, call, heard):
    known = set(prompts_known(flow, begin(flow, contact, now)))
    assert next(iter(prompts_known(flow, begin(flow, contact, now)))).prompt == "notice"
    assert set(call.says) | set(call.step(heard("identity_confirm")).says) <= known
    assert not any(
        say.prompt == "confirm_amount" and "金额是" in say.written and "吗？对" in say.written for say in known
    )


def test_what_is_searched_for_forbidden_phrases_is_what_is_said(flow, contact, now):
    state = begin(flow, contact, now)
    shown = {name: flow.value(name, value).written for name, value in state.slots.items()}
    wordings = [w for prompt in flow.prompts.values() for w in (*prompt.wordings, *prompt.otherwise)]
    told = {wording.told(shown) for wording in wordings if wording.slots <= shown.keys()}
    assert {say.written for say in prompts_known(flow, state)} <= told


def test_without_the_optional_slots_other_words_are_used(flow, contact, now, heard):
    bare = {k: v for k, v in contact.items() if k not in ("as_of", "advisor_phone", "hotline")}
    call = Call(flow, bare, now).step(heard("ask_identity"))
    assert "官方客服热线" in call.says[0].written
    assert "截至" not in call.step(heard("identity_confirm")).says[0].written


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ratio": None}, "ratio: missing"),
        ({"ratio": " "}, "ratio: missing"),
        ({"ratio": "高"}, "ratio: no percent"),
        ({"rato": "1"}, "rato: no such slot"),
        ({"ratio": "145"}, "ratio: 145 is not below line"),
        ({"deadline": "2026-11-23T10:00"}, "deadline: 2026-11-23T10:00 is past"),
        ({"firm": "保\u200b本证券"}, "firm: "),
        ({"plan_amount": "1"}, "plan_amount: no such slot"),
    ],
)
def test_a_contact_that_does_not_fit_is_refused_in_one_line(flow, contact, now, change, complaint):
    slots = {name: value for name, value in {**contact, **change}.items() if value is not None}
    with pytest.raises(SlotError) as error:
        begin(flow, slots, now)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_every_slot_at_fault_is_named(flow, now):
    with pytest.raises(SlotError) as error:
        begin(flow, {"ratio": "x", "colour": "red"}, now)
    assert all(name in str(error.value) for name in ("ratio", "colour", "firm", "deadline", "line", "shortfall"))


def test_nobody_answered_is_not_for_the_script_to_explain(flow, contact, now):
    state = begin(flow, contact, now)
    assert conclude(flow, state, answered=False, hung_up_by_callee=False) == Disposition.UNKNOWN
    assert conclude(flow, state, answered=True, hung_up_by_callee=False) == Disposition.FAULT


def test_every_disposition_has_its_name():
    assert set(CHINESE) == set(Disposition)
    assert Disposition.WILL_DO.chinese == "已承诺处理"
    assert len(set(CHINESE.values())) == len(CHINESE)


def test_the_state_is_untouched_and_the_answer_always_the_same(flow, contact, now, heard):
    state, _ = advance(flow, begin(flow, contact, now), Start())
    before = (state.path, dict(state.retries), state.said)
    assert advance(flow, state, heard("identity_confirm")) == advance(flow, state, heard("identity_confirm"))
    assert (state.path, dict(state.retries), state.said) == before


def test_a_clock_with_a_zone_is_read_as_the_wall_shows_it(flow, contact):
    aware = datetime.fromisoformat("2026-11-23T10:00:00+08:00")
    assert begin(flow, contact, aware).now == aware


def test_a_lost_ear_leads_where_the_script_says_and_only_keys_lead_on(call):
    call.step(EarLost())
    assert call.prompts == ["cannot_hear"]
    assert call.actions[-1] == Listen(8000, call.actions[-1].expecting, frozenset("123"))
    call.step(Digit("3"))
    assert call.concluded() is Disposition.DO_NOT_CALL


def test_a_script_that_does_not_provide_for_a_lost_ear_still_ends(flow, contact, now, heard):
    call = Call(replace(flow, script=flow.script.model_copy(update={"ear_lost": None})), contact, now)
    call.step(EarLost())
    assert call.prompts == ["ask_identity"]
    for _ in range(2):
        call.step(heard("unknown"))
    assert call.state.ended
    assert call.concluded(by_callee=False) is Disposition.NOT_UNDERSTOOD


def test_a_lost_ear_after_the_end_changes_nothing(call, heard):
    call.step(heard("wrong_number"))
    before = call.state
    call.step(EarLost())
    assert (call.state, call.actions) == (before, ())
