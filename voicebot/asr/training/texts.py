"""Reading the hand-written texts in `data/`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files


def lines(name: str) -> list[str]:
    """The lines of a file that hold anything."""
    text = files("voicebot.asr.training").joinpath("data", name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


def headed(name: str) -> Iterator[tuple[str, str]]:
    """(heading, line) of a file with "# heading" lines."""
    heading = ""
    for line in lines(name):
        if line.startswith("#"):
            heading = line[1:].strip()
        else:
            yield heading, line


def written(folder: str) -> Iterator[tuple[str, str]]:
    """(file's name without its ending, line) of all texts in a folder, in the order of their names."""
    texts = files("voicebot.asr.training").joinpath("data", folder).iterdir()
    for text in sorted(texts, key=lambda entry: entry.name):
        for line in text.read_text(encoding="utf-8").split():
            yield text.name.removesuffix(".txt"), line


@lru_cache(maxsize=1)
def word_lists() -> dict[str, tuple[str, ...]]:
    """The lists of `lists.txt`."""
    pairs = (line.split(": ", 1) for line in lines("lists.txt"))
    return {name: tuple(words.split()) for name, words in pairs}
