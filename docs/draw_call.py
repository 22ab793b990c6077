"""Draws a call as SVG: both channels of its recording, and what was said when.

voicebot demo --json | python docs/draw_call.py > docs/call.svg
"""

from __future__ import annotations

import html
import itertools
import json
import sys
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np

WIDTH, LANE, TOP, GAP = 1200, 76, 36, 54
COLOURS = {"robot": "#1f77b4", "callee": "#2ca02c"}
NAMES = {"robot": "机器人 robot", "callee": "客户 callee"}


def envelope(samples: np.ndarray, columns: int) -> np.ndarray:
    """The highest absolute value (0–1) in each of `columns` equal stretches of s16 samples."""
    edges = np.linspace(0, len(samples), columns + 1).astype(int)
    peaks = [np.abs(samples[a:b].astype(int)).max(initial=0) for a, b in itertools.pairwise(edges)]
    return np.array(peaks) / 32768


def lane(role: str, samples: np.ndarray, turns: list[dict[str, Any]], top: int, duration_ms: float) -> Iterator[str]:
    """One channel: its envelope, and under it the words of its turns."""
    middle = top + LANE / 2
    heights = envelope(samples, WIDTH) * LANE / 2
    points = [f"{x},{middle - h:.1f}" for x, h in enumerate(heights)]
    points += [f"{x},{middle + h:.1f}" for x, h in reversed(list(enumerate(heights)))]
    yield f'<polygon points="{" ".join(points)}" fill="{COLOURS[role]}" opacity="0.8"/>'
    yield f'<text x="4" y="{top - 6}" font-size="13" fill="#444">{NAMES[role]}</text>'
    row_ends = [0.0, 0.0]
    for turn in (t for t in turns if t["role"] == role):
        x = turn["start_ms"] / duration_ms * WIDTH
        room = max((turn["end_ms"] - turn["start_ms"]) / duration_ms * WIDTH, 90)
        fits = int(room / 11)
        text = turn["text"] if len(turn["text"]) <= fits else turn["text"][: max(fits - 1, 1)] + "…"
        row = 0 if x >= row_ends[0] else 1
        row_ends[row] = x + len(text) * 11 + 8
        told = f" → {turn['intent']}" if turn["intent"] else ""
        y = top + LANE + 16 + 16 * row
        yield f'<text x="{x:.0f}" y="{y}" font-size="11" fill="#222">{html.escape(text)}'
        yield f"<title>{html.escape(turn['text'] + told)}</title></text>"


def draw(call: dict[str, Any]) -> str:
    """The whole picture. Raises `ValueError` for a call without a recording."""
    if not call["recording"]:
        raise ValueError("this call has no recording")
    with wave.open(call["recording"]) as recording:
        both = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").reshape(-1, 2)
    duration_ms = len(both) / 8
    height = TOP + 2 * (LANE + GAP) - 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for second in range(0, int(duration_ms / 1000) + 1, 10):
        x = second * 1000 / duration_ms * WIDTH
        parts.append(f'<line x1="{x:.0f}" y1="14" x2="{x:.0f}" y2="{height}" stroke="#ddd"/>')
        parts.append(f'<text x="{x + 3:.0f}" y="12" font-size="10" fill="#888">{second} s</text>')
    for n, role in enumerate(("robot", "callee")):
        parts += lane(role, both[:, n], call["turns"], TOP + n * (LANE + GAP), duration_ms)
    return "\n".join([*parts, "</svg>"])


if __name__ == "__main__":
    sys.stdout.write(draw(json.load(sys.stdin)) + "\n")
