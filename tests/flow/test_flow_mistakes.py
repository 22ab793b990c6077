"""One mistake each: found under its rule, in its file, at its line, with a mend; and nothing else is complained of."""
# ruff: noqa: E501 - a table

from dataclasses import dataclass

import pytest

from tests.flow.visit import FLOW, PART, written
from voicebot.flow.loading import check, load
from voicebot.flow.problems import FlowError


@dataclass(frozen=True)
class Mistake:
    """`there` becomes `instead`; the mistake is in the line with ⚡, or else in the one that holds `at`. The mend must
    hold `fix`. `part`: it is made in the shared part; `also`: what follows from it; `more`: what else is rewritten.
    """

    code: str
    there: str
    instead: str
    fix: str
    at: str = ""
    part: bool = False
    also: tuple[str, ...] = ()
    more: tuple[str, str] = ("", "")


ACK = "{heard: [acknowledged, affirm], outcome: acknowledged, goto: which}"
WILL = "{heard: will_do, outcome: will_do, set: {mood: 愿意}, goto: which}"
CLEAR = "  clear: 您清楚了吗？"
WHO = "  who: 请问您是{name}吗？"
GIVEN = "        - {given: score, goto: thanks}"
NEW = "  thanks:\n    do:"
DENY = "        - {heard: [deny, transfer_human], do: {act: lead, reason: 需人工}, goto: bye}"
LOST = "{{say: first_you, listen: {{ask_again: clear, no_input: {{goto: {0}}}, not_understood: {{goto: {0}}}, branches: [{{heard: refuse, goto: {0}}}]}}}}"
SEEN = "        - {heard: [identity_confirm, affirm], identified: true, goto: next}"


def clear(text):
    """The prompt `clear` with other words."""
    return CLEAR, f"  clear: {text} ⚡"


def who(text):
    """The prompt of the shared part with other words."""
    return WHO, f"  who: {text} ⚡"


def step(text):
    """A step more, which nothing leads to."""
    return NEW, f"{text}{NEW}"


def wait(text):
    """A branch more, first in the step that tells."""
    return f"        - {ACK}", f"        - {text} ⚡\n        - {ACK}"


MISTAKES = [
    # ---------------------------------------------------------------- YAML
    Mistake("yaml", "start: opening", "start: [opening ⚡", "quotes"),
    Mistake("yaml", "title: 回访", "title: '回访 ⚡", "quotes"),
    Mistake("duplicate_key", "kind: service", "kind: service\nkind: marketing ⚡", "keep one"),
    Mistake("duplicate_key", "      keys: {1: identity_confirm}", "      keys: {1: identity_confirm, '1': deny} ⚡",
            "keep one", part=True),
    Mistake("alias", "kind: service", "kind: &k service ⚡", "write the words out"),
    Mistake("tag", "kind: service", "kind: !!python/object:os.system service ⚡", "exclamation"),
    Mistake("key", NEW, f"  ? [a, b] ⚡\n  : c\n{NEW}", "word: value"),
    # ---------------------------------------------------------------- shape
    Mistake("unknown_key", "    outcome: not_understood\n    say: bye\n", "    outcome: not_understood\n    says: bye ⚡\n",
            "did you mean say?"),
    Mistake("unknown_key", "title: 回访", "title: 回访\ncolour: red ⚡", "known here:"),
    Mistake("unknown_key", "      ask_again: who\n", "      ask_again: who\n      silence: 5 ⚡\n", "silence_s", part=True),
    Mistake("unknown_key", "about: 开场白，核实身份", "about: 开场白，核实身份\nstep: {} ⚡", "did you mean steps?", part=True),
    Mistake("missing_key", "title: 回访\n", "", "add `title: …`", at="name: visit"),
    Mistake("missing_key", "      ask_again: clear\n", "", "asks once more", at="    listen:"),
    Mistake("missing_no_input", "      no_input: {say: clear_keys, goto: bye}\n", "", "no_input: {", at="    listen:"),
    Mistake("missing_not_understood", "      not_understood: {say: who_keys, goto: no_more_words}\n", "",
            "not_understood: {", at="    listen:", part=True),
    Mistake("wrong_type", "  clear_keys:\n    - 清", "  clear_keys:\n    - 12 ⚡\n    - 清", "quote it"),
    Mistake("wrong_type", "anywhere:\n", "anywhere: {} ⚡\nsuch:\n", "[one, another]", also=("unknown_key",)),
    Mistake("wrong_type", "optional: true", "optional: maybe", "true or false", at="optional: maybe"),
    Mistake("wrong_type", "  funds: {say: about_product, goto: rate}", "  funds: {say: about_product, goto: [rate]} ⚡",
            "quote it"),
    Mistake("out_of_range", "      ask_again: clear\n", "      ask_again: clear\n      silence_s: 0 ⚡\n", "write 1"),
    Mistake("out_of_range", "out_of_turns: bye", "out_of_turns: bye\nmax_turns: 1000000 ⚡", "write 200"),
    Mistake("unknown_word", "kind: service", "kind: friendly ⚡", "'service' or 'marketing'"),
    Mistake("empty", *clear("[]"), "at least one"),
    Mistake("bad_name", "  thanks: 谢谢您。", "  Thanks: 谢谢您。 ⚡", "small letters"),
    Mistake("reserved_name", *step("  next: {goto: bye} ⚡\n"), "another name"),
    Mistake("bad_digit", "keys: {1: callback}", "keys: {A: callback} ⚡", "0 to 9"),
    Mistake("name", "name: visit", "name: visits ⚡", "name: visit"),
    Mistake("dead_end", *step("  alone: {say: bye} ⚡\n"), "goto: STEP"),
    Mistake("dead_end", GIVEN, "        - {given: score, say: thanks} ⚡", "wait_s"),
    Mistake("dead_end", "    goto: rate\n", "", "add `goto: STEP`", at="    branch:"),
    Mistake("dead_end", "    say: goodbye\n    end: true\n", "    say: goodbye\n", "end: true", at="  no_more_words:", part=True),
    Mistake("two_ways", GIVEN, "        - {given: score, goto: thanks, ask_again: true} ⚡", "keep one"),
    Mistake("two_ways", "    say: sorry\n", "    say: sorry\n    goto: bye\n", "keep one", at="    end: true"),
    Mistake("nothing_heard", GIVEN, f"{GIVEN}\n        - {{outcome: callback, goto: bye}} ⚡", "`heard`"),
    Mistake("nothing_heard", GIVEN, f"{GIVEN}\n        - {{heard: refuse, same: true, goto: bye}} ⚡", "`given`"),
    Mistake("step_outcome", "    outcome: not_understood", "    outcome: acknowledged ⚡", "in the branch"),
    Mistake("bad_slot", "    type: choice\n", "    type: text\n", "type: choice", at="    choices: [基金"),
    Mistake("bad_slot", "    choices: [基金, 本地债]\n", "", "choices: [", at="    type: choice"),
    Mistake("bad_slot", "hears: score}", "hears: amount} ⚡", "type: money"),
    Mistake("bad_slot", "{type: percent}", "{type: percent, hears: amount} ⚡", "source: callee"),
    Mistake("bad_slot", "{type: percent}", "{type: percent, source: callee} ⚡", "add `hears`"),
    Mistake("bad_slot", "{type: percent}", "{type: percent, below: ratio} ⚡", "remove one"),
    Mistake("bad_slot", "below: line}", "below: firm} ⚡", "type: percent"),
    Mistake("bad_slot", "{type: name, before", "{type: name, future: true, before", "date or datetime",
            at="{type: name, future", part=True),
    Mistake("bad_slot", "  line: {type: percent}", "  line: {type: percent, past: true} ⚡", "date or datetime"),
    Mistake("bad_slot", "  line: {type: percent}", "  line: {type: percent, needed_when: {product: 基金}} ⚡", "optional: true"),
    Mistake("bad_slot", "  line: {type: percent}", "  line: {type: percent, below_when: {product: 基金}} ⚡", "add `below"),
    Mistake("bad_slot", "below: line}", "below: line, below_when: {mood: 愿意}} ⚡", "of the contact"),
    Mistake("bad_value", "below: line}", "below: line, below_when: {product: [基金, 股票]}} ⚡", "基金, 本地债"),
    Mistake("bad_fork", "ratio, at_least: line", "ratio, is: 120, at_least: line", "exactly one", at="ratio, is: 120"),
    Mistake("bad_fork", "ratio, at_least: line", "score, at_least: line", "percent with percent", at="score, at_least"),
    Mistake("bad_act", "act: message, template: thanks", "act: message", "template: NAME", at="act: message"),
    Mistake("bad_act", "act: message, template: thanks", "act: lead, template: thanks", "remove `template`", at="act: lead, template"),
    # ---------------------------------------------------------------- names
    Mistake("unknown_intent", *wait("{heard: acknowleged, goto: which}"), "did you mean acknowledged?"),
    Mistake("unknown_intent", "keys: {1: callback}", "keys: {1: call_back} ⚡", "did you mean callback?"),
    Mistake("unknown_intent", "  ask_identity: {say: who_calls}", "  ask_rate: {say: who_calls} ⚡", "did you mean ask_ratio?"),
    Mistake("unknown_outcome", ACK, ACK.replace("outcome: acknowledged", "outcome: rich") + " ⚡", "there are: acknowledged"),
    Mistake("unknown_type", "{type: percent}", "{type: per cent} ⚡", "did you mean percent?"),
    Mistake("unknown_act", "do: complaint", "do: complain", "did you mean complaint?", at="do: complain,"),
    Mistake("unknown_hears", "hears: score}", "hears: scores} ⚡", "did you mean score?"),
    Mistake("unknown_step", "start: opening", "start: openning ⚡", "did you mean opening?"),
    Mistake("unknown_step", "ear_lost: deaf", "ear_lost: bare ⚡", "write the step or name another"),
    Mistake("unknown_step", ACK, ACK.replace("which", "witch") + " ⚡", "did you mean which?"),
    Mistake("unknown_step", "next: told}", "next: tolt} ⚡", "did you mean told?"),
    Mistake("unknown_step", "heard: deny, goto: no_more_words", "heard: deny, goto: no_more_word", "no_more_words",
            at="heard: deny", part=True),
    Mistake("unknown_prompt", "      ask_again: clear\n", "      ask_again: clearly ⚡\n", "did you mean clear?"),
    Mistake("unknown_prompt", "    say: [notice, who]", "    say:\n      - notice\n      - whom ⚡", "did you mean who?", part=True),
    Mistake("undefined_slot", *clear("您清楚{rato}了吗？"), "did you mean ratio?"),
    Mistake("undefined_slot", "given: time, outcome", "given: tme, outcome", "did you mean time?", at="given: tme"),
    Mistake("undefined_slot", "slot: product", "slot: produce", "did you mean product?", at="slot: produce"),
    Mistake("undefined_slot", *who("请问您是{nam}吗？"), "did you mean name?", part=True),
    Mistake("unknown_disclosure", "    disclosure: warning", "    disclosure: warnings ⚡", "did you mean warning?",
            also=("unsaid_disclosure",)),
    Mistake("unknown_part", "{part: opening,", "{part: openings,", "did you mean opening?", at="include:"),
    Mistake("include", "[{part: opening, next: told}]", "[{parts: opening}] ⚡", "{part: NAME"),
    Mistake("include", "include: [{part: opening, next: told}]", "include: opening ⚡", "[opening, closing]"),
    Mistake("include", "disclosures:\n  notice: {}\n", "disclosures: [notice] ⚡\n", "name: …", part=True),
    Mistake("included_twice", "next: told}]", "next: told}, {part: opening, next: bye}] ⚡", "once"),
    Mistake("recursive_include", "about: 开场白，核实身份", "about: 开场白，核实身份\ninclude: [opening] ⚡", "remove one", part=True),
    Mistake("next", ", next: told}", "} ⚡", "next: STEP"),
    # ---------------------------------------------------------------- data
    Mistake("not_heard", "{given: score, goto", "{given: ratio, goto", "source: callee", at="given: ratio", also=("no_answer",) * 2),
    Mistake("not_set", "set: {mood: 愿意}", "set: {ratio: 120}", "source: script", at="set: {ratio", also=("never_set",)),
    Mistake("never_set", "set: {mood: 愿意}, ", "", "set: {mood: VALUE}", at="  mood: {"),
    Mistake("bad_value", "is: 基金", "is: 基金会", "基金, 本地债", at="is: 基金会"),
    Mistake("bad_value", "{slot: score, value: 1}", "{slot: score, value: 一}", "whole number", at="value: 一"),
    Mistake("maybe_unknown", *clear("请拨打{phone}。"), "`otherwise`"),
    Mistake("maybe_unknown", "otherwise: 您打了分。}", 'otherwise: "您打了{score}分。"}', "does without", at="  scored:"),
    Mistake("missing_suitability", "kind: service", "kind: marketing ⚡", "suitability: {"),
    Mistake("suitability", "out_of_turns: bye", "out_of_turns: bye\nsuitability:\n  client: product\n  product: product\n"
            "  valid_until: until\n  consent: firm\n", "C1 to C5", at="    choices:", also=("suitability", "undefined_slot")),
    Mistake("suitability", "out_of_turns: bye", "out_of_turns: bye\nsuitability: {client: product, product: product, "
            "valid_until: line, consent: mood} ⚡", "make line that", also=("suitability",) * 3),
    # ---------------------------------------------------------------- words
    Mistake("braces", *clear("您清楚了吗{？"), "{its_name}"),
    Mistake("banned_word", *clear("这个产品零风险，清楚了吗？"), "without promise"),
    Mistake("banned_word", *clear("肯 定 涨，清楚了吗？"), "without promise"),
    Mistake("banned_word", *clear("这是“保”“本”产品吗？"), "without promise"),
    Mistake("banned_word", *who("您是穩賺的{name}吗？"), "without promise", part=True, also=("rare_character",)),
    Mistake("banned_word", "[基金, 本地债]", "[基金, 保本债券]", "without promise", at="    choices:"),
    Mistake("banned_word", "  about_product: 您持有{product}。", "  about_product: 您的保{product}。 ⚡", "without promise"),
    Mistake("banned_word", "set: {mood: 愿意}", "set: {mood: 稳赚}", "without promise", at="mood: 稳赚", also=("banned_word",)),
    Mistake("banned_word", "reason: 需人工", "reason: 想要最低收益", "without promise", at="reason: 想要"),
    Mistake("banned_word", '  thanks: 谢谢您。\n  scored: {text: "您', '  thanks: 谢谢您参保\n  scored: {text: "本次您', "without promise", at="    say: [thanks, scored]",
            also=("punctuation",)),
    Mistake("pitch", *clear("给您推荐一只基金好吗？"), "marketing"),
    Mistake("pitch", "set: {mood: 愿意}", "set: {mood: 限时}", "marketing", at="  sorry: {text"),
    Mistake("figure", *clear("请在3天内处理。"), "a slot"),
    Mistake("figure", *clear("请在３天内处理。"), "a slot"),
    Mistake("figure", *clear("请看第①条。"), "a slot"),
    Mistake("unspeakable", *clear("请打开APP。"), "Chinese characters"),
    Mistake("unspeakable", *clear("请打开ＡＰＰ。"), "Chinese characters"),
    Mistake("unspeakable", *clear("清楚了吗😀？"), "write words"),
    Mistake("unspeakable", *clear("清楚了吗<br>？"), "write words", also=("unspeakable",)),
    Mistake("unspeakable", *clear("清楚\u200b了吗？"), "remove it"),
    Mistake("unspeakable", *clear("？"), "write the words", also=("punctuation",)),
    Mistake("unspeakable", *who("您是{name}吗㍿？"), "", part=True),
    Mistake("unspeakable", "[基金, 本地债]", "[基金, 本地债★]", "change that value", at="  about_product:"),
    Mistake("rare_character", *clear("您清楚囘事吗？"), "simplified"),
    Mistake("too_long", *clear(f"{'很' * 60}。"), "fewer words"),
    Mistake("too_long", "[基金, 本地债]", f"[基金, {'债' * 50}]", "fewer words", at="  about_product:"),
    Mistake("punctuation", *clear("您清楚了吗"), "end the sentence"),
    Mistake("punctuation", *clear("您清楚，，了吗？"), "keep one"),
    Mistake("punctuation", *clear("您清楚了吗?"), "？"),
    Mistake("same_wording", "    - 清楚请按一，要人工请按二。", "    - 清楚请按一，要人工请按二。\n    - 清楚请按一，要人工请按二。 ⚡", "keep one"),
    Mistake("uneven_wordings", "    - 清楚请按一，要人工请按二。", "    - 清楚请按一，要人工请按二。\n    - 比例{ratio}，清楚请按一。 ⚡", "the same in each"),
    Mistake("uninterruptible", "    disclosure: warning\n", "    disclosure: warning\n    interruptible: true ⚡\n", "remove it"),
    # ---------------------------------------------------------------- paths
    Mistake("unreachable", *step("  alone: {outcome: silent, end: true} ⚡\n"), "lead one there"),
    Mistake("endless", "    say: [thanks, scored]\n    goto: bye", "    say: [thanks, scored]\n    goto: thanks ⚡", "in between"),
    Mistake("endless", "out_of_turns: bye", "out_of_turns: told ⚡", "`end`", also=("before_identity",) * 3),
    Mistake("endless_silence", "no_input: {say: clear_keys, goto: bye}", "no_input: {say: clear_keys, goto: told}", "no_input",
            at="goto: told}\n      not"),
    Mistake("endless_silence", "      no_input: {say: who_keys, goto: no_more_words}", "      no_input: {say: who_keys, goto: opening} ⚡",
            "no_input", part=True),
    Mistake("endless_misses", "not_understood: {say: [clear, clear_keys], goto: bye}", "not_understood: {goto: told} ⚡", "not_understood"),
    Mistake("no_exit", GIVEN, f"{GIVEN}\n        - {{heard: refuse, goto: a}}\n  a: {LOST.format('b')}\n  b: {LOST.format('a')}", "`end: true`",
            at="  a: {", also=("no_exit", "endless_silence", "endless_misses")),
    Mistake("no_outcome", "heard: complaint, outcome: complaint, ", "heard: complaint, ", "`outcome`", at="  sorry:\n"),
    Mistake("deaf", "      keys: {1: callback}\n", "", "`keys`", at="listen:\n      ask_again: deaf", also=("unheard_key",)),
    Mistake("missing_ear_lost", "out_of_turns: bye\near_lost: deaf\n", "out_of_turns: bye ⚡\n", "ear_lost: STEP",
            also=("unreachable", "unused")),
    Mistake("shadowed", *wait("{heard: complaint, goto: bye}"), "before that one"),
    Mistake("shadowed", DENY, f"{DENY}\n        - {{heard: [will_do, refuse], goto: bye}} ⚡", "remove will_do"),
    Mistake("shadowed", DENY, f"{DENY}\n        - {{heard: refuse, when_identified: false, goto: bye}} ⚡", "when_identified"),
    Mistake("shadowed", "      - {slot: ratio,", "      - {slot: product, is: 基金, goto: bye} ⚡\n      - {slot: ratio,", "remove"),
    Mistake("unused", *(CLEAR, f"{CLEAR}\n  clearer: 清楚吗？ ⚡"), "say it"),
    Mistake("unused", "  line: {type: percent}", "  line: {type: percent}\n  other: {type: text} ⚡", "use it"),
    # ---------------------------------------------------------------- answers
    Mistake("no_answer", "2: transfer_human}", "2: wait} ⚡", "a branch for wait"),
    Mistake("no_answer", "{given: score, goto", "{heard: refuse, goto", "a branch for score", at="      keys: {1: {slot",
            also=("no_answer",)),
    Mistake("one_sided", "        - {heard: deny, goto: no_more_words}\n", "", "deny", at="    listen:", part=True),
    Mistake("unheard_key", "5: {slot: score, value: 5}}", "4: {slot: score, value: 4}}", "`5: …`", at="    say: ask_score",),
    Mistake("unheard_key", "  bye: 再见。", "  bye: 再见，投诉请按九。", "listen for it", at="    say: bye\n"),
    Mistake("unheard_key", "who_keys: 是{name}本人请按一。", "who_keys: 是{name}本人请按一，不是请按星号键。", "`'*': …`",
            at="      no_input:", part=True),
    # ---------------------------------------------------------------- identity
    Mistake("before_identity", *who("您的比例是{ratio}，请问是{name}吗？"), "ask who", part=True),
    Mistake("before_identity", *who("您的担保物不够，请问是{name}吗？"), "ask who", part=True),
    Mistake("before_identity", ", before_identity: first_you}", "}", "`before_identity`", at="  tell_ratio:", also=("unused",)),
    Mistake("before_identity", "set: {mood: 愿意}", "set: {mood: 平仓}", "ask who", at="  sorry: {text"),
    Mistake("weak_identity", SEEN, SEEN.replace("identity_confirm, affirm", "acknowledged") + " ⚡", "identity_confirm",
            part=True, also=("no_answer",)),
    Mistake("weak_identity", SEEN, SEEN.replace("identity_confirm, affirm", "affirm") + " ⚡", "identity_confirm", part=True,
            also=("no_answer",)),
    Mistake("weak_identity", "      keys: {1: identity_confirm}\n      ask_again: who", "      keys: {1: affirm} ⚡\n      ask_again: who",
            "1: identity_confirm", part=True),
    Mistake("still_identified", "heard: not_self, identified: false,", "heard: not_self,", "identified: false", at="heard: not_self", part=True),
    # ---------------------------------------------------------------- disclosures
    Mistake("missing_notice", "语音由人工智能合成，", "", "人工智能", at="  opening:", part=True),
    Mistake("missing_notice", "，通话将被录音", "", "录音", at="  opening:", part=True),
    Mistake("unsaid_disclosure", "disclosures:\n", "disclosures:\n  risk: {} ⚡\n", "disclosure: risk"),
    Mistake("missing_disclosure", "{needed_for: [acknowledged, will_do]}", "{needed_for: acknowledged}", "needed_for: will_do", at=WILL),
    Mistake("missing_disclosure", "    say: warning\n", "    say: clear\n", "say it before", at=ACK, also=("missing_disclosure",)),
    Mistake("maybe_untold", "answers:\n", "  - {heard: done_already, outcome: acknowledged, goto: bye} ⚡\nanswers:\n", "every way", also=("before_identity",)),
    Mistake("split_disclosure", "    say: warning\n", "    say: [warning, risk] ⚡\n", "one prompt",
            more=("  bye: 再见。", "  bye: 再见。\n  risk: {disclosure: warning, text: 投资有风险。}")),
    Mistake("disclosure_repeated", "      ask_again: clear\n", "      ask_again: warning ⚡\n", "short question"),
    Mistake("missing_do_not_call", "    do: do_not_call\n", "", "do: do_not_call", at="heard: do_not_call", part=True),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{i}-{m.code}" for i, m in enumerate(MISTAKES)])
def test_a_mistake_is_found_at_its_line(tmp_path, mistake):
    sound = PART if mistake.part else FLOW
    assert sound.count(mistake.there) == 1
    spoiled = sound.replace(mistake.there, mistake.instead)
    if mistake.more[0]:
        spoiled = spoiled.replace(*mistake.more)
    at = spoiled.count("\n", 0, spoiled.index(mistake.at or "⚡")) + 1
    spoiled = spoiled.replace(" ⚡", "")
    folder = written(tmp_path, opening=spoiled) if mistake.part else written(tmp_path, spoiled)
    found = check(folder)
    there = "shared/opening.yaml" if mistake.part else "visit/flow.yaml"
    [problem, *_] = [p for p in found if p.code == mistake.code and p.line == at and p.file.endswith(there)] or [None]
    assert problem is not None, found
    assert problem.message
    assert mistake.fix in problem.fix
    found.remove(problem)
    assert sorted(p.code for p in found) == sorted(mistake.also), found
    if problem.severity == "error":
        with pytest.raises(FlowError, match=rf"{there}:{at}: "):
            load(folder)


def test_the_script_without_mistakes_is_clean(tmp_path):
    assert check(written(tmp_path)) == []
    assert load(tmp_path / "visit").kind == "service"
