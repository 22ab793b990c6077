"""The record of calls, on every database there is."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from voicebot import events
from voicebot.store import tables
from voicebot.store.fault import StoreFault
from voicebot.store.records import Engines, Lead, NewCall, new_id
from voicebot.store.store import Entry, Judgement, Store, insert_unless_there

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
CALL = NewCall(
    "call-1",
    "margin_call",
    "3f2a",
    "sip:13800138000@gateway.example",
    contact_ref="client-7",
    contact_slots={"name": "王建国", "ratio": "128.50"},
    engines=Engines("vosk zh-8k-synthetic 1", "lexicon 1", "pyttsx3 2.99", synthetic_ear=True),
    worker="worker-1",
    worker_pid=4711,
    created_at=NOW,
)
TALK = (
    events.Dialling(0, CALL.target),
    events.Ringing(0),
    events.Answered(800),
    events.Said(3800, "opening", "您好，请问您是王建国先生吗？", 820, 3800, complete=True),
    events.HeardPartial(4400, "对"),
    events.Heard(5200, "对我是", 0.91, 4200, 4700),
    events.Understood(5200, (("identity_confirm", 0.95), ("affirm", 0.4))),
    events.Said(9800, "warning", "您的维持担保比例为128.50%。", 5300, 9800, complete=True),
    events.DisclosurePlayed(9800, "warning"),
    events.BargeIn(10900, "知道"),
    events.Said(10900, "ask_plan", "请问您打算怎么处理？", 9900, 10900, complete=False),
    events.Heard(12600, "知道了转二十万", 0.8, 10500, 11900, "知道了转20万"),
    events.Understood(12600, (("acknowledged", 0.9),)),
)
END = (
    events.Said(15000, "bye", "感谢接听，再见。", 12900, 15000, complete=True),
    events.Ended(15300, "completed", 200, "OK", by_far_end=True),
    events.Recorded(15300, "2026-11-25/call-1.wav", "ab" * 32, 15300),
    events.Concluded(15300, "acknowledged", "B"),
)
LEAD = Lead(
    "plan", "client-7", "plan", 1, "B", "知道了", "advisor", NOW + timedelta(days=2),
    evidence={"intents": ["acknowledged"]}, slots={"amount": "200000"}, created_at=NOW,
)  # fmt: skip


@pytest.fixture
def made(store):
    store.create_call(CALL)
    return store


def test_a_call_before_its_dial(made):
    record = made.call("call-1")
    assert (record.state, record.disposition, record.turns, record.lead) == ("queued", "", (), None)
    assert (record.flow, record.flow_version, record.contact_ref) == ("margin_call", "3f2a", "client-7")
    assert record.contact_slots == {"name": "王建国", "ratio": "128.50"}
    assert record.engines == CALL.engines
    assert record.created_at == NOW
    assert (record.dialled_at, record.answered_at, record.ended_at, record.closed_at) == (None, None, None, None)


def test_the_same_call_is_noted_once(made):
    made.append("call-1", TALK)
    made.create_call(replace(CALL, target="sip:other@gateway.example"))
    assert made.call("call-1").target == CALL.target
    assert made.call("call-1").state == "answered"


def test_the_state_follows_the_events_and_only_forward(made):
    seen = []
    late = events.Ringing(2, 183)
    for event in (events.Dialling(0), events.Ringing(0), events.Answered(1), late, events.Dialling(3)):
        made.append("call-1", [event])
        seen.append(made.call("call-1").state)
    assert seen == ["dialling", "ringing", "answered", "answered", "answered"]
    record = made.call("call-1")
    assert record.dialled_at <= record.answered_at
    assert record.ended_at is None


def test_a_running_call_can_be_read_turn_by_turn(made):
    made.append("call-1", TALK[:7])
    assert [(turn.role, turn.text, turn.intent) for turn in made.call("call-1").turns] == [
        ("robot", "您好，请问您是王建国先生吗？", ""),
        ("callee", "对我是", "identity_confirm"),
    ]


def test_events_come_back_as_they_went_in_and_from_any_number(made):
    made.append("call-1", TALK)
    stored = made.events("call-1")
    assert [one.event for one in stored] == list(TALK)
    assert [one.seq for one in stored] == list(range(1, len(TALK) + 1))
    assert all(one.recorded_at.tzinfo is not None for one in stored)
    assert [one.event for one in made.events("call-1", after_seq=10)] == list(TALK[10:])
    assert made.events("call-1", after_seq=len(TALK)) == []


def test_closing_writes_all_that_the_events_say(made):
    made.append("call-1", TALK)
    record = made.close_call("call-1", END, LEAD)
    assert record == made.call("call-1")
    assert (record.state, record.disposition, record.grade) == ("closed", "acknowledged", "B")
    assert (record.sip_code, record.sip_cause, record.sip_reason) == (200, "completed", "OK")
    assert record.ended_by_far_end
    assert record.disclosures == ("warning",)
    assert (record.recording_path, record.recording_sha256) == ("2026-11-25/call-1.wav", "ab" * 32)
    assert (record.recording_ms, record.recording_problem, record.fault) == (15300, "", "")
    assert record.ended_at <= record.closed_at
    assert [(turn.n, turn.role, turn.prompt, turn.intent, turn.complete) for turn in record.turns] == [
        (1, "robot", "opening", "", True),
        (2, "callee", "", "identity_confirm", True),
        (3, "robot", "warning", "", True),
        (4, "robot", "ask_plan", "", False),
        (5, "callee", "", "acknowledged", True),
        (6, "robot", "bye", "", True),
    ]
    assert [(turn.text, turn.written) for turn in record.turns if turn.written] == [("知道了转二十万", "知道了转20万")]
    assert (record.response_p50_ms, record.response_p95_ms) == (600, 1000)
    assert record.lead == LEAD
    assert made.open_calls() == []


def test_measured_response_times_come_before_derived_ones(made):
    concluded = events.Concluded(15300, "acknowledged", "B", response_ms=(500, 620, 900))
    record = made.close_call("call-1", (*TALK, *END[:-1], concluded))
    assert (record.response_p50_ms, record.response_p95_ms) == (620, 900)


def test_closing_twice_changes_nothing(made):
    made.append("call-1", TALK)
    first = made.close_call("call-1", END, LEAD)
    again = made.close_call("call-1", [events.Concluded(0, "refuse", "D")], replace(LEAD, id=new_id()))
    assert again == first
    assert len(made.events("call-1")) == len(TALK) + len(END)
    assert made.close_as_fault("call-1", "too late") == first


def test_a_call_without_a_conclusion_is_not_closed_and_nothing_is_half_written(made):
    made.append("call-1", TALK)
    with pytest.raises(StoreFault, match="call-1 has not been concluded") as fault:
        made.close_call("call-1", END[:-1], LEAD)
    assert fault.value.permanent
    assert made.call("call-1").state == "answered"
    assert len(made.events("call-1")) == len(TALK)


def test_a_closed_call_takes_evidence_but_keeps_its_outcome(made):
    made.close_call("call-1", (*TALK, *END))
    made.append("call-1", [events.Fault(16000, "sip", "late"), events.Ringing(16000)])
    record = made.call("call-1")
    assert (record.state, record.fault) == ("closed", "")
    assert made.events("call-1")[-1].event == events.Ringing(16000)


def test_a_call_that_was_never_answered(made):
    record = made.close_call(
        "call-1", [events.Dialling(0), events.Ended(0, "busy", 486, "Busy Here"), events.Concluded(0, "busy", "E")]
    )
    assert (record.disposition, record.sip_code, record.answered_at, record.turns) == ("busy", 486, None, ())
    assert (record.response_p50_ms, record.recording_path) == (None, "")


@pytest.mark.parametrize("ask", ["call", "append", "close_call", "close_as_fault"])
def test_an_unknown_call_is_a_permanent_fault(store, ask):
    arguments = {"append": ([events.Answered(0)],), "close_as_fault": ("x",)}.get(ask, ())
    with pytest.raises(StoreFault, match="no such call: call-9") as fault:
        getattr(store, ask)("call-9", *arguments)
    assert fault.value.permanent
    assert store.events("call-9") == []


def test_an_entry_sent_again_is_written_once(made):
    entries = [Entry("call-1", event) for event in TALK]
    made.append_entries(entries[:8])
    made.append_entries(entries)
    assert [one.event for one in made.events("call-1")] == list(TALK)


def test_one_batch_for_many_calls(store):
    for number in range(3):
        store.create_call(replace(CALL, id=f"call-{number}"))
    store.append_entries([Entry(f"call-{n % 3}", events.HeardPartial(n, "喂")) for n in range(30)])
    for number in range(3):
        stored = store.events(f"call-{number}")
        assert [one.seq for one in stored] == list(range(1, 11))
        assert [one.event.at_ms for one in stored] == list(range(number, 30, 3))


# ---------------------------------------------------------------- a worker that died


def test_a_dead_workers_call_is_closed_from_what_it_left(made):
    made.append("call-1", TALK)
    recorded = events.Recorded(12800, "2026-11-25/call-1.wav", "cd" * 32, 12800, "the process that wrote it died")
    asked = []

    def judge(record, happened, disposition):
        asked.append((record.id, [type(event) for event in happened], disposition))
        return Judgement("B", LEAD)

    record = made.close_as_fault("call-1", "worker 4711 died (signal 9)", recording=recorded, judge=judge)
    assert asked == [("call-1", [type(event) for event in TALK], "fault")]
    assert (record.state, record.disposition, record.grade, record.sip_cause) == ("closed", "fault", "B", "fault")
    assert record.fault == "worker: worker 4711 died (signal 9)"
    assert len(record.turns) == 5
    assert record.recording_problem == "the process that wrote it died"
    assert record.recording_sha256 == "cd" * 32
    assert record.lead == LEAD
    assert made.close_as_fault("call-1", "again", judge=judge) == record
    assert len(asked) == 1


def test_a_call_that_was_over_keeps_its_outcome_when_only_the_closing_was_lost(made):
    made.append("call-1", (*TALK, *END))
    record = made.close_as_fault("call-1", "worker died", recording=events.Recorded(0, "", "", 0, "gone"))
    assert (record.disposition, record.grade) == ("acknowledged", "B")
    assert record.recording_sha256 == "ab" * 32
    assert record.fault == "worker: worker died"


def test_a_call_that_never_began_is_closed_too(made):
    record = made.close_as_fault("call-1", "worker died")
    assert (record.state, record.disposition, record.turns, record.dialled_at) == ("closed", "fault", (), None)


def test_open_calls_by_worker(store):
    for number, (worker, pid) in enumerate([("a", 1), ("a", 2), ("b", 2), ("b", 3)]):
        made = NOW + timedelta(seconds=number)
        store.create_call(replace(CALL, id=f"call-{number}", worker=worker, worker_pid=pid, created_at=made))
    store.close_as_fault("call-3", "x")
    assert store.open_calls() == ["call-0", "call-1", "call-2"]
    assert store.open_calls(worker="a") == ["call-0", "call-1"]
    assert store.open_calls(worker_pid=2) == ["call-1", "call-2"]
    assert store.open_calls(worker="b", worker_pid=3) == []


# ---------------------------------------------------------------- do not call


def test_a_wish_not_to_be_called_counts_at_once_and_for_every_spelling(made):
    assert made.do_not_call(CALL.target) is None
    made.append("call-1", [events.Acted(9000, "do_not_call", {"reason": "别再打了"})])
    entry = made.do_not_call("+86 138-0013-8000")
    assert (entry.number, entry.reason, entry.call_id) == ("+8613800138000", "别再打了", "call-1")
    assert made.do_not_call("sip:13800138000@another.example;transport=udp") == entry
    assert made.do_not_call("13800138001") is None


def test_the_first_wish_stands(made):
    made.add_do_not_call("13800138000", "letter of 2026-11-01")
    made.append("call-1", [events.Acted(9000, "do_not_call", {"reason": "别再打了"})])
    entry = made.do_not_call("13800138000")
    assert (entry.reason, entry.call_id) == ("letter of 2026-11-01", None)


# ---------------------------------------------------------------- append-only


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE call_events SET at_ms = 1",
        "UPDATE call_events SET payload = '{}' WHERE seq = 2",
        "DELETE FROM call_events WHERE call_id = 'call-1'",
        "DELETE FROM call_events",
        "TRUNCATE call_events",
    ],
)
def test_the_log_is_append_only_for_everybody(made, statement):
    if statement.startswith("TRUNCATE") and made.engine.dialect.name == "sqlite":
        # SQLite has no TRUNCATE, but a REPLACE that passes by delete triggers.
        columns = "call_id, seq, key || 'x', 'x', 0, recorded_at, payload"
        statement = f"INSERT OR REPLACE INTO call_events SELECT {columns} FROM call_events"
    made.append("call-1", TALK)
    with pytest.raises(DBAPIError, match="call_events is append-only"), made.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert [one.event for one in made.events("call-1")] == list(TALK)


# ---------------------------------------------------------------- processes

_APPENDER = """
import sys
from voicebot import events
from voicebot.store import tables
from voicebot.store.store import Store
store = Store.open(sys.argv[1])
for n in range(40):
    store.append("call-1", [events.HeardPartial(n, sys.argv[2]), events.HeardPartial(n, sys.argv[2])])
store.close()
"""


def test_processes_append_to_one_call_at_once(made, database_url):
    names = ["a", "b"]
    running = [subprocess.Popen([sys.executable, "-c", _APPENDER, database_url, name]) for name in names]
    assert [process.wait(60) for process in running] == [0, 0]
    stored = made.events("call-1")
    assert [one.seq for one in stored] == list(range(1, 2 * 80 + 1))
    for name in names:
        own = [one.event.at_ms for one in stored if one.event.text == name]
        assert own == [n for n in range(40) for _ in range(2)]


_FORKER = """
import os, sys
from voicebot.store.fault import StoreFault
from voicebot.store.store import Store
store = Store.open(sys.argv[1])
if os.fork() == 0:
    try:
        store.open_calls()
    except StoreFault as fault:
        os._exit(7 if fault.permanent else 1)
    os._exit(2)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_store_does_not_survive_a_fork(database_url):
    assert subprocess.run([sys.executable, "-c", _FORKER, database_url], check=False).returncode == 7


def test_a_read_does_not_wait_for_a_writer(made, database_url):
    other = Store.open(database_url)
    with made.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE calls SET fault = 'x'")
        assert other.call("call-1").fault == ""
    other.close()


def test_a_row_is_inserted_once_and_whoever_inserted_it_knows(store):
    row = {"number": "+8613800138000", "since": datetime.now(UTC), "reason": "", "call_id": None}
    with store.writing() as connection:
        assert [insert_unless_there(connection, tables.do_not_call, row) for _ in range(2)] == [True, False]
