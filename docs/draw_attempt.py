"""Draws how an attempt goes, from a contact that is due to its outcome, as SVG.

python docs/draw_attempt.py > docs/attempt.svg
"""

from __future__ import annotations

from collections.abc import Iterator

from voicebot.campaign import chinese
from voicebot.store.campaign_tables import ATTEMPT_STATES

WIDTH, HEIGHT = 1120, 330
BOX_W, BOX_H = 150, 54
TOP, BOTTOM = 60, 226
PLACES = {
    "queued": (250, TOP),
    "dialling": (560, TOP),
    "closed": (940, TOP),
    "refused": (250, BOTTOM),
    "unknown": (940, BOTTOM),
}
BLUE, GREY, RED, INK = "#24507f", "#5b6875", "#a3322b", "#1d2733"


def text(x: float, y: float, told: str, *, size: int = 13, colour: str = INK, anchor: str = "middle") -> str:
    """A line of text, its baseline at y."""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{told}</text>'


def line(*points: tuple[float, float], colour: str = BLUE, dashed: bool = False) -> str:
    """A line through points, with an arrow at its end."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}'
        f' marker-end="url(#{colour[1:]})"/>'
    )


def box(state: str) -> Iterator[str]:
    """A state of the attempt."""
    x, y = PLACES[state]
    colour = RED if state == "unknown" else INK
    size = f'width="{BOX_W}" height="{BOX_H}" rx="9"'
    yield f'<rect x="{x}" y="{y}" {size} fill="#fff" stroke="{colour}" stroke-width="1.5"/>'
    yield text(x + BOX_W / 2, y + 23, state, size=15)
    yield text(x + BOX_W / 2, y + 43, chinese.ATTEMPT[state], colour=GREY)


def drawing() -> Iterator[str]:
    """The whole picture."""
    assert set(PLACES) == set(ATTEMPT_STATES)  # noqa: S101 - a picture that lies is worse than none
    middle = TOP + BOX_H / 2
    yield text(30, middle - 4, "contact is due", size=15, anchor="start")
    yield text(30, middle + 16, "联系人到点", colour=GREY, anchor="start")
    yield line((140, middle), (250, middle))
    yield text(195, middle - 8, "admit", colour=BLUE)
    yield text(195, middle + 19, "gates 闸门", size=12, colour=GREY)
    yield line((400, middle), (560, middle))
    yield text(480, middle - 8, "fence", colour=BLUE)
    yield text(480, middle + 19, "gates once more", size=12, colour=GREY)
    yield text(480, middle + 36, "再过一遍闸门", size=12, colour=GREY)
    # After the fence a phone may ring.
    ends = f'x1="535" y1="20" x2="535" y2="{HEIGHT - 40}"'
    yield f'<line {ends} stroke="{RED}" stroke-width="1.2" stroke-dasharray="3 4"/>'
    yield text(527, HEIGHT - 22, "no phone rings 不会响铃", size=12, colour=GREY, anchor="end")
    yield text(
        543, HEIGHT - 22, "from here on a phone may ring, once 可能响铃，仅一次", size=12, colour=RED, anchor="start"
    )
    yield line((710, middle), (940, middle))
    yield text(825, middle - 8, "the call's record", colour=BLUE)
    yield text(825, middle + 19, "outcome, retry, wish 结果、重拨、约定", size=12, colour=GREY)
    yield line((325, TOP + BOX_H), (325, BOTTOM))
    yield text(335, 165, "a gate says no 闸门拒绝", colour=BLUE, anchor="start")
    yield text(335, 184, "later, or never", size=12, colour=GREY, anchor="start")
    yield line((635, TOP + BOX_H), (635, BOTTOM + BOX_H / 2), (940, BOTTOM + BOX_H / 2), colour=RED)
    yield text(790, BOTTOM + BOX_H / 2 - 8, "its process is gone 进程已失联", colour=RED)
    yield text(790, BOTTOM + BOX_H / 2 + 19, "never dialled again by itself", size=12, colour=GREY)
    yield line((1015, BOTTOM), (1015, TOP + BOX_H), dashed=True)
    yield text(1025, 165, "a late record", colour=BLUE, anchor="start")
    yield text(1025, 184, "迟到的记录", size=12, colour=GREY, anchor="start")
    for state in PLACES:
        yield from box(state)


def main() -> None:
    """Print it."""
    arrows = "".join(
        f'<marker id="{colour[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8"'
        f' orient="auto"><path d="M0,0 L10,5 L0,10 z" fill="{colour}"/></marker>'
        for colour in (BLUE, RED)
    )
    print(  # noqa: T201 - the picture
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><defs>{arrows}</defs>{"".join(drawing())}</svg>'
    )


if __name__ == "__main__":
    main()
