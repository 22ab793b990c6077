"""What is no script, what a script's version is, shared parts, and scripts of ten thousand steps."""

import random
import time

import pytest

from tests.flow.visit import FLOW, PART, written
from voicebot.flow.advance import begin
from voicebot.flow.loading import check, load, version
from voicebot.flow.problems import FlowError, SlotError


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty"),
        (b"# nothing\n", "empty"),
        (b"\xff\xfe\x00", "encoding"),
        (b"a: \x00", "yaml"),
        (b'a: "\\UFFFFFFFF"', "yaml"),
        (b'a: "\\ud800"', "yaml"),
        (b"[" * 5000, "too_deep"),
        (b"a: &x [*x]", "alias"),
        (b"--- a\n--- b\n", "yaml"),
        (b"- a\n- b\n", "wrong_type"),
        (b"steps: null\nprompts: [1]\nslots: {a: null}", "wrong_type"),
        (b"a: " + b"9" * 5000, "unknown_key"),
        (b" " * 8_000_001, "too_big"),
    ],
)
def test_what_is_no_script_is_said_to_be_none(tmp_path, content, rule):
    (tmp_path / "visit").mkdir()
    (tmp_path / "visit" / "flow.yaml").write_bytes(content)
    assert rule in [problem.code for problem in check(tmp_path / "visit")]


def test_an_unknown_flow_is_answered_with_the_known_ones():
    with pytest.raises(FlowError, match="margin_call"):
        load("margin_cal")
    with pytest.raises(FlowError):
        load("../../etc/passwd")
    with pytest.raises(FlowError):
        load("x" * 300)


def test_a_version_belongs_to_every_file_of_the_folder_and_to_its_parts(tmp_path):
    folder = written(tmp_path)
    versions = {load(folder).version}
    (folder / "sample.yaml").write_text("firm: 海川证券\n", encoding="utf-8")
    versions.add(load(folder).version)
    (folder / "sample.yaml").rename(folder / "samples.yaml")
    versions.add(load(folder).version)
    part = tmp_path / "shared" / "opening.yaml"
    part.write_text(PART + "# a word\n", encoding="utf-8")
    versions.add(load(folder).version)
    (folder / ".swp").write_text("an editor's", encoding="utf-8")
    (tmp_path / "shared" / "other.yaml").write_text("about: not included\n", encoding="utf-8")
    versions.add(load(folder).version)
    assert len(versions) == 4
    assert version(folder, [part]) in versions


def test_values_and_words_that_make_a_forbidden_phrase_together_are_refused(tmp_path, now):
    flow = load(written(tmp_path, opening=PART.replace("请问您是{name}吗", "请问您是{name}本人吗")))
    data = {"firm": "海川证券", "name": "王保", "ratio": "128.50", "line": "130", "product": "基金"}
    with pytest.raises(SlotError, match=r"who: .*保本"):
        begin(flow, data, now)


def test_a_wish_not_to_be_called_again_is_heard_in_every_script(tmp_path):
    part = PART.replace("  - {heard: do_not_call, outcome: do_not_call, goto: no_more}\n", "")
    [problem] = check(written(tmp_path, opening=part))
    assert (problem.code, problem.line) == ("missing_do_not_call", FLOW.split("urgent:")[0].count("\n") + 1)


# ---------------------------------------------------------------- shared parts


def included(*items):
    return FLOW.replace("include: [{part: opening, next: told}]", f"include: [{', '.join(items)}]")


def test_what_the_script_says_itself_wins_over_a_part(tmp_path):
    flow = FLOW.replace("prompts:\n", "prompts:\n  who: 您好，请问是{name}吗？\n")
    folder = written(tmp_path, flow)
    assert check(folder) == []
    assert load(folder).prompts["who"].wordings[0].literal.startswith("您好")
    assert "goodbye" in load(folder).prompts


def test_a_part_may_include_others_and_pass_on_what_is_next(tmp_path):
    outer = "include: [{part: opening, next: next}]\n"
    folder = written(tmp_path, included("{part: outer, next: told}"), outer=outer)
    assert check(folder) == []
    assert load(folder).script.steps["opening"].listen.branches[0].goto == "told"


def test_a_part_that_two_parts_include_is_taken_once(tmp_path):
    outer = "include: [{part: opening, next: told}]\n"
    folder = written(tmp_path, included("one", "two"), one=outer, two=outer)
    assert check(folder) == []
    assert len(load(folder).script.urgent) == len(load(written(tmp_path)).script.urgent)


def test_parts_that_each_include_the_next_one_twice_are_read_once_each(tmp_path):
    chain = {f"p{i}": f"include: [p{i + 1}, p{i + 1}]\n" for i in range(25)}
    last = {"p25": "include: [{part: opening, next: told}]\n"}
    assert check(written(tmp_path, included("p0", "p0"), **chain, **last)) == []


def test_a_long_chain_of_parts_is_refused_and_does_not_recurse_for_ever(tmp_path):
    chain = {f"p{i}": f"include: [p{i + 1}]\n" for i in range(500)}
    [problem] = check(written(tmp_path, included("p0"), **chain))
    assert problem.code == "include"
    assert "shared/p29.yaml:1" in str(problem)


def test_parts_that_include_each_other_are_named(tmp_path):
    [problem] = check(written(tmp_path, included("a"), a="include: [b]\n", b="about: B\ninclude:\n  - a\n"))
    assert (problem.code, problem.line) == ("recursive_include", 3)
    assert "a → b → a" in problem.message
    assert problem.file.endswith("shared/b.yaml")


def test_a_broken_part_is_complained_of_once(tmp_path):
    folder = written(tmp_path, included("a", "b", "broken"), a="include: [broken]\n", b="include: [broken]\n",
                     broken="steps: [\n")  # fmt: skip
    [problem] = check(folder)
    assert problem.code == "yaml"
    assert problem.file.endswith("shared/broken.yaml")


def test_two_parts_with_the_same_name_in_them_are_told_apart(tmp_path):
    [problem] = check(written(tmp_path, included("{part: opening, next: told}", "more"), more="prompts: {who: 谁？}\n"))
    assert problem.code == "included_twice"
    assert problem.file.endswith("shared/more.yaml")
    assert "shared/opening.yaml" in problem.message


# ---------------------------------------------------------------- ten thousand steps


def listening(name, onward, also=""):
    """A step as it is written: it says, listens and goes on."""
    return (
        f"  {name}:\n    say: clear\n    listen:\n      keys: {{1: acknowledged, 2: transfer_human}}\n"
        f"      ask_again: clear\n      no_input: {{say: clear, goto: bye}}\n"
        f"      not_understood: {{say: clear, goto: bye}}\n      branches:\n"
        f"        - {{heard: [acknowledged, affirm], goto: {onward}}}\n"
        f"        - {{heard: [deny, transfer_human], goto: {also or onward}}}\n"
    )


def chain(size):
    return "".join(listening(f"s{i}", f"s{i + 1}") for i in range(size)) + f"  s{size}: {{goto: bye}}\n"


def gotos(size):
    return (
        "".join(f"  s{i}: {{say: clear_keys, goto: s{i + 1}}}\n" for i in range(size)) + f"  s{size}: {{goto: told}}\n"
    )


def star(size):
    forks = "".join(f"      - {{slot: phone, is: '{i}', goto: s{i}}}\n" for i in range(1, size))
    return f"  s0:\n    branch:\n{forks}    goto: bye\n" + "".join(
        f"  s{i}: {{say: later, goto: {'told' if i % 2 else 'bye'}}}\n" for i in range(1, size)
    )


def tangle(size):
    dice = random.Random(7)
    names = [f"s{i}" for i in range(size)]
    return "".join(listening(name, dice.choice(names), dice.choice([*names, "bye"])) for name in names)


def strangers(size):
    """Every step leads to one that is not there."""
    return "".join(f"  s{i}: {{goto: t{i}}}\n" for i in range(size))


def anywhere(size):
    """As many steps as branches that may be taken in all of them."""
    branches = "".join(f"  - {{heard: refuse, at_most: 1, outcome: refuse, goto: s{i}}}\n" for i in range(size))
    steps = "".join(
        f"  s{i}: {{say: later, goto: bye}}\n" if i % 10 else listening(f"s{i}", "bye") for i in range(size)
    )
    return steps, branches


def timed(tmp_path, shape, size):
    made = shape(size)
    steps, branches = made if isinstance(made, tuple) else (made, "")
    flow = FLOW.replace("  bye:\n    outcome", f"{steps}  bye:\n    outcome", 1)
    flow = flow.replace("answers:\n", f"{branches}answers:\n").replace(
        "set: {mood: 愿意}, goto: which", "set: {mood: 愿意}, goto: s0"
    )
    folder = written(tmp_path, flow)
    begun = time.process_time()
    problems = check(folder)
    return time.process_time() - begun, problems


@pytest.mark.parametrize("shape", [chain, gotos, star, tangle, strangers, anywhere])
def test_ten_thousand_steps_are_checked_in_time_that_grows_with_their_number(tmp_path, shape):
    short, _ = timed(tmp_path, shape, 1_000)
    long, problems = timed(tmp_path, shape, 10_000)
    assert long < 30 * short
    codes = {problem.code for problem in problems if problem.severity == "error"}
    assert codes <= {strangers: {"unknown_step"}, tangle: {"unreachable", "no_exit"}}.get(shape, set()), problems[:3]
