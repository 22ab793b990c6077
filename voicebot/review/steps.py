"""The chapters of the review page that follow the conversation: each step, what counts at any moment, the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from voicebot.flow.model import (
    ActSpec,
    Answer,
    Branch,
    Fallback,
    Flow,
    KeyValue,
    ListenSpec,
    Prompt,
    Reference,
    Wording,
)
from voicebot.review import chinese
from voicebot.review.graph import ANYWHERE, ENGINE, QUESTIONS, URGENT, Graph, Node, answering
from voicebot.review.markup import Child, Markup, element, joined
from voicebot.review.sentences import Sentences

_NUMBERS = "①②③④⑤⑥⑦⑧⑨⑩"
_BOXES = {URGENT: "任何时候（最优先）", ANYWHERE: "任何时候", ENGINE: "线路与时长", QUESTIONS: "客户提问"}
_QUESTIONS = {"first": "同时有提问：先回答，再照此继续", "skip": "同时有提问：不回答"}


class Steps:
    """Markup for the places of a conversation."""

    def __init__(self, flow: Flow, drawn: Graph, sentences: Sentences) -> None:
        self.flow = flow
        self.script = flow.script
        self.graph = drawn
        self.sentences = sentences
        self.sources: dict[str, dict[str, None]] = {}
        for node, way in drawn.edges:
            self.sources.setdefault(way.target, {})[node.id] = None

    # ------------------------------------------------------------ words

    def said(self, prompts: Iterable[str]) -> Markup:
        """Prompts with all their wordings."""
        return joined(*(self._prompt(self.flow.prompts[name]) for name in prompts))

    def _prompt(self, prompt: Prompt) -> Markup:
        tag = None
        if prompt.disclosure:
            tag = element("span", "必须告知 · 不可打断 · 须播完", class_="tag must")
        elif not prompt.interruptible:
            tag = element("span", "不可打断", class_="tag must")
        parts: list[Child] = [element("p", tag, class_="words")] if tag else []
        parts += self._wordings(prompt.wordings)
        if prompt.otherwise:
            names = [chinese.slot(self.script, name) for name in self.sentences.unsure(prompt)]
            lacking = f"缺少{'、'.join(names)}中任何一项" if len(names) > 1 else f"没有{''.join(names) or '所需数据'}"
            parts.append(element("p", f"{lacking}时，改说：", class_="why"))
            parts += self._wordings(prompt.otherwise, "用第一种资料齐全的")
        return element("div", *parts, class_="said", data_prompt=prompt.id)

    def _wordings(self, wordings: tuple[Wording, ...], used: str = "轮流使用") -> Iterator[Markup]:
        if len(wordings) > 1:
            yield element("p", f"{len(wordings)} 种说法，{used}：", class_="why")
        for i, wording in enumerate(wordings):
            number = (_NUMBERS[i] if i < len(_NUMBERS) else f"{i + 1}.") + " " if len(wordings) > 1 else ""
            parts = [self._chip(part.slot) if isinstance(part, Reference) else part for part in wording.parts]
            yield element("p", number, "“", element("span", *parts, class_="wording"), "”", class_="words")
            if example := self.sentences.example(wording):
                yield element("p", f"示例：{example}", class_="example")

    def _chip(self, slot: str) -> Markup:
        return element("span", chinese.slot(self.script, slot), class_="chip")

    def link(self, node: str) -> Markup:
        """To a step or a box, by number and title."""
        if node in _BOXES:
            return element("a", _BOXES[node], href=f"#step-{node[1:]}")
        found = self.graph.by_id[node]
        return element("a", f"{found.number} {found.title}", href=f"#step-{node}")

    # ------------------------------------------------------------ a step

    def step(self, node: Node) -> Markup:
        """Everything about one step."""
        step = self.script.steps[node.id]
        sources = [self.link(name) for name in self.sources.get(node.id, ()) if name != node.id]
        if node.id == self.graph.start:
            sources.insert(0, element("span", "接通"))
        parts: list[Child] = []
        if sources:
            parts.append(element("p", "来自：", _listed(sources), class_="soft small"))
        parts += self._noted(step.outcome, step.set, step.do)
        parts.append(_part("机器人说", self.said(step.say)) if step.say else element("p", "（不说话）", class_="soft"))
        blocks = [element("div", *parts)]
        if step.listen is not None:
            blocks += self._listening(step.listen)
        if step.branch or step.goto is not None:
            ways = [(chinese.fork(self.script, fork), self.link(fork.goto)) for fork in step.branch]
            if step.goto is not None:
                ways.append(("其他情况" if step.branch else "接着", self.link(step.goto)))
            rows = [element("tr", element("td", told, class_="means"), element("td", "→ ", to)) for told, to in ways]
            told = "按数据分流，由上而下，先符合者生效" if step.branch else "说完之后"
            blocks.append(element("div", element("p", told, class_="label"), element("table", *rows)))
        if step.end:
            blocks.append(element("div", element("p", "挂机。", self._ending(node), class_="small")))
        return _card(node.kind, node.title, node.id, blocks, node.number)

    def _ending(self, node: Node) -> str:
        own = self.script.steps[node.id].outcome
        if own is not None:
            kept = "" if chinese.replaces(own) else "；通话已有结果的，保留原结果"
            return f"结果记为「{chinese.outcome(own)}」{kept}。"
        told = "、".join(chinese.outcome(o) if o else "此前的结果" for o in node.outcomes)
        return f"结果为到达这里之前记下的：{told}。" if told else ""

    def _listening(self, listen: ListenSpec) -> Iterator[Markup]:
        keys: dict[int, list[str]] = {}
        loose = []
        for key in listen.keys:
            branch = answering(self.script, listen, key)
            own = next((i for i, b in enumerate(listen.branches) if b is branch), None)
            if own is not None:
                keys.setdefault(own, []).append(key)
            loose.append(self._key(listen, key, branch))
        if loose:
            yield element("div", element("p", "按键", class_="label"), *loose)
        rows = [self._branch(branch, keys.get(i, ()), listen) for i, branch in enumerate(listen.branches)]
        rows += self._fallback(f"{chinese.SILENCE}（{listen.silence_s:g} 秒没有声音）", listen.no_input)
        rows += self._fallback(f"{chinese.UNCLEAR}（没听懂客户的话）", listen.not_understood)
        yield element("div", element("p", "客户回答后，由上而下，先符合者生效", class_="label"), _ways(rows))
        again = self.said(listen.ask_again)
        yield element("div", _part("再问时说（答完提问、应答需要重问时）", again))

    def _key(self, listen: ListenSpec, key: str, branch: Branch | None) -> Markup:
        meaning = listen.keys[key]
        if isinstance(meaning, KeyValue):
            told = f" {chinese.slot(self.script, meaning.slot)}＝{meaning.value}"
        else:
            told = f" 等同于说「{chinese.intent(meaning)}」"
        to = joined("，→ ", self.link(branch.goto)) if branch is not None and branch.goto is not None else None
        return element("p", element("span", f"按 {key}", class_="key"), told, to, class_="small")

    def _branch(self, branch: Branch, keys: Iterable[str] = (), listen: ListenSpec | None = None) -> Markup:
        script = self.script
        when: list[Child] = [element("span", chinese.heard(script, branch), class_="means")]
        when += [joined(" ", element("span", f"按 {key}", class_="key")) for key in keys]
        when += [element("p", f"仅限{told}" if "身份" in told else f"一次通话中{told}", class_="small soft")
                 for told in chinese.limits(branch)]  # fmt: skip
        does: list[Child] = []
        if branch.identified is not None:
            told = "由此确认是客户本人（须明确表示）" if branch.identified else "视为未确认本人"
            does.append(element("p", told, class_="do"))
        does += self._noted(branch.outcome, branch.set, branch.do)
        if branch.say:
            does.append(self.said(branch.say))
        then: list[Child] = [self._then(branch, listen)]
        if branch.questions in _QUESTIONS:
            then.append(element("p", _QUESTIONS[branch.questions], class_="small soft"))
        return element("tr", element("td", *when), element("td", *does), element("td", *then))

    def _then(self, branch: Branch, listen: ListenSpec | None) -> Markup:
        if branch.goto is not None:
            return joined("→ ", self.link(branch.goto))
        if branch.repeat:
            return Markup("把刚才的话再说一遍")
        if branch.wait_s is not None:
            return Markup(f"静候 {branch.wait_s:g} 秒，不催促")
        return joined("再问本步的问题") if listen is None else joined("再问（见下）")

    def _fallback(self, what: str, fallback: Fallback) -> Iterator[Markup]:
        for i, prompt in enumerate(fallback.say, 1):
            means = element(
                "td", element("span", what, class_="means"), element("p", f"连续第 {i} 次", class_="small soft")
            )
            yield element("tr", means, element("td", self.said((prompt,))), element("td", "继续听"))
        times = element("p", f"连续第 {len(fallback.say) + 1} 次", class_="small soft") if fallback.say else None
        means = element("td", element("span", what, class_="means"), times)
        yield element("tr", means, element("td"), element("td", "→ ", self.link(fallback.goto)))

    def _noted(self, outcome: str | None, set_: Mapping[str, str], acts: Iterable[ActSpec]) -> Iterator[Markup]:
        if outcome is not None:
            needed = [
                spec.about or name for name, spec in self.script.disclosures.items() if outcome in spec.needed_for
            ]
            after = f"（须已播完：{'、'.join(needed)}）" if needed else ""
            yield element("p", f"结果记为「{chinese.outcome(outcome)}」{after}", class_="result")
        yield from (element("p", told, class_="do") for told in chinese.setting(self.script, set_))
        yield from (element("p", chinese.act(self.script, act), class_="do") for act in acts)

    # ------------------------------------------------------------ at any moment

    def always(self) -> Iterator[Markup]:
        """What counts at any moment."""
        script = self.script
        for box, note, branches in (
            (
                URGENT,
                "优先于当前步骤的一切安排；说完再见之后客户再说，不再答话，但照样登记。由上而下，先符合者生效。",
                script.urgent,
            ),
            (ANYWHERE, "当前步骤没有安排时适用。由上而下，先符合者生效。", script.anywhere),
        ):
            if branches:
                rows = [self._branch(branch) for branch in branches]
                block = element("div", element("p", note, class_="soft small"), _ways(rows))
                yield _card(box[1:], self.graph.by_id[box].title, box[1:], [block])
        rows = [
            element("tr", element("td", told, class_="means"), element("td", "→ ", self.link(target)))
            for told, target in (
                (f"客户说满 {script.max_turns} 轮", script.out_of_turns),
                ("语音识别中断，此后只认按键", script.ear_lost),
            )
            if target is not None
        ]
        yield _card("engine", "线路与时长", "engine", [element("div", element("table", *rows))])

    def questions(self) -> Iterator[Markup]:
        """The answers."""
        if not self.script.answers:
            yield element("p", "本话术不回答提问。")
            return
        note = (
            "任何步骤都可以提问：先回答，再问本步的问题。客户在回答的同时提问，只回答提问、不往下走，"
            "另有注明的除外；一口气最多回答两个提问。"
        )  # fmt: skip
        rows = [self._answer(intent, answer) for intent, answer in self.script.answers.items()]
        head = [element("th", told) for told in ("客户提问", "身份确认后答", "身份确认前答")]
        table = element("table", element("thead", element("tr", *head)), element("tbody", *rows))
        block = element("div", element("p", note, class_="soft small"), table)
        yield _card("questions", "客户提问与回答", "questions", [block])

    def _answer(self, intent: str, answer: Answer) -> Markup:
        acts = self._noted(None, {}, answer.do)
        before = self.said(answer.before_identity) if answer.before_identity else element("span", "同左", class_="soft")
        return element(
            "tr",
            element("td", element("span", chinese.intent(intent), class_="means"), *acts),
            element("td", self.said(answer.say)),
            element("td", before),
        )


def _card(kind: str, title: str, anchor: str, blocks: Iterable[Markup], number: int = 0) -> Markup:
    badge = element("span", str(number), class_="no") if number else None
    name = element("code", anchor) if number else None
    header = element("header", badge, element("h3", title), name)
    return element("section", header, *blocks, id=f"step-{anchor}", class_=f"step {kind}")


def _part(label: str, *parts: Child) -> Markup:
    return joined(element("p", label, class_="label"), *parts)


def _ways(rows: Iterable[Markup]) -> Markup:
    head = element("thead", element("tr", *(element("th", told) for told in ("客户的意思", "机器人", "随后"))))
    return element("table", head, element("tbody", *rows), class_="ways")


def _listed(parts: Iterable[Markup]) -> Markup:
    return Markup("、".join(parts))
