"""How transcripts are written: Chinese without spaces, one mark for what is no known word."""

from __future__ import annotations

import re

UNKNOWN = "[unk]"

# Engines put spaces between words; only between two Latin words they mean anything.
_SPACE = re.compile(r"(?<![A-Za-z])\s+|\s+(?![A-Za-z])")
_UNKNOWNS = re.compile(r"(?:\[unk\]){2,}")


def squeeze(text: str) -> str:
    """An engine's text as a Chinese reader writes it: no spaces, and a run of unknown words is one."""
    return _UNKNOWNS.sub(UNKNOWN, _SPACE.sub("", text.strip()))
