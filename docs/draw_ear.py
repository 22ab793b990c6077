"""Draws what was measured of the ear as SVG: whether its confidence can be trusted, and what hardships cost.

voicebot bench asr --json > ear.json; python docs/draw_ear.py < ear.json > docs/ear.svg
"""

from __future__ import annotations

import html
import json
import sys
from collections.abc import Iterator
from typing import Any

WIDTH, HEIGHT = 1000, 420
SIDE, LEFT, TOP = 300, 60, 50  # the square of the reliability picture
BARS_LEFT, BARS_WIDTH = 640, 260


def text(x: float, y: float, said: str, size: int = 12, anchor: str = "start") -> str:
    """A line of text."""
    place = f'x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="#333">{html.escape(said)}</text>'


def reliability(rows: list[dict[str, float]]) -> Iterator[str]:
    """Confidence against the share of right words; the larger a dot, the more words."""
    yield text(LEFT, TOP - 22, "置信度可信吗 confidence and truth", 14)
    yield f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>'
    yield f'<line x1="{LEFT}" y1="{TOP + SIDE}" x2="{LEFT + SIDE}" y2="{TOP}" stroke="#bbb" stroke-dasharray="4"/>'
    for tenth in range(0, 11, 2):
        at = tenth / 10
        yield text(LEFT + at * SIDE, TOP + SIDE + 16, f"{at:.1f}", 11, "middle")
        yield text(LEFT - 8, TOP + SIDE - at * SIDE + 4, f"{at:.1f}", 11, "end")
    yield text(LEFT + SIDE / 2, TOP + SIDE + 36, "confidence given 给出的置信度", 12, "middle")
    points = [(LEFT + row["confidence"] * SIDE, TOP + SIDE - row["right"] * SIDE) for row in rows]
    yield f'<polyline points="{" ".join(f"{x:.0f},{y:.0f}" for x, y in points)}" fill="none" stroke="#1f77b4"/>'
    most = max(row["words"] for row in rows)
    for row, (x, y) in zip(rows, points, strict=True):
        radius = 3 + 9 * (row["words"] / most) ** 0.5
        yield f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.1f}" fill="#1f77b4" opacity="0.6">'
        yield f"<title>{row['words']} words, {row['right']:.0%} right</title></circle>"
    yield text(LEFT + 8, TOP + 18, "share of right words 正确的比例", 12)


def hardships(rates: dict[str, dict[str, float]]) -> Iterator[str]:
    """Character error rates of the lines written one by one, a bar a condition."""
    yield text(BARS_LEFT - 220, TOP - 22, "线路条件 what the line costs (CER, test-talk)", 14)
    most = max(rate["cer"] for rate in rates.values())
    step = (HEIGHT - TOP - 20) / len(rates)
    for number, (condition, rate) in enumerate(rates.items()):
        y = TOP + number * step
        length = rate["cer"] / most * BARS_WIDTH
        yield text(BARS_LEFT - 8, y + step * 0.6, condition, 11, "end")
        yield f'<rect x="{BARS_LEFT}" y="{y + 3:.0f}" width="{length:.0f}" height="{step - 7:.0f}" fill="#2ca02c"/>'
        yield text(BARS_LEFT + length + 6, y + step * 0.6, f"{rate['cer']:.1%}", 11)


def draw(measured: dict[str, Any]) -> str:
    """The whole picture."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *reliability(measured["reliability"]),
        *hardships(measured["sets"]["test-talk"]),
    ]
    return "\n".join([*parts, "</svg>"])


if __name__ == "__main__":
    sys.stdout.write(draw(json.load(sys.stdin)) + "\n")
