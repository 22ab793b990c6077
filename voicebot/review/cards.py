"""One box of the drawing: a step with what it says, and a row for every way on."""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.flow.dispositions import Disposition
from voicebot.review import chinese
from voicebot.review.graph import NOTED, Exit, Graph, Node
from voicebot.review.layout import Box
from voicebot.review.markup import Markup, element, joined
from voicebot.review.text import width, wrapped

WIDTH = 248.0
INK, SOFT, FAINT = "#1d2733", "#5b6875", "#d5dbe1"
_PAD = 12.0
_TITLE, _SMALL, _TEXT, _ROW = 14.0, 11.0, 12.0, 12.5
_BADGE = 22.0
_CHIP = 26.0

# Head colour, ground.
_LOOKS = {
    "step": ("#24507f", "#ffffff"),
    "end": ("#5b6875", "#f6f7f9"),
    "urgent": ("#a3322b", "#fdf5f4"),
    "anywhere": ("#8a5a00", "#fdf9f0"),
    "engine": ("#5b6875", "#f6f7f9"),
    "questions": ("#2f6b4f", "#f3f9f6"),
}
_GOOD = frozenset({Disposition.ACKNOWLEDGED, Disposition.WILL_DO, Disposition.DONE_ALREADY})
_GRAVE = frozenset({Disposition.COMPLAINT, Disposition.DO_NOT_CALL, Disposition.REFUSE})
# Lines are told apart by their target's colour; all of them are dark enough on white.
_HUES = ("#24507f", "#9a4a00", "#2f6b4f", "#7a3b8f", "#a3322b", "#00707d", "#6b6300", "#8c2f5f", "#4a4fa3", "#5a4632")
_GREY = "#8792a0"


@dataclass(frozen=True, slots=True)
class Row:
    """A way on as it is drawn: its lines of text, its top from the card's, its height."""

    exit: Exit
    lines: tuple[str, ...]
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Card:
    """A node laid out: everything but its place."""

    node: Node
    title: tuple[str, ...]
    speech: tuple[str, ...]
    pills: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    head: float
    height: float

    @property
    def box(self) -> Box:
        """What the layout needs to know."""
        exits = tuple((row.top + row.height / 2, row.exit.target) for row in self.rows if row.exit.target)
        return Box(self.node.id, self.height, self.head / 2, exits)


def card(node: Node) -> Card:
    """A node's texts, cut to lines, and the room they take."""
    beside = _BADGE + 7 if node.number else 0.0
    title = tuple(wrapped(node.title, _TITLE, WIDTH - 2 * _PAD - beside, 2))
    head = 12.0 + len(title) * 18.0 + 4.0
    y = head + (14.0 if node.number else 2.0)
    speech = tuple(_speech(node))
    y += len(speech) * 17.0 + (8.0 if speech else 0.0)
    pills = _pills(node)
    y += 27.0 * len(pills)
    y += 4.0 if pills or speech else 2.0
    rows = []
    for way in node.exits:
        lines = tuple(wrapped(_label(way), _ROW, WIDTH - 2 * _PAD - _CHIP - 10, 4))
        height = 11.0 + 16.0 * len(lines)
        rows.append(Row(way, lines, y, height))
        y += height
    return Card(node, title, speech, pills, tuple(rows), head, float(round(y + 3)))


def _speech(node: Node) -> list[str]:
    said: list[str] = []
    for sentence in node.says:
        said += wrapped(f"“{sentence}”", _TEXT, WIDTH - 2 * _PAD - 6, 3 if len(node.says) < 3 else 2)
    return said if len(said) <= 7 else [*said[:6], "……"]


def _pills(node: Node) -> tuple[tuple[str, str], ...]:
    told = [("播完才算告知，不可打断", "#24507f")] if node.discloses else []
    if node.kind == "end":
        told += [(chinese.ending(o), _outcome_colour(o)) for o in node.outcomes]
    return tuple(told)


def _outcome_colour(outcome: str) -> str:
    return "#2f6b4f" if outcome in _GOOD else "#a3322b" if outcome in _GRAVE else "#5b6875"


def _label(way: Exit) -> str:
    return way.label if way.target else f"留在本步：{way.label}"


def colours(graph: Graph) -> dict[str, str]:
    """The colour of the lines to each node: grey where only silence and not being understood lead."""
    led: dict[str, set[str]] = {}
    for _, way in graph.edges:
        led.setdefault(way.target, set()).add(way.cause)
    plain = [node.id for node in graph.nodes if led.get(node.id, set()) - {"fallback", "engine"}]
    return {node.id: _GREY for node in graph.nodes} | {name: _HUES[i % len(_HUES)] for i, name in enumerate(plain)}


def draw(card: Card, x: float, y: float, graph: Graph, colour: dict[str, str], link: str | None) -> Markup:
    """A card at its place. `link`: where its head leads when clicked."""
    node = card.node
    tone, ground = _LOOKS[node.kind]
    if node.kind == "end":
        tone = _outcome_colour(next(iter(o for o in node.outcomes if o != NOTED), NOTED))
    parts = [
        element("rect", x=x, y=y, width=WIDTH, height=card.height, rx=7, fill=ground, stroke=tone, stroke_width=1.3),
        element("path", d=_round_top(x, y, card.head), fill=tone),
    ]
    left = x + _PAD
    if node.number:
        parts.append(
            element("rect", x=x + 9, y=y + card.head / 2 - 11, width=_BADGE + 2, height=22, rx=11, fill="#ffffff")
        )
        parts.append(
            _text(str(node.number), x + 9 + (_BADGE + 2) / 2, y + card.head / 2 + 4.5, 12.5, tone, "bold", "middle")
        )
        left = x + 9 + _BADGE + 10
    for i, line in enumerate(card.title):
        parts.append(_text(line, left, y + 24.0 + 18.0 * i, _TITLE, "#ffffff", "bold"))
    top = y + card.head
    if node.number:
        parts.append(_text(node.id, x + WIDTH - _PAD, top + 13.0, _SMALL, _GREY, anchor="end"))
        top += 14.0
    for i, line in enumerate(card.speech):
        parts.append(_text(line, x + _PAD, top + 17.0 * (i + 1), _TEXT, SOFT if node.kind == "end" else INK))
    top += len(card.speech) * 17.0 + (8.0 if card.speech else 0.0)
    for i, (told, shade) in enumerate(card.pills):
        wide = min(width(told, _SMALL) + 18, WIDTH - 2 * _PAD)
        up = top + 27.0 * i + 3
        parts.append(element("rect", x=x + _PAD, y=up, width=wide, height=20, rx=10, fill="#ffffff", stroke=shade))
        parts.append(_text(told, x + _PAD + wide / 2, up + 14.2, _SMALL, shade, "bold", "middle"))
    parts += [_row(row, x, y, graph, colour) for row in card.rows]
    drawn = element("g", element("title", f"{node.title}（{node.id}）" if node.number else node.title), *parts)
    return element("a", drawn, href=link) if link else drawn


def _row(row: Row, x: float, y: float, graph: Graph, colour: dict[str, str]) -> Markup:
    top = y + row.top
    is_staying = not row.exit.target
    shade = SOFT if is_staying or row.exit.cause in ("fallback", "engine") else INK
    parts = [element("line", x1=x + 1, y1=top, x2=x + WIDTH - 1, y2=top, stroke=FAINT)]
    for i, line in enumerate(row.lines):
        parts.append(_text(line, x + _PAD, top + 18.0 + 16.0 * i, _ROW, shade))
    if not is_staying:
        target = graph.by_id[row.exit.target]
        middle = top + row.height / 2
        tint = colour[target.id]
        right = x + WIDTH - 9
        parts.append(element("rect", x=right - _CHIP, y=middle - 9, width=_CHIP, height=18, rx=9, fill=tint))
        parts.append(_text(str(target.number), right - _CHIP / 2, middle + 4, 11.5, "#ffffff", "bold", "middle"))
    return joined(*parts)


def _round_top(x: float, y: float, height: float) -> str:
    r = 7.0
    return (
        f"M{_n(x)} {_n(y + height)}V{_n(y + r)}a{_n(r)} {_n(r)} 0 0 1 {_n(r)} {_n(-r)}"
        f"H{_n(x + WIDTH - r)}a{_n(r)} {_n(r)} 0 0 1 {_n(r)} {_n(r)}V{_n(y + height)}z"
    )


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(
    told: str, x: float, y: float, size: float, fill: str, weight: str | None = None, anchor: str | None = None
) -> Markup:
    return element("text", told, x=x, y=y, font_size=size, fill=fill, font_weight=weight, text_anchor=anchor)
