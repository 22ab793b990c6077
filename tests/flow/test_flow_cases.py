"""The shipped scripts' own cases, with the real lexicon; and that the check of a case can fail."""

from datetime import datetime

import pytest

from voicebot.flow.cases import Case, cases, differences, run, turn
from voicebot.flow.chat import HungUp
from voicebot.flow.dialogue import Digit, Silence
from voicebot.flow.loading import check, find, load, names
from voicebot.flow.problems import FlowError
from voicebot.flow.sample import contact, sample_slots
from voicebot.flow.vocabulary import INTENTS
from voicebot.nlu.lexicon import load as load_lexicon

SHIPPED = [(name, case) for name in names() for case in cases(name).cases]


@pytest.fixture(scope="module")
def lexicon():
    return load_lexicon()


@pytest.mark.parametrize("name", names())
def test_a_shipped_script_is_clean(name):
    assert check(name) == []


@pytest.mark.parametrize(("name", "case"), SHIPPED, ids=[f"{name}-{case.name}" for name, case in SHIPPED])
def test_a_case_of_a_shipped_script(name, case, lexicon):
    now = cases(name).now
    held = run(case, load(name), sample_slots(find(name), now), lexicon, now)
    assert list(differences(case, held)) == [], "\n".join(
        f"{line.role}: {line.text} {line.intents}" for line in held.lines
    )


@pytest.mark.parametrize("name", names())
def test_the_cases_visit_every_step(name, lexicon):
    visited = {step for case in cases(name).cases for step in case.path}
    assert set(load(name).script.steps) - visited == set()


def test_a_case_that_is_not_met_says_why(flow, contact, now, lexicon):
    case = Case(
        name="wrong",
        callee=("我是", "知道了"),
        path=("opening",),
        disposition="refuse",
        says=("relay",),
        never_says=("warning",),
        acts=("callback",),
    )
    found = list(differences(case, run(case, flow, contact, lexicon, now)))
    assert [line.split(":")[0].split()[0] for line in found] == ["disposition", "path", "acts", "relay", "warning"]


def test_account_data_before_identity_is_seen(flow, contact, now, lexicon):
    case = Case(name="leak", callee=("我是",), path=("opening", "by_level", "warning"), disposition="hung_up")
    held = run(case, flow, contact, lexicon, now)
    assert list(differences(case, held)) == []
    held.lines = [line.__class__(line.role, line.text, prompt=line.prompt, identified=False) for line in held.lines]
    assert any("128.50%" in line or "信用账户" in line for line in differences(case, held))


def test_scripts_and_understanding_speak_of_the_same_intents(lexicon):
    assert set(lexicon.lexicon.intents) | {"unknown"} == INTENTS


def test_gestures_are_read():
    assert turn("（静默）") == Silence()
    assert turn("（按1）") == Digit("1")
    assert turn("（挂断）") == HungUp()
    assert turn("（挂断 warning）") == HungUp("warning")
    assert turn("我（静默）") == "我（静默）"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("now: 2026-11-23 10:00\ncases:\n  - {name: a, callee: [a], path: [a], disposition: rich}\n", 3),
        ("now: soon\ncases:\n  - {name: a, callee: [a], path: [a], disposition: silent}\n", 1),
        ("now: 2026-11-23 10:00\ncases:\n  - {name: a, callees: [a], path: [a], disposition: silent}\n", 3),
    ],
)
def test_a_broken_case_is_found_at_its_line(tmp_path, text, line):
    (tmp_path / "flow.yaml").touch()
    (tmp_path / "cases.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FlowError) as error:
        cases(tmp_path)
    assert line in [problem.line for problem in error.value.problems]


def test_a_sample_never_grows_old(tmp_path):
    (tmp_path / "sample.yaml").write_text("a: T+1 15:00\nb: T-1\nc: 128.50\nd: 0012\ne:\n", encoding="utf-8")
    friday = datetime(2026, 11, 27, 9, 0)
    assert contact(tmp_path / "sample.yaml", friday) == {
        "a": "2026-11-30T15:00", "b": "2026-11-26", "c": "128.50", "d": "0012",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["- a\n", "a: [b]\n", "a: 1\na: 2\n", "a: {b\n"])
def test_a_broken_contact_is_refused_with_its_line(tmp_path, text):
    (tmp_path / "sample.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FlowError, match=r"sample\.yaml:\d+"):
        sample_slots(tmp_path)
