"""Any YAML at all gives a list of problems with lines, never a traceback; any call at all ends, and ends well."""

import copy
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flow.visit import FLOW, PART, written
from voicebot.flow.advance import advance, begin, conclude
from voicebot.flow.cases import leaks
from voicebot.flow.chat import Chat, HungUp, Line
from voicebot.flow.dialogue import Digit, EarLost, HangUp, Heard, Listen, Played, Say, Silence, Start
from voicebot.flow.dispositions import FROM_SCRIPT, NEED_DISCLOSURE, Disposition
from voicebot.flow.document import parse
from voicebot.flow.loading import FLOWS, check, load
from voicebot.flow.problems import FlowError, SlotError
from voicebot.flow.sample import sample_slots
from voicebot.flow.vocabulary import HEARD_SLOTS, INTENTS
from voicebot.nlu.understanding import Intent, Slot, Understanding

SHIPPED = (FLOWS / "margin_call" / "flow.yaml").read_text(encoding="utf-8")
LINES = SHIPPED.splitlines()

junk = st.text(alphabet=st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [": ", "{", "- ", "]", "'", "&a", "*a", "!!x "]
)
edits = st.lists(
    st.tuples(
        st.integers(0, len(LINES) - 1),
        st.sampled_from(["drop", "twice", "indent", "dedent", "cut", "swap", "junk", "null", "list"]),
        st.integers(0, 200),
        junk,
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip


def edited(changes):
    lines = list(LINES)
    for at, how, where, text in changes:
        at %= len(lines)
        line = lines[at]
        match how:
            case "drop":
                lines[at] = ""
            case "twice":
                lines.insert(at, line)
            case "indent":
                lines[at] = "  " + line
            case "dedent":
                lines[at] = line[2:]
            case "cut":
                lines[at] = line[: where % (len(line) + 1)]
            case "swap":
                lines[at], lines[where % len(lines)] = lines[where % len(lines)], line
            case "junk":
                lines[at] = line[: where % (len(line) + 1)] + text + line[where % (len(line) + 1) :]
            case "null":
                lines[at] = line.partition(":")[0] + ":"
            case "list":
                lines[at] = line.partition(":")[0] + ": [" + text + "]"
    return "\n".join(lines)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits)
def test_a_spoiled_script_gives_problems_with_lines(tmp_path: Path, changes):
    folder = tmp_path / "margin_call"
    folder.mkdir(exist_ok=True)
    text = edited(changes)
    (folder / "flow.yaml").write_text(text, encoding="utf-8")
    for problem in check(folder):
        assert 1 <= problem.line <= text.count("\n") + 2
        assert problem.message
        assert problem.fix
        assert "\n" not in str(problem)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.text(alphabet="ab:-?[]{}&*!|>'\"#%@`, \n", max_size=40))
def test_any_text_is_a_document_or_an_error(text):
    try:
        parse(text, name="x")
    except FlowError as error:
        assert error.problems


# ---------------------------------------------------------------- scripts spoiled in their structure

VISIT = yaml.safe_load(FLOW)
MARGIN = {**yaml.safe_load(SHIPPED), "name": "visit"}
NOW = datetime(2026, 11, 23, 10, 0)
WORDS = [
    "include", "part", "next", "goto", "say", "end", "steps", "prompts", "opening", "told", "bye", "clear", "ratio",
    "name", "identified", "branch", "listen", "keys", "1", "heard", "affirm", "do_not_call", "choices", "{ratio}",
]  # fmt: skip
scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=6)
    | st.sampled_from(WORDS) | st.binary(max_size=4) | st.dates()
)  # fmt: skip
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | scalars, inner, max_size=3),
    max_leaves=8,
)
spoilings = st.lists(
    st.tuples(st.sampled_from(["drop", "twice", "replace", "rename", "move", "wrap"]), st.integers(0, 10**6),
              st.integers(0, 10**6), anything),
    min_size=1, max_size=4,
)  # fmt: skip


def places(node):
    """Every (container, key) below a node."""
    inside = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for key, value in inside:
        yield node, key
        yield from places(value)


def spoiled(script, changes):
    script = copy.deepcopy(script)
    for how, one, other, value in changes:
        there = list(places(script))
        if not there:
            break
        node, key = there[one % len(there)]
        second, at = there[other % len(there)]
        match how:
            case "drop":
                del node[key]
            case "twice" if isinstance(node, list):
                node.append(copy.deepcopy(node[key]))
            case "replace":
                node[key] = value
            case "rename" if isinstance(node, dict) and not isinstance(value, list | dict):
                node[value] = node.pop(key)
            case "move":
                node[key] = copy.deepcopy(second[at])
            case "wrap":
                node[key] = [node[key]] if other % 2 else {"text": node[key]}
            case _:
                pass
    return yaml.safe_dump(script, allow_unicode=True, sort_keys=False)


def sound_problems(problems):
    for problem in problems:
        assert problem.line >= 1
        assert problem.file.endswith(".yaml")
        assert problem.code.replace("_", "").isalpha()
        assert problem.message
        assert problem.fix
        assert str(problem).isprintable()


SAMPLE = sample_slots(FLOWS / "margin_call", NOW)
DATA = {"firm": "海川证券", "name": "王建国", "ratio": "128.50", "line": "130", "product": "基金"}


def survives(folder, turns, data=DATA):
    """What was loaded can be called with."""
    try:
        flow = load(folder)
    except FlowError as error:
        sound_problems(error.problems)
        return
    assert not [p for p in check(folder) if p.severity == "error"]
    try:
        state = begin(flow, data, NOW, trial=True)
    except SlotError:
        return  # another contact would be needed
    state, _ = advance(flow, state, Start())
    for turn in turns:
        state, actions = advance(flow, state, turn)
        for action in actions:
            if isinstance(action, Say) and action.disclosure:
                state, _ = advance(flow, state, Played(action.prompt, complete=True))
    conclude(flow, state, answered=True, hung_up_by_callee=True)


# ---------------------------------------------------------------- calls

VALUES = ["200000", "200000-300000", "2026-11-24T15:00:00", "2026-11-24", "收盘后", "", "九点"]
said = st.builds(
    lambda type_, value: Slot(type_, "…", value, 0, 1), st.sampled_from(sorted(HEARD_SLOTS)), st.sampled_from(VALUES)
)
meanings = st.builds(
    Understanding,
    st.sampled_from(["…", "[unk]", ""]),
    st.lists(st.builds(Intent, st.sampled_from(sorted(INTENTS)), st.just(0.8)), min_size=1, max_size=3).map(tuple),
    st.lists(said, max_size=2).map(tuple),
)
turns = (
    st.builds(Heard, meanings)
    | st.builds(Digit, st.sampled_from("0123456789*#ABCD"))
    | st.just(Silence())
    | st.just(EarLost())
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([(VISIT, DATA), (MARGIN, SAMPLE)]), spoilings, st.lists(turns, max_size=12))
def test_a_script_of_any_structure_gives_problems_or_can_be_called_with(base, changes, call):
    script, data = base
    with tempfile.TemporaryDirectory() as flows:
        folder = written(Path(flows), spoiled(script, changes))
        sound_problems(check(folder))
        survives(folder, call, data)


@settings(max_examples=150, deadline=None)
@given(spoilings, st.lists(turns, max_size=12))
def test_a_shared_part_of_any_structure_gives_problems_or_can_be_called_with(changes, call):
    with tempfile.TemporaryDirectory() as flows:
        folder = written(Path(flows), opening=spoiled(yaml.safe_load(PART), changes))
        sound_problems(check(folder))
        survives(folder, call)


@settings(max_examples=100, deadline=None)
@given(anything, anything)
def test_any_include_gives_problems(items, inner):
    with tempfile.TemporaryDirectory() as flows:
        part = yaml.safe_dump({**yaml.safe_load(PART), "include": inner}, allow_unicode=True)
        sound_problems(check(written(Path(flows), yaml.safe_dump({**VISIT, "include": items}), opening=part)))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(FLOW)), st.booleans())
def test_any_bytes_give_problems(junk, at, in_part):
    with tempfile.TemporaryDirectory() as flows:
        folder = written(Path(flows))
        file = Path(flows) / "shared" / "opening.yaml" if in_part else folder / "flow.yaml"
        text = file.read_bytes()
        for data in (junk, text[:at] + junk + text[at:], text[:at]):
            file.write_bytes(data)
            sound_problems(check(folder))


# A turn, and whether the prompts before it were played to their end.
calls = st.lists(st.tuples(turns | st.just(Start()), st.booleans()), max_size=60)


class Meaning:
    """Stands for a text whose meaning is known: here the meaning is the input."""

    name = "given"


@settings(max_examples=150, deadline=None)
@given(calls)
def test_whatever_a_callee_does(flow, contact, now, call):
    state, actions = advance(flow, begin(flow, contact, now), Start())
    chat = Chat(flow, Meaning(), state)
    taken = 0
    for turn, heard_out in call:
        spoke = False
        for action in actions:
            assert not state.ended or not isinstance(action, Listen)
            if isinstance(action, Say):
                spoke = True
                chat.lines.append(_line(action, state))
                state, nothing = advance(flow, state, Played(action.prompt, complete=heard_out))
                assert nothing == ()
        assert isinstance(actions[-1], Listen | HangUp) if spoke else True
        if state.ended:
            break
        chosen = [a for a in actions if isinstance(a, Listen)]
        assert chosen
        assert chosen[-1].silence_ms >= 1000
        if isinstance(turn, Start):
            assert advance(flow, state, turn) == (state, ())
            continue
        state, actions = advance(flow, state, turn)
        taken += 1
    chat.state = state
    assert list(leaks(chat)) == []
    assert taken <= flow.script.max_turns + 1
    for hung_up in (True, False):
        outcome = conclude(flow, state, answered=True, hung_up_by_callee=hung_up)
        assert outcome in FROM_SCRIPT | {Disposition.HUNG_UP, Disposition.FAULT}
        if outcome in NEED_DISCLOSURE:
            assert "warning" in state.disclosed
        if state.ended:
            assert outcome in FROM_SCRIPT


def _line(say, state):
    return Line("robot", say.written, (), say.prompt, state.identified)


@settings(max_examples=50, deadline=None)
@given(st.lists(turns, min_size=31, max_size=31))
def test_every_call_ends(flow, contact, now, call):
    state, _ = advance(flow, begin(flow, contact, now), Start())
    for turn in call:
        state, _ = advance(flow, state, turn)
    assert state.ended


@pytest.mark.parametrize("during", ["", "warning"])
def test_a_chat_that_breaks_off(flow, contact, now, heard, during):
    """The disclosure counts when the callee hangs up after it, not during it."""
    state, _ = advance(flow, begin(flow, contact, now), Start())
    state, _ = advance(flow, state, heard("identity_confirm"))
    chat = Chat(flow, Meaning(), state, _playing=["warning", "ask_plan"])
    chat.take(HungUp(during))
    assert chat.disposition == Disposition.HUNG_UP
    assert ("warning" in chat.state.disclosed) == (during == "")
