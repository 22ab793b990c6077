"""Draws the life of a campaign as SVG, from the table that the program itself uses.

python docs/draw_life.py > docs/life.svg
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from voicebot.campaign import chinese
from voicebot.campaign.moves import MOVES, Move

WIDTH, HEIGHT = 1250, 380
BOX_W, BOX_H = 132, 54
ROW, LOWER, BUS = 150, 282, 64  # tops of the boxes; the line above by which campaigns come back
LEFT = {"importing": 20, "draft": 226, "submitted": 436, "approved": 646, "running": 856, "done": 1098}
PLACES = {**{state: (x, ROW) for state, x in LEFT.items()}, "paused": (856, LOWER), "cancelled": (1098, LOWER)}
FRAME = (211, 24, 794, 336)  # all states in which it may be cancelled: x, y, width, height
BLUE, GREY, RED, INK = "#24507f", "#5b6875", "#a3322b", "#1d2733"


def middle(state: str) -> tuple[int, int]:
    """The middle of a state's box."""
    x, y = PLACES[state]
    return x + BOX_W // 2, y + BOX_H // 2


def text(x: float, y: float, told: str, *, size: int = 13, colour: str = INK, anchor: str = "middle") -> str:
    """A line of text, its baseline at y."""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{told}</text>'


def line(*points: tuple[int, int], colour: str = BLUE, arrow: bool = True) -> str:
    """A line through points, with an arrow at its end."""
    path = " ".join(f"{x},{y}" for x, y in points)
    end = f' marker-end="url(#{colour[1:]})"' if arrow else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{end}/>'


def box(state: str) -> Iterator[str]:
    """A state; those that end a campaign's life have a heavier edge."""
    x, y = PLACES[state]
    width = 3 if not any(state in move.states for move in MOVES.values()) and state != "importing" else 1.5
    dashed = ' stroke-dasharray="5 4"' if state == "importing" else ""
    yield (
        f'<rect x="{x}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="9" fill="#fff" stroke="{INK}"'
        f' stroke-width="{width}"{dashed}/>'
    )
    yield text(x + BOX_W / 2, y + 23, state, size=15)
    yield text(x + BOX_W / 2, y + 43, chinese.CAMPAIGN[state], colour=GREY)


def onward(name: str, from_: str, to: str, *, label_within: tuple[int, int] | None = None) -> Iterator[str]:
    """A move to the next box on the right. `label_within`: between which x its name stands, the boxes without it."""
    start, end, y = PLACES[from_][0] + BOX_W, PLACES[to][0], middle(from_)[1]
    centre = sum(label_within or (start, end - 6)) / 2
    move = MOVES.get(name)
    yield line((start, y), (end, y))
    yield text(centre, y - 8, name, colour=BLUE)
    yield text(centre, y + 19, move.chinese if move else "导入", size=12, colour=GREY)


def back(state: str) -> list[Move]:
    """The moves by which a campaign in this state becomes a draft again."""
    return [move for move in MOVES.values() if move.to == "draft" and state in move.states]


def told(moves: Iterable[Move]) -> list[str]:
    """Each move in English and Chinese."""
    return [f"{move.name} {move.chinese}" for move in moves]


def backward() -> Iterator[str]:
    """All ways back to draft: a line above the boxes, and for a paused one a line below them."""
    x_draft = middle("draft")[0]
    for state in ("running", "approved", "submitted"):
        x = middle(state)[0]
        yield line((x, ROW), (x, BUS), (x_draft, BUS), (x_draft, ROW), colour=RED)
        for n, each in enumerate(told(back(state))):
            yield text(x + 8, BUS + 22 + 18 * n, each, size=12, colour=RED, anchor="start")
    y = middle("paused")[1]
    yield line((PLACES["paused"][0], y), (x_draft, y), (x_draft, ROW + BOX_H), colour=RED)
    yield text((x_draft + PLACES["paused"][0]) / 2, y - 9, "  ·  ".join(told(back("paused"))), size=12, colour=RED)


def pausing() -> Iterator[str]:
    """Running ⇄ paused."""
    x, top, bottom = middle("running")[0], ROW + BOX_H, LOWER
    yield line((x - 20, top), (x - 20, bottom))
    yield line((x + 20, bottom), (x + 20, top))
    for side, anchor, name in ((-28, "end", "pause"), (28, "start", "resume")):
        yield text(x + side, (top + bottom) / 2 - 2, name, colour=BLUE, anchor=anchor)
        yield text(x + side, (top + bottom) / 2 + 15, MOVES[name].chinese, size=12, colour=GREY, anchor=anchor)


def cancelling() -> Iterator[str]:
    """Out of the frame, from wherever in it."""
    start, end, y = FRAME[0] + FRAME[2], PLACES["cancelled"][0], middle("cancelled")[1]
    yield line((start, y), (end, y), colour=GREY)
    yield text((start + end) / 2, y - 8, "cancel", colour=GREY)
    yield text((start + end) / 2, y + 19, MOVES["cancel"].chinese, size=12, colour=GREY)


def draw() -> str:
    """The whole picture."""
    x, y, width, height = FRAME
    arrows = (
        f'<marker id="{colour[1:]}" viewBox="0 0 10 10" refX="9.5" refY="5" markerWidth="8" markerHeight="8"'
        f' orient="auto"><path d="M0,1 L10,5 L0,9 z" fill="{colour}"/></marker>'
        for colour in (BLUE, GREY, RED)
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="Noto Sans, Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif">',
        "<title>The life of a campaign 活动生命周期</title>",
        f"<defs>{''.join(arrows)}</defs>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="14" fill="#f6f7f9" stroke="{GREY}"'
        ' stroke-dasharray="6 5"/>',
        *onward("import", "importing", "draft", label_within=(LEFT["importing"] + BOX_W, x)),
        *backward(),
        *(
            part
            for name in ("submit", "approve", "start")
            for part in onward(name, MOVES[name].states[0], MOVES[name].to)
        ),
        *onward("finish", "running", "done", label_within=(x + width, LEFT["done"])),
        *pausing(),
        *cancelling(),
        *(part for state in PLACES for part in box(state)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    print(draw(), end="")  # noqa: T201 - the picture
