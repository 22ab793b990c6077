"""How wide a text is and where its lines break, without a font at hand: Chinese characters fill a square."""

from __future__ import annotations

import re
import unicodedata

_NARROW = frozenset(" .,:;!'|()[]{}iIjlrft-")
# No line begins with these, none ends with those (标点避头尾).
_NOT_FIRST = frozenset("，。、；：？！）」』》〕】”’,.;:?!)]}％%／")
_NOT_LAST = frozenset("（「『《〔【“‘([{")
_PIECES = re.compile(r"按[0-9*#]|[A-Za-z0-9_.+\-]+|.", re.DOTALL)


def width(text: str, size: float) -> float:
    """Width in the unit of `size`, a little on the safe side."""
    return size * sum(_em(c) for c in text)


def _em(c: str) -> float:
    if unicodedata.combining(c):
        return 0.0
    if unicodedata.east_asian_width(c) in "WFA" or ord(c) > 0x2000:
        return 1.0
    if c in _NARROW:
        return 0.36
    return 0.72 if c.isupper() or c in "mwMW@&%" else 0.58


def wrapped(text: str, size: float, room: float, most: int = 0) -> list[str]:
    """Lines no wider than `room`; at most `most` of them if given, the last then ends in …"""
    pieces = [part for piece in _PIECES.findall(" ".join(text.split())) for part in _fitting(piece, size, room)]
    lines: list[list[str]] = [[]]
    for piece in pieces:
        line = lines[-1]
        if line and width("".join(line) + piece, size) > room:
            carried = [piece] if piece != " " else []
            while len(line) > 1 and carried and (carried[0] in _NOT_FIRST or line[-1] in _NOT_LAST):
                carried.insert(0, line.pop())
            lines.append(carried)
        else:
            line.append(piece)
    told = [stripped for line in lines if (stripped := "".join(line).strip())]
    if most and len(told) > most:
        last = told[most - 1]
        while last and width(last + "…", size) > room:
            last = last[:-1]
        told = [*told[: most - 1], last.rstrip("，、；：,;: ") + "…"]
    return told


def _fitting(piece: str, size: float, room: float) -> list[str]:
    """A word too long for any line, in pieces."""
    parts = [""]
    for c in piece:
        if parts[-1] and width(parts[-1] + c, size) > room:
            parts.append("")
        parts[-1] += c
    return parts
