"""One mistake each: found, at its line, under its rule, with a mend."""

import pytest

from voicebot.flow.advance import begin
from voicebot.flow.loading import check, load, version
from voicebot.flow.problems import FlowError, SlotError

GOOD = """\
name: visit
title: 回访
kind: service
start: opening
out_of_turns: bye
ear_lost: bye
slots:
  firm: {type: text, before_identity: true}
  name: {type: name, before_identity: true}
  ratio: {type: percent}
  phone: {type: digits, optional: true}
  time: {type: datetime, source: callee, hears: callback_time}
disclosures:
  notice: {}
  warning: {needed_for: acknowledged}
urgent:
  - {heard: do_not_call, do: do_not_call, goto: bye}
anywhere:
  - {heard: busy, given: time, outcome: callback, do: {act: callback, slots: time}, goto: bye}
answers:
  ask_ratio: {say: tell_ratio, before_identity: first_you}
steps:
  opening:
    say: [notice, who]
    listen:
      keys: {1: identity_confirm}
      ask_again: who
      no_input: {say: who, goto: bye}
      not_understood: {say: who, goto: bye}
      branches:
        - {heard: identity_confirm, identified: true, goto: told}
  told:
    say: warning
    listen:
      ask_again: clear
      no_input: {goto: bye}
      not_understood: {goto: bye}
      branches:
        - {heard: acknowledged, outcome: acknowledged, goto: thanks}
  thanks:
    goto: bye
  bye:
    outcome: not_understood
    say: bye
    end: true
prompts:
  notice:
    disclosure: notice
    text: 这里是{firm}，语音由人工智能合成，通话会录音。
  who: 是{name}吗？
  first_you: 请先确认您是本人。
  warning:
    disclosure: warning
    text: 比例是{ratio}。
  clear: 清楚了吗？
  tell_ratio: 是{ratio}。
  bye: 再见。
"""

BRANCH = "{heard: acknowledged, outcome: acknowledged, goto: thanks}"

# (rule, what is there, what is written instead; the mistake is on the line that ends in ⚡)
MISTAKES = [
    ("yaml", "start: opening", "start: [opening ⚡"),
    ("duplicate_key", "kind: service", "kind: service\nkind: marketing ⚡"),
    ("alias", "kind: service", "kind: &k service ⚡"),
    ("tag", "kind: service", "kind: !!python/object:os.system service ⚡"),
    ("key", "  thanks:\n", "  ? [a, b] ⚡\n  : c\n  thanks:\n"),
    ("unknown_key", "    say: bye\n", "    says: bye ⚡\n"),
    ("unknown_key", "title: 回访", "title: 回访\ncolour: red ⚡"),
    ("unknown_key", "      ask_again: clear", "      ask_again: clear\n      silence: 5 ⚡"),
    ("missing_key", "name: visit\n", "# ⚡\n"),
    ("missing_no_input", "      no_input: {goto: bye}\n", ""),
    ("missing_not_understood", "      not_understood: {goto: bye}\n", ""),
    ("invalid", "kind: service", "kind: friendly ⚡"),
    ("invalid", "{type: percent}", "{type: per cent} ⚡"),
    ("invalid", "hears: callback_time}", "hears: amount} ⚡"),
    ("invalid", "{type: digits, optional: true}", "{type: digits, optional: maybe} ⚡"),
    ("invalid", "{type: digits, optional: true}", "{type: digits, below: ratio} ⚡"),
    ("invalid", BRANCH, "{heard: understood, goto: thanks} ⚡"),
    ("invalid", BRANCH, "{heard: acknowledged, goto: bye, ask_again: true} ⚡"),
    ("invalid", BRANCH, "{outcome: acknowledged, goto: thanks} ⚡"),
    ("invalid", BRANCH, "{heard: acknowledged, outcome: rich, goto: thanks} ⚡"),
    ("invalid", "do: do_not_call, goto", "do: dance, goto"),
    ("invalid", "    outcome: not_understood", "    outcome: acknowledged"),
    ("invalid", "    goto: bye\n  bye:", "    goto: bye\n    end: true\n  bye:"),
    ("invalid", "keys: {1: identity_confirm}", "keys: {yes: identity_confirm} ⚡"),
    ("invalid", "  clear: 清楚了吗？", "  clear: 12 ⚡"),
    ("invalid", "steps:\n", "steps: 5 ⚡\nstepping:\n"),
    ("name", "name: visit", "name: visits ⚡"),
    ("braces", "  clear: 清楚了吗？", "  clear: 清楚了吗{？ ⚡"),
    ("unknown_step", "start: opening", "start: openning ⚡"),
    ("unknown_step", "      no_input: {goto: bye}", "      no_input: {goto: by} ⚡"),
    ("unknown_step", "outcome: acknowledged, goto: thanks}", "outcome: acknowledged, goto: thank} ⚡"),
    ("unknown_prompt", "      ask_again: clear", "      ask_again: clearly ⚡"),
    ("unknown_prompt", "{say: tell_ratio,", "{say: tell_rate, before_identity: first_you} ⚡ #"),
    ("undefined_slot", "  clear: 清楚了吗？", "  clear: 清楚了吗{nane}？ ⚡"),
    ("undefined_slot", "given: time, outcome", "given: tme, outcome"),
    ("unknown_disclosure", "    disclosure: warning", "    disclosure: warnings ⚡"),
    ("unsaid_disclosure", "  notice: {}", "  notice: {}\n  risk: {} ⚡"),
    ("missing_disclosure", "  warning: {needed_for: acknowledged}", "  warning: {}"),
    ("not_heard", "given: time, outcome", "given: ratio, outcome"),
    ("maybe_unknown", "  clear: 清楚了吗？", "  clear: 请拨打{phone}。 ⚡"),
    ("maybe_unknown", "  clear: 清楚了吗？", "  clear: 那么{time}见。 ⚡"),
    ("banned_word", "  clear: 清楚了吗？", "  clear: 这个产品零风险，清楚了吗？ ⚡"),
    ("banned_word", "  clear: 清楚了吗？", "  clear: 肯 定 涨，清楚了吗？ ⚡"),
    ("figure", "  clear: 清楚了吗？", "  clear: 请在3天内处理。 ⚡"),
    ("unspeakable", "  clear: 清楚了吗？", "  clear: 请打开APP。 ⚡"),
    ("unspeakable", "  clear: 清楚了吗？", "  clear: 清楚了吗<br>？ ⚡"),
    ("unspeakable", "  clear: 清楚了吗？", "  clear: ？！ ⚡"),
    ("too_long", "  clear: 清楚了吗？", f"  clear: {'很' * 60} ⚡"),
    ("endless", "  thanks:\n    goto: bye", "  thanks:\n    goto: thanks ⚡"),
    ("endless", "out_of_turns: bye", "out_of_turns: told ⚡"),
    ("unknown_step", "ear_lost: bye", "ear_lost: by ⚡"),
    ("deaf", "ear_lost: bye", "ear_lost: told"),
    ("missing_ear_lost", "out_of_turns: bye\near_lost: bye\n", "out_of_turns: bye ⚡\n"),
    ("unreachable", "  thanks:\n", "  alone: {end: true, outcome: silent} ⚡\n  thanks:\n"),
    ("no_outcome", "    outcome: not_understood\n", ""),
    ("before_identity", "  who: 是{name}吗？", "  who: 您的比例是{ratio}，您是本人吗？ ⚡"),
    ("before_identity", "  who: 是{name}吗？", "  who: 您的担保物不够，您是本人吗？ ⚡"),
    ("before_identity", ", before_identity: first_you", ""),
    ("before_identity", "identified: true, ", ""),
    ("missing_notice", "语音由人工智能合成，", ""),
    ("missing_notice", "，通话会录音", ""),
    ("missing_notice", "    say: [notice, who]\n", "    say: who\n"),
    ("unused", "  clear: 清楚了吗？", "  clear: 清楚了吗？\n  clearer: 清楚吗？ ⚡"),
    ("unused", "  phone: {type: digits", "  phones: {type: digits"),
]  # fmt: skip


def script(tmp_path, text):
    folder = tmp_path / "visit"
    folder.mkdir(exist_ok=True)
    (folder / "flow.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_script_without_mistakes_is_clean(tmp_path):
    text = GOOD.replace("  phone: {type: digits, optional: true}\n", "")
    assert check(script(tmp_path, text)) == []
    assert load(script(tmp_path, text)).kind == "service"


@pytest.mark.parametrize(("rule", "there", "instead"), MISTAKES, ids=[f"{i}-{m[0]}" for i, m in enumerate(MISTAKES)])
def test_a_mistake_is_found_at_its_line(tmp_path, rule, there, instead):
    assert GOOD.count(there) == 1
    text = GOOD.replace(there, instead)
    marked = [i for i, line in enumerate(text.splitlines(), 1) if "⚡" in line]
    found = [p for p in check(script(tmp_path, text.replace(" ⚡", ""))) if p.code == rule]
    assert found
    assert all(problem.message and problem.fix for problem in found)
    if marked:
        assert marked[0] in [problem.line for problem in found]
    if found[0].severity == "error":
        with pytest.raises(FlowError, match=r"flow\.yaml:\d+: "):
            load(tmp_path / "visit")


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
        (b"- a\n- b\n", "invalid"),
        (b"steps: null\nprompts: [1]\nslots: {a: null}", "invalid"),
        (b"a: " + b"9" * 5000, "unknown_key"),
        (b" " * 2_000_001, "too_big"),
    ],
)
def test_what_is_no_script_is_said_to_be_none(tmp_path, content, rule):
    (tmp_path / "visit").mkdir()
    (tmp_path / "visit" / "flow.yaml").write_bytes(content)
    assert rule in [problem.code for problem in check(tmp_path / "visit")]


def test_every_message_names_what_there_is(tmp_path):
    problems = check(script(tmp_path, GOOD.replace("      ask_again: clear", "      ask_agian: clear")))
    assert any("did you mean ask_again?" in str(problem) for problem in problems)


def test_an_unknown_flow_is_answered_with_the_known_ones():
    with pytest.raises(FlowError, match="margin_call"):
        load("margin_cal")
    with pytest.raises(FlowError):
        load("../../etc/passwd")
    with pytest.raises(FlowError):
        load("x" * 300)


def test_a_version_belongs_to_every_file_of_the_folder(tmp_path):
    folder = script(tmp_path, GOOD)
    versions = {version(folder)}
    (folder / "sample.yaml").write_text("firm: 海川证券\n", encoding="utf-8")
    versions.add(version(folder))
    (folder / "sample.yaml").rename(folder / "samples.yaml")
    versions.add(version(folder))
    (folder / ".swp").write_text("an editor's", encoding="utf-8")
    versions.add(version(folder))
    assert len(versions) == 3
    assert load(folder).version in versions


def test_two_thousand_steps_are_checked(tmp_path):
    chain = "".join(f"  s{i}: {{goto: s{i + 1}}}\n" for i in range(2_000)) + "  s2000: {goto: bye}\n"
    text = GOOD.replace("    goto: bye\n  bye:", f"    goto: s0\n{chain}  bye:")
    assert not [problem for problem in check(script(tmp_path, text)) if problem.severity == "error"]


def test_values_and_words_that_make_a_forbidden_phrase_together_are_refused(tmp_path, now):
    flow = load(script(tmp_path, GOOD.replace("  who: 是{name}吗？", "  who: 是{name}本人吗？")))
    with pytest.raises(SlotError, match=r"who: .*保本"):
        begin(flow, {"firm": "海川证券", "name": "王保", "ratio": "128.50"}, now)
