"""A script's graph and its drawing: everything is there, in Chinese, and nothing lies on anything else."""

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from voicebot.flow.model import Flow, Prompt, Script, cut
from voicebot.flow.vocabulary import ACTS, HEARD_SLOTS, INTENT_NAMES, INTENTS
from voicebot.review import chinese
from voicebot.review.cards import WIDTH, card
from voicebot.review.graph import ANYWHERE, ENGINE, QUESTIONS, URGENT, graph
from voicebot.review.layout import Box, layout
from voicebot.review.markup import Markup, element, escaped, joined
from voicebot.review.mermaid import mermaid
from voicebot.review.svg import svg
from voicebot.review.text import width, wrapped

SVG = "{http://www.w3.org/2000/svg}"


def text(found):
    return "".join(found.itertext())


# ---------------------------------------------------------------- names in Chinese


def test_everything_that_can_be_meant_or_done_has_a_chinese_name():
    assert INTENT_NAMES.keys() == INTENTS
    assert chinese.ACTS.keys() == ACTS
    assert chinese.HEARD.keys() == HEARD_SLOTS.keys()
    assert len(set(INTENT_NAMES.values())) == len(INTENT_NAMES)
    assert all(re.search("[\u4e00-\u9fff]", name) for name in INTENT_NAMES.values())


def test_slots_whose_names_begin_alike_are_told_apart():
    slots = {
        "a": {"type": "text", "about": "金额，甲"},
        "b": {"type": "text", "about": "金额，乙"},
        "c": {"type": "text"},
    }
    script = Script.model_construct(slots=script_of(slots=slots).slots)
    assert [chinese.slot(script, name) for name in "abc"] == ["金额 a", "金额 b", "c"]


# ---------------------------------------------------------------- the graph


def script_of(steps=None, slots=None, **changed):
    steps = steps or {"only": {"say": "hello", "end": True, "outcome": "callback"}}
    content = {
        "name": "made", "title": "造的", "kind": "service", "slots": slots or {}, "steps": steps,
        "start": next(iter(steps)), "out_of_turns": next(iter(steps)), "prompts": {"hello": "你好。"},
    }  # fmt: skip
    return Script.model_validate(content | changed)


def flow_of(script):
    prompts = {
        name: Prompt(name, tuple(map(cut, p.text)), tuple(map(cut, p.otherwise)), p.interruptible, p.disclosure)
        for name, p in script.prompts.items()
    }
    return Flow(script.name, script.kind, "0" * 64, script, prompts)


@pytest.mark.parametrize(
    ("node", "cause", "label", "target"),
    [
        ("opening", "heard", "确认本人（按1，身份核实）", "level"),
        ("opening", "heard", "勿扰（按9）", "bye"),
        ("opening", "heard", "问身份（按0）", ""),
        ("opening", "fallback", "静默2次、听不清3次", "bye"),
        ("level", "data", '等级 <高&低> "级"＝预警或平仓、当前资产不低于门槛、其他情况', "told"),
        ("level", "data", "不知当前资产、当前资产低于门槛", "rate"),
        ("told", "heard", "知悉（按1）", "rate"),
        ("told", "heard", "否定", "level"),
        ("told", "fallback", "静默、听不清2次", "bye"),
        ("told", "heard", "肯定（前2次）", ""),
        ("rate", "heard", "说出同样的满意度、说出满意度（按1＝1，按5＝5）", "thanks"),
        ("thanks", "onward", "接着", "bye"),
        (URGENT, "heard", "勿扰", "bye"),
        (ANYWHERE, "heard", "投诉，同时异议", "bye"),
        (ANYWHERE, "heard", "没听清、等待（身份已确认）", ""),
        (ENGINE, "engine", "语音识别中断", "lost"),
        (QUESTIONS, "heard", "问身份、问产品", ""),
    ],
)
def test_each_way_on_says_in_chinese_what_leads_there(everything, node, cause, label, target):
    ways = [(way.cause, way.label, way.target) for way in graph(everything).by_id[node].exits]
    assert (cause, label, target) in ways


def test_the_graph_holds_every_step_and_every_way_of_the_script(any_flow):
    drawn = graph(any_flow)
    steps = any_flow.script.steps
    assert {node.id for node in drawn.nodes if node.number} == set(steps)
    assert [node.number for node in drawn.nodes if node.number] == list(range(1, len(steps) + 1))
    wanted = {any_flow.script.out_of_turns, any_flow.script.ear_lost}
    for name, step in steps.items():
        targets = {step.goto, *(fork.goto for fork in step.branch)}
        if step.listen is not None:
            targets |= {b.goto for b in step.listen.branches}
            targets |= {step.listen.no_input.goto, step.listen.not_understood.goto}
        assert {way.target for way in drawn.by_id[name].exits if way.target} >= targets - {None}
        wanted |= targets
    assert {way.target for _, way in drawn.edges} >= wanted - {None}


def test_the_conversation_is_numbered_from_the_start_ends_last(flow):
    drawn = graph(flow)
    order = [node.id for node in drawn.nodes]
    assert order[0] == drawn.start
    assert [n.kind for n in drawn.nodes if n.number] == sorted((n.kind for n in drawn.nodes if n.number), reverse=True)


def test_an_end_without_an_outcome_shows_what_the_branches_to_it_noted(flow):
    assert graph(flow).by_id["bye_acknowledged"].outcomes == ("acknowledged",)
    assert graph(flow).by_id["bye_plan"].outcomes == ("will_do",)


# ---------------------------------------------------------------- the layout


def boxes_of(ways, height=100.0):
    return [Box(name, height, 15.0, tuple((40.0 + 12 * i, t) for i, t in enumerate(to))) for name, to in ways.items()]


CHAIN = {f"s{i}": [f"s{i + 1}"] if i < 9 else [] for i in range(10)}
STAR = {"hub": [f"leaf{i}" for i in range(8)]} | {f"leaf{i}": [] for i in range(8)}
RING = {"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": ["d", "b", "a"]}
DENSE = {f"n{i}": [f"n{j}" for j in (i + 1, i + 2, i + 5, i * 7 % 20)] for i in range(20)} | {
    f"n{i}": [] for i in range(20, 26)
}
SHAPES = {"chain": CHAIN, "star": STAR, "ring": RING, "dense": DENSE, "alone": {"one": []}}


def check_drawing(boxes, plan):
    """No box on another, no line through a box, no two lines on each other."""
    rects = {b.id: (*plan.places[b.id], b.height) for b in boxes}
    for (ax, ay, ah), (bx, by, bh) in combinations(rects.values(), 2):
        assert ax + WIDTH <= bx or bx + WIDTH <= ax or ay + ah <= by or by + bh <= ay
    level, upright = {}, {}
    for line in plan.lines:
        for path in line.paths:
            for (x1, y1), (x2, y2) in pairwise(path):
                assert x1 == x2 or y1 == y2
                if y1 == y2 and x1 != x2:
                    level.setdefault(y1, []).append((*sorted((x1, x2)), line.target))
                elif y1 != y2:
                    upright.setdefault(x1, []).append((*sorted((y1, y2)), line.target))
                for left, top, height in rects.values():
                    is_beside = max(x1, x2) <= left or min(x1, x2) >= left + WIDTH
                    assert is_beside or max(y1, y2) <= top or min(y1, y2) >= top + height
    for stretches in (*level.values(), *upright.values()):
        for (a1, a2, one), (b1, b2, other) in combinations(stretches, 2):
            assert one == other or a2 <= b1 or b2 <= a1, (one, other)


@pytest.mark.parametrize("ways", SHAPES.values(), ids=SHAPES)
def test_boxes_and_lines_never_lie_on_each_other(ways):
    boxes = boxes_of(ways)
    check_drawing(boxes, layout(boxes, next(iter(ways)), WIDTH))


def test_the_drawing_of_a_script_is_free_of_overlaps(any_flow):
    drawn = graph(any_flow)
    boxes = [card(node).box for node in drawn.nodes]
    check_drawing(boxes, layout(boxes, drawn.start, WIDTH))


def test_every_way_is_drawn_from_its_row_to_its_target(any_flow):
    drawn = graph(any_flow)
    boxes = [card(node).box for node in drawn.nodes]
    plan = layout(boxes, drawn.start, WIDTH)
    following = {}
    for line in plan.lines:
        for path in line.paths:
            following.setdefault((line.target, path[0]), set()).add(path[-1])
    for box in boxes:
        for y, target in box.exits:
            left, top = plan.places[box.id]
            goal = (plan.places[target][0], plan.places[target][1] + next(b.entry for b in boxes if b.id == target))
            at = (left + WIDTH, top + y)
            for _ in range(1000):
                if at == goal:
                    break
                [at] = following[target, at]
            assert at == goal


def test_the_way_leads_from_left_to_right(flow):
    drawn = graph(flow)
    plan = layout([card(node).box for node in drawn.nodes], drawn.start, WIDTH)
    assert plan.places["opening"][0] < plan.places["warning"][0] < plan.places["bye_acknowledged"][0]


@pytest.mark.parametrize("shape", ["chain", "wide", "tangled"])
def test_three_hundred_steps_are_drawn(shape):
    to = {
        "chain": lambda i: [i + 1],
        "wide": lambda i: [20 * (i // 20 + 1) + k for k in range(2)],
        "tangled": lambda i: [i + 1, i * 17 % 300, i * 31 % 300],
    }[shape]
    listen = {"ask_again": "hello", "no_input": {"goto": "bye"}, "not_understood": {"goto": "bye"}}
    steps = {
        f"s{i}": {
            "say": "hello",
            "listen": listen
            | {"branches": [{"heard": "affirm", "goto": f"s{t}" if t < 300 else "bye"} for t in to(i)]},
        }
        for i in range(300)
    }
    steps["bye"] = {"say": "hello", "outcome": "callback", "end": True}
    flow = flow_of(script_of(steps, out_of_turns="bye"))
    drawn = graph(flow)
    assert len(drawn.nodes) == 302
    boxes = [card(node).box for node in drawn.nodes]
    plan = layout(boxes, drawn.start, WIDTH)
    columns = len({left for left, _ in plan.places.values()})
    assert len(plan.lines) <= 4 * len(boxes) * columns  # a lane and a gap per target and column, there and back
    assert len({*plan.places.values()}) == len(boxes)


# ---------------------------------------------------------------- text and markup


@pytest.mark.parametrize(
    ("told", "room", "most", "lines"),
    [
        ("一二三四五六", 30, 0, ["一二三", "四五六"]),
        ("一二三，四五", 30, 0, ["一二", "三，四", "五"]),
        ("一二（三四）", 30, 0, ["一二", "（三", "四）"]),
        ("一二三四五六七", 30, 2, ["一二三", "四五…"]),
        ("按 abcdef", 30, 0, ["按", "abcde", "f"]),
        ("", 30, 0, []),
    ],
)
def test_lines_break_as_chinese_lines_do(told, room, most, lines):
    assert wrapped(told, 10, room, most) == lines
    assert all(width(line, 10) <= room for line in lines)


@pytest.mark.parametrize("told", ["<b>", "&", '"', "'", "a\0b\x1f", "]]>", "\ud800"])
def test_nothing_breaks_out_of_markup(told):
    found = ElementTree.fromstring(element("a", told, title=told))
    assert (found.text or "") == found.get("title")
    assert len(found) == 0


def test_markup_stays_and_text_is_escaped():
    assert joined(Markup("<br/>"), "<", None, 1.50) == "<br/>&lt;1.5"
    assert escaped("'") == "&#39;"


# ---------------------------------------------------------------- SVG and Mermaid


def test_the_picture_is_one_file_that_needs_nothing_else(any_flow):
    told = svg(any_flow)
    picture = ElementTree.fromstring(told)
    assert picture.tag == f"{SVG}svg"
    assert {e.tag for e in picture.iter()} <= {
        f"{SVG}{t}" for t in ("svg", "g", "rect", "path", "text", "title", "line")
    }
    assert not re.search(r"url\(|href|@import|<script", told.replace("&lt;script", ""))
    shown = [text(e) for e in picture.iter(f"{SVG}text")]
    assert any_flow.script.title in shown
    assert {str(n) for n in range(1, len(any_flow.script.steps) + 1)} <= set(shown)
    assert set(any_flow.script.steps) <= set(shown)


def test_every_text_lies_within_the_picture(any_flow):
    picture = ElementTree.fromstring(svg(any_flow))
    wide, high = float(picture.get("width")), float(picture.get("height"))
    for found in picture.iter(f"{SVG}text"):
        long = width(text(found), float(found.get("font-size")))
        share = {None: 0.0, "middle": 0.5, "end": 1.0}[found.get("text-anchor")]
        left = float(found.get("x")) - share * long
        assert left >= 0
        assert left + long <= wide
        assert 0 < float(found.get("y")) < high


def test_texts_of_a_card_do_not_run_into_each_other(any_flow):
    for drawn in ElementTree.fromstring(svg(any_flow)).iter(f"{SVG}g"):
        spans = []
        for found in drawn.findall(f"{SVG}text"):
            size = float(found.get("font-size"))
            long = width(text(found), size)
            share = {None: 0.0, "middle": 0.5, "end": 1.0}[found.get("text-anchor")]
            left = float(found.get("x")) - share * long
            spans.append((left, left + long, float(found.get("y")) - size * 0.85, float(found.get("y"))))
        for (al, ar, at, ab), (bl, br, bt, bb) in combinations(spans, 2):
            assert ar <= bl or br <= al or ab <= bt or bb <= at


def test_mermaid_names_every_step_and_quotes_whatever_stands_in_labels(any_flow):
    lines = mermaid(any_flow).splitlines()
    assert lines[0] == "flowchart LR"
    for name in any_flow.script.steps:
        assert any(re.match(rf"  s_{name}(\[|\(\[)\"", line) for line in lines)
    quoted = re.compile(r'"([^"]*)"')
    for line in lines[1:]:
        assert line.count('"') in (0, 2)
        for label in quoted.findall(line):
            assert not re.search(r"[<>&'`|\\]", label.replace("<br/>", ""))
