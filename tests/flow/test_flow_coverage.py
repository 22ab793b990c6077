"""What cases go through: each place is known by the name that a call gives it, and shipped scripts are tried."""

import pytest

from voicebot.flow.chat import chat
from voicebot.flow.coverage import coverage, places, source
from voicebot.flow.dialogue import Digit, Silence
from voicebot.flow.junit import junit
from voicebot.flow.loading import find, load, names
from voicebot.flow.problems import FlowError, Problem
from voicebot.flow.replay import replay
from voicebot.nlu.lexicon import load as load_lexicon

LEAST = 95  # percent of the steps, and of the branches


@pytest.fixture(scope="module")
def lexicon():
    return load_lexicon()


@pytest.mark.parametrize("name", names())
def test_a_shipped_script_is_tried(name, lexicon):
    tried = replay(name, lexicon)
    assert tried.failed == ()
    assert tried.coverage.percent >= LEAST, "\n".join(map(str, tried.coverage.problems(tried.doc)))


def test_a_call_names_places_as_the_script_has_them(lexicon):
    """Whatever a call takes is a place: else it would never count."""
    for name in names():
        tried = replay(name, lexicon)
        assert tried.coverage.taken <= {place.key for place in tried.coverage.places}


def test_every_place_has_its_line(flow):
    """In the script, or in the shared part that it came with."""
    folder = find("margin_call")
    doc = source(folder)

    def line(key):
        file, number = doc.at(*next(place.at for place in places(flow) if place.key == key))
        path = folder.parent / "shared" / file.rsplit("/", 1)[1] if "/shared/" in file else folder / "flow.yaml"
        return path.read_text(encoding="utf-8").splitlines()[number - 1].strip()

    assert line("urgent:2").startswith("- {heard:")
    assert line("answers:ask_ratio:before_identity").startswith("ask_ratio:")
    assert line("opening") == "opening:"
    assert line("warning:6").startswith("- {heard: [acknowledged")
    assert line("warning:no_input:2").startswith("no_input:")
    assert line("confirm_amount:not_understood:goto").startswith("not_understood:")
    assert line("acknowledge:no_input:goto").startswith("no_input:")


def test_what_was_taken_counts_once(flow, contact, now, lexicon):
    held = chat(flow, contact, lexicon, [Silence(), Digit("1"), "比例多少", "比例多少"], now)
    covered = coverage(flow, (*held.state.path, *held.state.taken))
    assert covered.steps.taken == len(set(held.state.path))
    assert covered.branches.taken == len(set(held.state.taken))
    assert {"opening:no_input:1", "answers:ask_ratio"} <= covered.taken
    missing = {place.key for place in covered.missing}
    assert "answers:ask_ratio:before_identity" in missing
    assert "opening:no_input:2" in missing
    assert not missing & covered.taken


FORKED = """\
name: forked
title: 分档
kind: service
start: opening
out_of_turns: bye
ear_lost: bye
slots:
  firm: {type: text, before_identity: true}
  score: {type: integer, before_identity: true}
  level: {type: choice, choices: [高, 低], source: script, before_identity: true}
disclosures: {notice: {}}
urgent:
  - {heard: do_not_call, do: do_not_call, goto: bye}
steps:
  opening:
    say: notice
    goto: level
  level:
    branch:
      - {slot: score, is: ["5"], goto: high}
      - {slot: score, is: ["9"], goto: bye}
    goto: low
  high: {set: {level: 高}, outcome: not_understood, say: bye, end: true}
  low: {set: {level: 低}, outcome: silent, say: bye, end: true}
  bye: {outcome: silent, say: bye, end: true}
prompts:
  notice: {disclosure: notice, text: "这里是{firm}。语音由人工智能合成，通话将被录音。"}
  bye: 再见。
"""
CASES = """\
now: 2026-11-23 10:00
cases:
  - name: 五分
    contact: {score: 5}
    callee: []
    path: [opening, level, high]
    disposition: not_understood
    slots: {level: 高, score: "5"}
    disclosed: [notice]
  - name: 缺数据
    callee: []
    path: [opening, level, low]
    disposition: silent
  - name: 写错
    contact: {score: 1, firm: 乙证券}
    callee: []
    path: [opening, level, high]
    disposition: not_understood
    says: [ask]
    never_says: [nothing]
    slots: {level: 高, colour: 红}
    never_says_before_identity: [bye, 录音]
"""


@pytest.fixture
def forked(tmp_path):
    folder = tmp_path / "forked"
    folder.mkdir()
    (folder / "flow.yaml").write_text(FORKED, encoding="utf-8")
    (folder / "cases.yaml").write_text(CASES, encoding="utf-8")
    (folder / "sample.yaml").write_text("firm: 甲证券\n", encoding="utf-8")
    return folder


def test_forks_are_places_and_slots_are_compared(forked, lexicon):
    tried = replay(forked, lexicon)
    five, missing, wrong = tried.results
    assert five.differences == ()
    assert [result.line for result in tried.results] == [3, 10, 14]
    assert "score: missing" in missing.differences[0]
    told = "\n".join(wrong.differences)
    for part in (
        "disposition: not_understood wanted, silent came",
        "path: opening → level → high wanted, opening → level → low came",
        "ask was never said",
        "slot level: 高 wanted, 低 known",
        "before identity bye was said",
        "before identity 录音 was said (notice)",
        "never_says: there is no prompt nothing",
        "slots: there is no slot colour",
    ):
        assert part in told
    assert [place.key for place in tried.coverage.missing] == ["urgent:0", "level:branch:1", "bye"]
    assert (tried.coverage.branches.taken, tried.coverage.branches.of) == (2, 4)
    told = [(p.code, p.severity, p.line) for p in tried.coverage.problems(tried.doc)]
    assert told == [
        ("untested_branch", "warning", 13),
        ("untested_branch", "warning", 21),
        ("untested_step", "warning", 25),
    ]


def test_the_junit_report_is_well_formed_whatever_is_said(forked, lexicon):
    from xml.etree import ElementTree

    file = forked / "cases.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("写错", "写错 <&\\u0007\"'>"), encoding="utf-8")
    broken = {"other": FlowError([Problem("other/flow.yaml", 3, "x", "wrong", "mend")])}
    root = ElementTree.fromstring(junit([replay(forked, lexicon)], broken))
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "2", "1")
    suite, other = root.findall("testsuite")
    assert (suite.get("name"), len(suite.findall("testcase"))) == ("forked", 3)
    failed = suite.findall("testcase")[2]
    assert failed.get("line") == "14"
    assert "silent came" in failed.find("failure").text
    assert float(failed.get("time")) >= 0
    assert "other/flow.yaml:3" in other.find("testcase/error").text


def test_a_script_without_a_sample_is_tried_by_what_its_cases_bring(forked, lexicon):
    (forked / "sample.yaml").unlink()
    last = replay(forked, lexicon, only="写错")
    assert [result.case.name for result in last.results] == ["写错"]
    assert load(forked).name == "forked"
