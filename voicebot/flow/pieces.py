"""A prompt cut into what a speaker can record: its fixed words, piece by piece, each with the name of its file.

A prompt of one wording without slots is one piece: `bye.wav`. Otherwise a piece is named by its wording's letter and
its number in it: `warning.a1.wav`, `warning.a2.wav`, `warning.b1.wav`; of `otherwise`: `warning.otherwise.a1.wav`.
Words that a prompt says twice between the same slots are recorded once, under the first name.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.flow.dialogue import Say, Text
from voicebot.flow.model import Prompt, Reference, Wording

SUFFIX = ".wav"


@dataclass(frozen=True, slots=True)
class Piece:
    """Words to be recorded in one go. `file`: the recording's name; `before`, `after`: what the prompt says around
    them; `places`: (wording, part) wherever they stand, the wordings of `otherwise` counted after those of `text`.
    """

    file: str
    prompt: str
    text: str
    before: tuple[str | Reference, ...]
    after: tuple[str | Reference, ...]
    places: tuple[tuple[int, int], ...]


def cut_up(prompt: Prompt) -> tuple[Piece, ...]:
    """The pieces of a prompt, in the order of its wordings. What holds no word (only 。 or ，) needs no recording."""
    places: dict[tuple[str, Reference | None, Reference | None], list[tuple[int, int]]] = {}
    names: dict[tuple[int, int], str] = {}
    for index, wording in enumerate(_wordings(prompt)):
        label = _label(prompt, index)
        for i, part in enumerate(wording.parts):
            if isinstance(part, str) and any(map(str.isalnum, part)):
                number = sum(place[0] == index for place in names) + 1
                names[index, i] = f"{prompt.id}.{label}{number}{SUFFIX}" if label else prompt.id + SUFFIX
                places.setdefault((part, _slot(wording, i - 1), _slot(wording, i + 1)), []).append((index, i))
    pieces = []
    for (text, _, _), found in places.items():
        index, i = found[0]
        parts = _wordings(prompt)[index].parts
        pieces.append(Piece(names[index, i], prompt.id, text, parts[:i], parts[i + 1 :], tuple(found)))
    return tuple(pieces)


def files_of(prompt: Prompt, say: Say) -> tuple[str | None, ...]:
    """For each segment of a `Say` the file that would hold it; None for values and for what needs no recording."""
    shape = tuple(s.text if isinstance(s, Text) else Reference(s.slot) for s in say.segments)
    index = next((n for n, wording in enumerate(_wordings(prompt)) if wording.parts == shape), None)
    files = {place: piece.file for piece in cut_up(prompt) for place in piece.places}
    return tuple(None if index is None else files.get((index, i)) for i in range(len(shape)))


def _wordings(prompt: Prompt) -> tuple[Wording, ...]:
    return (*prompt.wordings, *prompt.otherwise)


def _label(prompt: Prompt, index: int) -> str:
    """Letters, such as "b" or "otherwise.a"; "" for the only wording of a prompt that has no slots."""
    if len(_wordings(prompt)) == 1 and not prompt.wordings[0].slots:
        return ""
    if index >= len(prompt.wordings):
        return "otherwise." + _letters(index - len(prompt.wordings))
    return _letters(index)


def _letters(number: int) -> str:
    """0 → a, 25 → z, 26 → aa."""
    letters = ""
    number += 1
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("a") + place) + letters
    return letters


def _slot(wording: Wording, i: int) -> Reference | None:
    """The slot at a place. Two fixed parts never stand side by side."""
    part = wording.parts[i] if 0 <= i < len(wording.parts) else None
    return part if isinstance(part, Reference) else None
