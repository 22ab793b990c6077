"""The page that compliance approves: everything the robot may ever say, in the order of the conversation. One HTML file
that needs nothing else, the same bytes for the same script.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from voicebot.flow.model import Flow
from voicebot.review import chinese
from voicebot.review.graph import Graph, graph
from voicebot.review.markup import Child, Markup, element, joined
from voicebot.review.sentences import AGAIN, SAMPLE_DAY, Place, Sentences
from voicebot.review.steps import Steps
from voicebot.review.svg import picture

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
_CHAPTERS = (
    ("facts", "基本信息"),
    ("data", "数据"),
    ("disclosures", "必须告知的内容"),
    ("graph", "流程图"),
    ("steps", "逐步对话"),
    ("ends", "结束语"),
    ("always", "任何时候"),
    ("questions", "客户提问与回答"),
    ("index", "话术全文索引"),
)


def page(flow: Flow, contact: Mapping[str, str] | None = None) -> str:
    """The page of a script. `contact`: a sample contact, whose values fill the examples."""
    return _Page(flow, graph(flow), Sentences(flow, contact or {})).html()


class _Page:
    def __init__(self, flow: Flow, drawn: Graph, sentences: Sentences) -> None:
        self.flow = flow
        self.script = flow.script
        self.graph = drawn
        self.sentences = sentences
        self.steps = Steps(flow, drawn, sentences)

    def html(self) -> str:
        script = self.script
        heads = [
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", f"话术审批：{script.title}（{self.flow.version[:12]}）"),
            element("style", Markup(_STYLE)),
        ]
        body = element(
            "main",
            self._cover(),
            self._data(),
            self._disclosures(),
            self._graph(),
            self._chapter("steps", *(self.steps.step(n) for n in self.graph.nodes if n.kind == "step")),
            self._chapter("ends", *(self.steps.step(n) for n in self.graph.nodes if n.kind == "end")),
            self._chapter("always", *self.steps.always()),
            self._chapter("questions", *self.steps.questions()),
            self._index(),
            element("footer", f"{script.title} · {self.flow.name} · 版本 {self.flow.version}"),
        )
        document = element("html", element("head", *heads), element("body", body), lang="zh-CN")
        return f"<!DOCTYPE html>\n{document}\n"

    def _chapter(self, name: str, *parts: Child) -> Markup:
        return element("section", element("h2", dict(_CHAPTERS)[name]), *parts, id=name, class_=f"chapter-{name}")

    # ------------------------------------------------------------ what it is

    def _cover(self) -> Markup:
        script = self.script
        rows: list[tuple[str, Child]] = [
            ("话术", joined(script.title, " ", element("code", script.name))),
            ("类型", chinese.KINDS[script.kind]),
        ]
        rows += [("说明", script.about)] if script.about else []
        rows += [("版本", joined(self.flow.version[:12], element("br"), element("code", self.flow.version)))]
        if needs := script.suitability:
            told = (
                f"须同时满足才可拨打：客户风险等级（{self._slot(needs.client)}）不低于产品风险等级"
                f"（{self._slot(needs.product)}）；测评在有效期内（{self._slot(needs.valid_until)}）；"
                f"有客户的营销同意（{self._slot(needs.consent)}）"
            )
            rows.append(("适当性", told))
        limit = joined(f"客户最多说 {script.max_turns} 轮，之后转到 ", self.steps.link(script.out_of_turns))
        rows.append(("通话上限", limit))
        heard = self.steps.link(script.ear_lost) if script.ear_lost else "按没听清处理"
        rows.append(("语音识别中断", joined("转到 ", heard) if script.ear_lost else heard))
        counted = [n.kind for n in self.graph.nodes]
        rows.append(
            ("规模", f"{counted.count('step')} 个步骤，{counted.count('end')} 种结束，{len(self.flow.prompts)} 条话术")
        )
        off = element("p", f"本话术已停用：{script.off}", class_="off") if script.off else None
        contents = [element("li", element("a", told, href=f"#{name}")) for name, told in _CHAPTERS[1:]]
        sign = element(
            "table",
            element("tr", *(element("th", told) for told in ("审批意见", "合规审批人", "日期"))),
            element("tr", element("td"), element("td"), element("td")),
            class_="sign",
        )
        return joined(
            element("h1", f"话术审批：{script.title}"),
            element(
                "p",
                "本页列出机器人在这一版话术中可能说出的每一句话。话术、数据要求或流程改动任何一处，版本号都会改变，须重新审批。",
                class_="lead",
            ),
            off,
            element("section", _facts(rows), id="facts"),
            element("ul", *contents, class_="contents"),
            element("h2", "审批"),
            sign,
        )

    def _slot(self, name: str) -> str:
        return chinese.slot(self.script, name)

    def _data(self) -> Markup:
        if not self.script.slots:
            return self._chapter("data", element("p", "本话术不含变动的数据。"))
        rows = []
        for name, spec in self.script.slots.items():
            rules = chinese.rules(self.script, spec)
            source = chinese.SOURCES[spec.source] + (f"（{chinese.HEARD[spec.hears]}）" if spec.hears else "")
            when = ("before", "身份确认前可说") if spec.before_identity else ("after", "身份确认后才可说")
            rows.append(
                (
                    joined(element("span", self._slot(name), class_="chip"), " ", element("code", name)),
                    spec.about or "—",
                    joined(chinese.TYPES[spec.type], *(element("p", told, class_="small") for told in rules)),
                    source,
                    element("span", when[1], class_=f"tag {when[0]}"),
                    self.sentences.value(name) or "—",
                )
            )  # fmt: skip
        day = f"{SAMPLE_DAY.year} 年 {SAMPLE_DAY.month} 月 {SAMPLE_DAY.day} 日"
        note = (
            "话术里每个变动之处都来自下表。示例取自虚构的样例客户，"
            f"日期从固定的 {day}推算；客户说出和话术设定的值为假设。"
        )
        heads = ("名称", "含义", "类型", "来源", "何时可说", "示例")
        return self._chapter("data", element("p", note, class_="soft"), _table(heads, rows))

    def _disclosures(self) -> Markup:
        script = self.script
        if not script.disclosures:
            return self._chapter("disclosures", element("p", "本话术没有必须告知的内容。"))
        rows = []
        for name, spec in script.disclosures.items():
            said = [self.steps.said((p.id,)) for p in self.flow.prompts.values() if p.disclosure == name]
            needed = "、".join(chinese.outcome(o) for o in spec.needed_for)
            told = f"播完之后，结果才能记为：{needed}" if needed else "须播完；不影响结果的认定"
            rows.append((joined(spec.about or name, " ", element("code", name)), joined(*said), told))
        note = (
            "必须告知的内容不可打断。客户在播完之前就表态的，机器人先重播一遍、再问，结果才算数；"
            "静默从不当作知悉。"
        )  # fmt: skip
        heads = ("内容", "机器人说", "与结果的关系")
        return self._chapter("disclosures", element("p", note, class_="soft"), _table(heads, rows))

    def _graph(self) -> Markup:
        drawn = element("div", picture(self.flow, self.graph, "#step-"), class_="graph")
        return element("section", element("h2", dict(_CHAPTERS)["graph"]), drawn, id="graph", class_="drawing")

    # ------------------------------------------------------------ the index

    def _index(self) -> Markup:
        rows = []
        for name in self._in_order():
            when = self.sentences.when.get(name, frozenset())
            tags = [("before", "身份确认前")] if False in when else []
            tags += [("after", "身份确认后")] if True in when else []
            tags = tags or [("never", "不会说到")]
            rows.append(
                (
                    element("code", *_breakable(name, "_")),
                    self.steps.said((name,)),
                    self._where(self.sentences.places[name]),
                    joined(*(element("span", told, class_=f"tag {kind}") for kind, told in tags)),
                )
            )
        note = f"共 {len(rows)} 条。除下列句子外，机器人不说任何话。"
        heads = ("编号", "全部说法", "在哪里说", "何时")
        return self._chapter("index", element("p", note, class_="soft"), _table(heads, rows))

    def _where(self, places: Iterable[Place]) -> Markup:
        occasions: dict[str, list[str]] = {}
        for place in places:
            occasions.setdefault(place.node, []).append(place.occasion)
        told = [
            element("p", self._linked(node), f"：{'、'.join(found)}", class_="small")
            for node, found in occasions.items()
        ]
        return joined(*told) if told else Markup("—")

    def _linked(self, node: str) -> Markup:
        is_retold = node == AGAIN
        return element("a", "必须告知的内容", href="#disclosures") if is_retold else self.steps.link(node)

    def _in_order(self) -> list[str]:
        """The prompts as a call comes to them; those that no step says last."""
        number = {node.id: i for i, node in enumerate(self.graph.nodes)}
        places = self.sentences.places
        first = {name: min((number.get(p.node, len(number)) for p in found), default=len(number) + 1)
                 for name, found in places.items()}  # fmt: skip
        return sorted(self.flow.prompts, key=lambda name: first[name])


def _breakable(name: str, mark: str) -> list[Child]:
    """A long id that may be broken after a mark."""
    first, *others = name.split(mark)
    return [first, *(part for other in others for part in (mark, element("wbr"), other))]


def _facts(rows: Iterable[tuple[str, Child]]) -> Markup:
    return element("table", *(element("tr", element("th", k), element("td", v)) for k, v in rows), class_="facts")


def _table(heads: Iterable[str], rows: Iterable[Iterable[Child]]) -> Markup:
    head = element("thead", element("tr", *(element("th", told) for told in heads)))
    body = element("tbody", *(element("tr", *(element("td", cell) for cell in row)) for row in rows))
    return element("table", head, body)
