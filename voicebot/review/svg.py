"""The graph as a picture (SVG) that any browser and printer shows: no scripts, no fonts from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from voicebot.flow.model import Flow
from voicebot.review import chinese
from voicebot.review.cards import INK, SOFT, WIDTH, card, colours, draw
from voicebot.review.graph import Graph, graph
from voicebot.review.layout import Line, Point, layout
from voicebot.review.markup import Markup, element, joined
from voicebot.review.text import width as text_width
from voicebot.review.text import wrapped

FONTS = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','Source Han Sans SC','WenQuanYi Micro Hei',sans-serif"
_MARGIN = 28.0
_CORNER = 6.0
_LEGEND = (
    "方框是一个步骤：机器人说的话，然后每行是客户的一种意思（或静默、听不清、数据），行末圆点是去往的步骤号，"
    "同一去处的线同色。（按1）＝按键也可；前2次＝此后不再适用；静默3次＝连续第三次无声；听不清3次＝连续第三次没听懂；"
    "身份核实＝由此确认本人。"
)


def svg(flow: Flow) -> str:
    """The whole picture as a file of its own."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{picture(flow, graph(flow))}\n'


def picture(flow: Flow, drawn: Graph, link: str = "") -> Markup:
    """The picture as an element. `link`: what precedes a node's id where its card leads when clicked, if anywhere."""
    cards = [card(node) for node in drawn.nodes]
    plan = layout([c.box for c in cards], drawn.start, WIDTH)
    colour = colours(drawn)
    title = flow.script.title
    told = f"{chinese.KINDS[flow.kind]} · {flow.name} · 版本 {flow.version[:12]}"
    wide = max(plan.width, text_width(title, 22) + text_width(told, 13) + 30, 3 * WIDTH)
    legend = wrapped(_LEGEND, 12, wide)
    top = _MARGIN + 52.0
    bottom = top + plan.height + 34.0
    parts = [element("title", f"{title}：流程图"), element("rect", width="100%", height="100%", fill="#ffffff")]
    parts.append(element("text", title, x=_MARGIN, y=_MARGIN + 20, font_size=22, font_weight="bold", fill=INK))
    parts.append(element("text", told, x=_MARGIN + text_width(title, 22) + 16, y=_MARGIN + 20, font_size=13, fill=SOFT))
    parts.append(
        element("g", *_lines(plan.lines, colour), transform=f"translate({_MARGIN:.0f} {top:.0f})", fill="none")
    )
    for c in cards:
        x, y = plan.places[c.node.id]
        href = f"{link}{c.node.id.lstrip('@')}" if link else None
        parts.append(draw(c, x + _MARGIN, y + top, drawn, colour, href))
    arrows = [
        _arrow(plan.places[c.node.id], c.box.entry, colour[c.node.id])
        for c in cards
        if any(line.target == c.node.id for line in plan.lines)
    ]
    start = next(c for c in cards if c.node.id == drawn.start)
    arrows.append(_arrow(plan.places[drawn.start], start.box.entry, INK))
    parts.append(element("g", *arrows, transform=f"translate({_MARGIN:.0f} {top:.0f})"))
    for i, line in enumerate(legend):
        parts.append(element("text", line, x=_MARGIN, y=bottom + 18 * i, font_size=12, fill=SOFT))
    full = wide + 2 * _MARGIN, bottom + 18 * len(legend) + _MARGIN - 12
    size = f"0 0 {full[0]:.0f} {full[1]:.0f}"
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=size,
        width=f"{full[0]:.0f}",
        height=f"{full[1]:.0f}",
        font_family=FONTS,
        role="img",
    )


def _lines(lines: Sequence[Line], colour: dict[str, str]) -> list[Markup]:
    """Each bundle over a white shadow, so that where two cross one passes above the other."""
    drawn = []
    for line in sorted(lines, key=lambda line: len({y for path in line.paths for _, y in path}) == 1):
        paths = [_rounded(path) for path in line.paths]
        under = [element("path", d=d, stroke="#ffffff", stroke_width=5) for d in paths]
        over = [element("path", d=d, stroke=colour[line.target], stroke_width=1.6) for d in paths]
        drawn.append(joined(*under, *over, *(_chevron(line, colour) if line.is_back else ())))
    return drawn


def _rounded(path: Sequence[Point]) -> str:
    """A polyline with its corners rounded."""
    told = [f"M{_point(path[0])}"]
    for before, at, after in zip(path, path[1:], path[2:], strict=False):
        if before[1] == at[1] == after[1] or before[0] == at[0] == after[0]:
            continue
        r = min(_CORNER, _distance(before, at) / 2, _distance(at, after) / 2)
        told.append(f"L{_point(_towards(at, before, r))}Q{_point(at)} {_point(_towards(at, after, r))}")
    return "".join((*told, f"L{_point(path[-1])}"))


def _distance(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(a: Point, b: Point, by: float) -> Point:
    length = _distance(a, b) or 1.0
    return a[0] + (b[0] - a[0]) * by / length, a[1] + (b[1] - a[1]) * by / length


def _point(point: Point) -> str:
    return " ".join(f"{v:.2f}".rstrip("0").rstrip(".") for v in point)


def _chevron(line: Line, colour: dict[str, str]) -> list[Markup]:
    """A line that goes back says so on its way."""
    [(x, y), *_, (end, _)] = line.paths[0]
    if len(line.paths) != 1 or len(line.paths[0]) != 2:
        return []
    middle = (x + end) / 2
    d = f"M{_point((middle + 4, y - 4))}L{_point((middle - 3, y))}L{_point((middle + 4, y + 4))}"
    return [element("path", d=d, stroke=colour[line.target], stroke_width=1.6)]


def _arrow(place: Point, entry: float, fill: str) -> Markup:
    x, y = place[0], place[1] + entry
    d = f"M{_point((x - 9, y - 5))}L{_point((x, y))}L{_point((x - 9, y + 5))}z"
    return element("path", d=d, fill=fill, stroke="#ffffff", stroke_width=1)
